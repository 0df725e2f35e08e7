/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pet-draw-shape.h"

#include <stddef.h>

#define COUNT(array) ((int) (sizeof (array) / sizeof *(array)))
#define FAR 1e9f

/* A cone with round ends. */
typedef struct {
  Vec a, b;
  float radius_a, radius_b;
} Bone;

typedef struct {
  Vec centre, radius;
} Egg;

/* Body and legs in the body's frame; x >= 0 stands for both sides. */
static const Bone trunk[] = {
  { { 0, 0.50f, -0.46f }, { 0, 0.98f, -0.04f }, 0.44f, 0.35f },
  { { 0, 1.02f, 0.06f }, { 0, 1.50f, 0.22f }, 0.33f, 0.25f },
};
static const Egg trunk_eggs[] = {
  { { 0, 0.95f, 0.14f }, { 0.31f, 0.42f, 0.27f } },
  { { 0.33f, 0.37f, -0.26f }, { 0.25f, 0.37f, 0.44f } },
};
static const Bone legs[] = {
  { { 0.165f, 0.82f, 0.24f }, { 0.150f, 0.40f, 0.35f }, 0.160f, 0.112f },
  { { 0.150f, 0.40f, 0.35f }, { 0.150f, 0.10f, 0.37f }, 0.112f, 0.100f },
  { { 0.430f, 0.09f, -0.10f }, { 0.450f, 0.09f, 0.22f }, 0.090f, 0.100f },
};
static const Egg paws[] = {
  { { 0.155f, 0.075f, 0.44f }, { 0.118f, 0.085f, 0.160f } },
  { { 0.455f, 0.075f, 0.25f }, { 0.112f, 0.080f, 0.160f } },
};
static const Egg toes[] = {
  { { 0.085f, 0.06f, 0.560f }, { 0.034f, 0.048f, 0.052f } },
  { { 0.130f, 0.065f, 0.588f }, { 0.034f, 0.052f, 0.052f } },
  { { 0.180f, 0.065f, 0.588f }, { 0.034f, 0.052f, 0.052f } },
  { { 0.226f, 0.06f, 0.560f }, { 0.034f, 0.048f, 0.052f } },
};
static const Vec tail[] = {
  { -0.20f, 0.13f, -0.86f },
  { -0.56f, 0.12f, -0.78f },
  { -0.78f, 0.11f, -0.44f },
  { -0.80f, 0.105f, -0.06f },
  { -0.68f, 0.10f, 0.28f },
  { -0.46f, 0.095f, 0.52f },
  { -0.22f, 0.09f, 0.66f },
};

/* In the head's frame. */
static const Egg skull[] = {
  { { 0, 0.06f, -0.03f }, { 0.365f, 0.335f, 0.33f } },
  { { 0.185f, -0.075f, 0.07f }, { 0.225f, 0.185f, 0.22f } },
};
static const Egg muzzle[] = {
  { { 0.074f, -0.188f, 0.335f }, { 0.108f, 0.086f, 0.100f } },
  { { 0, -0.266f, 0.285f }, { 0.092f, 0.066f, 0.085f } },
};
static const Bone bridge = { { 0, 0.13f, 0.235f }, { 0, -0.10f, 0.372f },
  0.085f, 0.058f };
static const Vec eye_socket = { 0.165f, 0.025f, 0.375f };

static const Vec ear_base = { 0.215f, 0.22f, -0.03f };
static const Vec ear_tip = { 0.345f, 0.57f, -0.055f };

static Frame
frame_facing (Vec origin, Vec forward, Vec up)
{
  Frame frame = { .origin = origin, .z = vec_unit (forward) };

  frame.x = vec_unit (vec_cross (up, frame.z));
  frame.y = vec_cross (frame.z, frame.x);
  return frame;
}

Vec
frame_to_local (const Frame *frame, Vec world)
{
  Vec p = vec_sub (world, frame->origin);

  return vec (
      vec_dot (p, frame->x), vec_dot (p, frame->y), vec_dot (p, frame->z));
}

Vec
frame_turn (const Frame *frame, Vec local)
{
  return vec_add (vec_scale (frame->x, local.x),
      vec_add (vec_scale (frame->y, local.y), vec_scale (frame->z, local.z)));
}

