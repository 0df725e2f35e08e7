/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The loops that a PNG's bytes go through, in versions for what the processor
 * has: the checksum of zlib (RFC 1950), the filters of PNG (ISO 15948, 9.2), and
 * what is looked for in a picture, and the codes of literals (RFC 1951). All
 * versions give the same bytes. Thread-safety: safe. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "codec/pet-color-map.h"
#include "codec/pet-deflate-literals.h"

#define PET_PNG_N_FILTERS 5 /* None, Sub, Up, Average, Paeth */

typedef struct {
  const char *name; /* as pet_isa_name() */

  /* Goes on with Adler-32: *a and *b below 65521, any size. */
  void (*adler) (uint32_t *a, uint32_t *b, const uint8_t *bytes, size_t size);

  /* Filters `size` bytes of a row by Sub, Up, Average and Paeth to out[1..4]
   * (out[0] is not used) and returns the filter 0..4 whose result promises the
   * fewest bits, the first of equals. `row` and `above` have `pixel_bytes`
   * bytes to the left of the first; nothing overlaps. */
  int (*filter) (const uint8_t *row, const uint8_t *above, size_t size,
      size_t pixel_bytes, uint8_t *const *out);

  /* Of n pixels of 4 bytes the first and the last. */
  void (*pick_grey_alpha) (const uint8_t *in, uint8_t *out, int n);

  /* Of n pixels of 4 bytes, on top of what is there: *differences gets a bit
   * in its lower half where R, G and B of one are not the same; *common keeps
   * the bits that all have (the alpha is in the highest byte). */
  void (*summarise) (
      const uint8_t *pixels, int n, uint32_t *differences, uint32_t *common);

  /* The values of n pixels of 4 bytes; false, and anything, if the map, which has
   * one key at least, lacks one of them. */
  bool (*map_colors) (
      const PetColorMap *map, const uint8_t *pixels, int n, uint8_t *out);

  /* How many bytes are 0 from the first, and from the last, on. */
  size_t (*zeros_ahead) (const uint8_t *bytes, size_t size);
  size_t (*zeros_behind) (const uint8_t *bytes, size_t size);

  /* Where the next `run` zeros (4 to 16) in a row begin, at `from` or behind
   * it; `size` if nowhere. */
  size_t (*find_run) (
      const uint8_t *bytes, size_t from, size_t size, size_t run);

  /* Adds to counts[256] how often each byte occurs. `in_pairs`: many are 0. */
  void (*count_literals) (
      const uint8_t *literals, size_t n, bool in_pairs, uint32_t *counts);

  /* Appends the codes of n literals to *bits; whole bytes go to `out`, which has
   * room for all of them and 64 bytes more. Returns their number. */
  size_t (*put_literals) (const PetLiteralCodes *codes, const uint8_t *literals,
      size_t n, PetBits *bits, uint8_t *out);
} PetPngKernels;

/* The best for this machine. */
const PetPngKernels *pet_png_kernels (void);

/* All that this machine can run, for tests: NULL behind the last; the plain C
 * version is the first. */
const PetPngKernels *pet_png_kernels_at (int index);

/* Of pixels *first..*end-1 the first, and the one behind the last, that have a
 * byte other than 0; both 0 if there is none. */
void pet_png_find_pixels (
    const uint8_t *row, int channels, int *first, int *end);
