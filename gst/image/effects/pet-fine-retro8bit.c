/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pixel art: square cells over the subject, each of one colour and either
 * there or not. Cells are means in linear light, sharpened in OKLab so that
 * eyes stay eyes. The palette is the pet's own (k-means in OKLab, started from
 * colours far apart, so always the same) or one by name; optionally ordered
 * dithering between neighbours in it. What is outside and next to the pet is
 * drawn dark.
 *
 * Scratch: 41 bytes per cell, 40000 cells at most, and 72 per column. */

#include <string.h>

#include "image/effects/pet-effects.h"
#include "image/effects/pet-fine-print.h"
#include "image/effects/pet-fine.h"
#include "image/effects/pet-palettes.h"

#define MAX_CELLS 40000
#define ROUNDS 12
#define THERE 0.45f

enum { PALETTE, COLORS, PIXEL_SIZE, DITHER, OUTLINE, GROUND };

static const PetEffectParam params[] = {
  [PALETTE] = { "palette", "Set of colours; auto makes the pet's own",
      PET_PARAM_CHOICE, 0.0, PET_PALETTE_LAST, 0.0, pet_palette_names },
  [COLORS] = { "colors", "How many colours the palette auto has", PET_PARAM_INT,
      4.0, 32.0, 16.0, NULL },
  [PIXEL_SIZE] = { "pixel-size",
      "Size of a chunky pixel, in 480ths of the pet's side", PET_PARAM_INT, 1.0,
      16.0, 6.0, NULL },
  [DITHER] = { "dither", "Mix the palette's colours by a pattern",
      PET_PARAM_BOOL, 0.0, 1.0, 0.0, NULL },
  [OUTLINE] = { "outline", "Dark outline, where above 0", PET_PARAM_FLOAT, 0.0,
      3.0, 1.0, NULL },
  [GROUND] = { "ground", "Colour behind the pet; auto suits the look",
      PET_PARAM_COLOR, PET_COLOR_AUTO, 0xffffff, PET_COLOR_NONE, NULL },
};

typedef struct {
  PetCells cells;
  uint8_t *color;  /* of each cell: index, or one of those below */
  int32_t *column; /* of cells, of each column of pixels */
  int n;
  float lab[PET_PALETTE_MAX][3];
  uint32_t rgb[PET_PALETTE_MAX + 2];
} Board;

enum { LINE = PET_PALETTE_MAX, NOTHING };

static void
take_scratch (PetScratch *scratch, Board *board, int width, int height)
{
  pet_cells_take (scratch, &board->cells, width, height, MAX_CELLS, 1);
  board->color = pet_scratch_take (scratch, board->cells.max_cells, 1);
  board->column = pet_scratch_take (scratch, (size_t) width, sizeof (int32_t));
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Board board;

  take_scratch (&scratch, &board, width, height);
  return pet_scratch_size (&scratch);
}

static size_t
count_cells (const PetCells *cells)
{
  return (size_t) cells->columns * (size_t) cells->rows;
}

/* OKLab, with a full range of lightness, more contrast between neighbours and
 * a little more colour. */
static void
make_tone (PetCells *cells)
{
  static const float shares[2] = { 0.02f, 0.98f };
  float *light = cells->color[0], *soft = cells->room[3];
  float at[2], low, high, gain;

  pet_cells_oklab (cells);
  for (int c = 0; c < 3; c++)
    pet_cells_fill (cells, cells->color[c]);
  pet_cells_levels (cells, light, shares, at, 2);
  low = 0.06f + 0.5f * at[0];
  high = 0.45f + 0.55f * at[1];
  gain = (high - low) / (at[1] - at[0] + 0.05f);
  gain = gain > 1.6f ? 1.6f : gain;
  low = 0.5f * (low + high) - 0.5f * gain * (at[1] - at[0]);
  pet_cells_smooth (cells, soft, light, 1.3f);
  for (size_t i = 0; i < count_cells (cells); i++) {
    float tone = low + gain * (light[i] - at[0]) + 1.0f * (light[i] - soft[i]);

    light[i] = pet_clamp01 (tone);
    cells->color[1][i] *= 1.25f;
    cells->color[2][i] *= 1.25f;
  }
}

