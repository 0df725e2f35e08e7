/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A screen print: flat inks with smooth outlines. On a grid over the subject
 * the lightness is levelled and smoothed but for its edges, cut into bands, and
 * dark lines are drawn where a difference of Gaussians finds them; specks are
 * taken into what surrounds them. Each ink then comes back to the picture's
 * size as a spline of where it is, and each pixel gets the ink that is
 * strongest, mixed with the second in four steps at their border. One of the
 * middle inks is laid as Ben-Day dots.
 *
 * Scratch: 38 bytes per cell, 200000 cells at most, and 104 per column. */

#include <string.h>

#include "image/effects/pet-effects.h"
#include "image/effects/pet-fine-print.h"
#include "image/effects/pet-fine.h"
#include "image/effects/pet-palettes.h"

#define MAX_CELLS 200000
#define INKS PET_INKS
#define STEPS 4   /* from one ink to the next */
#define LEVELS 15 /* of alpha */
#define SPECK 10
#define PIECE 128 /* pixels */

enum { PALETTE, GROUND, DOTS, OUTLINE, SHEET, SEED };

static const char *const sheets[] = { "single", "four-up", NULL };

static const PetEffectParam params[] = {
  [PALETTE] = { "palette", "Set of colours; auto goes by coat or seed",
      PET_PARAM_CHOICE, 0.0, PET_PALETTE_LAST, 0.0, pet_palette_names },
  [GROUND] = { "ground", "Colour behind the pet; auto suits the look",
      PET_PARAM_COLOR, PET_COLOR_AUTO, 0xffffff, PET_COLOR_NONE, NULL },
  [DOTS] = { "dots", "Lay a middle colour as Ben-Day dots", PET_PARAM_BOOL, 0.0,
      1.0, 1.0, NULL },
  [OUTLINE] = { "outline", "Strength of dark outlines", PET_PARAM_FLOAT, 0.0,
      3.0, 1.0, NULL },
  [SHEET] = { "sheet", "One picture, or four in different colours",
      PET_PARAM_CHOICE, 0.0, 1.0, 0.0, sheets },
  [SEED] = { "seed", "Which palette auto takes; 0: the coat decides",
      PET_PARAM_INT, 0.0, 2147483647.0, 0.0, NULL },
};

typedef struct {
  PetCells cells;
  uint8_t *ink; /* of each cell */
  PetInks rise;
  float *wave;   /* of the dots, along a row */
  uint8_t *half; /* the picture at half the size, for four-up */
  int n;         /* of inks */
} Press;

/* Pixels are one of these: inks mixed in quarters, and inks at edges. */
#define MIXED(a, b, step) (((a) *INKS + (b)) * (STEPS + 1) + (step))
#define EDGE(a, level) (MIXED (INKS, 0, 0) + (a) * (LEVELS + 1) + (level))

/* What is printed on and with. */
typedef struct {
  uint32_t pixels[EDGE (INKS, 0)];
  uint32_t ground;
  float slope, dot_pitch; /* of borders between inks; of dots */
  int dots;               /* the ink that is laid as dots, -1 = none */
} Colors;

static void
take_scratch (PetScratch *scratch, Press *press, int width, int height,
    const double *values)
{
  size_t half = 0;

  pet_cells_take (scratch, &press->cells, width, height, MAX_CELLS, 0);
  press->ink = pet_scratch_take (scratch, press->cells.max_cells, 1);
  pet_inks_take (scratch, &press->rise, width, press->cells.max_cells);
  press->wave = pet_scratch_take (scratch, (size_t) width, sizeof (float));
  if (values[SHEET] != 0.0)
    half = (size_t) (width / 2) * (size_t) (height / 2);
  press->half = pet_scratch_take (scratch, half, 4);
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Press press;

  take_scratch (&scratch, &press, width, height, values);
  return pet_scratch_size (&scratch);
}

static size_t
count_cells (const PetCells *cells)
{
  return (size_t) cells->columns * (size_t) cells->rows;
}

/* The palette for a coat: by the mean colour of what is visible. */
static int
suit_coat (const PetCells *cells)
{
  float sum[3] = { 0.0f }, total = 1e-6f, lab[3];

  for (size_t i = 0; i < count_cells (cells); i++) {
    for (int c = 0; c < 3; c++)
      sum[c] += cells->weight[i] * cells->color[c][i];
    total += cells->weight[i];
  }
  pet_oklab (sum[0] / total, sum[1] / total, sum[2] / total, lab);
  if (lab[1] * lab[1] + lab[2] * lab[2] < 0.0012f)
    return lab[0] < 0.4f ? 1 : lab[0] > 0.72f ? 4 : 3;
  return lab[0] < 0.5f ? 2 : lab[0] > 0.68f ? 4 : 1;
}

