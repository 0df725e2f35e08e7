/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-palette.h"

#include <stdlib.h>
#include <string.h>

#include "codec/pet-png-kernels.h"

/* The slot that holds `key`, or the free one where it belongs. There are four
 * times as many slots as colours, so one is always found. */
static inline unsigned
find_slot (const PetPalette *palette, uint32_t key)
{
  unsigned slot = (key * 0x9e3779b1u) >> 22;

  while (palette->slots[slot] >= 0 && palette->slot_keys[slot] != key)
    slot = (slot + 1) % PET_PALETTE_SLOTS;
  return slot;
}

static void
store_color (uint8_t *color, uint32_t key)
{
  for (int c = 0; c < 4; c++)
    color[c] = (uint8_t) (key >> (8 * c));
}

/* False when the palette was full. */
static bool
add_key (PetPalette *palette, uint32_t key)
{
  unsigned slot = find_slot (palette, key);

  if (palette->slots[slot] >= 0)
    return true;
  if (palette->n_colors == PET_PALETTE_MAX)
    return false;
  palette->slots[slot] = (int16_t) palette->n_colors;
  palette->slot_keys[slot] = key;
  store_color (palette->colors[palette->n_colors], key);
  if (pet_palette_is_small (palette))
    pet_color_map_add (&palette->map, palette->colors[palette->n_colors]);
  palette->n_colors++;
  return true;
}

/* R, G and B the same in all pixels; of 3 bytes each. */
static bool
row_is_grey (const uint8_t *row, int width)
{
  uint32_t difference = 0;

  for (int x = 0; x < width; x++, row += 3)
    difference |= (uint32_t) (row[0] ^ row[1]) | (uint32_t) (row[0] ^ row[2]);
  return difference == 0;
}

static void
look_at_pixels (PetPalette *palette, const uint8_t *pixels, int n, int channels)
{
  uint32_t differences = 0, common = 0xffffffffu;

  if (channels == 3)
    palette->grey = palette->grey && row_is_grey (pixels, n);
  if (channels != 4 || !(palette->grey || palette->opaque))
    return;
  pet_png_kernels ()->summarise (pixels, n, &differences, &common);
  palette->grey = palette->grey && differences == 0;
  palette->opaque = palette->opaque && common >> 24 == 255;
}

#define BLOCK 256

/* Whether all pixels have colours that are known; false where that would not be
 * found out sooner. */
static bool
are_known (
    const PetPalette *palette, const uint8_t *pixels, int n, int channels)
{
  uint8_t values[BLOCK];

  return channels == 4 && palette->n_colors > 0 &&
      pet_palette_is_small (palette) &&
      pet_png_kernels ()->map_colors (&palette->map, pixels, n, values);
}

static bool
count_block (PetPalette *palette, const uint8_t *row, int n, int channels)
{
  uint32_t last = pet_palette_key (row, channels);

  if (!add_key (palette, last))
    return false;
  for (int x = 1; x < n; x++) {
    uint32_t key = pet_palette_key (row + (ptrdiff_t) x * channels, channels);

    if (key != last && !add_key (palette, key))
      return false;
    last = key;
  }
  return true;
}

/* Whether all pixels are opaque greys, which then are marked. */
static bool
mark_greys (PetPalette *palette, const uint8_t *pixels, int n, int channels)
{
  uint32_t differences = 0, common = 0xffffffffu;

  if (channels != 4 || !palette->grey || !palette->opaque ||
      pet_palette_is_small (palette))
    return false;
  pet_png_kernels ()->summarise (pixels, n, &differences, &common);
  if (differences != 0 || common >> 24 != 255)
    return false;
  for (int x = 0; x < n; x++)
    palette->greys[pixels[4 * (ptrdiff_t) x]] = true;
  return true;
}

/* False when the greys that were marked do not fit. */
static bool
add_greys (PetPalette *palette)
{
  for (unsigned grey = 0; grey < 256; grey++)
    if (palette->greys[grey] &&
        !add_key (palette, grey * 0x010101u | 0xff000000u))
      return false;
  memset (palette->greys, 0, sizeof palette->greys);
  return true;
}

