/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-fringe FOLDER NETWORK
 *
 * How much of the background's colour is left in a cut-out's fringe. Pets with
 * true masks get known colours up to and beyond their outline (those of the
 * nearest pixel well inside), a soft outline, and a ground of one strong
 * colour; the whole is cut out again, with and without decontamination. Leak
 * is the share of the ground's colour in the soft pixels, weighted by alpha.
 * One line a ground, separated by tabs: alpha given or found by the network,
 * colour, leak without, leak with, their ratio. */

#include <math.h>
#include <stdio.h>

#include "bench/accuracy-networks.h"
#include "bench/accuracy-photo.h"
#include "bench/accuracy-score.h"
#include "image/pet-matte.h"

#define INSIDE 3.0f   /* pixels from the border on: surely the pet's colour */
#define SOFTNESS 6.0f /* pixels over which the outline fades */

static const uint8_t grounds[][3] = { { 255, 0, 255 }, { 0, 255, 0 },
  { 0, 80, 255 }, { 255, 120, 0 }, { 255, 255, 255 }, { 0, 0, 0 } };

typedef struct {
  PetImage colors; /* RGB, the pet's everywhere */
  PetImage alpha;  /* true */
} Pet;

static void
pet_free_ (Pet *pet)
{
  free (pet->colors.data);
  free (pet->alpha.data);
}

/* Index of the nearest pixel that lies well inside the pet. */
static int *
find_inner (const PetImage *truth)
{
  int count = truth->width * truth->height;
  float *to_rest = accuracy_distance (truth, 0, NULL);
  float *to_border = accuracy_distance (truth, ACCURACY_BORDER, NULL);
  PetImage inner = accuracy_image (truth->width, truth->height, 1);
  int *nearest = malloc ((size_t) count * sizeof *nearest);

  if (nearest == NULL)
    abort ();
  for (int i = 0; i < count; i++)
    inner.data[i] = truth->data[i] == 255 &&
        (to_rest[i] < 0 || to_rest[i] > INSIDE * INSIDE) &&
        (to_border[i] < 0 || to_border[i] > INSIDE * INSIDE);
  free (accuracy_distance (&inner, 1, nearest));
  free (to_rest);
  free (to_border);
  free (inner.data);
  return nearest;
}

/* Steepest half-way through the border, like fur out of focus. */
static void
fill_alpha (const PetImage *truth, const PetImage *alpha)
{
  PetImage divided = accuracy_divide (truth);
  float *to_pet = accuracy_distance (&divided, 255, NULL);
  float *to_rest = accuracy_distance (&divided, 0, NULL);

  for (int i = 0; i < truth->width * truth->height; i++) {
    float inside = to_rest[i] < 0 ? SOFTNESS : sqrtf (to_rest[i]);
    float outside = to_pet[i] < 0 ? SOFTNESS : sqrtf (to_pet[i]);
    float value = 0.5f + (inside - outside) / SOFTNESS;

    value = value < 0 ? 0 : value > 1 ? 1 : value;
    alpha->data[i] = (uint8_t) (255.0f * value + 0.5f);
  }
  free (divided.data);
  free (to_pet);
  free (to_rest);
}

static bool
read_pet (const char *folder, const char *name, Pet *pet)
{
  PetImage photo, truth;
  int *nearest;
  bool found;

  if (!accuracy_read_pair (folder, name, &photo, &truth))
    return false;
  nearest = find_inner (&truth);
  found = nearest[0] >= 0;
  if (found) {
    pet->colors = accuracy_image (photo.width, photo.height, 3);
    pet->alpha = accuracy_image (photo.width, photo.height, 1);
    for (int i = 0; i < photo.width * photo.height; i++)
      memcpy (pet->colors.data + 3 * i,
          photo.data + (ptrdiff_t) photo.channels * nearest[i], 3);
    fill_alpha (&truth, &pet->alpha);
  }
  free (nearest);
  free (photo.data);
  free (truth.data);
  return found;
}

