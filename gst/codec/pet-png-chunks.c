/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-png-chunks.h"

#include <string.h>

#include "codec/pet-crc.h"

#define MAX_TEXT_BYTES 1024

/* Length, type and checksum of a chunk. */
#define FRAME_BYTES 12

void
pet_png_chunks_init (PetPngChunks *chunks, PetPngWrite write, void *user)
{
  chunks->write = write;
  chunks->user = user;
  chunks->n_written = chunks->n_piece = 0;
}

PetStatus
pet_png_flush (PetPngChunks *chunks, PetError *error)
{
  PetError failure = { 0 };
  PetStatus status;

  if (chunks->n_piece == 0)
    return PET_OK;
  status =
      chunks->write (chunks->user, chunks->piece, chunks->n_piece, &failure);
  chunks->n_written += chunks->n_piece;
  chunks->n_piece = 0;
  if (status == PET_OK)
    return PET_OK;
  if (failure.status == PET_OK)
    return pet_fail (error, status, "the PNG could not be written");
  if (error != NULL)
    *error = failure;
  return status;
}

PetStatus
pet_png_begin (PetPngChunks *chunks, PetError *error)
{
  static const uint8_t signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a,
    '\n' };

  memcpy (chunks->piece, signature, sizeof signature);
  chunks->n_piece = sizeof signature;
  return PET_OK;
}

PetStatus
pet_png_chunk (PetPngChunks *chunks, const char *type, const uint8_t *bytes,
    size_t size, PetError *error)
{
  uint8_t *chunk;

  if (chunks->n_piece + FRAME_BYTES + size > PET_PNG_PIECE_BYTES)
    PET_TRY (pet_png_flush (chunks, error));
  chunk = chunks->piece + chunks->n_piece;
  pet_png_store_32 (chunk, (uint32_t) size);
  memcpy (chunk + 4, type, 4);
  if (size > 0)
    memcpy (chunk + 8, bytes, size);
  pet_png_store_32 (chunk + 8 + size, pet_crc (0, chunk + 4, size + 4));
  chunks->n_piece += FRAME_BYTES + size;
  return PET_OK;
}

PetStatus
pet_png_text (PetPngChunks *chunks, const char *keyword, const char *text,
    PetError *error)
{
  uint8_t bytes[80 + MAX_TEXT_BYTES];
  size_t n_keyword = strlen (keyword) + 1, n_text;

  if (text == NULL || text[0] == '\0')
    return PET_OK;
  n_text = strnlen (text, MAX_TEXT_BYTES);
  memcpy (bytes, keyword, n_keyword);
  memcpy (bytes + n_keyword, text, n_text);
  return pet_png_chunk (chunks, "tEXt", bytes, n_keyword + n_text, error);
}