/* False when the pixels have more colours than fit. */
static bool
count_pixels (PetPalette *palette, const uint8_t *row, int n, int channels)
{
  for (int x = 0; x < n; x += BLOCK) {
    const uint8_t *pixels = row + (ptrdiff_t) x * channels;
    int part = n - x < BLOCK ? n - x : BLOCK;

    if (!are_known (palette, pixels, part, channels) &&
        !mark_greys (palette, pixels, part, channels) &&
        !count_block (palette, pixels, part, channels))
      return false;
  }
  return true;
}

/* Looks at the pixels between the zeros of a row's ends, and at one of these.
 * False when nothing more can be found out. */
static bool
look_at_row (PetPalette *palette, const PetImage *image,
    const PetOutline *outline, int y, bool *few)
{
  static const uint8_t zeros[4];
  const uint8_t *in = pet_image_row (image, y);
  int channels = image->channels, first, end;

  pet_outline_row (outline, y, image->width, &first, &end);
  pet_png_find_pixels (in, channels, &first, &end);
  in += (size_t) first * (size_t) channels;
  if (end - first < image->width) {
    *few = *few && count_pixels (palette, zeros, 1, channels);
    palette->opaque = palette->opaque && channels != 4;
  }
  *few = *few && count_pixels (palette, in, end - first, channels);
  look_at_pixels (palette, in, end - first, channels);
  return *few || (channels == 4 && palette->opaque) ||
      (channels != 1 && palette->grey);
}

bool
pet_palette_row_repeats (
    const PetImage *image, const PetOutline *outline, int y)
{
  size_t pixel = (size_t) image->channels;
  int first, end, first_above, end_above;

  if (y == 0)
    return false;
  pet_outline_row (outline, y, image->width, &first, &end);
  pet_outline_row (outline, y - 1, image->width, &first_above, &end_above);
  first = first < first_above ? first : first_above;
  end = end > end_above ? end : end_above;
  return end <= first ||
      memcmp (pet_image_row (image, y) + (size_t) first * pixel,
          pet_image_row (image, y - 1) + (size_t) first * pixel,
          (size_t) (end - first) * pixel) == 0;
}

static int
compare_colors (const void *a, const void *b)
{
  const uint8_t *x = a, *y = b;

  if ((x[3] == 255) != (y[3] == 255))
    return x[3] == 255 ? 1 : -1;
  return memcmp (x, y, 4);
}

/* Translucent colours first, so that the tRNS chunk can end with them. */
static void
sort_colors (PetPalette *palette)
{
  int n_colors = palette->n_colors;

  qsort (palette->colors, (size_t) n_colors, 4, compare_colors);
  memset (palette->slots, 0xff, sizeof palette->slots);
  palette->n_translucent = 0;
  for (int i = 0; i < n_colors; i++) {
    uint32_t key = pet_palette_key (palette->colors[i], 4);
    unsigned slot = find_slot (palette, key);

    palette->slots[slot] = (int16_t) i;
    palette->slot_keys[slot] = key;
    palette->n_translucent += palette->colors[i][3] != 255;
  }
}

void
pet_palette_init (
    PetPalette *palette, const PetImage *image, const PetOutline *outline)
{
  bool few_colors = true;

  memset (palette, 0, sizeof *palette);
  memset (palette->slots, 0xff, sizeof palette->slots);
  palette->grey = true;
  palette->opaque = true;
  pet_color_map_clear (&palette->map);
  /* From the middle on, where what has many colours shows it. */
  for (int i = 0; i < image->height; i++) {
    int y = (image->height / 2 + i) % image->height;

    if ((i == 0 || !pet_palette_row_repeats (image, outline, y)) &&
        !look_at_row (palette, image, outline, y, &few_colors))
      break;
  }
  if (!few_colors || !add_greys (palette))
    palette->n_colors = 0;
  sort_colors (palette);
}

int
pet_palette_find (const PetPalette *palette, uint32_t key)
{
  return palette->slots[find_slot (palette, key)];
}
