/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiled once per instruction set, which PET_ISA names. A number of 32 bits of
 * each vector belongs to one block. */

#include "codec/pet-jpeg-idct.h"

#include <immintrin.h>
#include <stdbool.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_ (a, b)

#ifdef __AVX512BW__
typedef __m512i Vector;
#define OF(operation) JOIN (_mm512_, operation)
#define OR OF (or_si512)
#define XOR OF (xor_si512)
#define IN_LANES OF (broadcast_i32x4)
#define LOAD(from) OF (loadu_si512) (from)
#define STORE(to, vector) OF (storeu_si512) (to, vector)
#define IS_ZERO(vector, mask) (OF (test_epi16_mask) (vector, mask) == 0)
#else
typedef __m256i Vector;
#define OF(operation) JOIN (_mm256_, operation)
#define OR OF (or_si256)
#define XOR OF (xor_si256)
#define IN_LANES OF (broadcastsi128_si256)
#define LOAD(from) OF (loadu_si256) ((const __m256i *) (const void *) (from))
#define STORE(to, vector) OF (storeu_si256) ((__m256i *) (void *) (to), vector)
#define IS_ZERO(vector, mask) OF (testz_si256) (vector, mask)
#endif

#define AT_ONCE ((int) (sizeof (Vector) / sizeof (int32_t)))
#define PAIR_STEP (2 * PET_JPEG_IDCT_BLOCKS)

#define COLUMN_SHIFT 12
#define ROW_SHIFT 19

/* Four numbers, one from each row or column that comes out. */
typedef struct {
  Vector at[4];
} Four;

/* What the first pass leaves: of a row, pairs of columns; of column 0, pairs of
 * rows. */
typedef struct {
  Four pairs[4]; /* column 0, in the first two; 1 and 3, 5 and 7, 2 and 6 */
} Half;

/* The same two words for every block. */
static inline Vector
words (int first, int second)
{
  return OF (set1_epi32) (
      (int32_t) ((uint32_t) second << 16 | ((uint32_t) first & 0xffff)));
}

static inline Vector
weigh (Vector pair, int first, int second)
{
  return OF (madd_epi16) (pair, words (first, second));
}

/* `first` is the half of a pair that is chosen by `in_second`; see transform() in
 * pet-jpeg-idct.c. */
static inline Four
transform (Vector first, bool in_second, Vector pair_13, Vector pair_57,
    Vector pair_26, int shift)
{
  Vector middle = OF (add_epi32) (
      weigh (first, in_second ? 0 : 1 << 14, in_second ? 1 << 14 : 0),
      OF (set1_epi32) (1 << (shift - 1)));
  Vector even = weigh (pair_26, 15137, -6270);
  Vector inner = OF (add_epi32) (
      weigh (pair_13, 8697, -17799), weigh (pair_57, 11893, -1730));
  Vector outer = OF (add_epi32) (
      weigh (pair_13, 20995, 7373), weigh (pair_57, -4926, -4176));
  Vector plus = OF (add_epi32) (middle, even);
  Vector minus = OF (sub_epi32) (middle, even);

  return (Four){ { OF (srai_epi32) (OF (add_epi32) (plus, outer), shift),
      OF (srai_epi32) (OF (add_epi32) (minus, inner), shift),
      OF (srai_epi32) (OF (sub_epi32) (minus, inner), shift),
      OF (srai_epi32) (OF (sub_epi32) (plus, outer), shift) } };
}

static inline Vector
dequantised (const int16_t *coefs, const int16_t *factors, int pair)
{
  return OF (mullo_epi16) (LOAD (coefs + PAIR_STEP * pair),
      words (factors[2 * pair], factors[2 * pair + 1]));
}

static inline Four
column (const int16_t *coefs, const int16_t *factors, Vector first,
    bool in_second, int x)
{
  return transform (first, in_second, dequantised (coefs, factors, 8 + x),
      dequantised (coefs, factors, 16 + x),
      dequantised (coefs, factors, 24 + x), COLUMN_SHIFT);
}

static inline Vector
join (Vector a, Vector b)
{
  const Vector order = IN_LANES (
      _mm_setr_epi8 (0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));

  return OF (shuffle_epi8) (OF (packs_epi32) (a, b), order);
}

