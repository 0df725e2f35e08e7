/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A screen print: flat inks with smooth outlines. On a grid over the subject
 * the lightness is levelled and smoothed but for its edges, cut into bands, and
 * dark lines are drawn where a difference of Gaussians finds them; specks are
 * taken into what surrounds them. Each ink then comes back to the picture's
 * size as a spline of where it is, and each pixel gets the ink that is
 * strongest, mixed with the second in four steps at their border. One of the
 * middle inks is laid as Ben-Day dots.
 *
 * Scratch: 58 bytes per cell, 200000 cells at most, and 200 per column. */

#include <string.h>

#include "image/effects/pet-effects.h"
#include "image/effects/pet-fine-print.h"
#include "image/effects/pet-fine.h"
#include "image/effects/pet-palettes.h"

#define MAX_CELLS 200000
#define INKS 6
#define STEPS 4   /* from one ink to the next */
#define LEVELS 15 /* of alpha */
#define SPECK 10

enum { PALETTE, GROUND, DOTS, OUTLINE, SHEET, SEED };

static const char *const sheets[] = { "single", "four-up", NULL };

static const PetEffectParam params[] = {
  [PALETTE] = { "palette", "Set of colours; auto chooses by coat or seed",
      PET_PARAM_CHOICE, 0.0, PET_PALETTE_LAST, 0.0, pet_palette_names },
  [GROUND] = { "ground", "Colour behind the pet; auto suits the look",
      PET_PARAM_COLOR, PET_COLOR_AUTO, 0xffffff, PET_COLOR_NONE, NULL },
  [DOTS] = { "dots", "Lay a middle colour as Ben-Day dots", PET_PARAM_BOOL, 0.0,
      1.0, 1.0, NULL },
  [OUTLINE] = { "outline", "Strength of dark outlines", PET_PARAM_FLOAT, 0.0,
      3.0, 1.0, NULL },
  [SHEET] = { "sheet", "One picture, or four in different colours",
      PET_PARAM_CHOICE, 0.0, 1.0, 0.0, sheets },
  [SEED] = { "seed", "Seed of the grain: one seed, one picture", PET_PARAM_INT,
      0.0, 2147483647.0, 0.0, NULL },
};

typedef struct {
  PetCells cells;
  uint8_t *ink;   /* of each cell */
  int32_t *stack; /* of cells */
  PetRiseMap map;
  PetRise rise[INKS];
  float *plane[INKS]; /* 1 where the ink is */
  float *share[INKS]; /* the same for a row of pixels */
  float *wave;        /* of the dots, along a row */
  uint8_t *half;      /* the picture at half the size, for four-up */
  int n;              /* of inks */
} Press;

/* What is printed on: colours of the inks, of their mixtures and edges. */
typedef struct {
  uint32_t mixed[INKS][INKS][STEPS + 1]; /* so many quarters of the second */
  uint32_t edge[INKS][LEVELS + 1];
  uint32_t ground;
  float slope, dot_pitch; /* of borders between inks; of dots */
  int dots;               /* the ink that is laid as dots, -1 = none */
} Colors;

