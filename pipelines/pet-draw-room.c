/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pet-draw-room.h"

#define WALL_Z -2.4f
#define SKIRTING 0.24f
#define FOCUS_Z 0.3f
#define BOARD 0.42f
#define LEAVES 44

/* 1 inside a box around the centre, with edges `soft` wide. */
static float
soft_box (float x, float y, float half_x, float half_y, float soft)
{
  return ramp (half_x + soft, half_x - soft, fabsf (x)) *
      ramp (half_y + soft, half_y - soft, fabsf (y));
}

/* The light of a window with four panes, slanting over the wall. */
static float
window_light (float x, float y)
{
  float u = x + 1.05f, v = y - 1.75f + 0.30f * u;
  float panes = 0;

  for (int i = 0; i < 4; i++)
    panes += soft_box (u + (i % 2 ? 0.40f : -0.40f),
        v + (i / 2 ? 0.55f : -0.55f), 0.33f, 0.48f, 0.10f);
  return panes;
}

/* Adds one leaf that points along (ax, ay) and starts at the origin. */
static Vec
add_leaf (Vec c, float x, float y, float ax, float ay, float tone)
{
  float length = sqrtf (ax * ax + ay * ay);
  float along = (x * ax + y * ay) / (length * length);
  float across = (x * ay - y * ax) / length;
  float arch = max_f (4 * along * (1 - along), 0);
  float width = 0.26f * length * arch;
  float cover = ramp (0.055f, -0.055f, fabsf (across) - width);
  Vec leaf = vec_mix (color (0x24402f), color (0x8aa468), tone * tone);

  leaf = vec_scale (
      leaf, 0.75f + 0.5f * ramp (0.08f, -0.08f, across) + 0.35f * along);
  return vec_mix (c, leaf, cover * ramp (0, 0.25f, arch) * 0.95f);
}

static Vec
add_plant (Vec c, float x, float y)
{
  float pot = soft_box (x - 1.24f, y - 0.30f, 0.20f + 0.16f * y, 0.40f, 0.07f);

  if (x < -0.2f || y > 2.6f)
    return c;
  for (int i = 0; i < LEAVES; i++) {
    float lean = 1.7f * hash_unit (i, 1, 7) - 0.85f;
    float height = 0.02f + 1.20f * (float) ((i * 17 + 5) % LEAVES) / LEAVES;
    float length = 0.42f + 0.34f * hash_unit (i, 3, 7);
    float stem_x = 1.24f + 0.30f * lean * height;
    float rise = 0.25f + 0.75f * hash_unit (i, 4, 7);

    c = add_leaf (c, x - stem_x, y - 0.66f - height * 0.85f, lean * length,
        rise * length, hash_unit (i, 5, 7));
  }
  c = vec_mix (c, color (0x2c3d2a),
      soft_box (x - 1.24f, y - 0.72f, 0.10f, 0.12f, 0.10f));
  return vec_mix (c,
      vec_mix (color (0xd2c6b4), color (0x6f6255), ramp (0.98f, 1.6f, x)), pot);
}

Vec
room_wall (const View *view, Vec ray)
{
  float t = (WALL_Z - view->eye.z) / ray.z;
  float x = view->eye.x + ray.x * t, y = view->eye.y + ray.y * t;
  Vec c = vec_mix (color (0x496c71), color (0x7c9a96),
      clamp_f (0.55f - 0.22f * x + 0.12f * (y - 1.2f), 0, 1));

  c = vec_scale (c, 0.94f + 0.12f * noise2 (x * 1.3f + 50, y * 1.3f + 50, 3));
  c = vec_along (c, vec (0.34f, 0.26f, 0.15f), window_light (x, y));
  c = vec_mix (
      c, color (0xc3c6bc), ramp (SKIRTING + 0.06f, SKIRTING - 0.06f, y));
  return add_plant (c, x, y);
}

static Vec
board_color (float x, float z)
{
  float away = fabsf (z - FOCUS_Z), blur = 0.005f + 0.05f * away;
  float sharp = ramp (2.2f, 0.0f, away);
  float board = x / BOARD + 0.31f, index = floorf (board);
  float from_gap = BOARD * (0.5f - fabsf (board - index - 0.5f));
  float tone = hash_unit ((int) index, 1, 21), shift = 9 * tone;
  float warp = noise2 (x * 3 + 50, z * 0.7f + shift, 24);
  float grain = 0.6f * noise2 (x * 38 + 5 * warp, z * 1.6f + shift, 22) +
      0.4f * noise2 (x * 110, z * 4 + shift, 23);
  float gap =
      ramp (0.008f + blur, 0, from_gap) * min_f (1, 0.02f / blur + 0.15f);
  Vec c = vec_mix (color (0x948370), color (0xb29d85), tone);

  return vec_scale (c, (1 + sharp * 0.36f * (grain - 0.5f)) * (1 - 0.6f * gap));
}

/* The same window's light on the floor, where the cat sits. */
static float
sun_patch (float x, float z)
{
  float u = x + 0.10f + 0.35f * (z - 0.2f), v = z + 0.10f + 0.16f * x;

  return soft_box (u + 0.90f, v, 0.78f, 1.25f, 0.14f) +
      soft_box (u - 0.90f, v, 0.78f, 1.25f, 0.14f);
}

Vec
room_floor (const View *view, Vec ray, Vec wall, float light)
{
  float foot = view->eye.y + ray.y * (WALL_Z - view->eye.z) / ray.z;
  float t, x, z;
  Vec c;

  if (foot > 0.1f)
    return wall;
  t = view->eye.y / -ray.y;
  x = view->eye.x + ray.x * t;
  z = view->eye.z + ray.z * t;
  c = vec_scale (board_color (x, z), 0.58f * (0.3f + 0.7f * light));
  c = vec_mul (c,
      vec_along (vec (0.96f, 1, 1.04f), vec (1.00f, 0.90f, 0.68f),
          sun_patch (x, z) * light * light));
  c = vec_along (c, vec (0.10f, 0.095f, 0.075f), ramp (0.6f, WALL_Z, z));
  return vec_mix (c, wall, ramp (-0.02f, 0.1f, foot));
}
