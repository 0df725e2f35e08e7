/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A colour profile for each kind of pixels, and a few of them through it. The
 * memory it takes is limited by its size. */

#include "codec/pet-icc.h"
#include "codecs/codec-files.h"
#include "fuzz.h"

#define N_PIXELS 67
#define MAX_MEMORY (PET_ICC_MAX_MEMORY + (1 << 20))

static int
n_bytes_in (PetIccInput input)
{
  return input == PET_ICC_GREY || input == PET_ICC_RGB ? 3 : 4;
}

static int
n_bytes_out (PetIccInput input)
{
  return input == PET_ICC_GREY_ALPHA || input == PET_ICC_RGBA ? 4 : 3;
}

/* Alpha is kept, and the same pixels come out the same over other memory. */
static void
check_pixels (PetIcc *icc, PetIccInput input)
{
  size_t in_size = (size_t) (N_PIXELS * n_bytes_in (input));
  size_t out_size = (size_t) (N_PIXELS * n_bytes_out (input));
  uint8_t *in = malloc (in_size);
  uint8_t *out[2] = { malloc (out_size), malloc (out_size) };

  for (size_t i = 0; i < in_size; i++)
    in[i] = (uint8_t) (i * 37);
  for (int i = 0; i < 2; i++) {
    memset (out[i], i * 255, out_size);
    pet_icc_apply (icc, in, out[i], N_PIXELS);
  }
  if (memcmp (out[0], out[1], out_size) != 0)
    abort ();
  for (size_t i = 3; n_bytes_out (input) == 4 && i < out_size; i += 4)
    if (out[0][i] != in[i])
      abort ();
  free (in);
  free (out[0]);
  free (out[1]);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  for (int input = PET_ICC_GREY; input <= PET_ICC_CMYK_INVERTED; input++) {
    TestAllocator memory;
    PetIcc *icc;
    PetError error;

    test_allocator_init (&memory, 0xa5);
    if (pet_icc_new (&memory.allocator, bytes, size, (PetIccInput) input, &icc,
            &error) == PET_OK &&
        icc != NULL)
      check_pixels (icc, (PetIccInput) input);
    pet_icc_free (&icc);
    if (memory.used != 0 || memory.peak > MAX_MEMORY)
      abort ();
  }
  return 0;
}

void
fuzz_seeds (FuzzSeed seed, void *user)
{
  seeds_icc (seed, user);
}

void
fuzz_repair (uint8_t *bytes, size_t size)
{
}