static inline float
distance (const PetCells *cells, size_t i, const float *lab)
{
  float l = cells->color[0][i] - lab[0], a = cells->color[1][i] - lab[1];
  float b = cells->color[2][i] - lab[2];

  return l * l + 2.0f * (a * a + b * b);
}

static void
copy_color (const PetCells *cells, size_t i, float *lab)
{
  for (int c = 0; c < 3; c++)
    lab[c] = cells->color[c][i];
}

/* Starts at the darkest cell and adds the one that is farthest from all so
 * far. `far` is room for a distance per cell. */
static void
start_palette (Board *board, float *far)
{
  const PetCells *cells = &board->cells;
  size_t next = 0;

  for (size_t i = 0; i < count_cells (cells); i++) {
    far[i] = cells->weight[i] >= THERE ? 1e3f : -1.0f;
    if (far[i] > 0.0f &&
        (far[next] < 0.0f || cells->color[0][i] < cells->color[0][next]))
      next = i;
  }
  for (int k = 0; k < board->n; k++) {
    size_t best = 0;

    copy_color (cells, next, board->lab[k]);
    for (size_t i = 0; i < count_cells (cells); i++) {
      float apart = distance (cells, i, board->lab[k]);

      far[i] = apart < far[i] ? apart : far[i];
      best = far[i] > far[best] ? i : best;
    }
    next = best;
  }
}

static int
nearest (const Board *board, size_t i)
{
  float least = 1e9f;
  int best = 0;

  for (int k = 0; k < board->n; k++) {
    float apart = distance (&board->cells, i, board->lab[k]);

    best = apart < least ? k : best;
    least = apart < least ? apart : least;
  }
  return best;
}

static void
improve_palette (Board *board)
{
  const PetCells *cells = &board->cells;
  float sum[PET_PALETTE_MAX][4] = { { 0.0f } };

  for (size_t i = 0; i < count_cells (cells); i++) {
    float *to;

    if (cells->weight[i] < THERE)
      continue;
    to = sum[nearest (board, i)];
    for (int c = 0; c < 3; c++)
      to[c] += cells->color[c][i];
    to[3] += 1.0f;
  }
  for (int k = 0; k < board->n; k++)
    for (int c = 0; c < 3 && sum[k][3] > 0.0f; c++)
      board->lab[k][c] = sum[k][c] / sum[k][3];
}

static uint32_t
to_pixel (const float *lab)
{
  float rgb[3];

  pet_oklab_linear (lab[0], lab[1], lab[2], rgb);
  return pet_pixel (pet_srgb_level (rgb[0]), pet_srgb_level (rgb[1]),
      pet_srgb_level (rgb[2]), 255);
}

static void
make_palette (Board *board, const double *values)
{
  uint32_t colors[PET_PALETTE_MAX];

  if (values[PALETTE] == PET_PALETTE_AUTO) {
    board->n = (int) values[COLORS];
    start_palette (board, board->cells.room[3]);
    for (int i = 0; i < ROUNDS; i++)
      improve_palette (board);
    for (int k = 0; k < board->n; k++)
      board->rgb[k] = to_pixel (board->lab[k]);
    return;
  }
  board->n = pet_palette_colors ((int) values[PALETTE], colors);
  for (int k = 0; k < board->n; k++) {
    float rgb[3];

    pet_print_linear (colors[k], rgb);
    pet_oklab (rgb[0], rgb[1], rgb[2], board->lab[k]);
    board->rgb[k] = pet_print_mix (colors[k], 0, 1.0f) | PET_PIXEL_ALPHA;
  }
}

/* A 4x4 pattern moves the lightness of cells up and down before the nearest
 * colour is looked for. */
