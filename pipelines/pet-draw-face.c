/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Eyes and nose, painted pixel by pixel over the fur of the head. */

#include "pet-draw-scene.h"

#define EYE_X 0.158f
#define EYE_Y 0.030f
#define EYE_HALF 0.090f
#define IRIS 0.078f
#define NOSE_SIZE 1.2f
#define NOSE_Y -0.112f

/* A flat piece of the face: where a pixel lies on it, in the head's units. */
typedef struct {
  float x, y;               /* pixel of its middle */
  float u_x, u_y, v_x, v_y; /* pixel to (u, v) */
  float reach;              /* pixels from the middle to its edge */
  float fine;               /* units per pixel */
} Patch;

/* What a patch shows at a place; `cover` is 0 outside of it. */
typedef struct {
  Vec color;
  float cover;
} Paint;

/* Around `centre` of the head's frame. `side` -1 mirrors u. */
static Patch
patch_at (const Scene *scene, Vec centre, float side, float radius)
{
  const Frame *head = &scene->pose.head;
  Vec middle = frame_to_world (head, centre);
  Patch patch;
  float ux, uy, vx, vy, area;

  view_project (&scene->view, middle, &patch.x, &patch.y);
  view_project (&scene->view, vec_along (middle, head->x, side), &ux, &uy);
  view_project (&scene->view, vec_add (middle, head->y), &vx, &vy);
  ux -= patch.x, uy -= patch.y, vx -= patch.x, vy -= patch.y;
  area = ux * vy - uy * vx;
  patch.u_x = vy / area;
  patch.u_y = -vx / area;
  patch.v_x = -uy / area;
  patch.v_y = ux / area;
  patch.fine = 1 / sqrtf (fabsf (area));
  patch.reach = radius / patch.fine + 2;
  return patch;
}

static void
patch_draw (Scene *scene, const Patch *patch, float side,
    Paint (*paint) (float u, float v, float side, float fine))
{
  int left = (int) max_f (patch->x - patch->reach, 0);
  int top = (int) max_f (patch->y - patch->reach, 0);
  int right =
      (int) min_f (patch->x + patch->reach, (float) scene->view.width - 1);
  int bottom =
      (int) min_f (patch->y + patch->reach, (float) scene->view.height - 1);

  for (int y = top; y <= bottom; y++)
    for (int x = left; x <= right; x++) {
      float dx = (float) x + 0.5f - patch->x, dy = (float) y + 0.5f - patch->y;
      Paint dab = paint (patch->u_x * dx + patch->u_y * dy,
          patch->v_x * dx + patch->v_y * dy, side, patch->fine);

      if (dab.cover > 0)
        pixel_cover (
            &scene
                 ->pixels[(size_t) y * (size_t) scene->view.width + (size_t) x],
            dab.color, dab.cover);
    }
}

static float
ellipse (float x, float y, float radius_x, float radius_y)
{
  x /= radius_x;
  y /= radius_y;
  return sqrtf (x * x + y * y);
}

/* How far (u, v) lies inside the lids; negative outside. */
static float
lids (float u, float v, float *below_upper_lid)
{
  float s = clamp_f (u / EYE_HALF, -1, 1), arch = 1 - s * s;
  float full = 0.45f * sqrtf (arch) + 0.55f * arch;
  float corner = ramp (-0.60f, -1.15f, s);
  float middle = -0.020f * corner;
  float upper = 0.061f * full + middle, lower = -0.056f * full + middle;
  float beyond = max_f (fabsf (u) - EYE_HALF, 0);

  *below_upper_lid = upper - v;
  if (beyond > 0)
    return -sqrtf (beyond * beyond + (v - middle) * (v - middle));
  return min_f (upper - v, v - lower);
}

/* The iris at (x, y), 1 from the middle to its rim. */
static Vec
iris_color (float x, float y, float side)
{
  float r = sqrtf (x * x + y * y);
  float ray_x = x / (r + 0.01f), ray_y = y / (r + 0.01f);
  float fibre = noise2 (ray_x * 13 + 40, ray_y * 13 + r * 1.5f, 41) * 0.6f +
      noise2 (ray_x * 27 + 80, ray_y * 27 + r * 3, 42) * 0.4f;
  float amber = ramp (0.85f, 0.30f, r + 0.35f * (fibre - 0.5f));
  Vec c = vec_mix (color (0x8c9a4e), color (0xcfae5a), amber);
  float glow = ramp (-1.0f, 0.9f, side * x * 0.5f - y * 0.8f);

  c = vec_scale (c, (0.60f + 1.0f * fibre) * (0.50f + 1.1f * glow));
  return vec_mix (c, color (0x1d2412), ramp (0.80f, 1.02f, r));
}

