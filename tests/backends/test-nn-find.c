/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How photos are shown to a network: panoramas in pieces whose masks join, and
 * small pets once more from closer, and what it is unsure of to a second network
 * or once more within a frame. The network of these tests answers with the
 * red of the pixel in the middle of each of its cells. */

#include "nn/pet-find.h"
#include "nn/pet-pieces.h"
#include "tap.h"

#define SIDE 40

typedef struct {
  int runs, fetches;
  int fails_at; /* run that fails; -1 = none */
  double largest_ratio;
  int width, height; /* of what was shown last */
  int doubt;         /* taken off the second answer */
} Answers;

static PetStatus
answer (
    void *user, const PetImage *photo, const PetImage *mask, PetError *error)
{
  Answers *answers = user;
  double ratio = (double) photo->width / photo->height;

  ratio = ratio < 1 ? 1 / ratio : ratio;
  if (ratio > answers->largest_ratio)
    answers->largest_ratio = ratio;
  answers->width = photo->width;
  answers->height = photo->height;
  if (answers->runs++ == answers->fails_at)
    return pet_fail (error, PET_ERROR_LIBRARY, "as was asked for");
  for (int y = 0; y < mask->height; y++)
    for (int x = 0; x < mask->width; x++) {
      int column = (2 * x + 1) * photo->width / (2 * mask->width);
      int row = (2 * y + 1) * photo->height / (2 * mask->height);
      uint8_t red = pet_image_row (photo, row)[3 * column];
      int doubt =
          answers->runs == 2 && answers->doubt < red ? answers->doubt : 0;

      pet_image_row (mask, y)[x] = (uint8_t) (red - doubt);
    }
  return PET_OK;
}

static PetStatus
fetch (void *user, PetError *error)
{
  Answers *answers = user;

  (void) error;
  answers->fetches++;
  return PET_OK;
}

static PetSegmenter *
segmenter_of_side (Answers *answers, int side)
{
  PetModelInfo info = { .width = side, .height = side };
  PetRemoteNetwork remote = { .run = answer, .fetch = fetch, .user = answers };
  PetSegmenter *segmenter = NULL;

  answers->runs = 0;
  answers->largest_ratio = 0;
  tap_check (pet_segmenter_new_remote (
                 &info, side, side, &remote, &segmenter, NULL) == PET_OK);
  return segmenter;
}

static PetSegmenter *
segmenter_of (Answers *answers)
{
  return segmenter_of_side (answers, SIDE);
}

static PetImage
image_of (int width, int height, int channels)
{
  PetImage image = { .width = width,
    .height = height,
    .channels = channels,
    .stride_bytes = (ptrdiff_t) width * channels };

  image.data = calloc ((size_t) height, (size_t) image.stride_bytes);
  return image;
}

/* Red climbs from 0 to 255 along the longer side. */
static PetImage
ramp (int width, int height)
{
  PetImage photo = image_of (width, height, 3);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      pet_image_row (&photo, y)[3 * x] = (uint8_t) (255 *
          (width > height ? x : y) / (width > height ? width : height));
  return photo;
}

/* The joined mask of a ramp is a ramp. */
static void
check_ramp (int width, int height, int most_ratio)
{
  Answers answers = { .fails_at = -1 };
  PetSegmenter *segmenter = segmenter_of (&answers);
  PetImage photo = ramp (width, height), mask;
  PetPieces pieces;
  int side, worst = 0;

  pet_pieces_plan (segmenter, width, height, &pieces);
  mask = image_of (pieces.mask_width, pieces.mask_height, 1);
  tap_check (
      pet_pieces_run (segmenter, &pieces, &photo, &mask, NULL, NULL) == PET_OK);
  side = width > height ? mask.width : mask.height;
  for (int y = 0; y < mask.height; y++)
    for (int x = 0; x < mask.width; x++) {
      int at = width > height ? x : y;
      int want = 255 * (2 * at + 1) / (2 * side);
      int off = abs (want - pet_image_row (&mask, y)[x]);

      worst = off > worst ? off : worst;
    }
  if (worst > 3)
    tap_fail ("%dx%d: off by %d", width, height, worst);
  tap_check (answers.runs == pieces.count && pieces.count <= 16);
  tap_check (answers.largest_ratio < most_ratio);
  tap_check (mask.width <= 11 * SIDE && mask.height <= 11 * SIDE);
  free (photo.data);
  free (mask.data);
  pet_segmenter_free (&segmenter);
}