static void
paint_cells (Board *board, int dither)
{
  static const int8_t pattern[16] = { -15, 1, -11, 5, 9, -7, 13, -3, -9, 7, -13,
    3, 15, -1, 11, -5 };
  PetCells *cells = &board->cells;
  size_t i = 0;

  for (int y = 0; y < cells->rows; y++)
    for (int x = 0; x < cells->columns; x++, i++) {
      if (cells->weight[i] < THERE) {
        board->color[i] = NOTHING;
        continue;
      }
      if (dither)
        cells->color[0][i] += 0.0035f * (float) pattern[4 * (y & 3) + (x & 3)];
      board->color[i] = (uint8_t) nearest (board, i);
    }
}

static void
draw_outline (Board *board)
{
  int columns = board->cells.columns, rows = board->cells.rows;

  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++) {
      uint8_t *at = board->color + (size_t) y * (size_t) columns + x;

      if (*at == NOTHING &&
          ((x > 0 && at[-1] < LINE) || (x < columns - 1 && at[1] < LINE) ||
              (y > 0 && at[-columns] < LINE) ||
              (y < rows - 1 && at[columns] < LINE)))
        *at = LINE;
    }
}

/* The outline is darker than all, with the hue of the darkest. */
static void
choose_rest (Board *board, const double *values)
{
  float line[3] = { 2.0f, 0.0f, 0.0f };
  double ground = values[GROUND];
  float light[3] = { 0.93f, 0.0f, 0.0f };

  for (int k = 0; k < board->n; k++)
    if (board->lab[k][0] < line[0])
      memcpy (line, board->lab[k], sizeof line);
  line[0] = line[0] < 0.25f ? 0.6f * line[0] : 0.15f;
  board->rgb[LINE] = to_pixel (line);
  light[1] = -0.5f * board->lab[board->n / 2][1];
  light[2] = -0.5f * board->lab[board->n / 2][2];
  board->rgb[NOTHING] = 0;
  if (ground == PET_COLOR_AUTO)
    board->rgb[NOTHING] = to_pixel (light);
  else if (ground != PET_COLOR_NONE)
    board->rgb[NOTHING] =
        pet_print_mix ((uint32_t) ground, 0, 1.0f) | PET_PIXEL_ALPHA;
}

/* The cell of a pixel's middle, -1 where there is none. */
static int
cell_at (int pixel, float start, float pitch, int n)
{
  float at = floorf (((float) pixel + 0.5f - start) / pitch);

  return at >= 0.0f && at < (float) n ? (int) at : -1;
}

static void
print (const Board *board, const PetImage *dst)
{
  const PetCells *cells = &board->cells;
  size_t row_bytes = 4 * (size_t) dst->width;
  int row, last = -2;

  for (int x = 0; x < dst->width; x++)
    board->column[x] = cell_at (x, cells->left, cells->pitch, cells->columns);
  for (int y = 0; y < dst->height; y++, last = row) {
    uint8_t *out = pet_image_row (dst, y);
    const uint8_t *line;

    row = cell_at (y, cells->top, cells->pitch, cells->rows);
    if (row == last) {
      memcpy (out, pet_image_row (dst, y - 1), row_bytes);
      continue;
    }
    line =
        board->color + (size_t) (row > 0 ? row : 0) * (size_t) cells->columns;
    for (int x = 0; x < dst->width; x++) {
      int column = board->column[x];
      uint32_t pixel =
          board->rgb[row < 0 || column < 0 ? NOTHING : line[column]];

      memcpy (out + 4 * (size_t) x, &pixel, 4);
    }
  }
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  PetSubject subject;
  Board board;

  take_scratch (&scratch, &board, src->width, src->height);
  pet_subject_find (src, &subject);
  pet_cells_lay (
      &board.cells, &subject, 480.0f / (float) values[PIXEL_SIZE], 1);
  pet_cells_mean (&board.cells, src);
  make_tone (&board.cells);
  make_palette (&board, values);
  paint_cells (&board, values[DITHER] != 0.0);
  if (values[OUTLINE] > 0.0)
    draw_outline (&board);
  choose_rest (&board, values);
  print (&board, dst);
}

const PetEffect PET_VERSION (pet_fine_retro8bit) = {
  .name = "retro8bit",
  .blurb = "Pixel art in the pet's own palette",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
