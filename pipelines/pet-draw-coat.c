/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pet-draw-coat.h"

/* In the order of CoatKind. */
static const struct {
  unsigned base, light, dark; /* of the tabby pattern */
  unsigned cream, white;      /* around the eyes; muzzle, bib and socks */
  unsigned ear, ear_deep;
} dyes[] = {
  { 0xcb8549, 0xe2b27c, 0x824220, 0xf7e6cb, 0xf7f0e6, 0xd3a594, 0x7a4a40 },
  { 0x2b2826, 0x3d3936, 0x171514, 0x46413c, 0x2f2c29, 0x6b5450, 0x2f2220 },
  { 0xefe8dc, 0xf8f3ea, 0xdccfbd, 0xfaf5ec, 0xfbf7ef, 0xe2b9ab, 0x9a6a5f },
  { 0x7d828b, 0xa3a8b0, 0x3b3e45, 0xc9ccd0, 0xeceef0, 0xb98f88, 0x5e4844 },
};
static int dye;

void
coat_choose (CoatKind kind)
{
  dye = (int) kind;
}

/* Noise of both signs, to bend what would be too regular. */
static float
wobble (Vec p, float features_per_unit)
{
  return 2 * noise3 (vec_scale (p, features_per_unit)) - 1;
}

/* Bands of the tabby pattern across `t`, with soft and broken edges. */
static float
bands (float t, Vec p)
{
  float band = wave (t + 0.32f * wobble (p, 6) + 0.10f * wobble (p, 19));
  float gap = 0.5f + 0.5f * wobble (vec_add (p, vec (7, 3, 5)), 4.5f);

  return ramp (0.42f, 0.86f, band) * ramp (0.18f, 0.5f, gap);
}

static Vec
ginger (float dark, Vec p)
{
  Vec base = vec_mix (color (dyes[dye].base), color (dyes[dye].light),
      0.35f + 0.3f * wobble (p, 3.5f));

  return vec_mix (base, color (dyes[dye].dark), 0.80f * dark);
}

static Vec
body_color (Vec p)
{
  float spine = 0.80f * p.y + 0.60f * p.z;
  float flank = ramp (0.10f, 0.24f, fabsf (p.x));
  float dark = bands (spine * 5.2f, p) * (0.35f + 0.65f * flank);
  float bib_width =
      0.20f + 0.06f * wobble (p, 5) - 0.10f * ramp (0.9f, 0.5f, p.y);
  float bib = ramp (bib_width + 0.05f, bib_width - 0.05f, fabsf (p.x)) *
      ramp (0.12f, 0.26f, p.z + 0.04f * wobble (p, 8));
  float belly = ramp (0.30f, 0.08f, p.y) * 0.6f;

  return vec_mix (
      ginger (dark, p), color (dyes[dye].white), max_f (bib, belly));
}

static Vec
leg_color (Vec p)
{
  float sock =
      0.30f + 0.05f * wobble (p, 7) - 0.09f * ramp (0.3f, 0.36f, fabsf (p.x));
  float dark = bands (p.y * 6.3f, p) * ramp (0.95f, 0.75f, p.y);
  Vec c = ginger (0.8f * dark, p);

  return vec_mix (
      c, color (dyes[dye].white), ramp (sock + 0.04f, sock - 0.04f, p.y));
}

static Vec
tail_color (const Place *place)
{
  float dark = ramp (0.35f, 0.7f,
      wave (place->along * 8.5f + 0.15f * wobble (place->local, 8)));
  float tip = ramp (0.93f, 0.99f, place->along);

  return ginger (max_f (dark, tip), place->local);
}

/* The stripes of forehead, temples and cheeks. */
static float
head_stripes (Vec p)
{
  float bend = 0.055f * wobble (p, 8) + 0.018f * wobble (p, 24);
  float x = fabsf (p.x + 0.5f * bend);
  float brow = ramp (0.10f, 0.20f, p.y + bend) * ramp (0.33f, 0.24f, x);
  float fan = x * (11.5f - 9.0f * p.y) + 0.5f * bend;
  float forehead = ramp (0.40f, 0.85f, wave (fan + 0.5f)) *
      ramp (0.15f, 0.5f, noise3 (vec_scale (p, 11)) + 0.2f);
  float cheek = ramp (0.21f, 0.29f, x) * ramp (0.10f, 0.03f, p.y) *
      ramp (-0.24f, -0.15f, p.y);
  float rays = ramp (0.45f, 0.9f, wave (p.y * 8.5f + x * 2.0f + 4 * bend));
  float temple = bump (p.y - 0.35f * x + 0.5f * bend, -0.055f, 0.035f) *
      ramp (0.25f, 0.29f, x);
  float back = ramp (0.02f, -0.1f, p.z);

  return max_f (max_f (brow * forehead, max_f (0.8f * cheek * rays, temple)),
      back * bands (p.y * 6, p));
}