static void
ordinary_photos_are_shown_at_once (void)
{
  static const int sizes[][2] = { { 80, 60 }, { 640, 480 }, { 300, 600 } };
  Answers answers = { .fails_at = -1 };
  PetSegmenter *segmenter = segmenter_of (&answers);

  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    PetPieces pieces;

    pet_pieces_plan (segmenter, sizes[i][0], sizes[i][1], &pieces);
    tap_check (pieces.count == 1);
    tap_check (pieces.mask_width == SIDE && pieces.mask_height == SIDE);
    tap_check (pet_pieces_bytes (&pieces) == 0);
    check_ramp (sizes[i][0], sizes[i][1], 3);
  }
  pet_segmenter_free (&segmenter);
}

static void
panoramas_are_shown_in_pieces (void)
{
  check_ramp (2200, 1000, 2);
  check_ramp (400, 1600, 2);
  check_ramp (1600, 100, 2);
  check_ramp (60, 960, 2);
  check_ramp (1013, 97, 2);
}

static void
pieces_are_few_however_long_the_photo (void)
{
  check_ramp (20000, 100, 20);
  check_ramp (2, 30000, 1500);
  check_ramp (60000, 1, 6000);
}

static void
errors_of_a_piece_pass (void)
{
  Answers answers = { .fails_at = 2 };
  PetSegmenter *segmenter = segmenter_of (&answers);
  PetImage photo = ramp (800, 100), mask;
  PetPieces pieces;
  PetError error;

  pet_pieces_plan (segmenter, 800, 100, &pieces);
  mask = image_of (pieces.mask_width, pieces.mask_height, 1);
  tap_check (pet_pieces_run (segmenter, &pieces, &photo, &mask, NULL, &error) ==
      PET_ERROR_LIBRARY);
  tap_check (answers.runs == 3);
  free (photo.data);
  free (mask.data);
  pet_segmenter_free (&segmenter);
}

/* Red in a rectangle. */
static PetImage
patch (int width, int height, int x, int y, int w, int h)
{
  PetImage photo = image_of (width, height, 3);

  for (int j = y; j < y + h; j++)
    for (int i = x; i < x + w; i++)
      pet_image_row (&photo, j)[3 * i] = 255;
  return photo;
}

static void
check_found (int width, int height, const int *box, int want_runs, bool empty)
{
  Answers answers = { .fails_at = -1 };
  PetSegmenter *segmenter = segmenter_of (&answers);
  PetImage photo = patch (width, height, box[0], box[1], box[2], box[3]);
  PetFound found;
  int inside = 0, area;

  tap_check (
      pet_find (segmenter, NULL, &photo, false, NULL, &found, NULL) == PET_OK);
  tap_check (found.empty == empty);
  tap_check (answers.runs == want_runs);
  if (want_runs > 1)
    tap_check (found.part.width == answers.width &&
        found.part.height == answers.height);
  tap_check (found.part.x >= 0 && found.part.y >= 0 &&
      found.part.x + found.part.width <= width &&
      found.part.y + found.part.height <= height);
  for (int i = 0; i < found.mask.width * found.mask.height; i++)
    inside += found.mask.data[i] >= 128;
  area = empty ? 0 : box[2] * box[3];
  /* to a line of the mask's values all around */
  tap_check (abs ((int) ((double) inside * found.part.width *
                      found.part.height / SIDE / SIDE) -
                 area) <= 2 * (box[2] + box[3]) * found.part.width / SIDE);
  pet_find_clear (&found, NULL);
  free (photo.data);
  pet_segmenter_free (&segmenter);
}

