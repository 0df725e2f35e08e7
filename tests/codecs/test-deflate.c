/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the search for repeats says that it saves is what it saves, it is left
 * alone where that is nothing, and taken up again. Streams are read back by
 * zlib. */

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "codec/pet-deflate-block.h"
#include "codec/pet-deflate-repeats.h"
#include "codec/pet-deflate.h"
#include "tap.h"

#define HEAD_BITS 1500 /* of a block's code lengths, at most */

typedef struct {
  uint8_t *bytes;
  size_t size;
} Stream;

static PetStatus
add_to_stream (void *user, const uint8_t *bytes, size_t size, PetError *error)
{
  Stream *stream = user;

  stream->bytes = realloc (stream->bytes, stream->size + size);
  memcpy (stream->bytes + stream->size, bytes, size);
  stream->size += size;
  return PET_OK;
}

static Stream
compress_at (int level, const uint8_t *bytes, size_t size)
{
  PetDeflate *deflate;
  Stream stream = { NULL, 0 };

  tap_check (pet_deflate_new (NULL, level, 0, false, add_to_stream, &stream,
                 &deflate, NULL) == PET_OK);
  tap_check (pet_deflate_add (deflate, bytes, size, NULL) == PET_OK);
  tap_check (pet_deflate_finish (deflate, NULL) == PET_OK);
  pet_deflate_free (&deflate);
  return stream;
}

/* Returns its size. */
static size_t
check_stream (int level, const uint8_t *bytes, size_t size)
{
  Stream stream = compress_at (level, bytes, size);
  uint8_t *read = malloc (size);
  uLongf n_read = size;

  tap_check (uncompress (read, &n_read, stream.bytes, stream.size) == Z_OK);
  tap_check (n_read == size && memcmp (read, bytes, size) == 0);
  free (read);
  free (stream.bytes);
  return stream.size;
}

/* Numbers of which small ones are the most frequent, with a 0 behind each: grey
 * and alpha of a photo's grain, filtered. */
static void
make_grain (uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    bytes[i] = i % 2 == 1
        ? 0
        : (uint8_t) (tap_random_range (0, 12) + tap_random_range (0, 12) - 12);
}

static void
make_words (uint8_t *bytes, size_t size)
{
  uint8_t words[64][24];

  for (int i = 0; i < 64; i++)
    for (int k = 0; k < 24; k++)
      words[i][k] = (uint8_t) tap_random_range (1, 255);
  for (size_t i = 0; i < size; i += 24)
    memcpy (bytes + i, words[tap_random_range (0, 63)],
        size - i < 24 ? size - i : 24);
}

/* One block of `bytes`, of which every `step`th 20 are the same as 1000 before; with
 * repeats or without. Returns its bits. */
static uint64_t
write_one_block (const uint8_t *bytes, size_t size, size_t step, bool repeats,
    int64_t *saved)
{
  PetBlock *block = malloc (sizeof *block);
  Stream stream = { NULL, 0 };
  size_t at = 1000;
  uint64_t bits;

  pet_block_init (
      block, PET_BLOCK_LITERALS, PET_BLOCK_MATCHES, add_to_stream, &stream);
  tap_check (pet_block_add_literals (block, bytes, at, NULL) == PET_OK);
  for (; at + step <= size; at += step) {
    tap_check (
        (repeats ? pet_block_add_repeat (block, bytes + at, 20, 1000, NULL)
                 : pet_block_add_literals (block, bytes + at, 20, NULL)) ==
        PET_OK);
    tap_check (pet_block_add_literals (
                   block, bytes + at + 20, step - 20, NULL) == PET_OK);
  }
  tap_check (pet_block_end (block, true, NULL) == PET_OK);
  bits = block->n_bits;
  *saved = block->saved_bits;
  tap_check (pet_block_flush (block, NULL) == PET_OK);
  bits += 8 * stream.size;
  free (stream.bytes);
  free (block);
  return bits;
}

static void
saved_is_what_is_saved (void)
{
  static const size_t steps[] = { 25, 60, 500 };
  enum { SIZE = 30000 };
  uint8_t *bytes = malloc (SIZE);

  for (size_t n = 0; n < sizeof steps / sizeof *steps; n++) {
    size_t step = steps[n];
    int64_t saved, none, difference;

    make_grain (bytes, SIZE);
    for (size_t at = 1000; at + step <= SIZE; at += step)
      memcpy (bytes + at, bytes + at - 1000, 20);
    difference = -(int64_t) write_one_block (bytes, SIZE, step, true, &saved);
    difference += (int64_t) write_one_block (bytes, SIZE, step, false, &none);
    tap_check (none == 0);
    tap_check (llabs (difference - saved) <= HEAD_BITS);
    tap_check (saved > 0 || step == 500);
  }
  free (bytes);
}

/* Level 6 searches a third of it at most, and loses nothing. */
static void
grain_is_left_alone (void)
{
  enum { SIZE = 24 * PET_REPEATS_FILL };
  uint8_t *bytes = malloc (SIZE);
  PetRepeats *repeats = malloc (sizeof *repeats);
  PetBlock *block = malloc (sizeof *block);
  Stream stream = { NULL, 0 };
  size_t of_1, of_6;
  int n_rests = 0;

  make_grain (bytes, SIZE);
  pet_block_init (
      block, PET_BLOCK_LITERALS / 2, PET_BLOCK_MATCHES, add_to_stream, &stream);
  pet_repeats_init (repeats, 6, 0, false);
  for (size_t at = 0; at < SIZE; at += PET_REPEATS_FILL) {
    n_rests += repeats->n_resting > 0;
    tap_check (pet_repeats_add (repeats, block, bytes + at, PET_REPEATS_FILL,
                   NULL) == PET_OK);
  }
  tap_check (n_rests >= 16);
  free (stream.bytes);
  free (block);
  free (repeats);

  of_1 = check_stream (1, bytes, SIZE);
  of_6 = check_stream (6, bytes, SIZE);
  tap_check (of_6 < of_1 + of_1 / 200);
  free (bytes);
}

/* Words behind a lot of grain are found again, most of them. */
static void
repeats_behind_grain_are_found (void)
{
  enum { GRAIN = 3 << 20, WORDS = 2 << 20 };
  uint8_t *bytes = malloc (GRAIN + WORDS);
  size_t grain, words, all;

  make_grain (bytes, GRAIN);
  make_words (bytes + GRAIN, WORDS);
  grain = check_stream (6, bytes, GRAIN);
  words = check_stream (6, bytes + GRAIN, WORDS);
  all = check_stream (6, bytes, GRAIN + WORDS);
  tap_check (words < WORDS / 4);
  tap_check (all < grain + words + WORDS / 3);
  free (bytes);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (saved_is_what_is_saved),
    TAP_TEST (grain_is_left_alone),
    TAP_TEST (repeats_behind_grain_are_found),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
