/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What literals and matches are taken to cost. */

#include "codec/pet-deflate-repeats.h"
#include "codec/pet-png-kernels.h"

#define MIN_LENGTH 3
#define UNIT PET_REPEATS_UNIT

/* So many zeros in a row are one match, whatever else they may repeat. */
#define LONG_RUN 40
#define LONGEST_FOUND_RUN 16

/* What a symbol costs that the last block had no use for. */
#define UNSEEN_LITERAL_BITS 12
#define UNSEEN_BITS 9

/* What a match costs before there is a block to tell. */
#define FIRST_LENGTH_BITS 9
#define FIRST_DISTANCE_BITS 7

/* 16 log2 (value), value >= 1, within 1: the fraction is near linear. */
static unsigned
log2_16 (uint32_t value)
{
  unsigned top = pet_top_bit (value);
  unsigned mantissa = (unsigned) (((uint64_t) value << 8 >> top) & 0xff);
  unsigned bulge = mantissa * (256 - mantissa) * 22 / 65536;

  return UNIT * top + (mantissa + bulge / 2) / 16;
}

size_t
pet_repeats_find_long_run (const PetRepeats *self, size_t at, size_t *end)
{
  const PetPngKernels *kernels = pet_png_kernels ();
  size_t n = self->n_window;

  for (;;) {
    size_t start = kernels->find_run (self->window, at, n, LONGEST_FOUND_RUN);

    *end = start < n ? start + LONGEST_FOUND_RUN : n;
    *end += kernels->zeros_ahead (self->window + *end, n - *end);
    if (start == n || *end - start >= LONG_RUN)
      return start;
    at = *end;
  }
}

/* By how often each byte occurs outside of long runs. */
static void
guess_costs (PetRepeats *self)
{
  uint32_t counts[256] = { 0 };
  size_t n = 256;
  unsigned all;

  for (size_t at = self->n_done, end; at < self->n_window; at = end) {
    size_t run = pet_repeats_find_long_run (self, at, &end);

    pet_png_kernels ()->count_literals (
        self->window + at, run - at, false, counts);
    n += run - at;
  }
  all = log2_16 ((uint32_t) n);
  for (int i = 0; i < 256; i++) {
    unsigned cost = all - log2_16 (counts[i] + 1);

    self->literal_costs[i] = (uint16_t) (cost < UNIT ? UNIT : cost);
  }
}

static unsigned
bits_of (uint8_t length, unsigned unseen)
{
  return length > 0 ? length : unseen;
}

/* Of literals the last block's codes and what is to come each tell half: the
 * codes know what matches leave over, but not that a picture changes. Of few colours
 * matches leave so little over that the codes alone are as good. */
void
pet_repeats_update_costs (PetRepeats *self, const PetBlock *block)
{
  const uint8_t *lengths = block->lengths, *distances = lengths + PET_N_LITLEN;
  bool is_first = lengths[PET_END_OF_BLOCK] == 0;
  unsigned unseen = is_first ? FIRST_LENGTH_BITS : UNSEEN_BITS;

  if (is_first || self->pitch == 0)
    guess_costs (self);
  for (int i = 0; i < 256 && !is_first; i++) {
    unsigned last = UNIT * bits_of (lengths[i], UNSEEN_LITERAL_BITS);
    unsigned guess = self->pitch > 0 ? last : self->literal_costs[i];

    self->literal_costs[i] = (uint16_t) ((guess + last) / 2);
  }
  for (unsigned i = 0; i < PET_REPEATS_LONG; i++) {
    PetDeflateSymbol l =
        pet_deflate_length_symbol (i < MIN_LENGTH ? MIN_LENGTH : i);
    unsigned bits = bits_of (lengths[l.symbol], unseen) + l.n_extra;

    self->length_costs[i] = i < MIN_LENGTH
        ? PET_REPEATS_NO_WAY
        : UNIT * bits - PET_REPEATS_MATCH_BONUS;
  }
  unseen = is_first ? FIRST_DISTANCE_BITS : UNSEEN_BITS;
  for (unsigned i = 0; i < PET_N_DISTANCE; i++)
    self->distance_costs[i] = (uint16_t) (UNIT *
        (bits_of (distances[i], unseen) + (i < 4 ? 0 : i / 2 - 1)));
}