static void
small_pets_are_looked_at_closer (void)
{
  check_found (800, 600, (int[]){ 100, 50, 600, 500 }, 1, false);
  check_found (800, 600, (int[]){ 500, 300, 90, 80 }, 2, false);
  check_found (800, 600, (int[]){ 0, 0, 60, 60 }, 2, false);
  check_found (800, 600, (int[]){ 740, 560, 60, 40 }, 2, false);
  check_found (600, 900, (int[]){ 300, 100, 30, 300 }, 2, false);
  check_found (41, 33, (int[]){ 20, 20, 4, 4 }, 2, false);
}

/* A ramp so gentle becomes four times as steep. */
static int
steepened (int value)
{
  int result = 128 + 4 * (value - 128);

  return result < 0 ? 0 : result > 255 ? 255 : result;
}

/* The network is unsure of the middle of a ramp. */
static void
check_looked_at_again (int width, int height, int doubt)
{
  Answers answers = { .fails_at = -1, .doubt = doubt };
  PetSegmenter *segmenter = segmenter_of (&answers);
  PetImage photo = ramp (width, height);
  PetFound found;
  int worst = 0;

  tap_check (
      pet_find (segmenter, NULL, &photo, false, NULL, &found, NULL) == PET_OK);
  tap_check (answers.runs == 2 && answers.fetches == 1);
  tap_check (answers.width == SIDE && answers.height == SIDE);
  tap_check (found.part.width == width && found.part.height == height);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      int at = width > height ? x : y, red = 255 * (2 * at + 1) / (2 * SIDE);
      int off = abs (steepened (red - (doubt < red ? doubt / 2 : 0)) -
          pet_image_row (&found.mask, y)[x]);

      worst = off > worst ? off : worst;
    }
  if (worst > 4 * 4)
    tap_fail ("%dx%d, doubt %d: off by %d", width, height, doubt, worst);
  pet_find_clear (&found, NULL);
  free (photo.data);
  pet_segmenter_free (&segmenter);
}

static void
unsure_photos_are_looked_at_again (void)
{
  check_looked_at_again (800, 600, 0);
  check_looked_at_again (300, 500, 0);
  check_looked_at_again (800, 600, 20);
  check_looked_at_again (41, 33, 20);
}

static void
by_fine_networks_they_are_not (void)
{
  Answers answers = { .fails_at = -1 };
  PetSegmenter *segmenter = segmenter_of_side (&answers, 328);
  PetImage photo = ramp (400, 300);
  PetFound found;

  tap_check (
      pet_find (segmenter, NULL, &photo, false, NULL, &found, NULL) == PET_OK);
  tap_check (answers.runs == 1 && !found.empty);
  pet_find_clear (&found, NULL);
  free (photo.data);
  pet_segmenter_free (&segmenter);
}

static void
panoramas_are_not (void)
{
  Answers answers = { .fails_at = -1 };
  PetSegmenter *segmenter = segmenter_of (&answers);
  PetImage photo = ramp (2200, 400);
  PetPieces pieces;
  PetFound found;

  pet_pieces_plan (segmenter, photo.width, photo.height, &pieces);
  tap_check (
      pet_find (segmenter, NULL, &photo, false, NULL, &found, NULL) == PET_OK);
  tap_check (answers.runs == pieces.count && answers.fetches == 0);
  pet_find_clear (&found, NULL);
  free (photo.data);
  pet_segmenter_free (&segmenter);
}

static void
nothing_is_nothing (void)
{
  Answers answers = { .fails_at = -1 };
  PetSegmenter *segmenter = segmenter_of (&answers);
  PetImage photo = image_of (300, 200, 3);
  PetFound found;

  tap_check (
      pet_find (segmenter, NULL, &photo, true, NULL, &found, NULL) == PET_OK);
  tap_check (found.empty && answers.runs == 1 && found.part.width == 300);
  pet_find_clear (&found, NULL);
  free (photo.data);
  pet_segmenter_free (&segmenter);
}

static void
errors_of_either_look_pass (void)
{
  PetImage photos[] = { patch (400, 300, 100, 100, 40, 40), ramp (400, 300) };

  for (int i = 0; i < 4; i++) {
    Answers answers = { .fails_at = i / 2 };
    PetSegmenter *segmenter = segmenter_of (&answers);
    PetFound found;

    tap_check (pet_find (segmenter, NULL, &photos[i % 2], false, NULL, &found,
                   NULL) == PET_ERROR_LIBRARY);
    tap_check (answers.runs == i / 2 + 1);
    pet_segmenter_free (&segmenter);
  }
  free (photos[0].data);
  free (photos[1].data);
}

