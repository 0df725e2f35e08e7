/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ends that are no whole vector are read and written under a mask: what is
 * masked is 0, and 0 costs nothing. */

#include <immintrin.h>
#include <string.h>

#include "codec/pet-png-kernels-private.h"

#define ADLER_BASE 65521u
#define VECTOR 64

/* Most vectors for which the sums stay below 2^32. */
#define ADLER_VECTORS 86

/* Fewer literals than this are put one by one. */
#define FEW_LITERALS 24

/* Literals other than 0 are counted when there are so many or a vector more. */
#define COUNTED 1024

static inline __mmask64
first_lanes (size_t n)
{
  return n >= VECTOR ? ~(__mmask64) 0 : ((__mmask64) 1 << n) - 1;
}

static inline __m512i
load (const uint8_t *bytes, __mmask64 mask)
{
  return _mm512_maskz_loadu_epi8 (mask, bytes);
}

static inline __m512i
load_all (const uint8_t *bytes)
{
  return _mm512_loadu_si512 (bytes);
}

/* Sums of a stretch of vectors: of the bytes, of those before each vector, and
 * of the bytes times 64..1. */
typedef struct {
  __m512i bytes, before, weighted;
} Sums;

static inline Sums
add_vector (Sums sums, __m512i x, __m512i weights)
{
  const __m512i ones = _mm512_set1_epi16 (1);

  return (Sums){ _mm512_add_epi32 (
                     sums.bytes, _mm512_sad_epu8 (x, _mm512_setzero_si512 ())),
    _mm512_add_epi32 (sums.before, sums.bytes),
    _mm512_add_epi32 (sums.weighted,
        _mm512_madd_epi16 (_mm512_maddubs_epi16 (x, weights), ones)) };
}

static inline uint32_t
total (__m512i sums)
{
  return (uint32_t) _mm512_reduce_add_epi32 (sums);
}

/* Of a last vector of n bytes the weights are too large by 64 - n. */
static void
adler (uint32_t *a, uint32_t *b, const uint8_t *bytes, size_t size)
{
  const Sums none = { _mm512_setzero_si512 (), _mm512_setzero_si512 (),
    _mm512_setzero_si512 () };
  uint8_t falling[VECTOR];
  __m512i weights;

  for (int i = 0; i < VECTOR; i++)
    falling[i] = (uint8_t) (VECTOR - i);
  weights = load_all (falling);
  while (size >= VECTOR) {
    size_t n = size / VECTOR < ADLER_VECTORS ? size / VECTOR : ADLER_VECTORS;
    Sums sums = none;

    for (size_t i = 0; i < n; i++)
      sums = add_vector (sums, load_all (bytes + VECTOR * i), weights);
    *b = (uint32_t) ((*b + (uint64_t) *a * VECTOR * n +
                         (uint64_t) total (sums.before) * VECTOR +
                         total (sums.weighted)) %
        ADLER_BASE);
    *a = (*a + total (sums.bytes)) % ADLER_BASE;
    bytes += VECTOR * n;
    size -= VECTOR * n;
  }
  if (size > 0) {
    Sums sums = add_vector (none, load (bytes, first_lanes (size)), weights);

    *b = (uint32_t) ((*b + *a * size + total (sums.weighted) -
                         (VECTOR - size) * total (sums.bytes)) %
        ADLER_BASE);
    *a = (*a + total (sums.bytes)) % ADLER_BASE;
  }
}

static inline __m512i
distance (__m512i x, __m512i y)
{
  return _mm512_sub_epi8 (_mm512_max_epu8 (x, y), _mm512_min_epu8 (x, y));
}

/* As with AVX2: where the signs of the two parts of the difference to the
 * corner agree it is never the smallest of the three. */
static inline __m512i
paeth (__m512i left, __m512i up, __m512i corner)
{
  __m512i from_left = distance (up, corner);
  __m512i from_up = distance (left, corner);
  __mmask64 differ = _kxor_mask64 (_mm512_cmpge_epu8_mask (up, corner),
      _mm512_cmpge_epu8_mask (left, corner));
  __m512i from_corner = _mm512_mask_blend_epi8 (differ,
      _mm512_adds_epu8 (from_left, from_up), distance (from_left, from_up));
  __m512i least =
      _mm512_min_epu8 (from_left, _mm512_min_epu8 (from_up, from_corner));
  __m512i best = _mm512_mask_blend_epi8 (
      _mm512_cmpeq_epi8_mask (least, from_up), corner, up);

  return _mm512_mask_blend_epi8 (
      _mm512_cmpeq_epi8_mask (least, from_left), best, left);
}