/* Lightness, levelled so that dark and light pets both use most of the bands,
 * local contrast kept, smoothed but for its edges. Into room[0..3] go filters;
 * the result is in color[0], lines (positive) in color[1]. */
static void
make_tone (PetCells *cells)
{
  static const float shares[3] = { 0.02f, 0.5f, 0.98f };
  size_t n = count_cells (cells);
  float *light = cells->color[0], *base = cells->color[1];
  float *wide = cells->color[2];
  float at[3], low, high, gain, lift;

  pet_cells_lightness (cells, light);
  pet_cells_fill (cells, light);
  pet_cells_levels (cells, light, shares, at, 3);
  pet_cells_guide (cells, base, light, 9.0f, 0.012f);
  low = 0.10f + 0.25f * at[0];
  high = 0.60f + 0.36f * at[2];
  gain = (high - low) / (at[2] - at[0] + 0.06f);
  gain = gain > 2.2f ? 2.2f : gain;
  low = 0.5f * (low + high) - 0.5f * gain * (at[2] - at[0]);
  lift = 0.5f * (0.55f - (low + gain * (at[1] - at[0])));
  for (size_t i = 0; i < n; i++) {
    float tone = low + gain * (base[i] - at[0]);

    tone += lift * 4.0f * tone * (1.0f - tone);
    tone +=
        (base[i] < 0.5f ? 3.0f - 2.0f * base[i] : 2.0f) * (light[i] - base[i]);
    light[i] = pet_clamp01 (tone);
  }
  pet_cells_guide (cells, light, light, 2.0f, 0.0035f);
  pet_cells_smooth (cells, base, light, 1.1f);
  pet_cells_smooth (cells, wide, light, 2.2f);
  for (size_t i = 0; i < n; i++)
    base[i] = wide[i] - base[i];
}

/* An ink per cell: the band of its lightness, or the darkest on a line. Bands
 * are halfway between even ones and ones of equal area. */
static void
cut_bands (Press *press, float outline)
{
  PetCells *cells = &press->cells;
  const float *light = cells->color[0], *line = cells->color[1];
  float shares[INKS], limits[INKS], limit = 0.026f / (outline + 1e-3f);
  int n = press->n;

  for (int k = 1; k < n; k++)
    shares[k - 1] = (float) k / (float) n;
  pet_cells_levels (cells, light, shares, limits, n - 1);
  for (int k = 0; k < n - 1; k++)
    limits[k] = 0.5f * limits[k] +
        0.5f * (0.16f + 0.70f * (float) k / (float) (n - 2 > 0 ? n - 2 : 1));
  for (size_t i = 0; i < count_cells (cells); i++) {
    int ink = 0;

    for (int k = 0; k < n - 1; k++)
      ink += light[i] > limits[k];
    press->ink[i] = (uint8_t) (line[i] > limit ? 0 : ink);
  }
}

/* Whether fewer than SPECK cells are connected to `start` and of its ink, so
 * far as is not known: `large` marks cells of larger patches. They are in
 * patch[0..*size). `around` becomes an ink that borders on them. */
static int
is_speck (const Press *press, const uint8_t *large, int32_t start,
    int32_t patch[SPECK + 1], int *size, int *around)
{
  int32_t columns = press->cells.columns;
  int32_t n = press->cells.rows * columns;

  patch[0] = start;
  *size = 1;
  for (int at = 0; at < *size; at++) {
    int32_t cell = patch[at], x = cell % columns;
    int32_t next[4] = { x > 0 ? cell - 1 : -1, x < columns - 1 ? cell + 1 : -1,
      cell - columns, cell + columns < n ? cell + columns : -1 };

    for (int k = 0; k < 4; k++) {
      int known = 0;

      if (next[k] < 0)
        continue;
      if (press->ink[next[k]] != press->ink[start]) {
        *around = press->ink[next[k]];
        continue;
      }
      for (int i = 0; i < *size; i++)
        known |= patch[i] == next[k];
      if (!known)
        patch[(*size)++] = next[k];
      if (large[next[k]] || *size >= SPECK)
        return 0;
    }
  }
  return 1;
}

