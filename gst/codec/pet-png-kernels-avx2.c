/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <immintrin.h>
#include <stdbool.h>

#include "codec/pet-png-kernels-private.h"

#define ADLER_BASE 65521u
#define VECTOR 32

/* Most vectors for which the sums stay below 2^32. */
#define ADLER_VECTORS 172

static uint32_t
sum_32 (__m256i v)
{
  __m128i x = _mm_add_epi32 (
      _mm256_castsi256_si128 (v), _mm256_extracti128_si256 (v, 1));

  x = _mm_add_epi32 (x, _mm_shuffle_epi32 (x, 0x4e));
  x = _mm_add_epi32 (x, _mm_shuffle_epi32 (x, 0xb1));
  return (uint32_t) _mm_cvtsi128_si32 (x);
}

/* Over one stretch of n vectors b grows by 32 n a, by 32 for each vector and
 * byte sum before it, and by 32..1 times the bytes of a vector. */
static void
adler (uint32_t *a, uint32_t *b, const uint8_t *bytes, size_t size)
{
  const __m256i zero = _mm256_setzero_si256 ();
  const __m256i ones = _mm256_set1_epi16 (1);
  const __m256i weights =
      _mm256_set_epi8 (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
          17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32);

  while (size >= VECTOR) {
    size_t n = size / VECTOR;
    __m256i sum = zero, before = zero, weighted = zero;

    n = n < ADLER_VECTORS ? n : ADLER_VECTORS;
    for (size_t i = 0; i < n; i++) {
      __m256i x = _mm256_loadu_si256 ((const __m256i *) (bytes + VECTOR * i));

      before = _mm256_add_epi32 (before, sum);
      sum = _mm256_add_epi32 (sum, _mm256_sad_epu8 (x, zero));
      weighted = _mm256_add_epi32 (weighted,
          _mm256_madd_epi16 (_mm256_maddubs_epi16 (x, weights), ones));
    }
    *b = (uint32_t) ((*b + (uint64_t) *a * VECTOR * n +
                         (uint64_t) sum_32 (before) * VECTOR +
                         sum_32 (weighted)) %
        ADLER_BASE);
    *a = (*a + sum_32 (sum)) % ADLER_BASE;
    bytes += VECTOR * n;
    size -= VECTOR * n;
  }
  pet_png_adler_c (a, b, bytes, size);
}

static inline __m256i
distance (__m256i x, __m256i y)
{
  return _mm256_or_si256 (_mm256_subs_epu8 (x, y), _mm256_subs_epu8 (y, x));
}

/* The difference to the corner has two parts; where their signs agree it is
 * their sum, which is never the smallest of the three, else their difference. */
static inline __m256i
paeth (__m256i left, __m256i up, __m256i corner)
{
  __m256i from_left = distance (up, corner);
  __m256i from_up = distance (left, corner);
  __m256i up_is_more = _mm256_cmpeq_epi8 (_mm256_max_epu8 (up, corner), up);
  __m256i left_is_more =
      _mm256_cmpeq_epi8 (_mm256_max_epu8 (left, corner), left);
  __m256i from_corner = _mm256_blendv_epi8 (
      _mm256_adds_epu8 (from_left, from_up), distance (from_left, from_up),
      _mm256_xor_si256 (up_is_more, left_is_more));
  __m256i least =
      _mm256_min_epu8 (from_left, _mm256_min_epu8 (from_up, from_corner));
  __m256i best =
      _mm256_blendv_epi8 (corner, up, _mm256_cmpeq_epi8 (least, from_up));

  return _mm256_blendv_epi8 (best, left, _mm256_cmpeq_epi8 (least, from_left));
}

static inline __m256i
cost (__m256i value)
{
  const __m256i low =
      _mm256_broadcastsi128_si256 (_mm_setr_epi8 (PET_PNG_COSTS_LOW));
  const __m256i high =
      _mm256_broadcastsi128_si256 (_mm_setr_epi8 (PET_PNG_COSTS_HIGH));
  const __m256i nibble = _mm256_set1_epi8 (15);
  __m256i distance_from_0 = _mm256_abs_epi8 (value);
  __m256i upper =
      _mm256_and_si256 (_mm256_srli_epi16 (distance_from_0, 4), nibble);
  __m256i lower = _mm256_and_si256 (distance_from_0, nibble);
  __m256i most = _mm256_max_epu8 (
      _mm256_shuffle_epi8 (low, lower), _mm256_shuffle_epi8 (high, upper));

  return _mm256_sad_epu8 (most, _mm256_setzero_si256 ());
}

