/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JPEG files taken apart and put together. */

#pragma once

#include "codecs/codec-files.h"

static inline Bytes
join (Bytes first, Bytes second)
{
  Bytes both = { malloc (first.size + second.size + 1),
    first.size + second.size };

  memcpy (both.data, first.data, first.size);
  memcpy (both.data + first.size, second.data, second.size);
  bytes_free (&first);
  bytes_free (&second);
  return both;
}

/* `length` bytes of `piece` go in at `offset`. */
static inline Bytes
insert (Bytes bytes, size_t offset, const void *piece, size_t length)
{
  Bytes whole = { malloc (bytes.size + length), bytes.size + length };

  memcpy (whole.data, bytes.data, offset);
  memcpy (whole.data + offset, piece, length);
  memcpy (
      whole.data + offset + length, bytes.data + offset, bytes.size - offset);
  bytes_free (&bytes);
  return whole;
}

/* Offset of the n-th (from 0) segment with this marker, headers and scans
 * walked by their lengths; 0 if there is none. marker 0: any. */
static inline size_t
find_segment (Bytes bytes, int marker, int n)
{
  for (size_t at = 2; at + 4 <= bytes.size;) {
    int found = bytes.data[at + 1];

    if (bytes.data[at] != 0xff || found == 0 || found == 0xff ||
        (found >= 0xd0 && found <= 0xd7)) {
      at++;
      continue;
    }
    if ((marker == 0 || found == marker) && n-- == 0)
      return at;
    at += 2 + (size_t) (bytes.data[at + 2] << 8 | bytes.data[at + 3]);
  }
  return 0;
}

static inline uint8_t *
frame_of (Bytes bytes)
{
  for (int marker = 0xc0; marker <= 0xca; marker++) {
    size_t at =
        marker == 0xc4 || marker == 0xc8 ? 0 : find_segment (bytes, marker, 0);

    if (at != 0)
      return bytes.data + at;
  }
  abort ();
}

static inline void
put_u16 (uint8_t *bytes, int value)
{
  bytes[0] = (uint8_t) (value >> 8);
  bytes[1] = (uint8_t) value;
}
