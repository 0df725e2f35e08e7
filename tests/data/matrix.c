/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "data/matrix.h"

#include <ctype.h>

#include "codecs/codec-png-files.h"

Bytes
matrix_make (const MatrixFile *file)
{
  return file->id[0] == 'J' ? matrix_make_jpeg (file) : matrix_make_png (file);
}

const char *
matrix_name (const MatrixFile *file, char name[MATRIX_NAME_SIZE])
{
  snprintf (name, MATRIX_NAME_SIZE, "%s-%s", file->id, file->name);
  for (char *c = name; *c != '\0' && *c != '-'; c++)
    *c = (char) tolower ((unsigned char) *c);
  return name;
}

Bytes
matrix_good (int n, int width, int height, int channels)
{
  uint64_t kept = tap_state_;
  Bytes bytes;

  tap_state_ = (uint64_t) n * 7919 + 13;
  if (channels == 3 && n % 2 == 0)
    bytes = make_jpeg (
        &(JpegRecipe){ .width = width, .height = height, .n_components = 3 });
  else
    bytes = make_png (&(PngRecipe){ .width = width,
                          .height = height,
                          .color_type = channels == 4 ? 6 : 2,
                          .depth = 8 },
        NULL);
  tap_state_ = kept;
  return bytes;
}
