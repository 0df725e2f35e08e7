/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/pet-plane.h"

#include "base/pet-alloc.h"
#include "base/pet-checked.h"
#include "image/pet-math.h"

void *
pet_scratch_take (PetScratch *scratch, size_t count, size_t element_bytes)
{
  size_t offset = scratch->used_bytes, size, padded, end;

  if (!pet_mul_size (count, element_bytes, &size) ||
      !pet_add_size (size, PET_ALIGNMENT - 1, &padded) ||
      !pet_add_size (offset, padded & ~(size_t) (PET_ALIGNMENT - 1), &end)) {
    scratch->overflow = true;
    return NULL;
  }
  scratch->used_bytes = end;
  return scratch->base != NULL ? scratch->base + offset : NULL;
}

size_t
pet_scratch_size (const PetScratch *scratch)
{
  return scratch->overflow ? (size_t) -1 : scratch->used_bytes;
}

void
pet_ring_take (PetScratch *scratch, PetRing *ring, int count, int width,
    int pad, size_t element_bytes)
{
  ring->count = count;
  ring->width = width;
  ring->pad = pad;
  ring->element_bytes = element_bytes;
  ring->pitch_bytes = ((size_t) width + 2 * (size_t) pad) * element_bytes;
  ring->rows = pet_scratch_take (scratch, (size_t) count, ring->pitch_bytes);
}

void
pet_mirror_ends (float *row, int width, int reach)
{
  for (int i = 1; i <= reach; i++) {
    row[-i] = row[pet_mirror (-i, width)];
    row[width - 1 + i] = row[pet_mirror (width - 1 + i, width)];
  }
}

void
pet_gaussian_taps (float *taps, int radius, double sigma)
{
  double sum = 0.0;

  for (int x = -radius; x <= radius; x++)
    sum += pet_exp (-(double) (x * x) / (2.0 * sigma * sigma));
  for (int x = 0; x <= radius; x++)
    taps[x] =
        (float) (pet_exp (-(double) (x * x) / (2.0 * sigma * sigma)) / sum);
}
