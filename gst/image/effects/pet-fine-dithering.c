/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A stipple of round dots of ink on paper. The dots' lattice is a grid over
 * the subject, so that dots grow with the print. Per cell: lightness, local
 * contrast (what a guided filter takes away comes back stronger), a tone curve
 * that leaves paper in the darkest coat and ink in the lightest, then
 * diffusion in linear light. Ink and paper come back to the picture's size as
 * an interpolated plane cut at one half: single dots are round, neighbours
 * flow together. Eight steps from ink to paper and 31 of alpha: a palette.
 *
 * Scratch: 44 bytes per cell, 200000 cells at most, and 120 per column. */

#include <string.h>

#include "image/effects/pet-blue-noise.h"
#include "image/effects/pet-effects.h"
#include "image/effects/pet-fine-print.h"
#include "image/effects/pet-fine.h"

#define MAX_CELLS 200000
#define STEPS 8

enum { METHOD, DOT_SIZE, INK, PAPER, EDGE_STRENGTH };

enum { DIFFUSION, FLOYD_STEINBERG, ATKINSON, BAYER, BLUE_NOISE };

static const char *const methods[] = { "diffusion", "floyd-steinberg",
  "atkinson", "bayer", "blue-noise", NULL };

static const PetEffectParam params[] = {
  [METHOD] = { "method", "How dots are placed", PET_PARAM_CHOICE, 0.0, 4.0, 0.0,
      methods },
  [DOT_SIZE] = { "dot-size", "Size of the dots: 1 fine, 2 usual, 3 coarse",
      PET_PARAM_INT, 1.0, 3.0, 2.0, NULL },
  [INK] = { "ink", "Colour of the dots", PET_PARAM_COLOR, 0.0, 0xffffff,
      0x1b1a1f, NULL },
  [PAPER] = { "paper", "Colour of the paper", PET_PARAM_COLOR, 0.0, 0xffffff,
      0xffffff, NULL },
  [EDGE_STRENGTH] = { "edge-strength", "Strength of the edge enhancement",
      PET_PARAM_FLOAT, 0.0, 3.0, 0.3, NULL },
};

typedef struct {
  PetCells cells;
  PetRiseMap map;
  PetRise rise;
  float *row;
} Stipple;

static void
take_scratch (PetScratch *scratch, Stipple *stipple, int width, int height)
{
  pet_cells_take (scratch, &stipple->cells, width, height, MAX_CELLS, 0);
  pet_rise_map_take (scratch, &stipple->map, width, stipple->cells.max_cells);
  pet_rise_take (scratch, &stipple->rise, width);
  stipple->row = pet_scratch_take (scratch, (size_t) width, sizeof (float));
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Stipple stipple;

  take_scratch (&scratch, &stipple, width, height);
  return pet_scratch_size (&scratch);
}

/* Shares of paper into color[0]. */
static void
make_tone (PetCells *cells, float strength)
{
  static const float shares[3] = { 0.02f, 0.5f, 0.98f };
  size_t n = (size_t) cells->columns * (size_t) cells->rows;
  float *light = cells->color[0], *base = cells->color[1];
  float *soft = cells->color[2];
  float at[3], low, high, gain, lift;

  pet_cells_lightness (cells, light);
  pet_cells_fill (cells, light);
  pet_cells_levels (cells, light, shares, at, 3);
  pet_cells_guide (cells, base, light, 8.0f, 0.01f);
  pet_cells_smooth (cells, soft, light, 1.2f);
  low = 0.24f + 0.42f * at[0];
  high = 0.60f + 0.39f * at[2];
  gain = (high - low) / (at[2] - at[0] + 0.08f);
  gain = gain > 1.9f ? 1.9f : gain;
  low = 0.5f * (low + high) - 0.5f * gain * (at[2] - at[0]);
  lift = 0.7f * (0.70f - (low + gain * (at[1] - at[0])));
  lift = lift < -0.06f ? -0.06f : lift;
  for (size_t i = 0; i < n; i++) {
    float tone = low + gain * (base[i] - at[0]);

    tone += lift * 4.0f * tone * (1.0f - tone);
    tone +=
        2.0f * (light[i] - base[i]) + 5.0f * strength * (light[i] - soft[i]);
    tone = tone < 0.29f ? 0.29f : tone > 0.975f ? 0.975f : tone;
    light[i] = tone * tone * tone;
  }
}

