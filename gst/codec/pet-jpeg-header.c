/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-jpeg-header.h"

#include <string.h>

#include "codec/pet-exif.h"

enum {
  MARKER_TEM = 0x01,
  MARKER_RST0 = 0xd0,
  MARKER_SOI = 0xd8,
  MARKER_EOI = 0xd9,
  MARKER_SOS = 0xda,
  MARKER_DHP = 0xde, /* as a frame's, of the whole hierarchy */
  MARKER_APP1 = 0xe1,
  MARKER_APP2 = 0xe2,
  MARKER_JPEG_LS = 0xf7,
};

static int
read_u16 (const uint8_t *bytes)
{
  return bytes[0] << 8 | bytes[1];
}

/* The next marker from `*offset` on, garbage before it skipped as libjpeg
 * does; 0 at the end. *offset is left behind it. */
static int
next_marker (const uint8_t *bytes, size_t size, size_t *offset)
{
  while (*offset < size) {
    const uint8_t *found = memchr (bytes + *offset, 0xff, size - *offset);

    if (found == NULL)
      break;
    *offset = (size_t) (found - bytes);
    while (*offset < size && bytes[*offset] == 0xff)
      ++*offset;
    if (*offset < size && bytes[(*offset)++] != 0)
      return bytes[*offset - 1];
  }
  *offset = size;
  return 0;
}

static bool
is_frame_marker (int marker)
{
  return marker == MARKER_JPEG_LS || marker == MARKER_DHP ||
      (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
          marker != 0xcc);
}

static void
parse_frame (
    PetJpegHeader *header, int marker, const uint8_t *data, size_t size)
{
  if (header->frame_marker != 0 || size < 6)
    return;
  header->frame_marker = marker;
  header->precision = data[0];
  header->height = read_u16 (data + 1);
  header->width = read_u16 (data + 3);
  header->n_components = data[5];
}

static void
parse_icc (
    PetJpegHeader *header, const uint8_t *bytes, size_t offset, size_t size)
{
  const uint8_t *data = bytes + offset;
  int number, count;

  if (size < 14 || memcmp (data, "ICC_PROFILE", 12) != 0)
    return;
  number = data[12];
  count = data[13];
  if (number < 1 || number > count ||
      (header->n_icc_chunks != 0 && header->n_icc_chunks != count) ||
      header->icc[number - 1].offset != 0)
    return;
  header->n_icc_chunks = count;
  header->icc[number - 1] = (PetJpegChunk){ offset + 14, size - 14 };
}

static void
sum_icc (PetJpegHeader *header)
{
  for (int i = 0; i < header->n_icc_chunks; i++) {
    if (header->icc[i].offset == 0) {
      header->icc_size = 0;
      return;
    }
    header->icc_size += header->icc[i].size;
  }
}

static void
parse_segment (PetJpegHeader *header, int marker, const uint8_t *bytes,
    size_t offset, size_t size, bool *seen_exif)
{
  const uint8_t *data = bytes + offset;

  if (is_frame_marker (marker)) {
    parse_frame (header, marker, data, size);
  } else if (marker == MARKER_APP1 && !*seen_exif && size >= 6 &&
      memcmp (data, "Exif\0", 6) == 0) {
    *seen_exif = true;
    header->orientation = pet_exif_orientation (data + 6, size - 6);
  } else if (marker == MARKER_APP2) {
    parse_icc (header, bytes, offset, size);
  }
}

void
pet_jpeg_header_parse (PetJpegHeader *header, const uint8_t *bytes, size_t size)
{
  size_t offset = 2;
  bool seen_exif = false;

  *header = (PetJpegHeader){ .orientation = 1 };
  for (;;) {
    int marker = next_marker (bytes, size, &offset);
    int length;

    if (marker == MARKER_SOS || marker == MARKER_EOI)
      break;
    if (marker == MARKER_TEM || (marker >= MARKER_RST0 && marker <= MARKER_SOI))
      continue;
    if (marker == 0 || size - offset < 2) {
      header->ends_early = true;
      break;
    }
    length = read_u16 (bytes + offset);
    if (length < 2)
      length = 2;
    if ((size_t) length > size - offset) {
      header->ends_early = true;
      break;
    }
    parse_segment (
        header, marker, bytes, offset + 2, (size_t) length - 2, &seen_exif);
    offset += (size_t) length;
  }
  sum_icc (header);
}

static const char *
unread_process (int marker)
{
  switch (marker) {
    case 0xc3:
      return "a lossless";
    case 0xc5:
    case 0xc6:
    case 0xc7:
    case MARKER_DHP:
      return "a hierarchical";
    case 0xc9:
    case 0xca:
      return "an arithmetic-coded";
    case 0xcb:
      return "a lossless arithmetic-coded";
    case 0xcd:
    case 0xce:
    case 0xcf:
      return "a hierarchical arithmetic-coded";
    case MARKER_JPEG_LS:
      return "a lossless (JPEG-LS)";
    default:
      return NULL;
  }
}

PetStatus
pet_jpeg_header_check (const PetJpegHeader *header, PetError *error)
{
  const char *process = unread_process (header->frame_marker);

  if (header->frame_marker == 0 && header->ends_early)
    return pet_fail (error, PET_ERROR_TRUNCATED,
        "ends too early: the JPEG stops inside its header");
  if (header->frame_marker == 0)
    return pet_fail (
        error, PET_ERROR_CORRUPT, "is damaged: the JPEG has no picture in it");
  if (process != NULL)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "is %s JPEG, a kind that is not read", process);
  if (header->precision != 8)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "is a %d-bit JPEG; only 8 bits are read", header->precision);
  if (header->width == 0)
    return pet_fail (
        error, PET_ERROR_CORRUPT, "is damaged: the JPEG is 0 pixels wide");
  if (header->height == 0)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "is a JPEG whose header does not say its height");
  if (header->n_components != 1 && header->n_components != 3 &&
      header->n_components != 4)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "is a JPEG with %d colour components; only 1, 3 and 4 are read",
        header->n_components);
  return PET_OK;
}

void
pet_jpeg_header_copy_icc (
    const PetJpegHeader *header, const uint8_t *bytes, uint8_t *profile)
{
  for (int i = 0; i < header->n_icc_chunks; i++) {
    memcpy (profile, bytes + header->icc[i].offset, header->icc[i].size);
    profile += header->icc[i].size;
  }
}
