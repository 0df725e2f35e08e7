/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-picture.h"

#include <string.h>

#include "codec/pet-decoder.h"
#include "codec/pet-jpeg-header.h"
#include "codec/pet-sniff.h"

/* Signature, IHDR's length and name, width and height. */
#define PNG_HEADER_BYTES 24
/* A frame header behind more than this is left to the decoder. */
#define MAX_LOOK_BYTES (1024 * 1024)

static guint32
read_be32 (const guint8 *bytes)
{
  return (guint32) bytes[0] << 24 | (guint32) bytes[1] << 16 |
      (guint32) bytes[2] << 8 | bytes[3];
}

static ServePicture
check_size (guint64 width, guint64 height, guint64 max_pixels, gchar **reason)
{
  if (max_pixels == 0 || width == 0 || height <= max_pixels / width)
    return SERVE_PICTURE_GOOD;
  *reason = g_strdup_printf ("the photo has %" G_GUINT64_FORMAT
                             " x %" G_GUINT64_FORMAT
                             " pixels, more than the %.0f megapixels allowed",
      width, height, (gdouble) max_pixels / 1e6);
  return SERVE_PICTURE_TOO_LARGE;
}

static ServePicture
look_at_jpeg (const guint8 *bytes, gsize size, gboolean complete,
    guint64 max_pixels, gchar **reason)
{
  PetJpegHeader header;

  pet_jpeg_header_parse (&header, bytes, size);
  if (header.frame_marker != 0)
    return check_size (
        (guint64) header.width, (guint64) header.height, max_pixels, reason);
  return complete || size >= MAX_LOOK_BYTES ? SERVE_PICTURE_GOOD
                                            : SERVE_PICTURE_UNKNOWN;
}

static ServePicture
refuse (const guint8 *bytes, gsize size, gchar **reason)
{
  PetError error = { 0 };

  pet_sniff_refuse (bytes, size, &error);
  *reason = strstr (error.message, "HEIC") != NULL
      ? g_strconcat (error.message,
            "; on an iPhone choose Settings > Camera > Formats > Most "
            "Compatible, or share the photo as JPEG",
            NULL)
      : g_strdup (error.message);
  return SERVE_PICTURE_NOT_READ;
}

ServePicture
serve_picture_look (const guint8 *bytes, gsize size, gboolean complete,
    guint64 max_pixels, gchar **reason)
{
  PetPictureFormat format;

  if (size < PNG_HEADER_BYTES && !complete)
    return SERVE_PICTURE_UNKNOWN;
  if (!pet_picture_sniff (bytes, size, &format))
    return refuse (bytes, size, reason);
  if (format == PET_PICTURE_JPEG)
    return look_at_jpeg (bytes, size, complete, max_pixels, reason);
  if (size < PNG_HEADER_BYTES || memcmp (bytes + 12, "IHDR", 4) != 0)
    return SERVE_PICTURE_GOOD;
  return check_size (
      read_be32 (bytes + 16), read_be32 (bytes + 20), max_pixels, reason);
}