/* RGB, or RGBA with the true alpha. */
static PetImage
compose (const Pet *pet, const uint8_t *ground, int channels)
{
  int width = pet->alpha.width, height = pet->alpha.height;
  PetImage image = accuracy_image (width, height, channels);

  for (int i = 0; i < width * height; i++) {
    int alpha = pet->alpha.data[i];
    uint8_t *pixel = image.data + (ptrdiff_t) channels * i;

    for (int c = 0; c < 3; c++)
      pixel[c] = (uint8_t) ((pet->colors.data[3 * i + c] * alpha +
                                ground[c] * (255 - alpha) + 127) /
          255);
    if (channels == 4)
      pixel[3] = (uint8_t) alpha;
  }
  return image;
}

typedef struct {
  double leak, weight;
} Sum;

static void
add_leak (
    const Pet *pet, const PetImage *cutout, const uint8_t *ground, Sum *sum)
{
  for (int i = 0; i < cutout->width * cutout->height; i++) {
    const uint8_t *now = cutout->data + 4 * (ptrdiff_t) i;
    const uint8_t *fore = pet->colors.data + 3 * (ptrdiff_t) i;
    double along = 0.0, distance = 0.0, leak;

    if (now[3] == 0 || now[3] == 255)
      continue;
    for (int c = 0; c < 3; c++) {
      double away = ground[c] - fore[c];

      along += (now[c] - fore[c]) * away;
      distance += away * away;
    }
    /* A pet of the ground's own colour says nothing. */
    if (distance < 3600.0)
      continue;
    leak = along / distance;
    sum->leak += now[3] * (leak < 0 ? 0 : leak > 1 ? 1 : leak);
    sum->weight += now[3];
  }
}

/* `networks` NULL: the alpha is given. */
static bool
measure (AccuracyNetworks *networks, const Pet *pet, const uint8_t *ground,
    Sum sums[2])
{
  static uint8_t everything = 255;
  PetImage image = compose (pet, ground, networks != NULL ? 3 : 4);
  PetImage cutout = accuracy_image (image.width, image.height, 4);
  PetFound found = { .mask = { &everything, 1, 1, 1, 1 } };
  bool done = networks == NULL ||
      accuracy_find (networks, &image, &found, NULL) == PET_OK;

  for (int i = 0; i < 2 && done; i++) {
    PetMatteOptions options = { .part = found.part,
      .refine = true,
      .low = PET_FIND_NONE,
      .high = PET_FIND_ALL,
      .decontaminate = i == 1 };

    done = pet_matte_cut (&found.mask, &image, &cutout, &options, NULL, NULL,
               NULL) == PET_OK;
    if (done)
      add_leak (pet, &cutout, ground, &sums[i]);
  }
  if (networks != NULL && done)
    pet_find_clear (&found, NULL);
  free (image.data);
  free (cutout.data);
  return done;
}

static bool
run (AccuracyNetworks *networks, const char *folder, const PetFolder *list)
{
  Sum sums[2][6][2] = { 0 };
  bool done = true;

  for (size_t i = 0; i < list->count && done; i++) {
    Pet pet;

    if (!read_pet (folder, list->paths[i], &pet))
      continue;
    for (int g = 0; g < 6 && done; g++)
      done = measure (NULL, &pet, grounds[g], sums[0][g]) &&
          measure (networks, &pet, grounds[g], sums[1][g]);
    pet_free_ (&pet);
  }
  for (int found = 0; found < 2; found++)
    for (int g = 0; g < 6; g++) {
      double before = sums[found][g][0].leak / sums[found][g][0].weight;
      double after = sums[found][g][1].leak / sums[found][g][1].weight;

      printf ("%s\t#%02x%02x%02x\t%.4f\t%.4f\t%.1f\n",
          found ? "found" : "given", grounds[g][0], grounds[g][1],
          grounds[g][2], before, after, before / after);
    }
  return done;
}

int
main (int argc, char **argv)
{
  AccuracyNetworks networks;
  char images[4096];
  PetFolder list;
  PetError error;
  bool done;

  if (argc != 3) {
    fprintf (stderr, "usage: bench-fringe FOLDER NETWORK\n");
    return 1;
  }
  snprintf (images, sizeof images, "%s/images", argv[1]);
  if (pet_folder_list (images, false, 100000, &list, &error) != PET_OK ||
      accuracy_open (argv[2], &networks, &error) != PET_OK) {
    fprintf (stderr, "%s\n", error.message);
    return 1;
  }
  done = run (&networks, argv[1], &list);
  accuracy_close (&networks);
  pet_folder_clear (&list);
  return done ? 0 : 1;
}
