/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-accuracy FOLDER NETWORK...
 *
 * Each network on the photos of FOLDER/images against FOLDER/masks, through
 * our own decoder, engine and matte; one line a photo and network, separated
 * by tabs: network, photo, IoU and boundary F and mean absolute error of the
 * network's mask (enlarged bilinearly), the same three of the cut-out's alpha,
 * milliseconds of the network on one core (CPU time). */

#include <stdio.h>
#include <time.h>

#include "bench/accuracy-photo.h"
#include "bench/accuracy-score.h"
#include "image/pet-matte.h"
#include "nn/pet-find.h"

static double
cpu_milliseconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static bool
find_mask (PetSegmenter *segmenter, const PetImage *photo, const PetImage *mask,
    double *milliseconds)
{
  double begin = cpu_milliseconds ();
  PetError error;

  if (pet_segmenter_run (segmenter, photo, mask, &error) != PET_OK) {
    fprintf (stderr, "%s\n", error.message);
    return false;
  }
  *milliseconds = cpu_milliseconds () - begin;
  return true;
}

static bool
score_alpha (const PetImage *mask, const PetImage *photo, const PetImage *truth,
    const PetMatteOptions *options, AccuracyScore *score)
{
  PetImage alpha = accuracy_image (photo->width, photo->height, 1);
  int side = photo->width > photo->height ? photo->width : photo->height;
  bool done =
      pet_matte_cut (mask, photo, &alpha, options, NULL, NULL, NULL) == PET_OK;

  if (done)
    *score = accuracy_score (&alpha, truth, 2.0 * side / 512.0);
  free (alpha.data);
  return done;
}

/* The network's mask of the whole photo, as it is. */
static bool
score_mask (PetSegmenter *segmenter, const PetImage *photo,
    const PetImage *truth, AccuracyScore *score, double *milliseconds)
{
  PetMatteOptions plain = { .low = 0, .high = 255 };
  int width, height;
  PetImage mask;
  bool done;

  pet_segmenter_mask_size (segmenter, &width, &height);
  mask = accuracy_image (width, height, 1);
  done = find_mask (segmenter, photo, &mask, milliseconds) &&
      score_alpha (&mask, photo, truth, &plain, score);
  free (mask.data);
  return done;
}

/* The alpha that petsegment makes. */
static bool
score_cutout (PetSegmenter *segmenter, const PetImage *photo,
    const PetImage *truth, AccuracyScore *score)
{
  PetMatteOptions refined = {
    .refine = true, .low = PET_FIND_NONE, .high = PET_FIND_ALL
  };
  PetFound found;
  bool done;

  if (pet_find (segmenter, photo, false, NULL, &found, NULL) != PET_OK)
    return false;
  refined.part = found.part;
  done = score_alpha (&found.mask, photo, truth, &refined, score);
  pet_find_clear (&found, NULL);
  return done;
}

static bool
score_photo (PetSegmenter *segmenter, const char *folder, const char *name)
{
  AccuracyScore plain = { 0 }, refined = { 0 };
  PetImage photo, truth;
  double milliseconds;
  bool done;

  if (!accuracy_read_pair (folder, name, &photo, &truth)) {
    fprintf (stderr, "%s has no mask\n", name);
    return false;
  }
  done = score_mask (segmenter, &photo, &truth, &plain, &milliseconds) &&
      score_cutout (segmenter, &photo, &truth, &refined);
  if (done)
    printf ("%s\t%s\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.2f\n",
        pet_segmenter_info (segmenter)->name, name, plain.iou, plain.boundary,
        plain.error, refined.iou, refined.boundary, refined.error,
        milliseconds);
  free (photo.data);
  free (truth.data);
  return done;
}

static bool
score_network (const char *network, const char *folder, const PetFolder *list)
{
  PetSegmenterOptions options = { .threads = 1 };
  PetSegmenter *segmenter = NULL;
  bool done = true;
  PetError error;

  if (pet_segmenter_new_file (network, &options, &segmenter, &error) !=
      PET_OK) {
    fprintf (stderr, "%s: %s\n", network, error.message);
    return false;
  }
  for (size_t i = 0; i < list->count && done; i++)
    done = score_photo (segmenter, folder, list->paths[i]);
  pet_segmenter_free (&segmenter);
  return done;
}

int
main (int argc, char **argv)
{
  char images[4096];
  PetFolder list;
  PetError error;
  bool done = true;

  if (argc < 3) {
    fprintf (stderr, "usage: bench-accuracy FOLDER NETWORK...\n");
    return 1;
  }
  snprintf (images, sizeof images, "%s/images", argv[1]);
  if (pet_folder_list (images, false, 100000, &list, &error) != PET_OK) {
    fprintf (stderr, "%s\n", error.message);
    return 1;
  }
  for (int i = 2; i < argc && done; i++)
    done = score_network (argv[i], argv[1], &list);
  pet_folder_clear (&list);
  return done ? 0 : 1;
}