/* In the order of reading; what is left of a cell or above it is known. */
static void
remove_specks (Press *press)
{
  uint8_t *large = (uint8_t *) press->cells.room[0], *ink = press->ink;
  int32_t columns = press->cells.columns, cell = 0;

  memset (large, 0, count_cells (&press->cells));
  for (int y = 0; y < press->cells.rows; y++)
    for (int x = 0; x < columns; x++, cell++) {
      int32_t patch[SPECK + 1], left = x > 0 ? cell - 1 : cell;
      int32_t above = y > 0 ? cell - columns : cell;
      int size, around = ink[cell], speck;

      if ((large[left] && ink[left] == ink[cell]) ||
          (large[above] && ink[above] == ink[cell]))
        large[cell] = 1;
      if (large[cell])
        continue;
      speck = is_speck (press, large, cell, patch, &size, &around);
      for (int i = 0; i < size; i++) {
        large[patch[i]] = !speck;
        ink[patch[i]] = (uint8_t) (speck ? around : ink[cell]);
      }
    }
}

/* The darkest ink where nothing is, and two cells around. */
static void
darken_around (Press *press, int x, int y)
{
  static const int8_t places[12][2] = { { 2, 0 }, { -2, 0 }, { 0, 2 },
    { 0, -2 }, { 1, 1 }, { -1, 1 }, { 1, -1 }, { -1, -1 }, { 1, 0 }, { -1, 0 },
    { 0, 1 }, { 0, -1 } };
  int columns = press->cells.columns, rows = press->cells.rows;

  for (int k = 0; k < 12; k++) {
    int u = x + places[k][0], v = y + places[k][1];

    if (u >= 0 && u < columns && v >= 0 && v < rows)
      press->ink[v * columns + u] = 0;
  }
}

static int
is_there (const PetCells *cells, int x, int y)
{
  return x >= 0 && x < cells->columns && y >= 0 && y < cells->rows &&
      cells->weight[y * cells->columns + x] > 0.5f;
}

/* Draws the outline. Beyond the picture's border the pet goes on. */
static void
draw_silhouette (Press *press, const PetSubject *subject, const PetImage *src)
{
  const PetCells *cells = &press->cells;
  int columns = cells->columns, rows = cells->rows, i = 0;
  int left = subject->left > 0 ? 2 : 0, top = subject->top > 0 ? 2 : 0;
  int right = columns - (subject->right < src->width ? 2 : 0);
  int bottom = rows - (subject->bottom < src->height ? 2 : 0);

  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++, i++) {
      if (y < top || y >= bottom || x < left || x >= right)
        press->ink[i] = 0;
      if (cells->weight[i] > 0.5f)
        continue;
      press->ink[i] = 0;
      if (is_there (cells, x - 1, y) || is_there (cells, x + 1, y) ||
          is_there (cells, x, y - 1) || is_there (cells, x, y + 1))
        darken_around (press, x, y);
    }
}

/* One period of a smooth wave between -1 and 1, from -1 at 0. */
static float
wave (float phase)
{
  float t = phase - floorf (phase);

  t = t < 0.5f ? 4.0f * t - 1.0f : 3.0f - 4.0f * t;
  return t * (2.0f - fabsf (t));
}

static void
make_colors (Colors *colors, const uint32_t *inks, int n, double ground)
{
  uint32_t paper = ground < 0.0 ? inks[n - 2] : (uint32_t) ground;
  uint32_t *pixels = colors->pixels;

  for (int a = 0; a < n; a++) {
    for (int b = 0; b < n; b++)
      for (int step = 0; step <= STEPS; step++)
        pixels[MIXED (a, b, step)] =
            pet_print_mix (inks[b], inks[a], (float) step / STEPS) |
            PET_PIXEL_ALPHA;
    for (uint32_t level = 0; level <= LEVELS; level++)
      pixels[EDGE (a, level)] = ground != PET_COLOR_NONE
          ? pet_print_mix (inks[a], paper, (float) level / LEVELS) |
              PET_PIXEL_ALPHA
          : level > 0 ? pet_print_mix (inks[a], inks[a], 1.0f) |
              pet_pixel (0, 0, 0, 255 * level / LEVELS)
                      : 0;
  }
  colors->ground = pixels[EDGE (0, 0)];
}

/* Which pixels of a piece are printed: the strongest ink, mixed with the one
 * behind it where it hardly wins. `dot`: so many quarters of the next ink
 * where one is laid as dots. */
