/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-exif.h"

#include <stdbool.h>
#include <string.h>

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define TYPE_LONG 4
#define ENTRY_BYTES 12

static uint32_t
read_number (const uint8_t *bytes, int n_bytes, bool big_endian)
{
  uint32_t value = 0;

  for (int i = 0; i < n_bytes; i++)
    value = (value << 8) | bytes[big_endian ? i : n_bytes - 1 - i];
  return value;
}

static int
entry_orientation (const uint8_t *entry, bool big_endian)
{
  uint32_t type = read_number (entry + 2, 2, big_endian);
  uint32_t count = read_number (entry + 4, 4, big_endian);
  uint32_t value = 0;

  if (type == TYPE_SHORT && count == 1)
    value = read_number (entry + 8, 2, big_endian);
  else if (type == TYPE_LONG && count == 1)
    value = read_number (entry + 8, 4, big_endian);
  return value >= 1 && value <= 8 ? (int) value : 1;
}

int
pet_exif_orientation (const uint8_t *tiff, size_t size)
{
  bool big_endian;
  size_t offset, n_entries, room;

  if (size < 8)
    return 1;
  if (memcmp (tiff, "MM\0*", 4) == 0)
    big_endian = true;
  else if (memcmp (tiff, "II*\0", 4) == 0)
    big_endian = false;
  else
    return 1;

  offset = read_number (tiff + 4, 4, big_endian);
  if (offset > size - 2)
    return 1;
  n_entries = read_number (tiff + offset, 2, big_endian);
  room = (size - offset - 2) / ENTRY_BYTES;
  if (n_entries > room)
    n_entries = room;
  for (size_t i = 0; i < n_entries; i++) {
    const uint8_t *entry = tiff + offset + 2 + i * ENTRY_BYTES;

    if (read_number (entry, 2, big_endian) == TAG_ORIENTATION)
      return entry_orientation (entry, big_endian);
  }
  return 1;
}
