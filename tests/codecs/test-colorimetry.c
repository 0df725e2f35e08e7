/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The matrix loop: each version against the C one. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pet-cpu.h"
#include "codec/pet-colorimetry.h"
#include "tap.h"

#define MAX_PIXELS 200
#define CANARY 0x5a

static PetIccMatrix
random_matrix (void)
{
  static const int primaries[] = { 1, 5, 6, 9, 11, 12 };
  static const int curves[] = { 1, 4, 5, 8, 13, 16, 18 };
  PetColorimetry colorimetry;
  PetIccMatrix matrix = { 0 };

  if (!pet_colorimetry_from_code_points (&colorimetry,
          primaries[tap_random_range (0, 5)],
          curves[tap_random_range (0, 6)]) ||
      !pet_colorimetry_to_matrix (&colorimetry, &matrix))
    tap_fail ("no matrix");
  return matrix;
}

typedef void (*Apply) (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels);

/* Random pixels in memory that ends where they end, at any alignment; the
 * bytes around the result are kept; in place gives the same. */
static void
compare_with_c (Apply apply, const char *name)
{
  for (int n = 0; n < 600; n++) {
    PetIccMatrix matrix = random_matrix ();
    int channels = 3 + n % 2;
    size_t n_pixels = (size_t) tap_random_range (0, MAX_PIXELS);
    size_t size = n_pixels * (size_t) channels;
    size_t shift = (size_t) tap_random_range (0, 31);
    uint8_t *in = malloc (size + 1), *c = malloc (size + 64);
    uint8_t *v = malloc (size + 64);

    for (size_t i = 0; i < size; i++)
      in[i] = n % 7 == 0 ? (uint8_t) (tap_random () & 1 ? 255 : 0)
                         : (uint8_t) tap_random ();
    memset (c, CANARY, size + 64);
    memset (v, CANARY, size + 64);
    pet_icc_matrix_apply_c (&matrix, in, c + shift, n_pixels, channels);
    apply (&matrix, in, v + shift, n_pixels, channels);
    if (memcmp (c, v, size + 64) != 0)
      tap_fail (
          "%s: %zu pixels of %d channels differ", name, n_pixels, channels);
    memcpy (v + shift, in, size);
    apply (&matrix, v + shift, v + shift, n_pixels, channels);
    if (memcmp (c, v, size + 64) != 0)
      tap_fail ("%s: %zu pixels of %d channels differ in place", name, n_pixels,
          channels);
    free (in);
    free (c);
    free (v);
  }
}

static void
vectors_equal_c (void)
{
#if PET_ICC_MATRIX_SSE2
  compare_with_c (pet_icc_matrix_apply_sse2, "sse2");
#endif
#ifdef PET_HAVE_X86
  if (pet_cpu_isa_found () == PET_ISA_AVX512)
    compare_with_c (pet_icc_matrix_apply_avx512, "avx512");
#endif
  compare_with_c (pet_icc_matrix_apply, "the best");
}

static int
level_of_piece (const PetIccEncoded *encoded, int step)
{
  int size = step < 512 ? 4 : step < 4096 ? 16 : 64;
  int piece = step / size + (size == 4 ? 0 : size == 16 ? 128 : 384);

  return encoded->base[piece] + (step % size >= encoded->rise[piece]);
}

/* The sRGB curve, and its pieces for vectors, which are the same. */
static void
light_becomes_levels (void)
{
  PetIccMatrix matrix = random_matrix ();
  const PetIccEncoded *encoded = matrix.encoded;

  for (int i = 0; i < PET_ICC_MATRIX_STEPS; i++) {
    double light = (double) i / (PET_ICC_MATRIX_STEPS - 1);
    double level = 255.0 *
        (light <= 0.0031308 ? 12.92 * light
                            : 1.055 * pow (light, 1.0 / 2.4) - 0.055);

    if (fabs (encoded->levels[i] - level) > 0.5001)
      tap_fail ("step %d: %d, not %g", i, encoded->levels[i], level);
    if (level_of_piece (encoded, i) != encoded->levels[i])
      tap_fail ("step %d: %d, but %d by its piece", i, encoded->levels[i],
          level_of_piece (encoded, i));
  }
}

static void
nonsense_is_refused (void)
{
  PetColorimetry colorimetry;
  PetIccMatrix matrix;

  tap_check (!pet_colorimetry_from_code_points (&colorimetry, 0, 13));
  tap_check (!pet_colorimetry_from_code_points (&colorimetry, 1, 200));
  memset (&colorimetry, 0, sizeof colorimetry);
  tap_check (!pet_colorimetry_to_matrix (&colorimetry, &matrix));
  tap_check (pet_colorimetry_from_code_points (&colorimetry, 1, 13));
  memcpy (colorimetry.primaries[0], colorimetry.primaries[1],
      sizeof colorimetry.primaries[0]);
  tap_check (!pet_colorimetry_to_matrix (&colorimetry, &matrix));
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (vectors_equal_c),
    TAP_TEST (light_becomes_levels),
    TAP_TEST (nonsense_is_refused),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
