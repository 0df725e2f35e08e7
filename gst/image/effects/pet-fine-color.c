/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The cut-out itself. If asked for: gentle tone, one curve for all channels
 * that brings the pet's darkest and lightest parts closer to black and white;
 * a soft shadow below it; a colour behind it.
 *
 * Scratch: 36 bytes per cell, 6400 cells at most, and 104 per column. */

#include <string.h>

#include "image/effects/pet-effects.h"
#include "image/effects/pet-fine-print.h"
#include "image/effects/pet-fine.h"

#define MAX_CELLS 6400
#define MARGIN 10

enum { TONE, SHADOW, GROUND };

enum { TONE_NONE, TONE_AUTO };

static const char *const tones[] = { "none", "auto", NULL };

static const PetEffectParam params[] = {
  [TONE] = { "tone", "Levelling of dark and light", PET_PARAM_CHOICE, 0.0, 1.0,
      0.0, tones },
  [SHADOW] = { "shadow", "Strength of a soft shadow below the pet",
      PET_PARAM_FLOAT, 0.0, 1.0, 0.0, NULL },
  [GROUND] = { "ground", "Colour behind the pet; auto suits the look",
      PET_PARAM_COLOR, PET_COLOR_AUTO, 0xffffff, PET_COLOR_NONE, NULL },
};

typedef struct {
  PetCells cells;
  PetRiseMap map;
  PetRise rise;
  float *shade; /* of a row, 0..1 */
  uint8_t curve[256];
  float ground[3];
  bool has_ground;
  uint32_t below[256]; /* where the pet is not, by the shade */
} Scene;

static void
take_scratch (PetScratch *scratch, Scene *scene, int width, int height)
{
  pet_cells_take (scratch, &scene->cells, width, height, MAX_CELLS, MARGIN);
  pet_rise_map_take (scratch, &scene->map, width, scene->cells.max_cells);
  pet_rise_take (scratch, &scene->rise, width);
  scene->shade = pet_scratch_take (scratch, (size_t) width, sizeof (float));
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Scene scene;

  take_scratch (&scratch, &scene, width, height);
  return pet_scratch_size (&scratch);
}

static bool
copies (const double *values)
{
  return values[TONE] == TONE_NONE && values[SHADOW] == 0.0 &&
      values[GROUND] == PET_COLOR_NONE;
}

/* Straight between the ends that the pet's lightness has and ones halfway to
 * 0.08 and 0.97, and slightly bent towards a middle of 0.6. */
static void
make_curve (Scene *scene, int tone)
{
  static const float shares[3] = { 0.01f, 0.5f, 0.99f };
  float *light = scene->cells.color[0], at[3], gain, lift;

  for (int i = 0; i < 256; i++)
    scene->curve[i] = (uint8_t) i;
  if (tone == TONE_NONE)
    return;
  pet_cells_lightness (&scene->cells, light);
  pet_cells_levels (&scene->cells, light, shares, at, 3);
  gain = (0.5f * (at[2] - at[0]) + 0.445f) / (at[2] - at[0] + 0.02f);
  gain = gain > 1.35f ? 1.35f : gain < 1.0f ? 1.0f : gain;
  lift = 0.35f * (0.6f - at[1]);
  lift = lift > 0.07f ? 0.07f : lift < -0.04f ? -0.04f : lift;
  for (int i = 0; i < 256; i++) {
    float value = pet_cbrt (pet_linear ((float) i / 255.0f));

    value = at[1] + gain * (value - at[1]);
    value = pet_clamp01 (value);
    value += lift * 4.0f * value * (1.0f - value);
    scene->curve[i] = (uint8_t) pet_srgb_level (value * value * value);
  }
}

static void
make_shadow (Scene *scene, const PetSubject *subject, const PetImage *src)
{
  PetCells *cells = &scene->cells;
  PetSubject wide = *subject;
  int reach = (int) ((float) MARGIN * cells->pitch);

  wide.left = subject->left > reach ? subject->left - reach : 0;
  wide.right =
      src->width - subject->right > reach ? subject->right + reach : src->width;
  pet_cells_blur (cells, cells->room[3], cells->weight, 2.2f);
  cells->top += 0.035f * subject->side;
  cells->left += 0.01f * subject->side;
  pet_rise_map_start (&scene->map, cells, &wide, PET_RISE_SPLINE);
  pet_rise_start (
      &scene->rise, &scene->map, cells, cells->room[3], PET_RISE_SPLINE);
}