/* By distance from 0; above 127 they cost what 127 does. */
typedef struct {
  __m512i low, high;
} Costs;

static Costs
load_costs (void)
{
  static const uint8_t low[16] = { PET_PNG_COSTS_LOW };
  static const uint8_t high[16] = { PET_PNG_COSTS_HIGH };
  uint8_t costs[2 * VECTOR];

  for (int i = 0; i < 2 * VECTOR; i++)
    costs[i] = i < 16 ? low[i] : high[i / 16];
  return (Costs){ load_all (costs), load_all (costs + VECTOR) };
}

static inline __m512i
add_cost (__m512i sum, Costs costs, __m512i value)
{
  __m512i away =
      _mm512_min_epu8 (_mm512_abs_epi8 (value), _mm512_set1_epi8 (127));

  return _mm512_add_epi64 (sum,
      _mm512_sad_epu8 (_mm512_permutex2var_epi8 (costs.low, away, costs.high),
          _mm512_setzero_si512 ()));
}

static int
filter (const uint8_t *row, const uint8_t *above, size_t size,
    size_t pixel_bytes, uint8_t *const *out)
{
  const Costs costs = load_costs ();
  const __m512i one = _mm512_set1_epi8 (1);
  uint8_t *subs = out[1], *ups = out[2], *averages = out[3], *paeths = out[4];
  __m512i sums[PET_PNG_N_FILTERS];
  uint32_t totals[PET_PNG_N_FILTERS];

  for (int f = 0; f < PET_PNG_N_FILTERS; f++)
    sums[f] = _mm512_setzero_si512 ();
  for (size_t i = 0; i < size; i += VECTOR) {
    __mmask64 mask = first_lanes (size - i);
    __m512i x = load (row + i, mask), up = load (above + i, mask);
    __m512i left = load (row + i - pixel_bytes, mask);
    __m512i corner = load (above + i - pixel_bytes, mask);
    __m512i half = _mm512_sub_epi8 (_mm512_avg_epu8 (left, up),
        _mm512_and_si512 (_mm512_xor_si512 (left, up), one));
    __m512i sub = _mm512_sub_epi8 (x, left), from_up = _mm512_sub_epi8 (x, up);
    __m512i average = _mm512_sub_epi8 (x, half);
    __m512i from_paeth = _mm512_sub_epi8 (x, paeth (left, up, corner));

    _mm512_mask_storeu_epi8 (subs + i, mask, sub);
    _mm512_mask_storeu_epi8 (ups + i, mask, from_up);
    _mm512_mask_storeu_epi8 (averages + i, mask, average);
    _mm512_mask_storeu_epi8 (paeths + i, mask, from_paeth);
    sums[0] = add_cost (sums[0], costs, x);
    sums[1] = add_cost (sums[1], costs, sub);
    sums[2] = add_cost (sums[2], costs, from_up);
    sums[3] = add_cost (sums[3], costs, average);
    sums[4] = add_cost (sums[4], costs, from_paeth);
  }
  for (int f = 0; f < PET_PNG_N_FILTERS; f++)
    totals[f] = (uint32_t) _mm512_reduce_add_epi64 (sums[f]);
  return pet_png_cheapest (totals);
}

static void
pick_grey_alpha (const uint8_t *in, uint8_t *out, int n)
{
  uint8_t order[VECTOR];
  __m512i picks;

  /* Of 32 pixels in two vectors. */
  for (int i = 0; i < VECTOR; i++)
    order[i] = (uint8_t) (i / 2 * 4 + i % 2 * 3);
  picks = load_all (order);
  for (int i = 0; i < n; i += 32) {
    size_t left = (size_t) (n - i);
    __m512i a = load (in + 4 * i, first_lanes (4 * left));
    __m512i b = load (
        in + 4 * i + VECTOR, left > 16 ? first_lanes (4 * (left - 16)) : 0);

    _mm512_mask_storeu_epi8 (out + 2 * i, first_lanes (2 * left),
        _mm512_permutex2var_epi8 (a, picks, b));
  }
}