static Vec
head_color (Vec p)
{
  float x = fabsf (p.x);
  float jitter = 0.02f * wobble (p, 16);
  float ring_x = (x - 0.165f) / 0.15f, ring_y = (p.y - 0.04f) / 0.135f;
  float ring = ramp (1.1f, 0.75f, sqrtf (ring_x * ring_x + ring_y * ring_y)) *
      ramp (0.1f, 0.2f, p.z);
  float pad_x = x / 0.20f, pad_y = (p.y + 0.235f + jitter) / 0.135f;
  float pad = ramp (1.1f, 0.85f, sqrtf (pad_x * pad_x + pad_y * pad_y)) *
      ramp (0.10f, 0.22f, p.z);
  float blaze = ramp (0.035f, 0.012f, x + jitter * 0.6f) *
      ramp (0.10f, 0.0f, p.y) * ramp (0.1f, 0.2f, p.z);
  float throat = ramp (-0.24f, -0.31f, p.y + jitter);
  Vec c = ginger (head_stripes (p), p);

  c = vec_mix (c, color (dyes[dye].cream), 0.48f * ring);
  c = vec_mix (c, color (dyes[dye].white), 0.55f * blaze);
  return vec_mix (c, color (dyes[dye].white), max_f (pad, throat));
}

static Vec
ear_color (const Place *place)
{
  Vec outer = ginger (ramp (0.6f, 1.0f, place->along) * 0.8f, place->local);
  float depth = ramp (0.95f, 0.1f, place->along);
  Vec inner = vec_mix (
      color (dyes[dye].ear), color (dyes[dye].ear_deep), 0.75f * depth);

  return vec_mix (outer, inner, place->inside);
}

/* Hairs of the head point away from the nose, a little downwards. */
static Vec
head_flow (const Pose *pose, Vec p)
{
  Vec away = vec_sub (p, vec (0, -0.09f, 0.42f));

  away.y -= 0.05f * ramp (0.12f, 0.0f, p.y);
  away.z -= 0.05f;
  return frame_turn (&pose->head, away);
}

static Vec
body_flow (const Pose *pose, Vec p)
{
  float front = ramp (0.05f, 0.25f, p.z);
  Vec flank = vec (0.15f * p.x, -0.75f, -0.65f);
  Vec chest = vec (0.5f * p.x, -1, 0.05f);

  return frame_turn (&pose->body, vec_mix (flank, chest, front));
}

static Vec
leg_flow (const Pose *pose, Vec p)
{
  float paw = ramp (0.2f, 0.08f, p.y);

  return frame_turn (&pose->body,
      vec_mix (vec (0, -1, 0), vec (p.x > 0 ? 0.1f : -0.1f, -0.25f, 1), paw));
}

static void
head_coat (const Pose *pose, const Place *place, Coat *coat)
{
  Vec p = place->local;
  float far = vec_length (vec_sub (p, vec (0, -0.08f, 0.40f)));
  float ruff = ramp (0.26f, 0.36f, fabsf (p.x)) * ramp (0.1f, -0.1f, p.y);

  coat->color = head_color (p);
  coat->flow = head_flow (pose, p);
  coat->length = 0.016f + 0.075f * ramp (0.05f, 0.45f, far) + 0.045f * ruff;
}

Coat
coat_at (const Pose *pose, const Place *place, Vec world, Vec normal)
{
  Coat coat = { .length = 0.05f };
  Vec p = place->local, swirl;

  switch (place->part) {
    case PART_HEAD:
      head_coat (pose, place, &coat);
      break;
    case PART_EAR:
      coat.color = ear_color (place);
      coat.flow =
          frame_turn (&pose->head, vec (p.x > 0 ? 0.3f : -0.3f, 1, -0.1f));
      coat.length = mix_f (0.045f, 0.02f, place->inside);
      break;
    case PART_TAIL:
      coat.color = tail_color (place);
      coat.flow = place->tangent;
      coat.length = 0.085f;
      break;
    case PART_LEG:
      coat.color = leg_color (p);
      coat.flow = leg_flow (pose, p);
      coat.length = mix_f (0.028f, 0.055f, ramp (0.1f, 0.5f, p.y));
      break;
    default:
      coat.color = body_color (p);
      coat.flow = body_flow (pose, p);
      coat.length = mix_f (0.09f, 0.13f, ramp (0.1f, 0.3f, p.z));
  }
  swirl = vec (wobble (vec_scale (world, 1), 7),
      wobble (vec_add (world, vec (9, 0, 0)), 7),
      wobble (vec_add (world, vec (0, 9, 0)), 7));
  coat.flow = vec_along (vec_unit (coat.flow), swirl, 0.28f);
  coat.flow = vec_unit (
      vec_along (coat.flow, normal, 0.12f - vec_dot (coat.flow, normal)));
  return coat;
}
