/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/native/native-strip.h"

#include <string.h>

void
pet_native_strip_init (const PetNativePicture *picture, bool blocked, int rows,
    int width, int before, PetNativeStrip *strip)
{
  strip->blocked = blocked;
  strip->rows = rows;
  strip->width = width;
  strip->before = before;
  strip->row = (ptrdiff_t) width * (blocked ? PET_BLOCK : 1);
  strip->part = strip->row * rows;
  strip->bytes =
      ((size_t) strip->part *
              (size_t) (blocked ? picture->blocks : picture->channels) +
          PET_NATIVE_OVERREAD) *
      sizeof (float);
}

static void
fill_row (const PetNativeStrip *strip, const PetNativePicture *picture,
    const float *from, float *to)
{
  ptrdiff_t unit = strip->blocked ? PET_BLOCK : 1;
  int width = picture->width;
  int behind = strip->width - strip->before - width;

  /* A strip may end before the picture does. */
  if (behind < 0) {
    width += behind;
    behind = 0;
  }
  memset (to, 0, (size_t) (strip->before * unit) * sizeof *to);
  to += strip->before * unit;
  memcpy (to, from, (size_t) (width * unit) * sizeof *to);
  memset (to + width * unit, 0, (size_t) (behind * unit) * sizeof *to);
}

void
pet_native_strip_fill (const PetNativeStrip *strip,
    const PetNativePicture *picture, const float *data, int first, int rows,
    float *to)
{
  int parts = strip->blocked ? picture->blocks : picture->channels;
  ptrdiff_t unit = strip->blocked ? PET_BLOCK : 1;
  ptrdiff_t plane = picture->plane / PET_BLOCK * unit;

  for (int c = 0; c < parts; c++)
    for (int y = 0; y < rows; y++) {
      float *row = to + c * strip->part + y * strip->row;
      int from = first + y;

      if (from < 0 || from >= picture->height)
        memset (row, 0, (size_t) strip->row * sizeof *row);
      else
        fill_row (strip, picture,
            data + c * plane + (ptrdiff_t) from * picture->width * unit, row);
    }
}
