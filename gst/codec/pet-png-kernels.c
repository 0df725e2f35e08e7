/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "base/pet-cpu.h"
#include "codec/pet-png-kernels-private.h"

#define ADLER_BASE 65521u

/* Most bytes for which b stays below 2^32 without a division. */
#define ADLER_BYTES 5552

static const uint8_t costs_low[16] = { PET_PNG_COSTS_LOW };
static const uint8_t costs_high[16] = { PET_PNG_COSTS_HIGH };

void
pet_png_adler_c (uint32_t *a, uint32_t *b, const uint8_t *bytes, size_t size)
{
  while (size > 0) {
    size_t part = size < ADLER_BYTES ? size : ADLER_BYTES;

    for (size_t i = 0; i < part; i++) {
      *a += bytes[i];
      *b += *a;
    }
    *a %= ADLER_BASE;
    *b %= ADLER_BASE;
    bytes += part;
    size -= part;
  }
}

static inline uint32_t
cost (uint8_t value)
{
  unsigned distance = value < 128 ? value : 256u - value;

  return distance < 16 ? costs_low[distance] : costs_high[distance / 16];
}

static inline uint8_t
paeth (int left, int up, int corner)
{
  int from_left = up - corner, from_up = left - corner;
  int from_corner = from_left + from_up;

  from_left = from_left < 0 ? -from_left : from_left;
  from_up = from_up < 0 ? -from_up : from_up;
  from_corner = from_corner < 0 ? -from_corner : from_corner;
  if (from_left <= from_up && from_left <= from_corner)
    return (uint8_t) left;
  return (uint8_t) (from_up <= from_corner ? up : corner);
}

void
pet_png_filter_c (const uint8_t *row, const uint8_t *above, size_t from,
    size_t to, size_t pixel_bytes, uint8_t *const *out, uint32_t *costs)
{
  for (size_t i = from; i < to; i++) {
    uint8_t x = row[i], up = above[i];
    uint8_t left = *(row + i - pixel_bytes),
            corner = *(above + i - pixel_bytes);

    out[1][i] = (uint8_t) (x - left);
    out[2][i] = (uint8_t) (x - up);
    out[3][i] = (uint8_t) (x - (left + up) / 2);
    out[4][i] = (uint8_t) (x - paeth (left, up, corner));
    costs[0] += cost (x);
    for (int f = 1; f < PET_PNG_N_FILTERS; f++)
      costs[f] += cost (out[f][i]);
  }
}

int
pet_png_cheapest (const uint32_t *costs)
{
  int best = 0;

  for (int f = 1; f < PET_PNG_N_FILTERS; f++)
    if (costs[f] < costs[best])
      best = f;
  return best;
}

static int
filter_plain (const uint8_t *row, const uint8_t *above, size_t size,
    size_t pixel_bytes, uint8_t *const *out)
{
  uint32_t costs[PET_PNG_N_FILTERS] = { 0 };

  pet_png_filter_c (row, above, 0, size, pixel_bytes, out, costs);
  return pet_png_cheapest (costs);
}

void
pet_png_pick_grey_alpha_c (const uint8_t *in, uint8_t *out, int n)
{
  for (int i = 0; i < n; i++) {
    out[2 * i] = in[4 * i];
    out[2 * i + 1] = in[4 * i + 3];
  }
}

void
pet_png_summarise_c (
    const uint8_t *pixels, int n, uint32_t *differences, uint32_t *common)
{
  for (int i = 0; i < n; i++, pixels += 4) {
    uint32_t colors =
        pixels[0] | (uint32_t) pixels[1] << 8 | (uint32_t) pixels[2] << 16;

    *differences |= (colors ^ colors >> 8) & 0xffff;
    *common &= colors | (uint32_t) pixels[3] << 24;
  }
}

size_t
pet_png_zeros_ahead_c (const uint8_t *bytes, size_t size)
{
  size_t n = 0;

  while (n < size && bytes[n] == 0)
    n++;
  return n;
}

size_t
pet_png_zeros_behind_c (const uint8_t *bytes, size_t size)
{
  size_t n = 0;

  while (n < size && bytes[size - 1 - n] == 0)
    n++;
  return n;
}

size_t
pet_png_find_run_c (const uint8_t *bytes, size_t from, size_t size, size_t run)
{
  size_t n = 0;

  for (size_t i = from; i < size; i++) {
    n = bytes[i] == 0 ? n + 1 : 0;
    if (n == run)
      return i + 1 - run;
  }
  return size;
}

void
pet_png_find_pixels (const uint8_t *row, int channels, int *first, int *end)
{
  const PetPngKernels *kernels = pet_png_kernels ();
  size_t pixel = (size_t) channels;
  size_t start = (size_t) *first * pixel, size = (size_t) *end * pixel;

  start += kernels->zeros_ahead (row + start, size - start);
  if (start == size) {
    *first = *end = 0;
    return;
  }
  size -= kernels->zeros_behind (row + start, size - start);
  *first = (int) (start / pixel);
  *end = (int) ((size + pixel - 1) / pixel);
}

static bool
map_colors (const PetColorMap *map, const uint8_t *pixels, int n, uint8_t *out)
{
  return pet_color_map_pixels (map, pixels, n, out);
}

static const PetPngKernels plain = {
  .name = "c",
  .adler = pet_png_adler_c,
  .filter = filter_plain,
  .pick_grey_alpha = pet_png_pick_grey_alpha_c,
  .summarise = pet_png_summarise_c,
  .map_colors = map_colors,
  .zeros_ahead = pet_png_zeros_ahead_c,
  .zeros_behind = pet_png_zeros_behind_c,
  .find_run = pet_png_find_run_c,
  .count_literals = pet_literals_count_c,
  .put_literals = pet_literals_put_c,
};

/* In the order of PetIsa. */
static const PetPngKernels *const versions[] = {
  &plain,
#ifdef PET_HAVE_X86
  &pet_png_kernels_avx2,
  &pet_png_kernels_avx512,
#endif
};

const PetPngKernels *
pet_png_kernels (void)
{
  return versions[pet_cpu_isa ()];
}

const PetPngKernels *
pet_png_kernels_at (int index)
{
  return index <= (int) pet_cpu_isa_found () ? versions[index] : NULL;
}
