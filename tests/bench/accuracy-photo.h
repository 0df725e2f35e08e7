/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Photos with true masks, for the accuracy report and its test. True masks
 * are 0 = background, 128 = unknown border, 255 = pet. */

#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pet-folder.h"
#include "base/pet-image.h"
#include "codec/pet-decoder.h"

#define ACCURACY_BORDER 128

static inline PetImage
accuracy_image (int width, int height, int channels)
{
  PetImage image = { calloc (
                         (size_t) width * (size_t) height, (size_t) channels),
    width, height, channels, (ptrdiff_t) width * channels };

  if (image.data == NULL)
    abort ();
  return image;
}

/* False if there is no such picture; `image->data` is free()d by the caller. */
static inline bool
accuracy_read (const char *path, PetImage *image)
{
  PetDecodeOptions options;
  PetDecoder *decoder = NULL;
  PetPictureInfo info;
  PetError error;
  uint8_t *bytes;
  size_t size;
  bool done;

  if (pet_file_read (path, 0, &bytes, &size, &error) != PET_OK)
    return false;
  pet_decode_options_init (&options);
  done = pet_decoder_open (&options, bytes, size, &decoder, &info, &error) ==
      PET_OK;
  if (done) {
    *image = accuracy_image (info.width, info.height, info.channels);
    done = pet_decoder_read (decoder, image, NULL, &error) == PET_OK;
  }
  pet_decoder_free (&decoder);
  free (bytes);
  return done;
}

/* FOLDER/images/NAME and the mask FOLDER/masks/(stem of NAME).png, whose one
 * channel is in `truth`. */
static inline bool
accuracy_read_pair (
    const char *folder, const char *name, PetImage *photo, PetImage *truth)
{
  char path[4096];
  PetImage mask;

  snprintf (path, sizeof path, "%s/images/%s", folder, name);
  if (!accuracy_read (path, photo))
    return false;
  snprintf (path, sizeof path, "%s/masks/%.*s.png", folder,
      (int) (strrchr (name, '.') - name), name);
  if (!accuracy_read (path, &mask)) {
    free (photo->data);
    return false;
  }
  *truth = accuracy_image (mask.width, mask.height, 1);
  for (int i = 0; i < mask.width * mask.height; i++)
    truth->data[i] = mask.data[(ptrdiff_t) i * mask.channels];
  free (mask.data);
  return truth->width == photo->width && truth->height == photo->height;
}