static void
summarise (
    const uint8_t *pixels, int n, uint32_t *differences, uint32_t *common)
{
  __m512i differ = _mm512_setzero_si512 ();
  __m512i all = _mm512_set1_epi32 ((int) *common);

  for (int i = 0; i < n; i += 16) {
    __mmask16 mask =
        n - i < 16 ? (__mmask16) ((1u << (n - i)) - 1) : (__mmask16) 0xffff;
    __m512i x = _mm512_maskz_loadu_epi32 (mask, pixels + 4 * i);

    differ = _mm512_or_si512 (
        differ, _mm512_xor_si512 (x, _mm512_srli_epi32 (x, 8)));
    all = _mm512_mask_and_epi32 (all, mask, all, x);
  }
  *differences |= (uint32_t) _mm512_reduce_or_epi32 (differ) & 0xffff;
  *common &= (uint32_t) _mm512_reduce_and_epi32 (all);
}

/* A bit per byte that is not 0. */
static inline uint64_t
others (__m512i x)
{
  return _mm512_test_epi8_mask (x, x);
}

static inline int
are_zero (const uint8_t *bytes)
{
  __m512i any = _mm512_or_si512 (
      _mm512_or_si512 (load_all (bytes), load_all (bytes + 64)),
      _mm512_or_si512 (load_all (bytes + 128), load_all (bytes + 192)));

  return _mm512_test_epi64_mask (any, any) == 0;
}

static size_t
zeros_ahead (const uint8_t *bytes, size_t size)
{
  size_t n = 0;
  uint64_t found;

  for (; n + VECTOR <= size; n += VECTOR) {
    found = others (load_all (bytes + n));
    if (found != 0)
      return n + (size_t) __builtin_ctzll (found);
    while (n + 5 * VECTOR <= size && are_zero (bytes + n + VECTOR))
      n += 4 * VECTOR;
  }
  found = others (load (bytes + n, first_lanes (size - n)));
  return found != 0 ? n + (size_t) __builtin_ctzll (found) : size;
}

static size_t
zeros_behind (const uint8_t *bytes, size_t size)
{
  size_t left = size;
  uint64_t found;

  while (left >= 4 * VECTOR && are_zero (bytes + left - 4 * VECTOR))
    left -= 4 * VECTOR;
  for (; left >= VECTOR; left -= VECTOR) {
    found = others (load_all (bytes + left - VECTOR));
    if (found != 0)
      return size - left + (size_t) __builtin_clzll (found);
  }
  found = others (load (bytes, first_lanes (left)));
  return found != 0 ? size + (size_t) __builtin_clzll (found) - VECTOR : size;
}

/* Where one bit and those behind it are set, a run begins; those that would end
 * in the next vector are seen there with the end of this one. */
static size_t
find_run (const uint8_t *bytes, size_t from, size_t size, size_t run)
{
  size_t i = from, step = VECTOR - run + 1;

  for (; i < size; i += step) {
    __mmask64 mask = first_lanes (size - i);
    uint64_t begins = ~others (load (bytes + i, mask)) & mask;

    begins &= begins >> 1;
    begins &= begins >> 2;
    for (size_t done = 4; begins != 0 && done < run;) {
      size_t more = run - done < done ? run - done : done;

      begins &= begins >> more;
      done += more;
    }
    if (begins != 0)
      return i + (size_t) __builtin_ctzll (begins);
  }
  return size;
}

/* Eight at a time to four tables, because equal neighbours would wait for each
 * other. */
static void
count_others (const uint8_t *bytes, size_t n, uint32_t (*tables)[256])
{
  size_t i = 0;

  for (; i + 8 <= n; i += 8) {
    uint64_t eight;

    memcpy (&eight, bytes + i, 8);
    tables[0][eight & 255]++;
    tables[1][eight >> 8 & 255]++;
    tables[2][eight >> 16 & 255]++;
    tables[3][eight >> 24 & 255]++;
    tables[0][eight >> 32 & 255]++;
    tables[1][eight >> 40 & 255]++;
    tables[2][eight >> 48 & 255]++;
    tables[3][eight >> 56]++;
  }
  for (; i < n; i++)
    tables[0][bytes[i]]++;
}

/* Zeros, of which there are as many as of all others together, are left out
 * first. */