/* What the moist eye mirrors: the window, and the bright floor. */
static float
eye_shine (float x, float y, float side)
{
  float u = side * x + 0.30f, v = y - 0.36f;
  float bars = ramp (0.012f, 0.035f, fabsf (u)) *
      ramp (0.012f, 0.035f, fabsf (v + 0.12f * u));
  float window = ramp (0.20f, 0.14f, fabsf (u)) *
      ramp (0.24f, 0.17f, fabsf (v + 0.12f * u));
  float floor_light = 0.20f *
      ramp (1.0f, 0.3f, ellipse (side * x - 0.32f, y + 0.46f, 0.30f, 0.20f));

  return max_f (window * (0.55f + 0.45f * bars), floor_light);
}

static Paint
paint_eye (float u, float v, float side, float fine)
{
  float outward = 0.970f * u + 0.243f * v, up = 0.970f * v - 0.243f * u;
  float below_lid, inside = lids (outward, up, &below_lid);
  float x = (u + 0.002f) / IRIS, y = (v - 0.004f) / IRIS;
  float soft = 1.5f * fine / IRIS + 0.03f;
  float pupil = ellipse (x, y, 0.47f, 0.78f);
  float rim = ramp (-0.018f, -0.003f, inside);
  Paint paint = { color (0x24130d), 0.92f * rim };
  Vec ball;

  if (rim <= 0)
    return paint;
  ball = vec_mix (iris_color (x, y, side), color (0x070504),
      ramp (1 + 2 * soft, 1 - soft, pupil));
  ball = vec_scale (ball, 0.30f + 0.70f * ramp (-0.005f, 0.045f, below_lid));
  ball = vec_scale (ball, 0.55f + 0.45f * ramp (0.0f, 0.02f, inside));
  ball = vec_mix (ball, vec (1.05f, 1.03f, 0.98f), eye_shine (x, y, side));
  paint.color = vec_mix (
      paint.color, ball, clamp_f (0.5f + inside / (1.5f * fine), 0, 1));
  return paint;
}

/* How far (x, v) lies inside the nose's outline; x is taken as positive. */
static float
nose_outline (float x, float v)
{
  float t = clamp_f ((0.028f - v) / 0.066f, 0, 1);
  float width =
      0.056f * (1 - t) * (1 + 0.75f * t) + 0.007f * (1 - t * t) + 0.002f;

  return min_f (
      width - x, min_f (0.028f - 0.10f * x - 8 * x * x - v, v + 0.040f));
}

/* The leather of the nose, with its nostrils. */
static Paint
paint_nose (float u, float v, float side, float fine)
{
  float across = u / NOSE_SIZE, up = v / NOSE_SIZE, x = fabsf (across);
  float inside = nose_outline (x, up);
  float nostril =
      ellipse (x - 0.026f + 0.25f * up, up + 0.011f, 0.0165f, 0.0085f);
  float groove = ramp (0.004f, 0.001f, x) * ramp (0.004f, -0.012f, up);
  float wet = ramp (1.0f, 0.2f,
      ellipse (side * across + 0.016f, up - 0.013f, 0.017f, 0.008f));
  float grain = noise2 (across * 420 + 50, up * 420 + 50, 51);
  Vec c =
      vec_mix (color (0xc9857a), color (0x94544c), ramp (0.008f, -0.038f, up));

  c = vec_scale (c, 0.80f + 0.35f * grain);
  c = vec_mix (c, color (0x5a2c28), 0.6f * ramp (0.014f, 0.0f, inside));
  c = vec_mix (c, color (0x2a100e),
      max_f (0.95f * ramp (1.15f, 0.7f, nostril), 0.7f * groove));
  c = vec_along (c, vec (0.75f, 0.72f, 0.70f), wet * (0.35f + 0.5f * grain));
  return (
      Paint){ c, clamp_f (0.5f + inside / max_f (1.5f * fine, 0.004f), 0, 1) };
}

void
face_draw (Scene *scene)
{
  Patch nose = patch_at (scene, vec (0, NOSE_Y, 0.425f), 1, 0.08f);

  for (int i = 0; i < 2; i++) {
    float side = i == 0 ? -1 : 1;
    Vec centre = vec (side * EYE_X, EYE_Y, 0.325f);
    Patch eye = patch_at (scene, centre, side, 1.5f * EYE_HALF);

    patch_draw (scene, &eye, side, paint_eye);
  }
  patch_draw (scene, &nose, 1, paint_nose);
}
