/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A network of the accuracy report, or two: "petnet.onnx+petnet-large.onnx" are
 * asked as petsegment asks them (nn/pet-find.h). */

#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/pet-find.h"

typedef struct {
  PetSegmenter *first, *second; /* second NULL: there is one only */
} AccuracyNetworks;

static inline PetSegmenter *
accuracy_take_second (void *user)
{
  return ((AccuracyNetworks *) user)->second;
}

static inline void
accuracy_give_back_second (void *user)
{
}

static inline PetStatus
accuracy_find (AccuracyNetworks *networks, const PetImage *photo,
    PetFound *found, PetError *error)
{
  const PetSecondNetwork second = { accuracy_take_second,
    accuracy_give_back_second, networks };

  return pet_find (networks->first, networks->second != NULL ? &second : NULL,
      photo, false, NULL, found, error);
}

static inline void
accuracy_close (AccuracyNetworks *networks)
{
  pet_segmenter_free (&networks->first);
  pet_segmenter_free (&networks->second);
}

/* On failure there is nothing to close. */
static inline PetStatus
accuracy_open (const char *text, AccuracyNetworks *networks, PetError *error)
{
  PetSegmenterOptions options = { .threads = 1 };
  const char *plus = strchr (text, '+');
  char *first =
      plus != NULL ? strndup (text, (size_t) (plus - text)) : strdup (text);
  PetStatus status;

  *networks = (AccuracyNetworks){ NULL, NULL };
  if (first == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a file name");
  status = pet_segmenter_new_file (first, &options, &networks->first, error);
  if (status == PET_OK && plus != NULL)
    status =
        pet_segmenter_new_file (plus + 1, &options, &networks->second, error);
  if (status != PET_OK)
    accuracy_close (networks);
  free (first);
  return status;
}