Vec
frame_to_world (const Frame *frame, Vec local)
{
  return vec_add (frame->origin, frame_turn (frame, local));
}

Pose
shape_pose (void)
{
  Pose pose;

  pose.body =
      frame_facing (vec (0.04f, 0, 0), vec (0.46f, 0, 0.89f), vec (0, 1, 0));
  pose.head =
      frame_facing (frame_to_world (&pose.body, vec (-0.02f, 1.61f, 0.33f)),
          vec (0.05f, -0.02f, 1), vec (-0.07f, 1, 0));
  return pose;
}

static float
smooth_min (float a, float b, float width)
{
  float h = max_f (width - fabsf (a - b), 0) / width;

  return min_f (a, b) - h * h * width * 0.25f;
}

static float
bone_distance (const Bone *bone, Vec p)
{
  Vec pa = vec_sub (p, bone->a), ba = vec_sub (bone->b, bone->a);
  float t = clamp_f (vec_dot (pa, ba) / vec_dot (ba, ba), 0, 1);

  return vec_length (vec_along (pa, ba, -t)) -
      mix_f (bone->radius_a, bone->radius_b, t);
}

static float
egg_distance (const Egg *egg, Vec p)
{
  Vec r = egg->radius, q = vec_sub (p, egg->centre);
  Vec once = vec (q.x / r.x, q.y / r.y, q.z / r.z);
  Vec twice = vec (once.x / r.x, once.y / r.y, once.z / r.z);
  float k = vec_length (once);

  return k * (k - 1) / (vec_length (twice) + 1e-6f);
}

static float
body_distance (Vec p)
{
  Vec side = vec (fabsf (p.x), p.y, p.z);
  float d = bone_distance (&trunk[0], side);

  d = smooth_min (d, bone_distance (&trunk[1], side), 0.12f);
  d = smooth_min (d, egg_distance (&trunk_eggs[0], side), 0.12f);
  return smooth_min (d, egg_distance (&trunk_eggs[1], side), 0.09f);
}

static float
leg_distance (Vec p)
{
  Vec side = vec (fabsf (p.x), p.y, p.z);
  float d = FAR;

  for (int i = 0; i < COUNT (legs); i++)
    d = smooth_min (d, bone_distance (&legs[i], side), 0.05f);
  for (int i = 0; i < COUNT (paws); i++)
    d = smooth_min (d, egg_distance (&paws[i], side), 0.05f);
  if (p.y < 0.25f)
    for (int i = 0; i < COUNT (toes); i++)
      d = smooth_min (d, egg_distance (&toes[i], side), 0.018f);
  return d;
}

/* Also where the nearest point lies on the tail, unless `along` is NULL. */
static float
tail_distance (Vec p, float *along, Vec *tangent)
{
  float best = FAR;

  for (int i = 0; i + 1 < COUNT (tail); i++) {
    Vec pa = vec_sub (p, tail[i]), ba = vec_sub (tail[i + 1], tail[i]);
    float t = clamp_f (vec_dot (pa, ba) / vec_dot (ba, ba), 0, 1);
    float s = ((float) i + t) / (float) (COUNT (tail) - 1);
    float d =
        vec_length (vec_along (pa, ba, -t)) - (0.106f - 0.046f * s * s * s);

    if (along != NULL && d < best) {
      *along = s;
      *tangent = vec_unit (ba);
    }
    best = smooth_min (best, d, 0.05f);
  }
  return best;
}

static float
head_distance (Vec p)
{
  Vec side = vec (fabsf (p.x), p.y, p.z);
  float d = egg_distance (&skull[0], side);

  d = smooth_min (d, egg_distance (&skull[1], side), 0.14f);
  d = smooth_min (d, bone_distance (&bridge, p), 0.10f);
  d = -smooth_min (-d, vec_length (vec_sub (side, eye_socket)) - 0.068f, 0.08f);
  d = smooth_min (d, egg_distance (&muzzle[1], p), 0.05f);
  return smooth_min (d, egg_distance (&muzzle[0], side), 0.035f);
}

/* The ear's own coordinates: x across from the middle line, y from 0 at the
 * base to 1 at the tip, z out of its hollow. */
