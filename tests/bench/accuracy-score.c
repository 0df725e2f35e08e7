/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bench/accuracy-score.h"

#include <stdbool.h>
#include <stdlib.h>

#include "bench/accuracy-photo.h"

/* Danielsson's sequential propagation of nearest sources: two passes over the
 * picture, looking at the neighbours already visited. */
static void
look_at (
    const PetImage *image, int *from, int at, int neighbour, float *squared)
{
  int source = from[neighbour], width = image->width;
  float dx, dy, distance;

  if (source < 0)
    return;
  dx = (float) (at % width - source % width);
  dy = (float) (at / width - source / width);
  distance = dx * dx + dy * dy;
  if (from[at] < 0 || distance < squared[at]) {
    from[at] = source;
    squared[at] = distance;
  }
}

static void
visit (const PetImage *image, int *from, int x, int y, int step, float *squared)
{
  int width = image->width, at = y * width + x;

  for (int k = -1; k <= 1; k++)
    if (x + k >= 0 && x + k < width && y - step >= 0 &&
        y - step < image->height)
      look_at (image, from, at, at - step * width + k, squared);
  if (x - step >= 0 && x - step < width)
    look_at (image, from, at, at - step, squared);
}

/* The way back along a row. */
static void
visit_back (const PetImage *image, int *from, int y, int step, float *squared)
{
  int width = image->width, x = step > 0 ? width - 2 : 1;

  for (; x >= 0 && x < width; x -= step)
    look_at (image, from, y * width + x, y * width + x + step, squared);
}

float *
accuracy_distance (const PetImage *image, uint8_t value, int *nearest)
{
  int width = image->width, height = image->height, count = width * height;
  float *squared = malloc ((size_t) count * sizeof *squared);
  int *from = malloc ((size_t) count * sizeof *from);

  if (squared == NULL || from == NULL)
    abort ();
  for (int i = 0; i < count; i++) {
    bool is_source = pet_image_row (image, i / width)[i % width] == value;

    from[i] = is_source ? i : -1;
    squared[i] = is_source ? 0.0f : -1.0f;
  }
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++)
      visit (image, from, x, y, 1, squared);
    visit_back (image, from, y, 1, squared);
  }
  for (int y = height - 1; y >= 0; y--) {
    for (int x = width - 1; x >= 0; x--)
      visit (image, from, x, y, -1, squared);
    visit_back (image, from, y, -1, squared);
  }
  for (int i = 0; i < count && nearest != NULL; i++)
    nearest[i] = from[i];
  free (from);
  return squared;
}

PetImage
accuracy_divide (const PetImage *truth)
{
  PetImage divided = accuracy_image (truth->width, truth->height, 1);
  float *to_pet = accuracy_distance (truth, 255, NULL);
  float *to_rest = accuracy_distance (truth, 0, NULL);

  for (int i = 0; i < truth->width * truth->height; i++)
    divided.data[i] =
        to_rest[i] < 0.0f || (to_pet[i] >= 0.0f && to_pet[i] < to_rest[i]) ? 255
                                                                           : 0;
  free (to_pet);
  free (to_rest);
  return divided;
}

/* 255 where a pixel of the pet has a neighbour beside, above or below that is
 * none. */
static PetImage
outline_of (const PetImage *mask)
{
  PetImage outline = accuracy_image (mask->width, mask->height, 1);
  int width = mask->width;

  for (int y = 0; y < mask->height; y++)
    for (int x = 0; x < width; x++) {
      const uint8_t *p = pet_image_row (mask, y) + x;
      bool inside = *p >= 128;

      if (inside &&
          ((x > 0 && p[-1] < 128) || (x + 1 < width && p[1] < 128) ||
              (y > 0 && p[-mask->stride_bytes] < 128) ||
              (y + 1 < mask->height && p[mask->stride_bytes] < 128)))
        outline.data[y * width + x] = 255;
    }
  return outline;
}

/* Share of the pixels of `outline` that are near to the other one. */
static double
share_near (const PetImage *outline, const PetImage *other, double tolerance)
{
  float *squared = accuracy_distance (other, 255, NULL);
  long near = 0, all = 0;

  for (int i = 0; i < outline->width * outline->height; i++)
    if (outline->data[i] == 255) {
      all++;
      near += squared[i] >= 0.0f && squared[i] <= tolerance * tolerance;
    }
  free (squared);
  return all > 0 ? (double) near / (double) all : 0.0;
}

static double
boundary_f (const PetImage *alpha, const PetImage *truth, double tolerance)
{
  PetImage divided = accuracy_divide (truth);
  PetImage found = outline_of (alpha), wanted = outline_of (&divided);
  double precision = share_near (&found, &wanted, tolerance);
  double recall = share_near (&wanted, &found, tolerance);

  free (divided.data);
  free (found.data);
  free (wanted.data);
  return precision + recall > 0.0
      ? 2.0 * precision * recall / (precision + recall)
      : 0.0;
}

AccuracyScore
accuracy_score (const PetImage *alpha, const PetImage *truth, double tolerance)
{
  AccuracyScore score = { 0 };
  long both = 0, either = 0, known = 0;

  for (int y = 0; y < truth->height; y++)
    for (int x = 0; x < truth->width; x++) {
      int wanted = pet_image_row (truth, y)[x];
      int value = pet_image_row (alpha, y)[x];

      if (wanted == ACCURACY_BORDER)
        continue;
      known++;
      score.error += abs (value - wanted) / 255.0;
      both += wanted == 255 && value >= 128;
      either += wanted == 255 || value >= 128;
    }
  score.error = known > 0 ? score.error / (double) known : 0.0;
  score.iou = either > 0 ? (double) both / (double) either : 1.0;
  score.boundary = boundary_f (alpha, truth, tolerance);
  return score;
}