/* A cell becomes 0 or 1; what it is wrong by. */
static inline float
decide (float *cell, float threshold)
{
  float paper = *cell >= threshold ? 1.0f : 0.0f, error = *cell - paper;

  *cell = paper;
  return error;
}

static void
find_thresholds (int row, int method, float thresholds[64])
{
  const uint8_t *noise = pet_blue_noise + 64 * (row & 63);

  for (int x = 0; x < 64; x++)
    thresholds[x] = method == DIFFUSION
        ? 0.5f + 0.25f * ((float) noise[x] - 127.5f) / 255.0f
        : 0.5f;
}

/* 7, 3, 5 and 1 sixteenths to the next cell of the row and the three below, in the
 * row's direction. What a cell below has been given so far is kept until it has all of
 * it. */
static void
diffuse_row (float *line, float *next, int columns, int row, int method)
{
  int step = row & 1 ? -1 : 1, x = row & 1 ? columns - 1 : 0;
  float ahead = 0.0f, below = next[x], behind = 0.0f, thresholds[64];

  find_thresholds (row, method, thresholds);
  for (int n = 0; n < columns; n++, x += step) {
    float error;

    line[x] += 7.0f * ahead;
    ahead = error = decide (line + x, thresholds[x & 63]) / 16.0f;
    if (n > 0)
      next[x - step] = behind + 3.0f * error;
    behind = below + 5.0f * error;
    if (n + 1 < columns)
      below = next[x + step] + error;
  }
  next[x - step] = behind;
}

/* An eighth to each of six; the rest is lost. */
static void
diffuse_atkinson (const PetCells *cells, float *line, int row)
{
  int columns = cells->columns, step = row & 1 ? -1 : 1;
  float *next = row + 1 < cells->rows ? line + columns : NULL;
  float *after = row + 2 < cells->rows ? line + 2 * (ptrdiff_t) columns : NULL;

  for (int n = 0; n < columns; n++) {
    int x = step > 0 ? n : columns - 1 - n;
    float error = decide (line + x, 0.5f) / 8.0f;

    if (n + 1 < columns)
      line[x + step] += error;
    if (next != NULL) {
      next[x] += error;
      if (n > 0)
        next[x - step] += error;
      if (n + 1 < columns)
        next[x + step] += error;
    }
    if (n + 2 < columns)
      line[x + 2 * step] += error;
    if (after != NULL)
      after[x] += error;
  }
}

/* Each cell becomes 0 or 1 and gives what it is wrong by to those after it, in
 * the direction of its row. `last`: a row below the last. */
static void
diffuse (const PetCells *cells, float *plane, int method, float *last)
{
  for (int row = 0; row < cells->rows; row++) {
    float *line = plane + (ptrdiff_t) row * cells->columns;

    if (method == ATKINSON)
      diffuse_atkinson (cells, line, row);
    else
      diffuse_row (line, row + 1 < cells->rows ? line + cells->columns : last,
          cells->columns, row, method);
  }
}

/* Rank of a cell in a Bayer map of 8x8. */
static float
bayer (int x, int y)
{
  int rank = 0;

  for (int bit = 0; bit < 3; bit++) {
    int a = x >> bit & 1, b = y >> bit & 1;

    rank |= ((a ^ b) << 1 | b) << (2 * (2 - bit));
  }
  return ((float) rank + 0.5f) / 64.0f;
}

static void
compare (const PetCells *cells, float *plane, int method)
{
  for (int y = 0; y < cells->rows; y++)
    for (int x = 0; x < cells->columns; x++, plane++) {
      float noise =
          ((float) pet_blue_noise[64 * (y & 63) + (x & 63)] + 0.5f) / 256.0f;

      *plane = *plane >= (method == BAYER ? bayer (x, y) : noise);
    }
}

/* Pixels that are made at a time, apart from the rows, which may be the same. */
#define PIECE 64

/* Levels of alpha, of each step from ink to paper. */
#define LEVELS 31
#define PRINTED(step, level) ((step) * (LEVELS + 1) + (level))

