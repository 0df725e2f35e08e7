/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PNG files of every kind, made from a seed, and what they must decode to. */

#pragma once

#include <png.h>

#include "codec-files.h"

typedef struct {
  int width, height;
  int color_type, depth;
  bool interlaced, transparent; /* with a tRNS chunk */
  int gamma;                    /* gAMA times 100000, 0 = none */
  int orientation;              /* 0 = no eXIf */
  const uint8_t *icc;
  size_t icc_size;
  int n_palette; /* 0 = as many as the depth has */
} PngRecipe;

/* The samples of one picture as they are stored, and what they mean. */
typedef struct {
  const PngRecipe *recipe;
  int n_channels;
  uint16_t *samples;
  png_color colors[256];
  png_byte alphas[256];
  int n_colors;
  png_color_16 key; /* the transparent colour */
} Contents;

static inline void
write_bytes (png_structp png, png_bytep data, size_t size)
{
  Bytes *bytes = png_get_io_ptr (png);

  bytes->data = realloc (bytes->data, bytes->size + size);
  memcpy (bytes->data + bytes->size, data, size);
  bytes->size += size;
}

static inline void
flush_bytes (png_structp png)
{
}

static inline void
invent_palette (Contents *self)
{
  const PngRecipe *recipe = self->recipe;

  self->n_colors =
      recipe->n_palette > 0 ? recipe->n_palette : 1 << recipe->depth;
  for (int i = 0; i < self->n_colors; i++) {
    self->colors[i] = (png_color){ (png_byte) tap_random (),
      (png_byte) tap_random (), (png_byte) tap_random () };
    self->alphas[i] = (png_byte) tap_random ();
  }
}

static inline void
contents_init (Contents *self, const PngRecipe *recipe)
{
  size_t n_samples;
  unsigned max = recipe->depth == 16 ? 65535 : (1u << recipe->depth) - 1;

  *self = (Contents){ .recipe = recipe };
  self->n_channels = recipe->color_type == PNG_COLOR_TYPE_PALETTE
      ? 1
      : (recipe->color_type & PNG_COLOR_MASK_COLOR ? 3 : 1) +
          (recipe->color_type & PNG_COLOR_MASK_ALPHA ? 1 : 0);
  if (recipe->color_type == PNG_COLOR_TYPE_PALETTE)
    invent_palette (self);
  if (self->n_colors > 0)
    max = (unsigned) self->n_colors - 1;
  n_samples = (size_t) recipe->width * (size_t) recipe->height *
      (size_t) self->n_channels;
  self->samples = malloc (n_samples * sizeof *self->samples);
  for (size_t i = 0; i < n_samples; i++)
    self->samples[i] = (uint16_t) (tap_random () % (max + 1));
  self->key.gray = self->key.red = self->samples[0];
  if (self->n_channels == 3) {
    self->key.green = self->samples[1];
    self->key.blue = self->samples[2];
  }
}

static inline uint8_t
to_8_bits (unsigned sample, int depth)
{
  if (depth == 16)
    return (uint8_t) ((sample * 255u + 32767u) / 65535u);
  return (uint8_t) (sample * 255u / ((1u << depth) - 1));
}

static inline bool
is_key (const Contents *self, const uint16_t *samples)
{
  if (!self->recipe->transparent)
    return false;
  if (self->n_channels == 1)
    return samples[0] == self->key.gray;
  return self->n_channels == 3 && samples[0] == self->key.red &&
      samples[1] == self->key.green && samples[2] == self->key.blue;
}

static inline void
expand_pixel (const Contents *self, const uint16_t *samples, uint8_t *out)
{
  int depth = self->recipe->depth;

  out[3] = 255;
  if (self->n_colors > 0) {
    const png_color *color = &self->colors[samples[0]];

    memcpy (out, (uint8_t[]){ color->red, color->green, color->blue }, 3);
    if (self->recipe->transparent)
      out[3] = self->alphas[samples[0]];
    return;
  }
  for (int c = 0; c < 3; c++)
    out[c] = to_8_bits (samples[self->n_channels >= 3 ? c : 0], depth);
  if (self->n_channels == 2 || self->n_channels == 4)
    out[3] = to_8_bits (samples[self->n_channels - 1], depth);
  else if (is_key (self, samples))
    out[3] = 0;
}

static inline uint8_t *
expand (const Contents *self)
{
  size_t n_pixels =
      (size_t) self->recipe->width * (size_t) self->recipe->height;
  uint8_t *pixels = malloc (n_pixels * 4);

  for (size_t i = 0; i < n_pixels; i++)
    expand_pixel (
        self, self->samples + i * (size_t) self->n_channels, pixels + 4 * i);
  return pixels;
}

static inline void
put_info (png_structp png, png_infop info, const Contents *self)
{
  const PngRecipe *recipe = self->recipe;

  png_set_IHDR (png, info, (png_uint_32) recipe->width,
      (png_uint_32) recipe->height, recipe->depth, recipe->color_type,
      recipe->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
      PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (self->n_colors > 0)
    png_set_PLTE (png, info, self->colors, self->n_colors);
  if (recipe->transparent)
    png_set_tRNS (png, info, self->alphas,
        self->n_colors > 0 ? self->n_colors : 1, &self->key);
  if (recipe->gamma > 0)
    png_set_gAMA_fixed (png, info, recipe->gamma);
  if (recipe->icc != NULL)
    png_set_iCCP (png, info, "profile", PNG_COMPRESSION_TYPE_BASE, recipe->icc,
        (png_uint_32) recipe->icc_size);
  if (recipe->orientation > 0) {
    png_byte exif[] = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0?\0\0";

    exif[19] = (png_byte) recipe->orientation;
    png_set_eXIf_1 (png, info, sizeof exif - 1, exif);
  }
}

/* libpng takes one byte per sample below 16 bits when it is told to pack. */
static inline void
write_rows (png_structp png, const Contents *self)
{
  size_t n_samples = (size_t) self->recipe->width * (size_t) self->n_channels;
  bool wide = self->recipe->depth == 16;
  uint8_t *row = malloc (n_samples * 2);
  int n_passes = self->recipe->interlaced ? 7 : 1;

  if (self->recipe->interlaced)
    png_set_interlace_handling (png);
  png_set_packing (png);
  for (int pass = 0; pass < n_passes; pass++)
    for (int y = 0; y < self->recipe->height; y++) {
      const uint16_t *samples = self->samples + (size_t) y * n_samples;

      for (size_t i = 0; i < n_samples; i++) {
        if (wide)
          row[2 * i] = (uint8_t) (samples[i] >> 8);
        row[wide ? 2 * i + 1 : i] = (uint8_t) samples[i];
      }
      png_write_row (png, row);
    }
  free (row);
}

/* `expected` (NULL allowed) gets width * height RGBA pixels, 8 bit; free()
 * it. Gamma, profile and orientation are not applied to it. */
static inline Bytes
make_png (const PngRecipe *recipe, uint8_t **expected)
{
  png_structp png =
      png_create_write_struct (PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct (png);
  Bytes bytes = { 0 };
  Contents contents;

  if (setjmp (png_jmpbuf (png)) != 0)
    abort ();
  contents_init (&contents, recipe);
  png_set_write_fn (png, &bytes, write_bytes, flush_bytes);
  put_info (png, info, &contents);
  png_write_info (png, info);
  write_rows (png, &contents);
  png_write_end (png, info);
  png_destroy_write_struct (&png, &info);
  if (expected != NULL)
    *expected = expand (&contents);
  free (contents.samples);
  return bytes;
}
