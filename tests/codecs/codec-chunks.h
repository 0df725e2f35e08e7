/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PNG files that are put together chunk by chunk, right or wrong. */

#pragma once

#include <zlib.h>

#include "codecs/codec-files.h"

static inline void
bytes_add (Bytes *bytes, const void *data, size_t size)
{
  bytes->data = realloc (bytes->data, bytes->size + size + 1);
  if (size > 0)
    memcpy (bytes->data + bytes->size, data, size);
  bytes->size += size;
}

static inline void
put_u32 (uint8_t *bytes, uint32_t value)
{
  for (int i = 0; i < 4; i++)
    bytes[i] = (uint8_t) (value >> (24 - 8 * i));
}

static inline void
add_chunk (Bytes *bytes, const char *type, const void *data, size_t size)
{
  uint8_t head[8], tail[4];
  unsigned long crc = crc32 (0, (const uint8_t *) type, 4);

  if (size > 0)
    crc = crc32 (crc, data, (unsigned) size);
  put_u32 (head, (uint32_t) size);
  memcpy (head + 4, type, 4);
  put_u32 (tail, (uint32_t) crc);
  bytes_add (bytes, head, 8);
  bytes_add (bytes, data, size);
  bytes_add (bytes, tail, 4);
}

static inline Bytes
start_png (uint32_t width, uint32_t height, int depth, int type)
{
  Bytes bytes = { 0 };
  uint8_t header[13] = { 0 };

  put_u32 (header, width);
  put_u32 (header + 4, height);
  header[8] = (uint8_t) depth;
  header[9] = (uint8_t) type;
  bytes_add (&bytes, "\x89PNG\r\n\x1a\n", 8);
  add_chunk (&bytes, "IHDR", header, sizeof header);
  return bytes;
}

/* `size` zero bytes as a zlib stream, made by repeating one block. */
static inline Bytes
bomb (size_t size)
{
  static const uint8_t empty[65536];
  uint8_t block[1024];
  z_stream z = { 0 };
  size_t length;
  Bytes bytes = { 0 };

  deflateInit (&z, 9);
  z.next_out = block;
  z.avail_out = sizeof block;
  deflate (&z, Z_FULL_FLUSH);
  bytes_add (&bytes, block, sizeof block - z.avail_out);
  z.next_in = (uint8_t *) empty;
  z.avail_in = sizeof empty;
  z.next_out = block;
  z.avail_out = sizeof block;
  deflate (&z, Z_FULL_FLUSH);
  length = sizeof block - z.avail_out;
  for (size_t i = 0; i < size; i += sizeof empty)
    bytes_add (&bytes, block, length);
  deflateEnd (&z);
  return bytes;
}