static void
count_literals (
    const uint8_t *literals, size_t n, bool in_pairs, uint32_t *counts)
{
  uint32_t tables[4][256] = { { 0 } };
  uint8_t others_only[COUNTED + VECTOR];
  size_t n_others = 0, n_all = 0;

  for (size_t i = 0; i < n; i += VECTOR) {
    __m512i x = load (literals + i, first_lanes (n - i));
    uint64_t found = others (x);

    _mm512_storeu_si512 (
        others_only + n_others, _mm512_maskz_compress_epi8 (found, x));
    n_others += (size_t) __builtin_popcountll (found);
    if (n_others < COUNTED)
      continue;
    count_others (others_only, n_others, tables);
    n_all += n_others;
    n_others = 0;
  }
  count_others (others_only, n_others, tables);
  for (int i = 0; i < 256; i++)
    counts[i] += tables[0][i] + tables[1][i] + tables[2][i] + tables[3][i];
  counts[0] += (uint32_t) (n - n_all - n_others);
}

/* 256 bytes to look up. */
typedef struct {
  __m512i quarters[4];
} Table;

static inline Table
load_table (const uint8_t *bytes)
{
  return (Table){ { load_all (bytes), load_all (bytes + 64),
      load_all (bytes + 128), load_all (bytes + 192) } };
}

static inline __m512i
look_up (const Table *table, __m512i at, __mmask64 upper)
{
  const __m512i *q = table->quarters;

  return _mm512_mask_blend_epi8 (upper,
      _mm512_permutex2var_epi8 (q[0], at, q[1]),
      _mm512_permutex2var_epi8 (q[2], at, q[3]));
}

/* Codes of neighbours one behind the other, and their lengths together. */
typedef struct {
  __m512i codes, lengths;
} Codes;

static inline Codes
join_32 (__m512i a, __m512i a_lengths, __m512i b, __m512i b_lengths)
{
  return (Codes){ _mm512_or_si512 (a, _mm512_sllv_epi32 (b, a_lengths)),
    _mm512_add_epi32 (a_lengths, b_lengths) };
}

static inline Codes
join_64 (Codes a, Codes b)
{
  return (
      Codes){ _mm512_or_si512 (a.codes, _mm512_sllv_epi64 (b.codes, a.lengths)),
    _mm512_add_epi64 (a.lengths, b.lengths) };
}

/* Eight times eight literals, from one byte of code and length each. */
static inline Codes
join_eights (__m512i low, __m512i high, __m512i lengths, __m512i *fours)
{
  const __m512i byte = _mm512_set1_epi16 (255), zero = _mm512_setzero_si512 ();
  const __m512i word = _mm512_set1_epi32 (0xffff);
  __m512i even = _mm512_or_si512 (
      _mm512_and_si512 (low, byte), _mm512_slli_epi16 (high, 8));
  __m512i odd = _mm512_or_si512 (
      _mm512_srli_epi16 (low, 8), _mm512_andnot_si512 (byte, high));
  __m512i even_n = _mm512_and_si512 (lengths, byte);
  __m512i odd_n = _mm512_srli_epi16 (lengths, 8);
  Codes a =
      join_32 (_mm512_and_si512 (even, word), _mm512_and_si512 (even_n, word),
          _mm512_and_si512 (odd, word), _mm512_and_si512 (odd_n, word));
  Codes b =
      join_32 (_mm512_srli_epi32 (even, 16), _mm512_srli_epi32 (even_n, 16),
          _mm512_srli_epi32 (odd, 16), _mm512_srli_epi32 (odd_n, 16));
  Codes first = join_64 ((Codes){ _mm512_unpacklo_epi32 (a.codes, zero),
                             _mm512_unpacklo_epi32 (a.lengths, zero) },
      (Codes){ _mm512_unpacklo_epi32 (b.codes, zero),
          _mm512_unpacklo_epi32 (b.lengths, zero) });
  Codes second = join_64 ((Codes){ _mm512_unpackhi_epi32 (a.codes, zero),
                              _mm512_unpackhi_epi32 (a.lengths, zero) },
      (Codes){ _mm512_unpackhi_epi32 (b.codes, zero),
          _mm512_unpackhi_epi32 (b.lengths, zero) });
  Codes left = { _mm512_unpacklo_epi64 (first.codes, second.codes),
    _mm512_unpacklo_epi64 (first.lengths, second.lengths) };
  Codes right = { _mm512_unpackhi_epi64 (first.codes, second.codes),
    _mm512_unpackhi_epi64 (first.lengths, second.lengths) };

  fours[0] = left.codes;
  fours[1] = left.lengths;
  fours[2] = right.codes;
  fours[3] = right.lengths;
  return join_64 (left, right);
}

