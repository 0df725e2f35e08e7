/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Real photos for tests, by libjpeg and libpng themselves. Relative names are
 * below $PET_SHARED. Width 0 if the file is not there. */

#pragma once

#include <stdio.h>

#include "picture.h"

/* clang-format off: stdio.h must come first */
#include <jpeglib.h>
#include <png.h>
/* clang-format on */

static inline bool
photo_path_ (const char *name, char *path, size_t size)
{
  const char *folder = getenv ("PET_SHARED");
  FILE *file;

  snprintf (path, size, "%s/%s", folder != NULL ? folder : ".", name);
  file = fopen (path, "rb");
  if (file != NULL)
    fclose (file);
  return file != NULL;
}

static inline Picture
photo_read_png (const char *name)
{
  png_image png = { .version = PNG_IMAGE_VERSION };
  Picture picture = { 0 };
  char path[1024];

  if (!photo_path_ (name, path, sizeof path) ||
      !png_image_begin_read_from_file (&png, path))
    return picture;
  png.format = PNG_FORMAT_RGBA;
  picture = picture_new ((int) png.width, (int) png.height, 4, 0);
  if (!png_image_finish_read (&png, NULL, picture.image.data,
          (png_int_32) picture.image.stride_bytes, NULL))
    abort ();
  return picture;
}

/* Alpha is a disc with a soft outline. `scale` as in libjpeg: 1..8 eighths. */
static inline Picture
photo_read_jpeg (const char *name, unsigned scale)
{
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  Picture picture = { 0 };
  char path[1024];
  FILE *file;

  if (!photo_path_ (name, path, sizeof path))
    return picture;
  file = fopen (path, "rb");
  jpeg.err = jpeg_std_error (&errors);
  jpeg_create_decompress (&jpeg);
  jpeg_stdio_src (&jpeg, file);
  jpeg_read_header (&jpeg, TRUE);
  jpeg.out_color_space = JCS_RGB;
  jpeg.scale_num = scale;
  jpeg.scale_denom = 8;
  jpeg_start_decompress (&jpeg);
  picture =
      picture_new ((int) jpeg.output_width, (int) jpeg.output_height, 4, 0);
  picture_fill (&picture.image, CONTENT_BLACK, ALPHA_SOFT);
  while (jpeg.output_scanline < jpeg.output_height) {
    uint8_t *row = pet_image_row (&picture.image, (int) jpeg.output_scanline);
    uint8_t *line = malloc ((size_t) jpeg.output_width * 3);

    jpeg_read_scanlines (&jpeg, &line, 1);
    for (unsigned x = 0; x < jpeg.output_width; x++)
      memcpy (row + 4 * (size_t) x, line + 3 * (size_t) x, 3);
    free (line);
  }
  jpeg_finish_decompress (&jpeg);
  jpeg_destroy_decompress (&jpeg);
  fclose (file);
  return picture;
}
