/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The chunks of a PNG file, gathered to pieces of at most PET_PNG_PIECE_BYTES.
 * Thread-safety: one thread at a time. */

#pragma once

#include "codec/pet-png-encoder.h"

typedef struct {
  PetPngWrite write;
  void *user;
  size_t n_written, n_piece;
  uint8_t piece[PET_PNG_PIECE_BYTES];
} PetPngChunks;

void pet_png_chunks_init (PetPngChunks *chunks, PetPngWrite write, void *user);

/* The signature. */
PetStatus pet_png_begin (PetPngChunks *chunks, PetError *error);

/* `size` is far below PET_PNG_PIECE_BYTES. */
PetStatus pet_png_chunk (PetPngChunks *chunks, const char *type,
    const uint8_t *bytes, size_t size, PetError *error);

/* A tEXt chunk of at most the first 1024 bytes; none for NULL or "". */
PetStatus pet_png_text (PetPngChunks *chunks, const char *keyword,
    const char *text, PetError *error);

/* Hands over what is left. */
PetStatus pet_png_flush (PetPngChunks *chunks, PetError *error);

/* Big-endian. */
static inline void
pet_png_store_32 (uint8_t *bytes, uint32_t value)
{
  for (int i = 0; i < 4; i++)
    bytes[i] = (uint8_t) (value >> (24 - 8 * i));
}