static inline uint8_t *
put (PetBits *bits, uint64_t code, uint64_t length, uint8_t *out)
{
  bits->bits |= code << bits->n;
  bits->n += (unsigned) length;
  memcpy (out, &bits->bits, 8);
  out += bits->n / 8;
  bits->bits >>= bits->n & ~7u;
  bits->n &= 7;
  return out;
}

/* Of eight codes that are too long together, each half is one that is not. */
static uint8_t *
put_fours (const __m512i *fours, int n, PetBits *bits, uint8_t *out)
{
  uint64_t parts[4][8];

  memcpy (parts, fours, sizeof parts);
  for (int i = 0; i < n; i++)
    for (int half = 0; half < 2; half++)
      out = put (bits, parts[2 * half][i], parts[2 * half + 1][i], out);
  return out;
}

static size_t
put_literals (const PetLiteralCodes *codes, const uint8_t *literals, size_t n,
    PetBits *bits, uint8_t *out)
{
  const __m512i most = _mm512_set1_epi64 (56);
  Table low, high, lengths;
  uint8_t *start = out;
  PetBits last = *bits;

  if (n < FEW_LITERALS)
    return pet_literals_put_c (codes, literals, n, bits, out);
  low = load_table (codes->low);
  high = load_table (codes->high);
  lengths = load_table (codes->lengths);
  for (size_t i = 0; i < n; i += VECTOR) {
    __mmask64 mask = first_lanes (n - i);
    __m512i at = load (literals + i, mask), fours[4];
    __mmask64 upper = _mm512_movepi8_mask (at);
    Codes eights =
        join_eights (_mm512_maskz_mov_epi8 (mask, look_up (&low, at, upper)),
            _mm512_maskz_mov_epi8 (mask, look_up (&high, at, upper)),
            _mm512_maskz_mov_epi8 (mask, look_up (&lengths, at, upper)), fours);
    int n_eights = n - i < VECTOR ? (int) (n - i + 7) / 8 : 8;
    uint64_t parts[2][8];

    if (_mm512_cmpgt_epu64_mask (eights.lengths, most) != 0) {
      out = put_fours (fours, n_eights, &last, out);
      continue;
    }
    memcpy (parts[0], &eights.codes, 64);
    memcpy (parts[1], &eights.lengths, 64);
    for (int k = 0; k < n_eights; k++)
      out = put (&last, parts[0][k], parts[1][k], out);
  }
  *bits = last;
  return (size_t) (out - start);
}

static bool
map_colors (const PetColorMap *map, const uint8_t *pixels, int n, uint8_t *out)
{
  const __m512i factor = _mm512_set1_epi32 ((int) map->factor);
  const __m512i byte = _mm512_set1_epi32 (0xff);
  __m512i slots[2] = { _mm512_loadu_si512 (map->slots),
    _mm512_loadu_si512 (map->slots + 64) };
  __m512i keys[2] = { _mm512_loadu_si512 (map->keys),
    _mm512_loadu_si512 (map->keys + 16) };
  __m512i values = _mm512_castsi256_si512 (
      _mm256_loadu_si256 ((const __m256i *) map->values));
  __mmask16 unknown = 0;

  for (int i = 0; i < n; i += 16) {
    __mmask16 mask =
        n - i < 16 ? (__mmask16) ((1u << (n - i)) - 1) : (__mmask16) 0xffff;
    __m512i pixel = _mm512_maskz_loadu_epi32 (mask, pixels + 4 * (size_t) i);
    __m512i slot = _mm512_srli_epi32 (
        _mm512_mullo_epi32 (pixel, factor), 32 - PET_COLOR_MAP_BITS);
    __m512i index = _mm512_and_si512 (
        _mm512_permutex2var_epi8 (slots[0], slot, slots[1]), byte);

    unknown |= _mm512_mask_cmpneq_epu32_mask (
        mask, pixel, _mm512_permutex2var_epi32 (keys[0], index, keys[1]));
    _mm512_mask_cvtepi32_storeu_epi8 (
        out + i, mask, _mm512_permutexvar_epi8 (index, values));
  }
  return unknown == 0;
}

const PetPngKernels pet_png_kernels_avx512 = {
  .name = "avx512",
  .adler = adler,
  .filter = filter,
  .pick_grey_alpha = pick_grey_alpha,
  .summarise = summarise,
  .map_colors = map_colors,
  .zeros_ahead = zeros_ahead,
  .zeros_behind = zeros_behind,
  .find_run = find_run,
  .count_literals = count_literals,
  .put_literals = put_literals,
};
