/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Colours from far away, for soft pixels that have nothing sure nearby: the
 * middle of a smudge, a hole between the legs. PET_FAR_SAMPLES^2 pixels of the
 * part are looked at, those of which the mask and the photo's own alpha are
 * sure are added up in PET_FAR_TILES^2 tiles, and a tile's colours are the means
 * over all tiles, weighted by 1 / (1 + d^2)^2 for a distance of d tiles. */

#include "image/pet-matte-private.h"

#include <string.h>

#define IN_TILE (PET_FAR_SAMPLES / PET_FAR_TILES)
#define ALL_TILES (PET_FAR_TILES * PET_FAR_TILES)

/* Number, R, G, B of sure samples. */
typedef struct {
  uint32_t tiles[2][ALL_TILES][4];
} Sums;

/* Middle of sample `k` on `side` pixels or values. */
static int
sample_at (int k, int side)
{
  return (int) ((2 * (int64_t) k + 1) * side / (2 * PET_FAR_SAMPLES));
}

static void
add_sample (const PetMatte *m, int column, int row, Sums *sums)
{
  const PetImage *photo = m->photo, *mask = m->mask;
  const PetMatteOptions *options = m->options;
  const uint8_t *pixel =
      pet_image_row (photo, m->part.y + sample_at (row, m->part.height)) +
      (ptrdiff_t) (m->part.x + sample_at (column, m->part.width)) *
          photo->channels;
  int value = pet_image_row (
      mask, sample_at (row, mask->height))[sample_at (column, mask->width)];
  int tile = row / IN_TILE * PET_FAR_TILES + column / IN_TILE;
  uint32_t *sum;

  if (photo->channels == 4)
    value = (value * pixel[3] + 127) / 255;
  if (value > options->low && value < options->high)
    return;
  sum = sums->tiles[value <= options->low][tile];
  sum[0]++;
  for (int c = 0; c < 3; c++)
    sum[1 + c] += pixel[c];
}

static void
spread (const uint32_t tiles[ALL_TILES][4], int at, float *color)
{
  float sums[4] = { 0 };

  for (int i = 0; i < ALL_TILES; i++) {
    int down = i / PET_FAR_TILES - at / PET_FAR_TILES;
    int across = i % PET_FAR_TILES - at % PET_FAR_TILES;
    int squared = 1 + down * down + across * across;
    float weight = 1.0f / (float) (squared * squared);

    for (int c = 0; c < 4; c++)
      sums[c] += (float) (int32_t) tiles[i][c] * weight;
  }
  for (int c = 0; c < 3; c++)
    color[c] = sums[0] > 0.0f ? sums[1 + c] / sums[0] : 0.0f;
  color[3] = sums[0] > 0.0f;
}

void
pet_matte_find_far (PetMatte *m)
{
  Sums sums;

  memset (&sums, 0, sizeof sums);
  for (int row = 0; row < PET_FAR_SAMPLES; row++)
    for (int column = 0; column < PET_FAR_SAMPLES; column++)
      add_sample (m, column, row, &sums);
  for (int part = 0; part < 2; part++)
    for (int i = 0; i < ALL_TILES; i++)
      spread (sums.tiles[part], i, m->far[part][i]);
}

static int
place (int cell, int step, int from, float scale, float *share)
{
  float at =
      (((float) cell + 0.5f) * (float) step - (float) from) * scale - 0.5f;

  at = at < 0.0f                         ? 0.0f
      : at > (float) (PET_FAR_TILES - 1) ? (float) (PET_FAR_TILES - 1)
                                         : at;
  *share = at - (float) (int) at;
  return (int) at;
}

void
pet_matte_far_color (
    const PetMatte *m, int part, int column, int row, float color[4])
{
  float across, down;
  int left = place (column, m->step, m->part.x, m->far_scale[0], &across);
  int top = place (row, m->step, m->part.y, m->far_scale[1], &down);
  int right = left + (left < PET_FAR_TILES - 1);
  int bottom = top + (top < PET_FAR_TILES - 1);
  const float (*above)[4] = &m->far[part][top * PET_FAR_TILES];
  const float (*below)[4] = &m->far[part][bottom * PET_FAR_TILES];

  for (int c = 0; c < 4; c++) {
    float first = above[left][c] + (below[left][c] - above[left][c]) * down;
    float next = above[right][c] + (below[right][c] - above[right][c]) * down;

    color[c] = first + (next - first) * across;
  }
}