static void
take_scratch (PetScratch *scratch, Press *press, int width, int height,
    const double *values)
{
  size_t cells, half = 0;

  pet_cells_take (scratch, &press->cells, width, height, MAX_CELLS, 0);
  cells = press->cells.max_cells;
  press->ink = pet_scratch_take (scratch, cells, 1);
  press->stack = pet_scratch_take (scratch, cells, sizeof (int32_t));
  pet_rise_map_take (scratch, &press->map, width, cells);
  for (int i = 0; i < INKS; i++) {
    pet_rise_take (scratch, &press->rise[i], width);
    press->share[i] =
        pet_scratch_take (scratch, (size_t) width, sizeof (float));
  }
  /* The planes that are no longer needed by then, and one more. */
  press->plane[0] = press->cells.color[0];
  press->plane[1] = press->cells.color[1];
  press->plane[2] = press->cells.color[2];
  for (int i = 3; i < INKS; i++)
    press->plane[i] = press->cells.room[i - 3];
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
    tone += 2.0f * (light[i] - base[i]);
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

/* Marks what is connected to `start` and of its ink; the result is its size.
 * The cells of it are the first ones of the stack. `around` becomes an ink
 * that borders on it. */
static int
spread (Press *press, uint8_t *seen, int32_t start, int *around)
{
  int columns = press->cells.columns;
  int32_t n = press->cells.rows * columns;
  int32_t size = 1;

  press->stack[0] = start;
  seen[start] = 1;
  for (int32_t at = 0; at < size; at++) {
    int32_t cell = press->stack[at];
    int32_t next[4] = { cell % columns > 0 ? cell - 1 : -1,
      cell % columns < columns - 1 ? cell + 1 : -1, cell - columns,
      cell + columns < n ? cell + columns : -1 };

    for (int k = 0; k < 4; k++) {
      if (next[k] < 0)
        continue;
      if (press->ink[next[k]] != press->ink[start])
        *around = press->ink[next[k]];
      else if (!seen[next[k]]) {
        seen[next[k]] = 1;
        press->stack[size++] = next[k];
      }
    }
  }
  return size;
}

static void
remove_specks (Press *press)
{
  uint8_t *seen = (uint8_t *) press->cells.room[0];
  int32_t n = (int32_t) count_cells (&press->cells);

  memset (seen, 0, (size_t) n);
  for (int32_t cell = 0; cell < n; cell++) {
    int around = press->ink[cell], size;

    if (seen[cell])
      continue;
    size = spread (press, seen, cell, &around);
    for (int32_t i = 0; i < size && size < SPECK; i++)
      press->ink[press->stack[i]] = (uint8_t) around;
  }
}

/* Is the cell visible? Beyond the picture's border the pet goes on. */
static int
is_there (const PetCells *cells, int x, int y, const int borders[4])
{
  if (x < 0 || x >= cells->columns)
    return borders[x < 0 ? 0 : 1];
  if (y < 0 || y >= cells->rows)
    return borders[y < 0 ? 2 : 3];
  return cells->weight[(size_t) y * (size_t) cells->columns + (size_t) x] >
      0.5f;
}

/* What is visible and two cells from where nothing is gets the darkest ink. */
static void
draw_silhouette (Press *press, const PetSubject *subject, const PetImage *src)
{
  static const int8_t places[8][2] = { { 2, 0 }, { -2, 0 }, { 0, 2 }, { 0, -2 },
    { 1, 1 }, { -1, 1 }, { 1, -1 }, { -1, -1 } };
  const PetCells *cells = &press->cells;
  const int borders[4] = { subject->left == 0, subject->right == src->width,
    subject->top == 0, subject->bottom == src->height };
  size_t i = 0;

  for (int y = 0; y < cells->rows; y++)
    for (int x = 0; x < cells->columns; x++, i++) {
      int there = 1;

      for (int k = 0; k < 8 && there; k++)
        there = is_there (cells, x + places[k][0], y + places[k][1], borders);
      if (!there)
        press->ink[i] = 0;
    }
}

static void
split_inks (Press *press, const PetSubject *subject)
{
  size_t n = count_cells (&press->cells);

  for (int k = 0; k < press->n; k++)
    for (size_t i = 0; i < n; i++)
      press->plane[k][i] = press->ink[i] == k ? 1.0f : 0.0f;
  pet_rise_map_start (&press->map, &press->cells, subject, PET_RISE_SPLINE);
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
  uint32_t paper = ground == PET_COLOR_AUTO ? inks[n - 2] : (uint32_t) ground;

  for (int a = 0; a < n; a++) {
    for (int b = 0; b < n; b++)
      for (int step = 0; step <= STEPS; step++)
        colors->mixed[a][b][step] =
            pet_print_mix (inks[b], inks[a], (float) step / STEPS) |
            PET_PIXEL_ALPHA;
    for (uint32_t level = 0; level <= LEVELS; level++)
      colors->edge[a][level] = ground != PET_COLOR_NONE
          ? pet_print_mix (inks[a], paper, (float) level / LEVELS) |
              PET_PIXEL_ALPHA
          : level > 0 ? pet_print_mix (inks[a], inks[a], 1.0f) |
              pet_pixel (0, 0, 0, 255 * level / LEVELS)
                      : 0;
  }
  colors->ground = colors->edge[0][0];
}

/* Finds the strongest ink of each pixel and mixes the one behind it in. */
static inline void
choose_of (const float *const *share, int n, float slope, int width,
    uint8_t *restrict best, uint8_t *restrict second, uint8_t *restrict step)
{
  for (int x = 0; x < width; x++) {
    float top = share[0][x], behind = -1.0f, mix;
    int32_t a = 0, b = 0;

    for (int k = 1; k < n; k++) {
      float value = share[k][x];
      int wins = value > top, follows = value > behind;

      b = wins ? a : follows ? k : b;
      behind = wins ? top : follows ? value : behind;
      a = wins ? k : a;
      top = wins ? value : top;
    }
    mix = 0.5f - (top - behind) * slope;
    mix = mix > 0.0f ? mix : 0.0f;
    best[x] = (uint8_t) a;
    second[x] = (uint8_t) b;
    step[x] = (uint8_t) (int32_t) (mix * STEPS + 0.5f);
  }
}

/* Six inks are the rule: known to the compiler, they become vectors. */
static void
choose (const float *const *share, int n, float slope, int width, uint8_t *best,
    uint8_t *second, uint8_t *step)
{
  const float *all[INKS];

  memcpy (all, share, (size_t) n * sizeof *all);
  if (n == INKS)
    choose_of (all, INKS, slope, width, best, second, step);
  else
    choose_of (all, n, slope, width, best, second, step);
}

static void
print_pixels (const Press *press, const Colors *colors, const uint8_t *src,
    uint8_t *dst, int first, int width, float down)
{
  enum { PIECE = 128 };
  const float *share[INKS];

  for (int from = 0; from < width; from += PIECE) {
    int n = width - from < PIECE ? width - from : PIECE;
    uint8_t best[PIECE], second[PIECE], step[PIECE];

    for (int k = 0; k < press->n; k++)
      share[k] = press->share[k] + first + from;
    choose (share, press->n, colors->slope, n, best, second, step);
    for (int x = 0; x < n; x++) {
      size_t at = 4 * (size_t) (from + x);
      uint32_t pixel, level;

      memcpy (&pixel, src + at, 4);
      level = pet_print_level (pixel >> PET_PIXEL_SHIFT (3) & 255, LEVELS);
      pixel = colors->edge[best[x]][level];
      if (level == LEVELS)
        pixel = colors->mixed[best[x]][second[x]][step[x]];
      if (level == LEVELS && step[x] == 0 && best[x] == colors->dots) {
        float dot = press->wave[first + from + x] * down - 0.30f;

        dot = pet_clamp01 (0.5f + 0.2f * colors->dot_pitch * dot);
        pixel = colors->mixed[best[x]][best[x] + 1][(int) (dot * STEPS + 0.5f)];
      }
      memcpy (dst + at, &pixel, 4);
    }
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

  for (int k = 0; k < press->n; k++)
    pet_rise_start (&press->rise[k], &press->map, &press->cells,
        press->plane[k], PET_RISE_SPLINE);
  for (int x = left; x < right; x++)
    press->wave[x] = wave ((float) (x - left) / colors->dot_pitch);
  for (int y = 0; y < src->height; y++) {
    uint8_t *out = pet_image_row (dst, y);
    float down = wave ((float) (y - subject->top) / colors->dot_pitch);

    if (y < subject->top || y >= subject->bottom) {
      fill (out, colors->ground, src->width);
      continue;
    }
    left = subject->left;
    right = subject->right;
    pet_visible_span (pet_image_row (src, y), &left, &right);
    for (int k = 0; k < press->n; k++)
      pet_rise_part (&press->rise[k], y, left, right, press->share[k]);
    print_pixels (press, colors, pet_image_row (src, y) + 4 * (size_t) left,
        out + 4 * (size_t) left, left, right - left, down);
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
  split_inks (press, subject);
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
  for (int y = 0; y < dst->height; y++)
    memset (pet_image_row (dst, y), 0, 4 * (size_t) dst->width);
  for (int i = 0; i < 4; i++) {
    PetImage part = half;

    part.stride_bytes = dst->stride_bytes;
    part.data = pet_image_row (dst, i / 2 * half.height) +
        4 * (size_t) (i % 2 * half.width);
    print_with (press, &subject, &half, &part, values,
        palette <= 5 ? 1 + (palette - 1 + i) % 5 : palette, ground);
  }
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