static int
filter (const uint8_t *row, const uint8_t *above, size_t size,
    size_t pixel_bytes, uint8_t *const *out)
{
  uint8_t *subs = out[1], *ups = out[2], *averages = out[3], *paeths = out[4];
  const __m256i one = _mm256_set1_epi8 (1);
  uint32_t costs[PET_PNG_N_FILTERS];
  __m256i sums[PET_PNG_N_FILTERS];
  size_t i = 0;

  for (int f = 0; f < PET_PNG_N_FILTERS; f++)
    sums[f] = _mm256_setzero_si256 ();
  for (; i + VECTOR <= size; i += VECTOR) {
    __m256i x = _mm256_loadu_si256 ((const __m256i *) (row + i));
    __m256i up = _mm256_loadu_si256 ((const __m256i *) (above + i));
    __m256i left =
        _mm256_loadu_si256 ((const __m256i *) (row + i - pixel_bytes));
    __m256i corner =
        _mm256_loadu_si256 ((const __m256i *) (above + i - pixel_bytes));
    __m256i half = _mm256_sub_epi8 (_mm256_avg_epu8 (left, up),
        _mm256_and_si256 (_mm256_xor_si256 (left, up), one));
    __m256i sub = _mm256_sub_epi8 (x, left), from_up = _mm256_sub_epi8 (x, up);
    __m256i average = _mm256_sub_epi8 (x, half);
    __m256i from_paeth = _mm256_sub_epi8 (x, paeth (left, up, corner));

    _mm256_storeu_si256 ((__m256i *) (subs + i), sub);
    _mm256_storeu_si256 ((__m256i *) (ups + i), from_up);
    _mm256_storeu_si256 ((__m256i *) (averages + i), average);
    _mm256_storeu_si256 ((__m256i *) (paeths + i), from_paeth);
    sums[0] = _mm256_add_epi32 (sums[0], cost (x));
    sums[1] = _mm256_add_epi32 (sums[1], cost (sub));
    sums[2] = _mm256_add_epi32 (sums[2], cost (from_up));
    sums[3] = _mm256_add_epi32 (sums[3], cost (average));
    sums[4] = _mm256_add_epi32 (sums[4], cost (from_paeth));
  }
  for (int f = 0; f < PET_PNG_N_FILTERS; f++)
    costs[f] = sum_32 (sums[f]);
  pet_png_filter_c (row, above, i, size, pixel_bytes, out, costs);
  return pet_png_cheapest (costs);
}

static inline __m256i
load (const uint8_t *bytes)
{
  return _mm256_loadu_si256 ((const __m256i *) bytes);
}

static void
pick_grey_alpha (const uint8_t *in, uint8_t *out, int n)
{
  const __m256i order = _mm256_broadcastsi128_si256 (_mm_setr_epi8 (
      0, 3, 4, 7, 8, 11, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1));
  int i = 0;

  for (; i + 8 <= n; i += 8) {
    __m256i picked = _mm256_shuffle_epi8 (load (in + 4 * i), order);

    _mm_storeu_si128 ((__m128i *) (out + 2 * i),
        _mm256_castsi256_si128 (_mm256_permute4x64_epi64 (picked, 0x08)));
  }
  pet_png_pick_grey_alpha_c (in + 4 * i, out + 2 * i, n - i);
}

static void
summarise (
    const uint8_t *pixels, int n, uint32_t *differences, uint32_t *common)
{
  __m256i differ = _mm256_setzero_si256 ();
  __m256i all = _mm256_set1_epi32 ((int) *common);
  uint32_t lanes[2][8];
  int i = 0;

  for (; i + 8 <= n; i += 8) {
    __m256i x = load (pixels + 4 * i);

    differ = _mm256_or_si256 (
        differ, _mm256_xor_si256 (x, _mm256_srli_epi32 (x, 8)));
    all = _mm256_and_si256 (all, x);
  }
  _mm256_storeu_si256 ((__m256i *) lanes[0], differ);
  _mm256_storeu_si256 ((__m256i *) lanes[1], all);
  for (int k = 0; k < 8; k++) {
    *differences |= lanes[0][k] & 0xffff;
    *common &= lanes[1][k];
  }
  pet_png_summarise_c (pixels + 4 * i, n - i, differences, common);
}

static inline uint32_t
zero_mask (const uint8_t *bytes)
{
  return (uint32_t) _mm256_movemask_epi8 (
      _mm256_cmpeq_epi8 (load (bytes), _mm256_setzero_si256 ()));
}

static inline bool
are_zero (const uint8_t *bytes)
{
  __m256i any =
      _mm256_or_si256 (_mm256_or_si256 (load (bytes), load (bytes + 32)),
          _mm256_or_si256 (load (bytes + 64), load (bytes + 96)));

  return _mm256_testz_si256 (any, any);
}

