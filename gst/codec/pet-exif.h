/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which way up a picture is, out of an EXIF block. */

#pragma once

#include <stddef.h>
#include <stdint.h>

/* `tiff` is the block behind JPEG's "Exif\0\0" or the contents of PNG's eXIf
 * chunk. Returns the Orientation of the first directory, 1..8; 1 where there
 * is none or it makes no sense. Reads nothing outside `tiff` and follows no
 * other directory. */
int pet_exif_orientation (const uint8_t *tiff, size_t size);
