/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures for tests: guarded on all sides, filled from tap_random(); and an
 * allocator that guards, counts and fails on demand. */

#pragma once

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pet-alloc.h"
#include "base/pet-image.h"
#include "tap.h"

#define PICTURE_GUARD 0xa5
#define PICTURE_MARGIN 256

typedef struct {
  PetImage image;
  uint8_t *block;
  size_t block_bytes;
} Picture;

static inline Picture
picture_new (int width, int height, int channels, int spare_bytes)
{
  Picture picture = { .image = { NULL, width, height, channels, 0 } };

  picture.image.stride_bytes = (ptrdiff_t) width * channels + spare_bytes;
  picture.block_bytes = (size_t) picture.image.stride_bytes * (size_t) height +
      2 * PICTURE_MARGIN;
  picture.block = malloc (picture.block_bytes);
  if (picture.block == NULL)
    abort ();
  memset (picture.block, PICTURE_GUARD, picture.block_bytes);
  /* Odd on purpose: no kernel may count on alignment. */
  picture.image.data = picture.block + PICTURE_MARGIN - 1;
  return picture;
}

static inline void
picture_free (Picture *picture)
{
  free (picture->block);
  picture->block = NULL;
}

static inline Picture
picture_copy (const PetImage *image, int spare_bytes)
{
  Picture copy =
      picture_new (image->width, image->height, image->channels, spare_bytes);

  for (int y = 0; y < image->height; y++)
    memcpy (pet_image_row (&copy.image, y), pet_image_row (image, y),
        (size_t) image->width * (size_t) image->channels);
  return copy;
}

static inline bool
picture_equal (const PetImage *a, const PetImage *b)
{
  for (int y = 0; y < a->height; y++)
    if (memcmp (pet_image_row (a, y), pet_image_row (b, y),
            (size_t) a->width * (size_t) a->channels) != 0)
      return false;
  return true;
}

/* True if nothing was written outside the rows. */
static inline bool
picture_guards_hold (const Picture *picture)
{
  const PetImage *image = &picture->image;
  size_t row_bytes = (size_t) image->width * (size_t) image->channels;
  size_t position = 0;

  for (int y = 0; y <= image->height; y++) {
    size_t next = y < image->height
        ? (size_t) (pet_image_row (image, y) - picture->block)
        : picture->block_bytes;

    for (; position < next; position++)
      if (picture->block[position] != PICTURE_GUARD)
        return false;
    position += row_bytes;
  }
  return true;
}

typedef enum {
  CONTENT_NOISE,
  CONTENT_GRADIENT,
  CONTENT_WAVES, /* sums of sines with a little noise: like a photo */
  CONTENT_BLACK,
  CONTENT_WHITE,
  CONTENT_COUNT,
} PictureContent;

typedef enum {
  ALPHA_OPAQUE,
  ALPHA_NONE,
  ALPHA_NOISE, /* a third 0, a third 255 */
  ALPHA_SOFT,  /* a disc with a soft outline */
  ALPHA_COUNT,
} PictureAlpha;

static inline uint8_t
picture_clamp (double value)
{
  return (uint8_t) (value < 0.0 ? 0.0 : value > 255.0 ? 255.0 : value);
}

static inline uint8_t
picture_alpha_ (PictureAlpha kind, int x, int y, int width, int height)
{
  double dx = (x + 0.5) / width - 0.5, dy = (y + 0.5) / height - 0.5;
  int noise = tap_random_range (0, 767);

  switch (kind) {
    case ALPHA_OPAQUE:
      return 255;
    case ALPHA_NONE:
      return 0;
    case ALPHA_NOISE:
      return noise < 256 ? 0 : noise < 512 ? 255 : (uint8_t) (noise - 512);
    default:
      return picture_clamp (1500.0 * (0.4 - sqrt (dx * dx + dy * dy)));
  }
}

static inline void
picture_fill (const PetImage *image, PictureContent content, PictureAlpha alpha)
{
  double wave[3][4];

  for (int i = 0; i < 12; i++)
    wave[i / 4][i % 4] = tap_random_range (5, 400) / 1000.0;
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++) {
      uint8_t *pixel = pet_image_row (image, y) + x * image->channels;

      for (int c = 0; c < 3; c++) {
        const double *w = wave[c];
        int noise = tap_random_range (0, 255);

        pixel[c] = content == CONTENT_NOISE ? (uint8_t) noise
            : content == CONTENT_GRADIENT
            ? (uint8_t) (255 * (c == 1 ? y : x) /
                  (c == 1 ? image->height : image->width))
            : content == CONTENT_WAVES
            ? picture_clamp (128 + 70 * sin (w[0] * x + w[1] * y + c) +
                  50 * cos (w[2] * x * 0.3 - w[3] * y) + noise / 25.0)
            : content == CONTENT_WHITE ? 255
                                       : 0;
      }
      if (image->channels == 4)
        pixel[3] = picture_alpha_ (alpha, x, y, image->width, image->height);
    }
}

/* Guards every piece, checks sizes at free, and fails the `fail_at`-th
 * allocation (counting from 1; 0: none). */
typedef struct {
  int allocations, alive, fail_at;
  size_t bytes; /* of all pieces ever */
} TestMemory;

static inline void *
test_memory_alloc_ (void *user, size_t size)
{
  TestMemory *memory = user;
  uint8_t *block;

  if (++memory->allocations == memory->fail_at)
    return NULL;
  block = pet_alloc (NULL, size + 2 * PET_ALIGNMENT);
  if (block == NULL)
    return NULL;
  memory->alive++;
  memory->bytes += size;
  memset (block, PICTURE_GUARD, size + 2 * PET_ALIGNMENT);
  return block + PET_ALIGNMENT;
}

static inline void
test_memory_free_ (void *user, void *piece, size_t size)
{
  TestMemory *memory = user;
  uint8_t *block = (uint8_t *) piece - PET_ALIGNMENT;

  for (size_t i = 0; i < PET_ALIGNMENT; i++)
    if (block[i] != PICTURE_GUARD ||
        block[PET_ALIGNMENT + size + i] != PICTURE_GUARD) {
      tap_fail ("written outside %zu bytes of scratch", size);
      break;
    }
  memory->alive--;
  pet_free (NULL, block, size + 2 * PET_ALIGNMENT);
}

static inline PetAllocator
test_memory_allocator (TestMemory *memory)
{
  return (PetAllocator){
    .alloc = test_memory_alloc_, .free = test_memory_free_, .user = memory
  };
}