static size_t
zeros_ahead (const uint8_t *bytes, size_t size)
{
  size_t n = 0;

  while (n + 4 * VECTOR <= size && are_zero (bytes + n))
    n += 4 * VECTOR;
  for (; n + VECTOR <= size; n += VECTOR) {
    uint32_t others = ~zero_mask (bytes + n);

    if (others != 0)
      return n + (size_t) __builtin_ctz (others);
  }
  return n + pet_png_zeros_ahead_c (bytes + n, size - n);
}

static size_t
zeros_behind (const uint8_t *bytes, size_t size)
{
  size_t left = size;

  while (left >= 4 * VECTOR && are_zero (bytes + left - 4 * VECTOR))
    left -= 4 * VECTOR;
  for (; left >= VECTOR; left -= VECTOR) {
    uint32_t others = ~zero_mask (bytes + left - VECTOR);

    if (others != 0)
      return size - left + (size_t) __builtin_clz (others);
  }
  return size - left + pet_png_zeros_behind_c (bytes, left);
}

/* A bit per byte that is 0; where one and those behind it are set, a run
 * begins. It is found in the vector where it begins, with the next one in
 * sight. */
static size_t
find_run (const uint8_t *bytes, size_t from, size_t size, size_t run)
{
  size_t i = from;
  unsigned rest = (unsigned) run - 4;

  for (; i + 2 * VECTOR <= size; i += VECTOR) {
    uint64_t zeros = zero_mask (bytes + i);
    uint64_t begins;

    if (zeros == 0)
      continue;
    zeros |= (uint64_t) zero_mask (bytes + i + VECTOR) << VECTOR;
    begins = zeros & zeros >> 1;
    begins &= begins >> 2;
    for (unsigned done = 4, left = rest; left > 0;) {
      unsigned step = left < done ? left : done;

      begins &= begins >> step;
      done += step;
      left -= step;
    }
    if ((uint32_t) begins != 0)
      return i + (size_t) __builtin_ctz ((uint32_t) begins);
  }
  return pet_png_find_run_c (bytes, i, size, run);
}

#define MAPPED 32

/* The values of MAPPED pixels, all of which stay in registers while keys go by; false:
 * one is no key. */
static inline bool
map_block (const PetColorMap *map, const uint8_t *pixels, uint8_t *out)
{
  const __m256i known = _mm256_set1_epi32 ((int) PET_COLOR_MAP_KNOWN);
  const __m256i byte = _mm256_set1_epi32 (0xff);
  __m256i pixel[4], found[4], all = known, low, high;

  for (int i = 0; i < 4; i++) {
    pixel[i] = _mm256_loadu_si256 ((const __m256i *) pixels + i);
    found[i] = _mm256_setzero_si256 ();
  }
  for (int k = 0; k < map->n_keys; k++) {
    __m256i key = _mm256_set1_epi32 ((int) map->keys[k]);
    __m256i value =
        _mm256_set1_epi32 ((int) (PET_COLOR_MAP_KNOWN | map->values[k]));

    for (int i = 0; i < 4; i++)
      found[i] = _mm256_or_si256 (found[i],
          _mm256_and_si256 (_mm256_cmpeq_epi32 (pixel[i], key), value));
  }
  for (int i = 0; i < 4; i++) {
    all = _mm256_and_si256 (all, found[i]);
    found[i] = _mm256_and_si256 (found[i], byte);
  }
  low = _mm256_packus_epi32 (found[0], found[1]);
  high = _mm256_packus_epi32 (found[2], found[3]);
  _mm256_storeu_si256 ((__m256i *) out,
      _mm256_permutevar8x32_epi32 (_mm256_packus_epi16 (low, high),
          _mm256_setr_epi32 (0, 4, 1, 5, 2, 6, 3, 7)));
  return _mm256_testc_si256 (all, known);
}

static bool
map_colors (const PetColorMap *map, const uint8_t *pixels, int n, uint8_t *out)
{
  bool known = true;
  int i = 0;

  for (; known && i + MAPPED <= n; i += MAPPED)
    known = map_block (map, pixels + 4 * (size_t) i, out + i);
  return known &&
      pet_color_map_pixels (map, pixels + 4 * (size_t) i, n - i, out + i);
}

const PetPngKernels pet_png_kernels_avx2 = {
  .name = "avx2",
  .adler = adler,
  .filter = filter,
  .pick_grey_alpha = pick_grey_alpha,
  .summarise = summarise,
  .map_colors = map_colors,
  .zeros_ahead = zeros_ahead,
  .zeros_behind = zeros_behind,
  .find_run = find_run,
  .count_literals = pet_literals_count_c,
  .put_literals = pet_literals_put_c,
};
