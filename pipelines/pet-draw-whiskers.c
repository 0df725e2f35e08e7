/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Single hairs of the head: mouth, muzzle, whiskers and the tufts of the
 * ears. */

#include "pet-draw-scene.h"

#define COUNT(array) ((int) (sizeof (array) / sizeof *(array)))

/* From `a` to `b` of the head's frame. */
static void
draw_between (Scene *scene, Vec a, Vec b, float bend, float width,
    float opacity, Vec root, Vec tip)
{
  const Frame *head = &scene->pose.head;
  Hair hair = { .bend = bend,
    .width = max_f (width * scene->view.unit, 0.6f),
    .opacity = opacity,
    .root = root,
    .tip = tip };
  float x, y;

  view_project (&scene->view, frame_to_world (head, a), &hair.x, &hair.y);
  view_project (&scene->view, frame_to_world (head, b), &x, &y);
  hair.dx = x - hair.x;
  hair.dy = y - hair.y;
  hair_draw (scene, &hair);
}

/* The line below the nose and the two arcs of the mouth. */
static void
draw_mouth (Scene *scene)
{
  Vec dark = color (0x4a2a22), soft = color (0x8a6a5c);
  Vec nose = shape_face (0, -0.156f), lip = shape_face (0, -0.214f);

  draw_between (scene, nose, lip, 0, 0.009f, 0.8f, dark, dark);
  for (int side = -1; side <= 1; side += 2) {
    Vec corner = shape_face ((float) side * 0.118f, -0.244f);

    draw_between (scene, lip, corner, 0.10f, 0.016f, 0.85f, dark, soft);
    draw_between (scene, vec_add (lip, vec (0, -0.008f, 0)), corner, 0.13f,
        0.028f, 0.35f, dark, soft);
  }
}

/* Short hairs that grow over the edges of nose and mouth, and the dark dots
 * that the whiskers come from. */
static void
draw_muzzle (Scene *scene)
{
  Random random = 0x2545f491u;
  Vec white = color (0xf2e9de), shade = color (0xc8b5a4);

  for (int i = 0; i < 420; i++) {
    float side = i % 2 ? 1.0f : -1.0f;
    float x = 0.012f + 0.095f * random_unit (&random);
    float y = -0.168f - 0.052f * random_unit (&random);
    Vec root = shape_face (side * x, y);
    Vec tip = vec_add (
        root, vec (side * (0.006f + 0.20f * x), -0.014f - 0.10f * x, 0));

    draw_between (scene, root, tip, 0.1f, 0.004f, 0.30f, shade, white);
  }
  for (int i = 0; i < 28; i++) {
    float side = i % 2 ? 1.0f : -1.0f;
    int row = i / 2 % 3;
    Vec dot = shape_face (side * (0.048f + 0.022f * (float) (i / 6)),
        -0.160f - 0.022f * (float) row - 0.006f * random_unit (&random));

    draw_between (scene, dot, vec_add (dot, vec (side * 0.008f, -0.002f, 0)), 0,
        0.007f, 0.42f, color (0x6b4a3c), color (0x6b4a3c));
  }
}

static void
draw_whiskers (Scene *scene)
{
  static const float rows[][4] = {
    /* root x, y; tip x, y */
    { 0.075f, -0.160f, 0.560f, -0.060f },
    { 0.100f, -0.166f, 0.600f, -0.130f },
    { 0.080f, -0.182f, 0.625f, -0.215f },
    { 0.110f, -0.186f, 0.585f, -0.275f },
    { 0.095f, -0.204f, 0.545f, -0.355f },
    { 0.075f, -0.208f, 0.460f, -0.415f },
  };
  static const float brows[][4] = {
    { 0.150f, 0.135f, 0.250f, 0.430f },
    { 0.175f, 0.135f, 0.335f, 0.400f },
    { 0.200f, 0.130f, 0.420f, 0.345f },
  };
  Vec white = color (0xfdf8f0);

  for (int i = 0; i < COUNT (rows) * 2; i++) {
    const float *row = rows[i / 2];
    float side = i % 2 ? 1.0f : -1.0f;
    Vec root = shape_face (side * row[0], row[1]);

    draw_between (scene, root, vec (side * row[2], row[3], 0.26f), -0.045f,
        0.0062f, 0.80f, white, white);
  }
  for (int i = 0; i < COUNT (brows) * 2; i++) {
    const float *row = brows[i / 2];
    float side = i % 2 ? 1.0f : -1.0f;
    Vec root = shape_face (side * row[0], row[1]);

    draw_between (scene, root, vec (side * row[2], row[3], 0.30f),
        -0.05f * side, 0.0045f, 0.6f, white, white);
  }
}

/* Long pale hairs before the hollow of the ears. */
static void
draw_ear_tufts (Scene *scene)
{
  Random random = 0x9e3779b9u;
  Vec root_color = color (0xb98a62), tip_color = color (0xf3dfc4);

  for (int i = 0; i < 240; i++) {
    float side = i % 2 ? 1.0f : -1.0f;
    float t = random_unit (&random), reach = 0.4f + random_unit (&random);
    float x = 0.115f + 0.13f * t + 0.035f * random_unit (&random);
    float y = 0.235f + 0.16f * t * (1.2f - t) + 0.02f * random_unit (&random);
    Vec root = vec (side * x, y, 0.06f);
    Vec tip = vec_add (root,
        vec (side * (0.10f - 0.07f * t) * reach, (0.035f + 0.11f * t) * reach,
            0));

    draw_between (scene, root, tip, 0.10f, 0.0040f,
        0.25f + 0.25f * random_unit (&random), root_color, tip_color);
  }
}

void
whiskers_draw (Scene *scene)
{
  draw_ear_tufts (scene);
  draw_mouth (scene);
  draw_muzzle (scene);
  draw_whiskers (scene);
}
