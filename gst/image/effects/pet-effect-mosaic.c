/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A mosaic of square stones that follow the lines of the picture (after
 * Hausner, Simulating Decorative Mosaics, 2001). On a grid over the subject:
 * the direction of edges (structure tensor, the silhouette's too) and the size
 * of stones (small where there is detail). Stones are sown by diffusing their
 * density, then moved to the middle of what is nearest to them, by the largest
 * of the two distances along their sides, six times. At the picture's size
 * each pixel finds its nearest stone and the distance to the joint; stones
 * have the mean colour of their cells and a bevel lit from the upper left.
 * Strips of rows are made one after another. A soft edge becomes a fifth as wide.
 *
 * Scratch: 52 bytes per cell, 180000 cells at most, and 432 per column. */

#include <string.h>

#include "image/effects/pet-effects.h"
#include "image/effects/pet-fine-print.h"
#include "image/effects/pet-fine.h"

#define MAX_CELLS 180000
#define STRIP 32
#define ROUNDS 6
#define NOBODY (-1)

enum { TILE_SIZE, GROUT, SEED };

static const PetEffectParam params[] = {
  [TILE_SIZE] = { "tile-size", "Size of the stones, 1 = usual", PET_PARAM_FLOAT,
      0.5, 2.0, 1.0, NULL },
  [GROUT] = { "grout", "Colour of the joints", PET_PARAM_COLOR, 0.0, 0xffffff,
      0x4a423b, NULL },
  [SEED] = { "seed", "Seed of what is random: one seed, one picture",
      PET_PARAM_INT, 0.0, 2147483647.0, 0.0, NULL },
};

typedef struct {
  float x, y;         /* middle, in cells */
  float cosine, sine; /* of its sides */
  float size;         /* of a side, in cells */
  float sum[6];       /* of its cells: x, y, weight, L, a, b */
  uint32_t pixel;
  uint32_t edges[4]; /* the colour of the bevel on each side */
} Stone;

typedef struct {
  PetCells cells;
  float *cosine, *sine, *size; /* of a stone at each cell */
  int32_t *owner;              /* of each cell */
  float *near;                 /* distance to it */
  Stone *stones;
  int32_t n, most;
  /* of each pixel of a strip */
  float *first, *second;
  int32_t *stone;
} Floor;

static void
take_scratch (PetScratch *scratch, Floor *floor, int width, int height)
{
  size_t n, strip = (size_t) width * STRIP;

  pet_cells_take (scratch, &floor->cells, width, height, MAX_CELLS, 0);
  n = floor->cells.max_cells;
  floor->most = (int32_t) (n / 4 + 4);
  floor->stones =
      pet_scratch_take (scratch, (size_t) floor->most, sizeof (Stone));
  floor->owner = pet_scratch_take (scratch, n, sizeof (int32_t));
  floor->first = pet_scratch_take (scratch, strip, sizeof (float));
  floor->second = pet_scratch_take (scratch, strip, sizeof (float));
  floor->stone = pet_scratch_take (scratch, strip, sizeof (int32_t));
  floor->near = floor->cells.room[0];
  floor->cosine = floor->cells.room[1];
  floor->sine = floor->cells.room[2];
  floor->size = floor->cells.room[3];
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Floor floor;

  take_scratch (&scratch, &floor, width, height);
  return pet_scratch_size (&scratch);
}

static size_t
count_cells (const PetCells *cells)
{
  return (size_t) cells->columns * (size_t) cells->rows;
}

static int
clamp_to (int value, int most)
{
  return value < 0 ? 0 : value > most ? most : value;
}

/* Lightness as far as it is visible, on a light ground: its edges are those of
 * the picture and of the silhouette. */
static float
seen (const PetCells *cells, int x, int y)
{
  size_t at = (size_t) clamp_to (y, cells->rows - 1) * (size_t) cells->columns +
      (size_t) clamp_to (x, cells->columns - 1);

  return cells->color[0][at] + 0.8f * (1.0f - cells->weight[at]);
}

/* Levels that suit the pet, since joints make it darker, and more of what is
 * small: stones are large. */
static void
level (PetCells *cells)
{
  static const float shares[3] = { 0.02f, 0.5f, 0.98f };
  float *light = cells->color[0], at[3], low, high, gain, lift;
  const float *slope = cells->room[1], *offset = cells->room[3];

  pet_cells_levels (cells, light, shares, at, 3);
  pet_cells_guide_lines (cells, light, 8.0f, 0.01f);
  low = 0.06f + 0.48f * at[0];
  high = 0.58f + 0.41f * at[2];
  gain = (high - low) / (at[2] - at[0] + 0.06f);
  gain = gain > 1.5f ? 1.5f : gain;
  low = 0.5f * (low + high) - 0.5f * gain * (at[2] - at[0]);
  lift = 0.5f * (0.62f - (low + gain * (at[1] - at[0])));
  lift = lift < 0.0f ? 0.0f : lift > 0.07f ? 0.07f : lift;
  for (size_t i = 0; i < count_cells (cells); i++) {
    float base = slope[i] * light[i] + offset[i];
    float tone = pet_clamp01 (low + gain * (base - at[0]));

    tone += lift * 4.0f * tone * (1.0f - tone);
    light[i] = pet_clamp01 (tone + 1.9f * (light[i] - base));
    cells->color[1][i] *= 1.15f;
    cells->color[2][i] *= 1.15f;
  }
}

/* Squares of the gradient, to be blurred: xx - yy into `cosine`, 2 xy into
 * `sine`; of the picture's alone into `size`. */
static void
make_tensor (Floor *floor)
{
  const PetCells *cells = &floor->cells;
  const float *light = cells->color[0];
  int columns = cells->columns;
  size_t i = 0;

  for (int y = 0; y < cells->rows; y++)
    for (int x = 0; x < columns; x++, i++) {
      float gx = seen (cells, x + 1, y) - seen (cells, x - 1, y);
      float gy = seen (cells, x, y + 1) - seen (cells, x, y - 1);
      float right = light[x + 1 < columns ? i + 1 : i];
      float below = light[y + 1 < cells->rows ? i + (size_t) columns : i];
      float dx = right - light[i], dy = below - light[i];

      floor->cosine[i] = gx * gx - gy * gy;
      floor->sine[i] = 2.0f * gx * gy;
      floor->size[i] = dx * dx + dy * dy;
    }
  pet_cells_blur (cells, floor->cosine, floor->cosine, 4.0f);
  pet_cells_blur (cells, floor->sine, floor->sine, 4.0f);
  pet_cells_blur (cells, floor->size, floor->size, 3.0f);
}

/* From tensors to directions (half the angle) and sizes. */
static void
lay_out (Floor *floor, float large, float small)
{
  static const float share = 0.9f;
  size_t n = count_cells (&floor->cells);
  float most;

  for (size_t i = 0; i < n; i++) {
    float c = floor->cosine[i], s = floor->sine[i];
    float twice = c / (sqrtf (c * c + s * s) + 1e-12f);

    floor->cosine[i] = sqrtf (0.5f * (1.0f + twice));
    floor->sine[i] = sqrtf (0.5f * (1.0f - twice)) * (s < 0.0f ? -1.0f : 1.0f);
    floor->size[i] = 4.0f * sqrtf (floor->size[i]);
  }
  pet_cells_levels (&floor->cells, floor->size, &share, &most, 1);
  for (size_t i = 0; i < n; i++) {
    float detail = pet_clamp01 (floor->size[i] / most);

    floor->size[i] = large + (small - large) * sqrtf (detail);
  }
}

static void
look_up (const Floor *floor, Stone *stone)
{
  size_t at = (size_t) clamp_to ((int) stone->y, floor->cells.rows - 1) *
          (size_t) floor->cells.columns +
      (size_t) clamp_to ((int) stone->x, floor->cells.columns - 1);

  stone->cosine = floor->cosine[at];
  stone->sine = floor->sine[at];
  stone->size = floor->size[at];
}

/* One stone per `size` squared, by diffusion. */
static void
sow (Floor *floor)
{
  const PetCells *cells = &floor->cells;
  int columns = cells->columns;
  float *density = floor->near;

  for (size_t i = 0; i < count_cells (cells); i++)
    density[i] = cells->weight[i] > 0.25f
        ? 1.0f / (floor->size[i] * floor->size[i])
        : 0.0f;
  floor->n = 0;
  for (int y = 0; y < cells->rows; y++)
    for (int k = 0; k < columns; k++) {
      int step = y & 1 ? -1 : 1, x = y & 1 ? columns - 1 - k : k;
      float *at = density + (size_t) y * (size_t) columns + x;
      float error = *at;

      if (*at > 0.5f && floor->n < floor->most) {
        Stone *stone = &floor->stones[floor->n++];

        *stone = (Stone){ .x = (float) x, .y = (float) y };
        look_up (floor, stone);
        error -= 1.0f;
      }
      if (x + step >= 0 && x + step < columns)
        at[step] += error * (7.0f / 16.0f);
      if (y + 1 == cells->rows)
        continue;
      at[columns] += error * (6.0f / 16.0f);
      if (x - step >= 0 && x - step < columns)
        at[columns - step] += error * (3.0f / 16.0f);
    }
}

/* Every cell gets the stone that is nearest in units of the stone's size. */
static void
share_out (Floor *floor)
{
  const PetCells *cells = &floor->cells;

  for (size_t i = 0; i < count_cells (cells); i++) {
    floor->near[i] = 1e9f;
    floor->owner[i] = NOBODY;
  }
  for (int32_t k = 0; k < floor->n; k++) {
    const Stone *stone = &floor->stones[k];
    float reach = 1.4f * stone->size, scale = 1.0f / stone->size;
    int left = clamp_to ((int) (stone->x - reach), cells->columns - 1);
    int right = clamp_to ((int) (stone->x + reach), cells->columns - 1);
    int bottom = clamp_to ((int) (stone->y + reach), cells->rows - 1);

    for (int y = clamp_to ((int) (stone->y - reach), cells->rows - 1);
         y <= bottom; y++)
      for (int x = left; x <= right; x++) {
        size_t i = (size_t) y * (size_t) cells->columns + (size_t) x;
        float dx = (float) x - stone->x, dy = (float) y - stone->y;
        float u = fabsf (dx * stone->cosine + dy * stone->sine);
        float v = fabsf (dy * stone->cosine - dx * stone->sine);
        float apart = (u > v ? u : v) * scale;

        if (apart < floor->near[i]) {
          floor->near[i] = apart;
          floor->owner[i] = k;
        }
      }
  }
}

/* Sums over the cells of each stone. */
static void
gather (Floor *floor)
{
  const PetCells *cells = &floor->cells;
  size_t i = 0;

  for (int32_t k = 0; k < floor->n; k++)
    memset (floor->stones[k].sum, 0, sizeof floor->stones[k].sum);
  for (int y = 0; y < cells->rows; y++)
    for (int x = 0; x < cells->columns; x++, i++) {
      float weight = cells->weight[i], *sum;

      if (floor->owner[i] == NOBODY)
        continue;
      sum = floor->stones[floor->owner[i]].sum;
      sum[0] += weight * (float) x;
      sum[1] += weight * (float) y;
      sum[2] += weight;
      for (int c = 0; c < 3; c++)
        sum[3 + c] += weight * cells->color[c][i];
    }
}

static void
move (Floor *floor)
{
  for (int32_t k = 0; k < floor->n; k++) {
    Stone *stone = &floor->stones[k];

    if (stone->sum[2] < 0.05f)
      continue;
    stone->x = stone->sum[0] / stone->sum[2];
    stone->y = stone->sum[1] / stone->sum[2];
    look_up (floor, stone);
  }
}

static uint32_t
to_pixel (float light, float a, float b)
{
  float rgb[3];

  pet_oklab_linear (pet_clamp01 (light), a, b, rgb);
  return pet_pixel (pet_srgb_level (rgb[0]), pet_srgb_level (rgb[1]),
      pet_srgb_level (rgb[2]), 0);
}

/* Mean colours, a little uneven as stones are, more contrast and colour. */
static void
color (Floor *floor, uint32_t seed)
{
  static const float shares[2] = { 0.02f, 0.98f };
  float at[2], low, high, gain;

  pet_cells_levels (&floor->cells, floor->cells.color[0], shares, at, 2);
  low = 0.12f + 0.45f * at[0];
  high = 0.5f + 0.47f * at[1];
  gain = (high - low) / (at[1] - at[0] + 0.05f);
  gain = gain > 1.6f ? 1.6f : gain;
  for (int32_t k = 0; k < floor->n; k++) {
    Stone *stone = &floor->stones[k];
    uint32_t hash = ((uint32_t) k ^ seed) * 0x9e3779b1u;
    float weight = stone->sum[2] + 1e-6f, a, b, light;
    float lit_u = -0.64f * stone->cosine - 0.77f * stone->sine;
    float lit_v = 0.64f * stone->sine - 0.77f * stone->cosine;

    hash = (hash ^ hash >> 15) * 0x2c1b3c6du;
    light = 0.5f * (low + high) +
        gain * (stone->sum[3] / weight - 0.5f * (at[0] + at[1]));
    light += 0.04f * ((float) (int32_t) (hash >> 16 & 255) / 255.0f - 0.5f);
    a = 1.2f * stone->sum[4] / weight;
    b = 1.2f * stone->sum[5] / weight;
    stone->pixel = to_pixel (light, a, b);
    stone->edges[0] = to_pixel (light + 0.09f * lit_u, a, b);
    stone->edges[1] = to_pixel (light - 0.09f * lit_u, a, b);
    stone->edges[2] = to_pixel (light + 0.09f * lit_v, a, b);
    stone->edges[3] = to_pixel (light - 0.09f * lit_v, a, b);
  }
}

/* A stone at the size of the picture. */
typedef struct {
  float x, y, size, cosine, sine;
} Place;

static Place
place_of (const Floor *floor, const Stone *stone)
{
  float pitch = floor->cells.pitch;

  return (Place){ floor->cells.left + (stone->x + 0.5f) * pitch - 0.5f,
    floor->cells.top + (stone->y + 0.5f) * pitch - 0.5f, stone->size * pitch,
    stone->cosine, stone->sine };
}

/* Draws the distances to one stone into a row of the strip, keeping the two
 * least. */
static void
draw_row (const Place *place, int32_t number, int left, int right, float dy,
    float *restrict first, float *restrict second, int32_t *restrict stone)
{
  float scale = 1.0f / place->size;
  float c = place->cosine * scale, s = place->sine * scale;
  float from_u = dy * s, from_v = dy * c, x0 = place->x;

  for (int x = left; x < right; x++) {
    float dx = (float) x - x0;
    float u = fabsf (dx * c + from_u), v = fabsf (from_v - dx * s);
    float apart = u > v ? u : v, least = first[x];
    float later = apart > least ? apart : least;

    second[x] = later < second[x] ? later : second[x];
    stone[x] = apart < least ? number : stone[x];
    first[x] = apart < least ? apart : least;
  }
}

static void
draw_strip (Floor *floor, int top, int rows, int width)
{
  size_t n = (size_t) width * (size_t) rows;

  for (size_t i = 0; i < n; i++) {
    floor->first[i] = floor->second[i] = 8.0f;
    floor->stone[i] = NOBODY;
  }
  for (int32_t k = 0; k < floor->n; k++) {
    Place place = place_of (floor, &floor->stones[k]);
    float reach =
        1.0f * place.size * (fabsf (place.cosine) + fabsf (place.sine));
    int left = clamp_to ((int) (place.x - reach), width);
    int right = clamp_to ((int) (place.x + reach) + 1, width);
    int y = (int) (place.y - reach), end = (int) (place.y + reach) + 1;

    if (end <= top || y >= top + rows)
      continue;
    y = y < top ? top : y;
    end = end > top + rows ? top + rows : end;
    for (; y < end; y++) {
      size_t at = (size_t) (y - top) * (size_t) width;

      draw_row (&place, k, left, right, (float) y - place.y, floor->first + at,
          floor->second + at, floor->stone + at);
    }
  }
}

static uint32_t
mix (uint32_t a, uint32_t b, float share)
{
  int32_t part = (int32_t) (256.0f * share);
  uint32_t result = 0;

  for (int c = 0; c < 3; c++) {
    int32_t x = (int32_t) (a >> PET_PIXEL_SHIFT (c) & 255);
    int32_t y = (int32_t) (b >> PET_PIXEL_SHIFT (c) & 255);

    result |= (uint32_t) (y + ((x - y) * part + 128) / 256)
        << PET_PIXEL_SHIFT (c);
  }
  return result;
}

/* The colour of one pixel of a stone; `depth` is the way to the joint. */
static uint32_t
shade (const Floor *floor, const Stone *stone, int x, int y, float depth)
{
  Place place = place_of (floor, stone);
  float bevel = 0.16f * place.size, dx = (float) x - place.x;
  float dy = (float) y - place.y, u, v;
  uint32_t edge;

  if (depth >= bevel)
    return stone->pixel;
  u = dx * place.cosine + dy * place.sine;
  v = dy * place.cosine - dx * place.sine;
  if (fabsf (u) > fabsf (v))
    edge = stone->edges[u > 0.0f ? 0 : 1];
  else
    edge = stone->edges[v > 0.0f ? 2 : 3];
  return mix (stone->pixel, edge, pet_clamp01 (depth / bevel));
}

static void
finish_row (const Floor *floor, const uint8_t *src, uint8_t *dst, int width,
    int y, size_t at, float joint, uint32_t grout)
{
  for (int x = 0; x < width; x++, at++) {
    int32_t number = floor->stone[at];
    uint32_t pixel, alpha, color = grout;

    memcpy (&pixel, src + 4 * (size_t) x, 4);
    alpha = pet_print_level (pixel >> PET_PIXEL_SHIFT (3) & 255, 255);
    if (alpha != 0 && number != NOBODY) {
      const Stone *stone = &floor->stones[number];
      float size = stone->size * floor->cells.pitch;
      float side = (0.74f - floor->first[at]) * size;
      float between = 0.5f * (floor->second[at] - floor->first[at]) * size;
      float thin = 0.07f * size, half = joint < thin ? joint : thin;
      float depth = (side < between ? side : between) - half;

      if (depth > -0.5f)
        color = shade (floor, stone, x, y, depth);
      if (depth > -0.5f && depth < 0.5f)
        color = mix (color, grout, depth + 0.5f);
    }
    pixel = alpha != 0 ? color | pet_pixel (0, 0, 0, alpha) : 0;
    memcpy (dst + 4 * (size_t) x, &pixel, 4);
  }
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  uint32_t grout = pet_print_mix ((uint32_t) values[GROUT], 0, 1.0f);
  PetSubject subject;
  Floor floor;
  float sides, joint;

  take_scratch (&scratch, &floor, src->width, src->height);
  pet_subject_find (src, &subject);
  pet_cells_lay (&floor.cells, &subject, 300.0f, 0);
  pet_cells_mean (&floor.cells, src);
  pet_cells_oklab (&floor.cells);
  for (int c = 0; c < 3; c++)
    pet_cells_fill (&floor.cells, floor.cells.color[c]);
  level (&floor.cells);
  make_tensor (&floor);
  sides = subject.side / floor.cells.pitch * (float) values[TILE_SIZE];
  lay_out (&floor, sides / 27.0f > 3.0f ? sides / 27.0f : 3.0f,
      sides / 125.0f > 2.2f ? sides / 125.0f : 2.2f);
  sow (&floor);
  for (int i = 0; i < ROUNDS; i++) {
    share_out (&floor);
    gather (&floor);
    if (i + 1 < ROUNDS)
      move (&floor);
  }
  color (&floor, subject.seed ^ (uint32_t) values[SEED]);
  joint = subject.side / 1000.0f;
  joint = joint > 0.4f ? joint : 0.4f;
  for (int top = 0; top < src->height; top += STRIP) {
    int rows = src->height - top < STRIP ? src->height - top : STRIP;

    draw_strip (&floor, top, rows, src->width);
    for (int y = 0; y < rows; y++)
      finish_row (&floor, pet_image_row (src, top + y),
          pet_image_row (dst, top + y), src->width, top + y,
          (size_t) y * (size_t) src->width, joint, grout);
  }
}

const PetEffect PET_VERSION (pet_effect_mosaic) = {
  .name = "mosaic",
  .blurb = "A mosaic of stones that follow the lines of the picture",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