static void
choose (const Press *press, const Colors *colors, const int16_t *best,
    const int16_t *behind, const int16_t *dot, int n, int16_t *restrict which)
{
  const float all = (float) PET_INKS_ALL / colors->slope;
  const int16_t half = (int16_t) (0.125f * all);
  const int16_t quarter = (int16_t) (0.375f * all);
  const int16_t dotted = (int16_t) (press->n > 1 ? colors->dots : -1);

  for (int x = 0; x < n; x++) {
    int16_t first = best[x] & 7, second = behind[x] & 7;
    int16_t lead = (int16_t) ((best[x] >> 3) - (behind[x] >> 3));
    int16_t step = (int16_t) ((lead <= quarter) + (lead <= half));
    int16_t dots = (int16_t) - ((first == dotted) & (step == 0));

    second = (int16_t) ((second & ~dots) | ((first + 1) & dots));
    step = (int16_t) (step | (dot[x] & dots));
    which[x] = (int16_t) MIXED (first, second, step);
  }
}

/* The same where alpha is not full. */
static void
choose_edges (
    const uint8_t *src, const int16_t *best, int n, int16_t *restrict which)
{
  for (int x = 0; x < n; x++) {
    uint32_t pixel;
    int16_t level, edge, full;

    memcpy (&pixel, src + 4 * (size_t) x, 4);
    level =
        (int16_t) pet_print_level (pixel >> PET_PIXEL_SHIFT (3) & 255, LEVELS);
    edge = (int16_t) EDGE (best[x] & 7, level);
    full = (int16_t) - (level == LEVELS);
    which[x] = (int16_t) ((which[x] & full) | (edge & ~full));
  }
}

/* Quarters of the next ink. */
static void
lay_dots (
    const float *wave, float down, float pitch, int n, int16_t *restrict dot)
{
  for (int x = 0; x < n; x++) {
    float share = pet_clamp01 (0.5f + 0.2f * pitch * (wave[x] * down - 0.30f));

    dot[x] = (int16_t) (int32_t) (share * STEPS + 0.5f);
  }
}

static void
print_pixels (Press *press, const Colors *colors, const uint8_t *src,
    uint8_t *dst, int y, int left, int right, float down)
{
  for (int from = left; from < right; from += PIECE) {
    int n = right - from < PIECE ? right - from : PIECE;
    int16_t best[PIECE], behind[PIECE], which[PIECE], dot[PIECE];
    uint8_t *out = dst + 4 * (size_t) from;

    pet_inks_part (&press->rise, y, from, from + n, best, behind);
    lay_dots (press->wave + from, down, colors->dot_pitch, n, dot);
    choose (press, colors, best, behind, dot, n, which);
    choose_edges (src + 4 * (size_t) from, best, n, which);
    for (int x = 0; x < n; x++)
      memcpy (out + 4 * (size_t) x, &colors->pixels[which[x]], 4);
  }
}

static void
fill (uint8_t *dst, uint32_t pixel, int n)
{
  for (int x = 0; x < n; x++)
    memcpy (dst + 4 * (size_t) x, &pixel, 4);
}

/* One picture in one set of colours. */
static void
print (Press *press, const PetSubject *subject, const PetImage *src,
    const PetImage *dst, const Colors *colors)
{
  int left = subject->left, right = subject->right;

  pet_inks_start (&press->rise, &press->cells, subject, press->ink, press->n);
  for (int x = left; x < right; x++)
    press->wave[x] = wave ((float) (x - left) / colors->dot_pitch);
  for (int y = 0; y < src->height; y++) {
    const uint8_t *in = pet_image_row (src, y);
    uint8_t *out = pet_image_row (dst, y);
    float down = wave ((float) (y - subject->top) / colors->dot_pitch);

    if (y < subject->top || y >= subject->bottom) {
      fill (out, colors->ground, src->width);
      continue;
    }
    left = subject->left;
    right = subject->right;
    pet_visible_span (in, &left, &right);
    print_pixels (press, colors, in, out, y, left, right, down);
    fill (out, colors->ground, left);
    fill (out + 4 * (size_t) right, colors->ground, src->width - right);
  }
}

/* The palette that is asked for, or one for this pet. */
static int
choose_palette (const PetCells *cells, const double *values)
{
  int seed = (int) values[SEED];

  if (values[PALETTE] != PET_PALETTE_AUTO)
    return (int) values[PALETTE];
  return seed > 0 ? 1 + (seed - 1) % 6 : suit_coat (cells);
}