static Vec
ear_coordinates (Vec p)
{
  Vec axis = vec_sub (ear_tip, ear_base);
  Vec up = vec_unit (axis);
  Vec open = vec_unit (
      vec_cross (vec_unit (vec_cross (up, vec (0.42f, 0, 0.91f))), up));
  Vec across = vec_cross (up, open);
  Vec q = vec_sub (vec (fabsf (p.x), p.y, p.z), ear_base);

  return vec (vec_dot (q, across), vec_dot (q, up) / vec_length (axis),
      vec_dot (q, open));
}

/* Half the ear's width at height `y` of it. */
static float
ear_width (float y)
{
  float t = clamp_f (y, 0, 1);

  return 0.165f * (1 - t) * (1 + 0.55f * t);
}

static float
ear_distance (Vec p)
{
  Vec q = ear_coordinates (p);
  float t = clamp_f (q.y, -0.3f, 0.97f);
  float width = ear_width (t);
  float across = max_f (fabsf (q.x) - width, 0);
  float rise = (q.y - t) * 0.4f;
  float sheet = q.z + 0.05f * (1 - t) - 2.4f * q.x * q.x;
  float depth = max_f (fabsf (sheet) - 0.012f, 0);

  return sqrtf (across * across + rise * rise + depth * depth) - 0.016f;
}

static void
part_distances (const Pose *pose, Vec world, float distance[PART_COUNT])
{
  Vec body = frame_to_local (&pose->body, world);
  Vec head = frame_to_local (&pose->head, world);
  float to_head = vec_length (vec_sub (head, vec (0, 0.1f, 0))) - 0.62f;

  distance[PART_BODY] = body_distance (body);
  distance[PART_LEG] = body.y < 1.2f ? leg_distance (body) : body.y - 0.9f;
  distance[PART_TAIL] =
      body.y < 0.5f ? tail_distance (body, NULL, NULL) : body.y - 0.22f;
  distance[PART_HEAD] = to_head < 0.25f ? head_distance (head) : to_head;
  if (to_head >= 0.25f)
    distance[PART_EAR] = to_head;
  else
    distance[PART_EAR] =
        head.y > 0 ? ear_distance (head) : 0.07f - 0.9f * head.y;
}

float
shape_distance (const Pose *pose, Vec world)
{
  float d[PART_COUNT], body, head;

  part_distances (pose, world, d);
  body = smooth_min (d[PART_BODY], d[PART_LEG], 0.07f);
  body = smooth_min (body, d[PART_TAIL], 0.02f);
  head = smooth_min (d[PART_HEAD], d[PART_EAR], 0.06f);
  return smooth_min (body, head, 0.06f);
}

Vec
shape_normal (const Pose *pose, Vec world)
{
  static const Vec corners[] = { { 1, -1, -1 }, { -1, -1, 1 }, { -1, 1, -1 },
    { 1, 1, 1 } };
  Vec sum = vec (0, 0, 0);

  for (int i = 0; i < COUNT (corners); i++)
    sum = vec_along (sum, corners[i],
        shape_distance (pose, vec_along (world, corners[i], 0.006f)));
  return vec_unit (sum);
}

Place
shape_place (const Pose *pose, Vec world, Vec normal)
{
  float distance[PART_COUNT];
  Place place = { .part = PART_BODY };

  part_distances (pose, world, distance);
  for (int i = 1; i < PART_COUNT; i++)
    if (distance[i] < distance[place.part])
      place.part = (Part) i;
  if (place.part == PART_HEAD || place.part == PART_EAR)
    place.local = frame_to_local (&pose->head, world);
  else
    place.local = frame_to_local (&pose->body, world);
  if (place.part == PART_TAIL) {
    tail_distance (place.local, &place.along, &place.tangent);
    place.tangent = frame_turn (&pose->body, place.tangent);
  } else if (place.part == PART_EAR) {
    Vec ear = ear_coordinates (place.local);
    float facing = vec_dot (normal, pose->head.z);

    place.along = ear.y;
    place.inside = ramp (0.2f, 0.5f, facing) *
        ramp (1.0f, 0.7f, fabsf (ear.x) / (ear_width (ear.y) + 0.01f)) *
        ramp (1.0f, 0.85f, ear.y);
  }
  return place;
}

Vec
shape_face (float x, float y)
{
  Vec p = vec (x, y, 0.6f);

  for (int i = 0; i < 40 && p.z > 0; i++)
    p.z -= 0.8f * head_distance (p);
  return p;
}
