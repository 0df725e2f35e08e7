/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-sniff.h"

#include <stdbool.h>
#include <string.h>

#include "codec/pet-decoder.h"

typedef struct {
  const char *name;
  size_t offset;
  size_t size;
  const char *bytes;
} Signature;

/* The first that fits wins. */
static const Signature signatures[] = {
  { "WebP", 8, 4, "WEBP" },
  { "GIF", 0, 4, "GIF8" },
  { "AVIF", 4, 8, "ftypavif" },
  { "AVIF", 4, 8, "ftypavis" },
  { "HEIC", 4, 7, "ftyphei" },
  { "HEIC", 4, 7, "ftyphev" },
  { "HEIC", 4, 8, "ftypmif1" },
  { "HEIC", 4, 8, "ftypmsf1" },
  { "a video", 4, 4, "ftyp" },
  { "JPEG XL", 0, 12, "\0\0\0\x0cJXL \r\n\x87\n" },
  { "JPEG XL", 0, 2, "\xff\x0a" },
  { "JPEG 2000", 4, 4, "jP  " },
  { "JPEG 2000", 0, 4, "\xff\x4f\xff\x51" },
  { "a damaged PNG", 1, 3, "PNG" },
  { "BMP", 0, 2, "BM" },
  { "TIFF or a camera's raw file", 0, 4, "II*\0" },
  { "TIFF or a camera's raw file", 0, 4, "MM\0*" },
  { "Photoshop", 0, 4, "8BPS" },
  { "PDF", 0, 5, "%PDF-" },
  { "a ZIP archive", 0, 4, "PK\x03\x04" },
  { "Windows icon", 0, 4, "\0\0\1\0" },
};

/* Of text that starts with white space or a byte order mark too. */
static const Signature text_signatures[] = {
  { "HTML", 0, 14, "<!doctype html" },
  { "HTML", 0, 5, "<html" },
  { "SVG", 0, 4, "<svg" },
  { "XML or SVG", 0, 5, "<?xml" },
  { "JSON", 0, 1, "{" },
};

static char
lower (uint8_t byte)
{
  return (char) (byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
}

static bool
text_matches (const Signature *signature, const uint8_t *bytes, size_t size)
{
  if (size < signature->size)
    return false;
  for (size_t i = 0; i < signature->size; i++)
    if (lower (bytes[i]) != signature->bytes[i])
      return false;
  return true;
}

static const char *
find_text_name (const uint8_t *bytes, size_t size)
{
  if (size >= 3 && memcmp (bytes, "\xef\xbb\xbf", 3) == 0) {
    bytes += 3;
    size -= 3;
  }
  while (size > 0 && bytes[0] != '\0' && strchr (" \t\r\n", bytes[0])) {
    bytes++;
    size--;
  }
  for (size_t i = 0; i < sizeof text_signatures / sizeof *text_signatures; i++)
    if (text_matches (&text_signatures[i], bytes, size))
      return text_signatures[i].name;
  return NULL;
}

static const char *
find_name (const uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
    const Signature *signature = &signatures[i];

    if (size >= signature->offset + signature->size &&
        memcmp (bytes + signature->offset, signature->bytes, signature->size) ==
            0)
      return signature->name;
  }
  return find_text_name (bytes, size);
}

static bool
is_all_zero (const uint8_t *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != 0)
      return false;
  return true;
}

PetStatus
pet_sniff_refuse (const uint8_t *bytes, size_t size, PetError *error)
{
  const char *name;

  if (size == 0)
    return pet_fail (error, PET_ERROR_FORMAT, "is empty");
  if (is_all_zero (bytes, size))
    return pet_fail (error, PET_ERROR_FORMAT,
        "is neither JPEG nor PNG (contains nothing but zeros)");
  name = find_name (bytes, size);
  if (name == NULL)
    return pet_fail (error, PET_ERROR_FORMAT, "is neither JPEG nor PNG");
  return pet_fail (
      error, PET_ERROR_FORMAT, "is neither JPEG nor PNG (looks like %s)", name);
}

bool
pet_picture_sniff (const uint8_t *bytes, size_t size, PetPictureFormat *format)
{
  if (size >= 3 && memcmp (bytes, "\xff\xd8\xff", 3) == 0) {
    *format = PET_PICTURE_JPEG;
    return true;
  }
  if (size >= 8 && memcmp (bytes, "\x89PNG\r\n\x1a\n", 8) == 0) {
    *format = PET_PICTURE_PNG;
    return true;
  }
  return false;
}