static void
make_pixels (uint32_t pixels[PRINTED (STEPS, 0)], const double *values)
{
  for (int step = 0; step < STEPS; step++) {
    uint32_t ink = pet_print_mix ((uint32_t) values[PAPER],
        (uint32_t) values[INK], (float) step / (STEPS - 1));

    pixels[PRINTED (step, 0)] = 0;
    for (uint32_t level = 1; level <= LEVELS; level++)
      pixels[PRINTED (step, level)] =
          ink | pet_pixel (0, 0, 0, (level * 255 + LEVELS / 2) / LEVELS);
  }
}

/* Which pixels are printed, for compilers to make vectors of. */
static void
choose (const float *paper, float slope, const uint32_t *in, int n,
    int32_t *restrict which)
{
  for (int x = 0; x < n; x++) {
    float share = pet_clamp01 ((paper[x] - 0.5f) * slope + 0.5f);
    int32_t step = (int32_t) (share * (STEPS - 1) + 0.5f);
    uint32_t alpha = in[x] >> PET_PIXEL_SHIFT (3) & 255;

    which[x] = PRINTED (step, (int32_t) pet_print_level (alpha, LEVELS));
  }
}

static void
print_row (const float *paper, float slope, const uint32_t *pixels,
    const uint8_t *src, uint8_t *dst, int width)
{
  for (int from = 0; from < width; from += PIECE) {
    int n = width - from < PIECE ? width - from : PIECE;
    uint32_t piece[PIECE];
    int32_t which[PIECE];

    memcpy (piece, src + 4 * (size_t) from, 4 * (size_t) n);
    choose (paper + from, slope, piece, n, which);
    for (int x = 0; x < n; x++)
      piece[x] = pixels[which[x]];
    memcpy (dst + 4 * (size_t) from, piece, 4 * (size_t) n);
  }
}

static void
print (Stipple *stipple, const PetSubject *subject, const PetImage *src,
    const PetImage *dst, const double *values)
{
  size_t row_bytes = 4 * (size_t) src->width;
  uint32_t pixels[PRINTED (STEPS, 0)];

  make_pixels (pixels, values);
  for (int y = 0; y < src->height; y++) {
    const uint8_t *in = pet_image_row (src, y);
    uint8_t *out = pet_image_row (dst, y);
    int left = subject->left, right = subject->right;

    if (y < subject->top || y >= subject->bottom) {
      memset (out, 0, row_bytes);
      continue;
    }
    pet_visible_span (in, &left, &right);
    pet_rise_part (&stipple->rise, y, left, right, stipple->row);
    print_row (stipple->row + left, stipple->cells.pitch * 0.9f, pixels,
        in + 4 * (size_t) left, out + 4 * (size_t) left, right - left);
    memset (out, 0, 4 * (size_t) left);
    memset (out + 4 * (size_t) right, 0, row_bytes - 4 * (size_t) right);
  }
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  static const float per_side[] = { 0.0f, 400.0f, 290.0f, 200.0f };
  PetScratch scratch = { .base = memory };
  int method = (int) values[METHOD];
  PetSubject subject;
  Stipple stipple;

  take_scratch (&scratch, &stipple, src->width, src->height);
  pet_subject_find (src, &subject);
  pet_cells_lay (&stipple.cells, &subject, per_side[(int) values[DOT_SIZE]], 0);
  pet_cells_mean (&stipple.cells, src);
  make_tone (&stipple.cells, (float) values[EDGE_STRENGTH]);
  if (method == BAYER || method == BLUE_NOISE)
    compare (&stipple.cells, stipple.cells.color[0], method);
  else
    diffuse (
        &stipple.cells, stipple.cells.color[0], method, stipple.cells.color[1]);
  pet_rise_map_start (
      &stipple.map, &stipple.cells, &subject, PET_RISE_INTERPOLATE);
  pet_rise_start (&stipple.rise, &stipple.map, &stipple.cells,
      stipple.cells.color[0], PET_RISE_INTERPOLATE);
  print (&stipple, &subject, src, dst, values);
}

const PetEffect PET_VERSION (pet_fine_dithering) = {
  .name = "dithering",
  .blurb = "A stipple of round dots of ink on paper",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