#define SECOND_SIDE 24

typedef struct {
  PetSegmenter *segmenter; /* NULL: it cannot be had */
  Answers answers;
  int taken, given_back;
} Second;

static PetSegmenter *
take (void *user)
{
  Second *second = user;

  second->taken++;
  return second->segmenter;
}

static void
give_back (void *user)
{
  Second *second = user;

  second->given_back++;
}

/* Runs of the first and of the second network; who is never asked does nothing. */
static void
check_asked (const PetImage *photo, Second *second, int runs, int second_runs)
{
  const PetSecondNetwork how = { take, give_back, second };
  Answers answers = { .fails_at = -1 };
  PetSegmenter *segmenter = segmenter_of (&answers);
  int side = second_runs > 0 ? SECOND_SIDE : SIDE;
  PetFound found;

  tap_check (
      pet_find (segmenter, &how, photo, false, NULL, &found, NULL) == PET_OK);
  tap_check (answers.runs == runs && second->answers.runs == second_runs);
  tap_check (found.second == (second_runs > 0));
  tap_check (found.mask.width == side && found.mask.height == side);
  pet_find_clear (&found, NULL);
  pet_segmenter_free (&segmenter);
}

static void
second_open (Second *second)
{
  *second = (Second){ .answers = { .fails_at = -1 } };
  second->segmenter = segmenter_of_side (&second->answers, SECOND_SIDE);
}

static void
a_second_network_answers_where_the_first_is_unsure (void)
{
  PetImage photos[] = { ramp (400, 300), image_of (300, 200, 3),
    patch (800, 600, 100, 50, 600, 500), patch (800, 600, 500, 300, 90, 80) };
  /* Of a ramp the second is unsure, too, and is asked again. */
  const int runs[] = { 1, 1, 1, 2 }, second_runs[] = { 2, 1, 0, 0 };
  Second second;

  for (int i = 0; i < 4; i++) {
    second_open (&second);
    check_asked (&photos[i], &second, runs[i], second_runs[i]);
    tap_check (second.taken == (second_runs[i] > 0) &&
        second.given_back == second.taken);
    pet_segmenter_free (&second.segmenter);
    free (photos[i].data);
  }
}

static void
without_a_second_network_the_first_goes_on (void)
{
  Second second = { .segmenter = NULL };
  PetImage photo = ramp (400, 300);

  check_asked (&photo, &second, 3, 0);
  tap_check (second.taken == 1 && second.given_back == 0);
  free (photo.data);
}

static void
errors_of_the_second_network_pass (void)
{
  Second second;
  const PetSecondNetwork how = { take, give_back, &second };
  Answers answers = { .fails_at = -1 };
  PetSegmenter *segmenter = segmenter_of (&answers);
  PetImage photo = ramp (400, 300);
  PetFound found;

  second_open (&second);
  second.answers.fails_at = 0;
  tap_check (pet_find (segmenter, &how, &photo, false, NULL, &found, NULL) ==
      PET_ERROR_LIBRARY);
  tap_check (second.taken == 1 && second.given_back == 1);
  pet_segmenter_free (&second.segmenter);
  pet_segmenter_free (&segmenter);
  free (photo.data);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (ordinary_photos_are_shown_at_once),
    TAP_TEST (panoramas_are_shown_in_pieces),
    TAP_TEST (pieces_are_few_however_long_the_photo),
    TAP_TEST (errors_of_a_piece_pass),
    TAP_TEST (small_pets_are_looked_at_closer),
    TAP_TEST (unsure_photos_are_looked_at_again),
    TAP_TEST (by_fine_networks_they_are_not),
    TAP_TEST (panoramas_are_not),
    TAP_TEST (nothing_is_nothing),
    TAP_TEST (errors_of_either_look_pass),
    TAP_TEST (a_second_network_answers_where_the_first_is_unsure),
    TAP_TEST (without_a_second_network_the_first_goes_on),
    TAP_TEST (errors_of_the_second_network_pass),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
