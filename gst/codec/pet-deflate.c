/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-deflate.h"

#include <string.h>

#include "codec/pet-deflate-block.h"
#include "codec/pet-deflate-repeats.h"
#include "codec/pet-deflate-runs.h"
#include "codec/pet-png-kernels.h"

#define ADLER_BASE 65521u

struct PetDeflate {
  const PetAllocator *allocator;
  int level;
  uint32_t adler_a, adler_b;
  PetRepeats *repeats; /* levels 2..9 */
  PetBlock block;
};

size_t
pet_deflate_bytes (int level)
{
  return sizeof (PetDeflate) + (level > 1 ? sizeof (PetRepeats) : 0);
}

PetStatus
pet_deflate_new (const PetAllocator *allocator, int level, size_t pitch,
    bool packed, PetDeflateWrite write, void *user, PetDeflate **deflate,
    PetError *error)
{
  static const uint8_t levels[4] = { 0x01, 0x5e, 0x9c, 0xda };
  uint8_t head[2] = { 0x78,
    levels[level < 2     ? 0
            : level < 6  ? 1
            : level == 6 ? 2
                         : 3] };
  PetDeflate *self = pet_alloc (allocator, sizeof *self);

  *deflate = self;
  if (self == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory to compress");
  self->allocator = allocator;
  self->level = level;
  self->adler_a = 1;
  self->adler_b = 0;
  self->repeats = NULL;
  /* Where colours are few the codes of one part of a picture do not suit another. */
  pet_block_init (&self->block,
      level > 1 ? PET_BLOCK_LITERALS / 2 : PET_BLOCK_LITERALS,
      pitch > 0 ? PET_BLOCK_MATCHES / 4 : PET_BLOCK_MATCHES, write, user);
  if (level > 1) {
    self->repeats = pet_alloc (allocator, sizeof *self->repeats);
    if (self->repeats == NULL) {
      pet_deflate_free (deflate);
      return pet_fail (error, PET_ERROR_MEMORY, "no memory to compress");
    }
    pet_repeats_init (self->repeats, level, pitch, packed);
  }
  return pet_block_put_bytes (&self->block, head, 2, error);
}

void
pet_deflate_free (PetDeflate **deflate)
{
  PetDeflate *self = *deflate;

  *deflate = NULL;
  if (self == NULL)
    return;
  if (self->repeats != NULL)
    pet_free (self->allocator, self->repeats, sizeof *self->repeats);
  pet_free (self->allocator, self, sizeof *self);
}

static PetStatus
add_stored (
    PetDeflate *self, const uint8_t *bytes, size_t size, PetError *error)
{
  static const uint8_t zeros[4096];

  while (size > 0) {
    size_t part = bytes != NULL || size < sizeof zeros ? size : sizeof zeros;

    PET_TRY (pet_block_add_stored (
        &self->block, bytes != NULL ? bytes : zeros, part, error));
    size -= part;
  }
  return PET_OK;
}

PetStatus
pet_deflate_add (
    PetDeflate *self, const uint8_t *bytes, size_t size, PetError *error)
{
  pet_png_kernels ()->adler (&self->adler_a, &self->adler_b, bytes, size);
  if (self->level == 0)
    return add_stored (self, bytes, size, error);
  if (self->repeats != NULL)
    return pet_repeats_add (self->repeats, &self->block, bytes, size, error);
  return pet_runs_add (&self->block, bytes, size, error);
}

PetStatus
pet_deflate_add_zeros (PetDeflate *self, size_t size, PetError *error)
{
  uint64_t a = self->adler_a;

  if (size == 0)
    return PET_OK;
  self->adler_b =
      (uint32_t) ((self->adler_b + size % ADLER_BASE * a) % ADLER_BASE);
  if (self->level == 0)
    return add_stored (self, NULL, size, error);
  if (self->repeats != NULL)
    return pet_repeats_add (self->repeats, &self->block, NULL, size, error);
  return pet_runs_add_zeros (&self->block, size, error);
}

PetStatus
pet_deflate_finish (PetDeflate *self, PetError *error)
{
  uint32_t a = self->adler_a, b = self->adler_b;
  uint8_t tail[4] = { (uint8_t) (b >> 8), (uint8_t) b, (uint8_t) (a >> 8),
    (uint8_t) a };

  if (self->repeats != NULL)
    PET_TRY (pet_repeats_finish (self->repeats, &self->block, error));
  PET_TRY (self->level == 0 ? pet_block_end_stored (&self->block, true, error)
                            : pet_block_end (&self->block, true, error));
  PET_TRY (pet_block_put_bytes (&self->block, tail, 4, error));
  return pet_block_flush (&self->block, error);
}