static uint32_t
compose (const Scene *scene, uint32_t pixel, float shade)
{
  float alpha = (float) (int32_t) (pixel >> PET_PIXEL_SHIFT (3) & 255) / 255.0f;
  float under = (1.0f - alpha) * (scene->has_ground ? 1.0f : shade);
  float dim = scene->has_ground ? 1.0f - shade : 0.0f;
  float all = alpha + under,
        rgb[3] = { pet_linear ((float) pet_pixel_red (pixel) / 255.0f) };

  if (all <= 0.0f)
    return 0;
  rgb[1] = pet_linear ((float) pet_pixel_green (pixel) / 255.0f);
  rgb[2] = pet_linear ((float) pet_pixel_blue (pixel) / 255.0f);
  for (int c = 0; c < 3; c++)
    rgb[c] = (alpha * rgb[c] + under * dim * scene->ground[c]) / all;
  return pet_pixel (pet_srgb_level (rgb[0]), pet_srgb_level (rgb[1]),
      pet_srgb_level (rgb[2]), (uint32_t) (int32_t) (255.0f * all + 0.5f));
}

static void
render_row (const Scene *scene, const uint8_t *src, uint8_t *dst, int width,
    float shadow)
{
  for (int x = 0; x < width; x++) {
    uint32_t pixel, alpha;

    memcpy (&pixel, src + 4 * (size_t) x, 4);
    alpha = pixel >> PET_PIXEL_SHIFT (3) & 255;
    if (alpha > 0)
      pixel = pet_pixel (scene->curve[pet_pixel_red (pixel)],
          scene->curve[pet_pixel_green (pixel)],
          scene->curve[pet_pixel_blue (pixel)], alpha);
    if (alpha == 0)
      pixel = scene->below[(int) (255.0f * pet_clamp01 (scene->shade[x]))];
    else if (alpha < 255)
      pixel = compose (scene, pixel, shadow * pet_clamp01 (scene->shade[x]));
    memcpy (dst + 4 * (size_t) x, &pixel, 4);
  }
}

static void
paint (Scene *scene, const PetSubject *subject, const PetImage *src,
    const PetImage *dst, const double *values)
{
  double ground = values[GROUND];
  float shadow = 0.6f * (float) values[SHADOW];

  scene->has_ground = ground != PET_COLOR_NONE;
  pet_print_linear (ground < 0.0 ? 0xf3efe8 : (uint32_t) ground, scene->ground);
  memset (scene->shade, 0, (size_t) src->width * sizeof (float));
  for (int i = 0; i < 256; i++)
    scene->below[i] = compose (scene, 0, shadow * (float) i / 255.0f);
  if (shadow > 0.0f)
    make_shadow (scene, subject, src);
  for (int y = 0; y < src->height; y++) {
    if (shadow > 0.0f)
      pet_rise_row (&scene->rise, y, scene->shade);
    render_row (scene, pet_image_row (src, y), pet_image_row (dst, y),
        src->width, shadow);
  }
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  PetSubject subject;
  Scene scene;

  if (copies (values)) {
    for (int y = 0; y < src->height && src->data != dst->data; y++)
      memcpy (pet_image_row (dst, y), pet_image_row (src, y),
          4 * (size_t) src->width);
    return;
  }
  take_scratch (&scratch, &scene, src->width, src->height);
  pet_subject_find (src, &subject);
  pet_cells_lay (&scene.cells, &subject, 50.0f, MARGIN);
  pet_cells_mean (&scene.cells, src);
  make_curve (&scene, (int) values[TONE]);
  paint (&scene, &subject, src, dst, values);
}

const PetEffect PET_VERSION (pet_fine_color) = {
  .name = "color",
  .blurb = "The cut-out itself, with tone, shadow and ground if asked for",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .copies = copies,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
