/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every version of the inverse DCT against the plain C one: coefficients of all
 * sizes, rows misaligned and guarded; `test-jpeg-idct --bench` times them. That
 * it is the library's is seen by codecs-jpeg-entropy. */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/pet-jpeg-idct.h"
#include "tap.h"

enum { GUARD = 64, ROW = PET_JPEG_IDCT_ROW_BYTES + 2 * GUARD };

static const PetIsa isas[] = { PET_ISA_AVX2, PET_ISA_AVX512 };

typedef enum {
  BLOCKS_USUAL,
  BLOCKS_FLAT,      /* the first coefficient only */
  BLOCKS_FIRST_ROW, /* and no others */
  BLOCKS_NOISE,
  BLOCKS_EXTREME,
  N_KINDS
} Kind;

typedef struct {
  _Alignas(64) int16_t coefs[PET_JPEG_IDCT_COEFS];
  int16_t factors[64];
} Blocks;

static int16_t
random_coef (Kind kind, int i)
{
  switch (kind) {
    case BLOCKS_USUAL:
      return (int16_t) (tap_random_range (0, 10) < i
              ? 0
              : tap_random_range (-40, 40));
    case BLOCKS_FLAT:
      return (int16_t) (i == 0 ? tap_random_range (-2048, 2047) : 0);
    case BLOCKS_FIRST_ROW:
      return (int16_t) (i < 8 ? tap_random_range (INT16_MIN, INT16_MAX) : 0);
    case BLOCKS_NOISE:
      return (int16_t) tap_random_range (-1024, 1023);
    default:
      return (int16_t) (tap_random_range (0, 1) ? INT16_MIN : INT16_MAX);
  }
}

static void
fill (Blocks *blocks, Kind kind)
{
  int most = kind == BLOCKS_EXTREME ? 65535 : tap_random_range (1, 255);

  for (int i = 0; i < 64; i++) {
    blocks->factors[pet_jpeg_idct_factor_at (i)] =
        (int16_t) tap_random_range (1, most);
    for (int n = 0; n < PET_JPEG_IDCT_BLOCKS; n++)
      blocks->coefs[pet_jpeg_idct_coef_at (i) + 2 * n] = random_coef (kind, i);
  }
}

typedef struct {
  uint8_t bytes[PET_JPEG_IDCT_ROWS][ROW];
} Rows;

static void
run (PetJpegIdct idct, const Blocks *blocks, int offset, Rows *rows)
{
  uint8_t *to[PET_JPEG_IDCT_ROWS];

  memset (rows, 0xa5, sizeof *rows);
  for (int y = 0; y < PET_JPEG_IDCT_ROWS; y++)
    to[y] = rows->bytes[y] + GUARD - offset;
  idct (blocks->coefs, blocks->factors, to);
}

static void
every_version_transforms_alike (void)
{
  static Blocks blocks;
  static Rows want, got;

  for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
    for (int n = 0; n < 2000 && isas[i] <= pet_cpu_isa_found (); n++) {
      Kind kind = (Kind) (n % N_KINDS);
      int offset = tap_random_range (0, GUARD - 1);

      fill (&blocks, kind);
      run (pet_jpeg_idct_c, &blocks, offset, &want);
      run (pet_jpeg_idct_for (isas[i]), &blocks, offset, &got);
      if (memcmp (&want, &got, sizeof want) != 0)
        tap_fail ("%s: blocks of kind %d", pet_isa_name (isas[i]), (int) kind);
    }
}

/* Pairs and halves are a permutation, and the first is where it is said to be. */
static void
every_coefficient_has_a_place (void)
{
  bool taken[64] = { false };

  tap_check (pet_jpeg_idct_coef_at (0) == 0);
  for (int i = 0; i < 64; i++) {
    int at = pet_jpeg_idct_factor_at (i);

    tap_check (at >= 0 && at < 64 && !taken[at]);
    taken[at] = true;
    tap_check (pet_jpeg_idct_coef_at (i) ==
        at / 2 * 2 * PET_JPEG_IDCT_BLOCKS + at % 2);
  }
}

/* A block of one value is that value, an eighth of the first coefficient. */
static void
flat_blocks_are_flat (void)
{
  static Blocks blocks;
  static Rows rows;

  for (int level = -128; level < 128; level++) {
    memset (&blocks, 0, sizeof blocks);
    blocks.factors[0] = 8;
    for (int n = 0; n < PET_JPEG_IDCT_BLOCKS; n++)
      blocks.coefs[2 * n] = (int16_t) level;
    run (pet_jpeg_idct_c, &blocks, 0, &rows);
    for (int y = 0; y < PET_JPEG_IDCT_ROWS; y++)
      for (int x = 0; x < PET_JPEG_IDCT_ROW_BYTES; x++)
        tap_check (rows.bytes[y][GUARD + x] == level + 128);
  }
}

static double
nanoseconds (PetJpegIdct idct, const Blocks *blocks)
{
  enum { TIMES = 20000 };
  struct timespec start, end;
  static Rows rows;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &start);
  for (int i = 0; i < TIMES; i++)
    run (idct, blocks, i % GUARD, &rows);
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &end);
  return (1e9 * (double) (end.tv_sec - start.tv_sec) +
             (double) (end.tv_nsec - start.tv_nsec)) /
      TIMES / PET_JPEG_IDCT_BLOCKS;
}

static int
bench (void)
{
  static Blocks blocks;

  fill (&blocks, BLOCKS_NOISE);
  for (int i = 0; i < 64; i++)
    blocks.factors[i] = 1;
  printf ("c: %.1f ns a block\n", nanoseconds (pet_jpeg_idct_c, &blocks));
  for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
    if (isas[i] <= pet_cpu_isa_found ())
      printf ("%s: %.1f ns a block\n", pet_isa_name (isas[i]),
          nanoseconds (pet_jpeg_idct_for (isas[i]), &blocks));
  return EXIT_SUCCESS;
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (every_coefficient_has_a_place),
    TAP_TEST (flat_blocks_are_flat),
    TAP_TEST (every_version_transforms_alike),
  };

  if (argc == 2 && strcmp (argv[1], "--bench") == 0)
    return bench ();
  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