static inline Four
join_four (Four a, Four b)
{
  return (Four){ { join (a.at[0], b.at[0]), join (a.at[1], b.at[1]),
      join (a.at[2], b.at[2]), join (a.at[3], b.at[3]) } };
}

/* `first_row`: its pairs of columns. */
static inline void
do_columns (const int16_t *coefs, const int16_t *factors,
    const Vector first_row[4], Half *half)
{
  static const uint8_t columns[4][2] = { { 0, 4 }, { 1, 3 }, { 5, 7 },
    { 2, 6 } };
  Four zero = column (coefs, factors, first_row[0], false, 0);

  half->pairs[0].at[0] = join (zero.at[0], zero.at[1]);
  half->pairs[0].at[1] = join (zero.at[2], zero.at[3]);
  for (int i = 1; i < 4; i++)
    half->pairs[i] =
        join_four (column (coefs, factors, first_row[i], false, columns[i][0]),
            column (coefs, factors, first_row[i], true, columns[i][1]));
}

static inline void
do_row (const Half *half, int y, uint8_t *row)
{
  const Vector order = IN_LANES (
      _mm_setr_epi8 (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  Four four =
      transform (half->pairs[0].at[y / 2], y % 2 != 0, half->pairs[1].at[y],
          half->pairs[2].at[y], half->pairs[3].at[y], ROW_SHIFT);
  Vector bytes = OF (packs_epi16) (OF (packs_epi32) (four.at[0], four.at[1]),
      OF (packs_epi32) (four.at[2], four.at[3]));

  STORE (row, XOR (OF (shuffle_epi8) (bytes, order), OF (set1_epi8) (-128)));
}

/* Whether all are within -8192 and 8191: beyond, it counts whether a block has
 * more than a first row. */
static inline bool
are_moderate (const Vector values[4])
{
  const Vector offset = OF (set1_epi16) (8192);
  Vector all = OF (add_epi16) (values[0], offset);

  for (int i = 1; i < 4; i++)
    all = OR (all, OF (add_epi16) (values[i], offset));
  return IS_ZERO (all, OF (set1_epi16) ((short) 0xc000));
}

/* Whether blocks have nothing but their first coefficients, as those of chroma
 * mostly do. Others are seen by the two pairs beside it. */
static inline bool
are_flat (const int16_t *coefs)
{
  const Vector ones = OF (set1_epi32) (-1);
  Vector all = OR (LOAD (coefs + PAIR_STEP), LOAD (coefs + 8 * PAIR_STEP));

  if (!IS_ZERO (all, ones))
    return false;
  for (int i = 2; i < 32; i++)
    all = OR (all, LOAD (coefs + PAIR_STEP * i));
  return IS_ZERO (all, ones);
}

static inline void
do_flat (Vector first, uint8_t *const *rows, int at)
{
  const Vector order = IN_LANES (
      _mm_setr_epi8 (0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12));
  Vector level = OF (add_epi32) (
      OF (srai_epi32) (OF (slli_epi32) (first, 16), 16), OF (set1_epi32) (4));
  Vector bytes;

  level = OF (min_epi32) (
      OF (max_epi32) (OF (srai_epi32) (level, 3), OF (set1_epi32) (-128)),
      OF (set1_epi32) (127));
  bytes = XOR (OF (shuffle_epi8) (level, order), OF (set1_epi8) (-128));
  for (int y = 0; y < PET_JPEG_IDCT_ROWS; y++)
    STORE (rows[y] + at, bytes);
}

void
JOIN (pet_jpeg_idct_, PET_ISA) (
    const int16_t *coefs, const int16_t *factors, uint8_t *const *rows)
{
  for (int n = 0; n < PET_JPEG_IDCT_BLOCKS; n += AT_ONCE) {
    Vector first_row[4];
    Half half;

    for (int i = 0; i < 4; i++)
      first_row[i] = dequantised (coefs + 2 * n, factors, i);
    if (!are_moderate (first_row)) {
      pet_jpeg_idct_c (coefs, factors, rows);
      return;
    }
    if (are_flat (coefs + 2 * n)) {
      do_flat (first_row[0], rows, 4 * n);
      continue;
    }
    do_columns (coefs + 2 * n, factors, first_row, &half);
    for (int y = 0; y < PET_JPEG_IDCT_ROWS; y++)
      do_row (&half, y, rows[y] + 4 * n);
  }
}
