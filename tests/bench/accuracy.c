/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-accuracy FOLDER NETWORK...
 *
 * Each network on the photos of FOLDER/images against FOLDER/masks, through
 * our own decoder, engine and matte; one line a photo and network, separated
 * by tabs: network, photo, IoU and boundary F and mean absolute error of the
 * network's mask (enlarged bilinearly), the same three of the cut-out's alpha,
 * milliseconds of the network on one core (CPU time). With two networks
 * (accuracy-networks.h) the mask is what both find, and the milliseconds are those
 * of all that they were asked. */

#include <stdio.h>
#include <time.h>

#include "bench/accuracy-networks.h"
#include "bench/accuracy-photo.h"
#include "bench/accuracy-score.h"
#include "image/pet-matte.h"

static double
cpu_milliseconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
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

/* The network's mask of the whole photo, as it is; but of two what they found. */
static PetStatus
find_mask (AccuracyNetworks *networks, const PetImage *photo, PetFound *found,
    PetError *error)
{
  int width, height;

  if (networks->second != NULL)
    return accuracy_find (networks, photo, found, error);
  pet_segmenter_mask_size (
      networks->first, photo->width, photo->height, &width, &height);
  *found = (PetFound){ .mask = accuracy_image (width, height, 1) };
  return pet_segmenter_run (networks->first, photo, &found->mask, error);
}

static bool
score_mask (AccuracyNetworks *networks, const PetImage *photo,
    const PetImage *truth, AccuracyScore *score, double *milliseconds)
{
  PetMatteOptions plain = { .low = 0, .high = 255 };
  double begin = cpu_milliseconds ();
  PetFound found;
  PetError error;
  bool done = find_mask (networks, photo, &found, &error) == PET_OK;

  *milliseconds = cpu_milliseconds () - begin;
  if (!done)
    fprintf (stderr, "%s\n", error.message);
  plain.part = found.part;
  done = done && score_alpha (&found.mask, photo, truth, &plain, score);
  pet_find_clear (&found, NULL);
  return done;
}

/* The alpha that petsegment makes. */
static bool
score_cutout (AccuracyNetworks *networks, const PetImage *photo,
    const PetImage *truth, AccuracyScore *score)
{
  PetMatteOptions refined = {
    .refine = true, .low = PET_FIND_NONE, .high = PET_FIND_ALL
  };
  PetFound found;
  bool done;

  if (accuracy_find (networks, photo, &found, NULL) != PET_OK)
    return false;
  refined.part = found.part;
  done = score_alpha (&found.mask, photo, truth, &refined, score);
  pet_find_clear (&found, NULL);
  return done;
}

static bool
score_photo (AccuracyNetworks *networks, const char *folder, const char *name)
{
  AccuracyScore plain = { 0 }, refined = { 0 };
  PetImage photo, truth;
  double milliseconds;
  bool done;

  if (!accuracy_read_pair (folder, name, &photo, &truth)) {
    fprintf (stderr, "%s has no mask\n", name);
    return false;
  }
  done = score_mask (networks, &photo, &truth, &plain, &milliseconds) &&
      score_cutout (networks, &photo, &truth, &refined);
  if (done)
    printf ("%s\t%s\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.2f\n",
        pet_segmenter_info (networks->first)->name, name, plain.iou,
        plain.boundary, plain.error, refined.iou, refined.boundary,
        refined.error, milliseconds);
  free (photo.data);
  free (truth.data);
  return done;
}

static bool
score_networks (const char *text, const char *folder, const PetFolder *list)
{
  AccuracyNetworks networks;
  bool done = true;
  PetError error;

  if (accuracy_open (text, &networks, &error) != PET_OK) {
    fprintf (stderr, "%s: %s\n", text, error.message);
    return false;
  }
  for (size_t i = 0; i < list->count && done; i++)
    done = score_photo (&networks, folder, list->paths[i]);
  accuracy_close (&networks);
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
    done = score_networks (argv[i], argv[1], &list);
  pet_folder_clear (&list);
  return done ? 0 : 1;
}
