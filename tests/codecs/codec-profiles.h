/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Colour profiles that a library would not write. */

#pragma once

#include "codecs/codec-chunks.h"

static inline void
add_u32 (Bytes *bytes, uint32_t value)
{
  uint8_t number[4];

  put_u32 (number, value);
  bytes_add (bytes, number, sizeof number);
}

/* A grid of two points a side; each output is the opposite of an input. */
static inline void
add_grid (Bytes *bytes, int n_in, int n_out)
{
  uint8_t head[28] = "clut";
  size_t size = ((size_t) 4 << n_in) * (size_t) n_out;
  uint8_t *numbers = malloc (size), *number = numbers;

  head[9] = (uint8_t) n_in;
  head[11] = (uint8_t) n_out;
  memset (head + 12, 2, (size_t) n_in);
  bytes_add (bytes, head, sizeof head);
  for (int k = 0; k < 1 << n_in; k++)
    for (int j = 0; j < n_out; j++, number += 4) {
      bool high = k >> (n_in - 1 - j % n_in) & 1;
      float value = high ? 0.001f : 0.999f;
      uint32_t word;

      memcpy (&word, &value, sizeof word);
      put_u32 (number, word);
    }
  bytes_add (bytes, numbers, size);
  free (numbers);
}

/* RGB to XYZ by `n_stages` (even) grids, from 3 to `channels` and back. They are
 * two that are pointed at again and again: a stage costs 8 bytes. */
static inline Bytes
make_float_profile (int n_stages, int channels)
{
  static const uint8_t white[12] = "\0\0\xf6\xd6\0\1\0\0\0\0\xd3\x2d";
  uint8_t header[128] = { 0 };
  Bytes bytes = { 0 }, grids = { 0 };
  uint32_t begin = 16 + 8 * (uint32_t) n_stages, sizes[2];

  add_grid (&grids, 3, channels);
  sizes[0] = (uint32_t) grids.size;
  add_grid (&grids, channels, 3);
  sizes[1] = (uint32_t) grids.size - sizes[0];
  put_u32 (header, 144 + begin + (uint32_t) grids.size);
  memcpy (header + 8, "\4\x30\0\0mntrRGB XYZ ", 16);
  memcpy (header + 36, "acsp", 4);
  memcpy (header + 68, white, sizeof white);
  bytes_add (&bytes, header, sizeof header);
  bytes_add (&bytes, "\0\0\0\1D2B1\0\0\0\x90", 12);
  add_u32 (&bytes, begin + (uint32_t) grids.size);
  bytes_add (&bytes, "mpet\0\0\0\0\0\3\0\3", 12);
  add_u32 (&bytes, (uint32_t) n_stages);
  for (int i = 0; i < n_stages; i++) {
    add_u32 (&bytes, begin + (i % 2 == 0 ? 0 : sizes[0]));
    add_u32 (&bytes, sizes[i % 2]);
  }
  bytes_add (&bytes, grids.data, grids.size);
  bytes_free (&grids);
  return bytes;
}