/* INKS of the palette's colours, evenly from dark to light. */
static int
pick_inks (int palette, uint32_t inks[INKS])
{
  uint32_t all[PET_PALETTE_MAX];
  int n = pet_palette_colors (palette, all), few = n < INKS ? n : INKS;

  for (int i = 0; i < few; i++)
    inks[i] = all[i * (n - 1) / (few - 1)];
  return few;
}

/* Finds the shapes of the inks in `src`. */
static void
prepare (Press *press, PetSubject *subject, const PetImage *src,
    const double *values, int *palette)
{
  uint32_t inks[INKS];

  pet_subject_find (src, subject);
  pet_cells_lay (&press->cells, subject, 330.0f, 0);
  pet_cells_mean (&press->cells, src);
  *palette = choose_palette (&press->cells, values);
  press->n = pick_inks (*palette, inks);
  make_tone (&press->cells);
  cut_bands (press, (float) values[OUTLINE]);
  remove_specks (press);
  if (values[OUTLINE] > 0.0)
    draw_silhouette (press, subject, src);
}

static void
print_with (Press *press, const PetSubject *subject, const PetImage *src,
    const PetImage *dst, const double *values, int palette, double ground)
{
  uint32_t inks[INKS];
  float slope = 0.37f * press->cells.pitch;
  Colors colors = { .slope = slope > 0.6f ? slope : 0.6f };

  pick_inks (palette, inks);
  make_colors (&colors, inks, press->n, ground);
  colors.dots = values[DOTS] != 0.0 && press->n > 3 ? press->n / 2 : -1;
  colors.dot_pitch = subject->side / 55.0f;
  colors.dot_pitch = colors.dot_pitch > 3.0f ? colors.dot_pitch : 3.0f;
  print (press, subject, src, dst, &colors);
}

/* Means of 2x2 pixels, weighted by alpha. */
static void
halve (const PetImage *src, const PetImage *dst)
{
  for (int y = 0; y < dst->height; y++) {
    const uint8_t *in = pet_image_row (src, 2 * y);
    uint8_t *out = pet_image_row (dst, y);

    for (int x = 0; x < dst->width; x++, in += 8, out += 4) {
      const uint8_t *below = in + src->stride_bytes;
      int alpha = in[3] + in[7] + below[3] + below[7];

      for (int c = 0; c < 3; c++) {
        int sum = in[c] * in[3] + in[4 + c] * in[7] + below[c] * below[3] +
            below[4 + c] * below[7];

        out[c] = (uint8_t) (alpha > 0 ? (sum + alpha / 2) / alpha : 0);
      }
      out[3] = (uint8_t) ((alpha + 2) / 4);
    }
  }
}

/* The last column and row of odd sides are what is beside them. */
static void
repeat_odd (const PetImage *image)
{
  int last = image->width - 1;

  for (int y = 0; image->width % 2 == 1 && y < image->height; y++) {
    uint8_t *row = pet_image_row (image, y);

    memcpy (row + 4 * (size_t) last, row + 4 * (size_t) (last - 1), 4);
  }
  if (image->height % 2 == 1)
    memcpy (pet_image_row (image, image->height - 1),
        pet_image_row (image, image->height - 2), 4 * (size_t) image->width);
}

static void
print_four (Press *press, const PetImage *src, const PetImage *dst,
    const double *values)
{
  PetImage half = { press->half, src->width / 2, src->height / 2, 4,
    4 * (ptrdiff_t) (src->width / 2) };
  double ground =
      values[GROUND] == PET_COLOR_NONE ? PET_COLOR_AUTO : values[GROUND];
  PetSubject subject;
  int palette;

  halve (src, &half);
  prepare (press, &subject, &half, values, &palette);
  for (int i = 0; i < 4; i++) {
    PetImage part = half;

    part.stride_bytes = dst->stride_bytes;
    part.data = pet_image_row (dst, i / 2 * half.height) +
        4 * (size_t) (i % 2 * half.width);
    print_with (press, &subject, &half, &part, values,
        palette <= 5 ? 1 + (palette - 1 + i) % 5 : palette, ground);
  }
  repeat_odd (dst);
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  PetSubject subject;
  Press press;
  int palette;

  take_scratch (&scratch, &press, src->width, src->height, values);
  if (values[SHEET] != 0.0 && src->width > 1 && src->height > 1) {
    print_four (&press, src, dst, values);
    return;
  }
  prepare (&press, &subject, src, values, &palette);
  print_with (&press, &subject, src, dst, values, palette, values[GROUND]);
}

const PetEffect PET_VERSION (pet_fine_popart) = {
  .name = "popart",
  .blurb = "A screen print of six flat inks with smooth outlines",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
