/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernels of the matte, run by blocks and threads on the host, against
 * pet_matte_cut(): the same bytes and the same extent, for odd sizes, parts and
 * all options; and pictures that stay on the card between the steps. */

#include <pthread.h>
#include <unistd.h>

#include "fake-card.h"
#include "image/pet-effect.h"
#include "image/pet-matte.h"
#include "picture.h"

static PetCuda *cuda;

typedef enum { MASK_NOISE, MASK_DISC, MASK_NONE, MASK_ALL, MASK_KINDS } Kind;

static Picture
make_mask (int width, int height, Kind kind)
{
  Picture mask = picture_new (width, height, 1, tap_random_range (0, 5));

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      double d = hypot ((x + 0.5) / width - 0.4, (y + 0.5) / height - 0.6);
      uint8_t value = kind == MASK_DISC ? picture_clamp (1500 * (0.35 - d))
          : kind == MASK_NOISE          ? (uint8_t) tap_random_range (0, 255)
          : kind == MASK_ALL            ? 255
                                        : 0;

      pet_image_row (&mask.image, y)[x] = value;
    }
  return mask;
}

static PetMatteOptions
random_options (int width, int height)
{
  PetMatteOptions options = { .refine = tap_random_range (0, 3) > 0,
    .low = tap_random_range (0, 40),
    .high = tap_random_range (200, 255),
    .decontaminate = tap_random_range (0, 3) > 0,
    .scrub = tap_random_range (0, 1) == 1 };

  if (tap_random_range (0, 1) == 1) {
    options.part.x = tap_random_range (0, width - 1);
    options.part.y = tap_random_range (0, height - 1);
    options.part.width = tap_random_range (1, width - options.part.x);
    options.part.height = tap_random_range (1, height - options.part.y);
  }
  return options;
}

static void
report (PetStatus status, const PetError *error)
{
  if (status != PET_OK)
    tap_fail ("%s: %s", pet_status_name (status), error->message);
}

/* A frame with the pixels of `image`. */
static PetCudaFrame *
send (const PetImage *image)
{
  PetCudaFrame *frame = NULL;
  PetError error = { .status = PET_OK };

  report (pet_cuda_frame_new (cuda, image->width, image->height,
              image->channels, &frame, &error),
      &error);
  report (pet_cuda_frame_write (cuda, frame, image, &error), &error);
  return frame;
}

/* The card says nothing of the outline. */
static void
check_stats (const PetMaskStats *want, const PetMaskStats *got)
{
  tap_check (got->outline.width == 0);
  if (memcmp (want, got, offsetof (PetMaskStats, outline)) != 0)
    tap_fail ("extent %d,%d %dx%d %.9f, not %d,%d %dx%d %.9f", got->x, got->y,
        got->width, got->height, got->coverage, want->x, want->y, want->width,
        want->height, want->coverage);
}

/* Cut-out and alpha of one photo. */
static void
compare (PetCudaMatte *matte, const PetImage *mask, const PetImage *photo,
    const PetMatteOptions *options, bool alpha_alone)
{
  int channels = alpha_alone ? 1 : 4;
  Picture want = picture_new (photo->width, photo->height, channels, 3);
  Picture got = picture_new (photo->width, photo->height, channels, 11);
  PetCudaFrame *frame = send (photo), *cutout = NULL;
  PetMaskStats expected, found;
  PetError error = { .status = PET_OK };

  memset (&expected, 0, sizeof expected);
  report (pet_matte_cut (
              mask, photo, &want.image, options, &expected, NULL, &error),
      &error);
  if (!alpha_alone)
    report (pet_cuda_frame_new (
                cuda, photo->width, photo->height, 4, &cutout, &error),
        &error);
  report (pet_cuda_matte_cut (matte, mask, frame, options, cutout,
              alpha_alone ? &got.image : NULL, &found, &error),
      &error);
  if (!alpha_alone)
    report (pet_cuda_frame_read (cuda, cutout, &got.image, &error), &error);
  if (!picture_equal (&want.image, &got.image))
    tap_fail ("%dx%d from %dx%d%s%s%s: bytes differ", photo->width,
        photo->height, mask->width, mask->height,
        options->refine ? " refined" : "",
        options->decontaminate ? " clean" : "",
        options->part.width > 0 ? " part" : "");
  check_stats (&expected, &found);
  tap_check (picture_guards_hold (&got));
  pet_cuda_frame_free (&frame);
  pet_cuda_frame_free (&cutout);
  picture_free (&want);
  picture_free (&got);
}

static void
check_size (PetCudaMatte *matte, int width, int height, int rounds)
{
  for (int round = 0; round < rounds; round++) {
    Picture photo = picture_new (width, height, 3 + round % 2, 7);
    Picture mask = make_mask (tap_random_range (1, 90),
        tap_random_range (1, 90), tap_random_range (0, MASK_KINDS - 1));
    PetMatteOptions options = random_options (width, height);

    if (round == rounds - 1)
      options = (PetMatteOptions){ .refine = true,
        .low = 12,
        .high = 243,
        .decontaminate = true,
        .scrub = true };
    picture_fill (&photo.image, tap_random_range (0, CONTENT_COUNT - 1),
        tap_random_range (0, ALPHA_COUNT - 1));
    compare (matte, &mask.image, &photo.image, &options, false);
    compare (matte, &mask.image, &photo.image, &options, true);
    picture_free (&photo);
    picture_free (&mask);
  }
}

/* Steps of 1 to 8 pixels per cell. */
static void
same_bytes_as_the_cpu (void)
{
  static const int sizes[][3] = { { 1, 1, 8 }, { 1, 40, 8 }, { 37, 1, 8 },
    { 5, 7, 8 }, { 96, 80, 8 }, { 255, 130, 6 }, { 641, 333, 4 },
    { 1030, 515, 3 }, { 1390, 710, 2 } };
  PetCudaMatte *matte = NULL;

  cuda = open_card ("");
  tap_check (pet_cuda_matte_new (cuda, &matte, NULL) == PET_OK);
  for (size_t i = 0; matte != NULL && i < sizeof sizes / sizeof *sizes; i++)
    check_size (matte, sizes[i][0], sizes[i][1], sizes[i][2]);
  pet_cuda_matte_free (&matte);
  close_card (cuda);
}

static void
same_bytes_with_the_largest_cells (void)
{
  PetCudaMatte *matte = NULL;

  cuda = open_card ("");
  tap_check (pet_cuda_matte_new (cuda, &matte, NULL) == PET_OK);
  if (matte != NULL)
    check_size (matte, 3010, 1505, 1);
  pet_cuda_matte_free (&matte);
  close_card (cuda);
}

static void
what_does_not_fit_is_refused (void)
{
  const PetMatteOptions good = { .refine = true, .high = 255 };
  const PetMatteOptions bad[] = { { .low = 9, .high = 9 },
    { .high = 255, .part = { .x = 5, .width = 10, .height = 10 } },
    { .high = 256 } };
  Picture photo = picture_new (12, 10, 3, 0), mask = picture_new (4, 4, 1, 0);
  Picture alpha = picture_new (11, 10, 1, 0);
  PetCudaMatte *matte = NULL;
  PetCudaFrame *frame, *cutout = NULL;
  PetError error = { .status = PET_OK };

  cuda = open_card ("");
  tap_check (pet_cuda_matte_new (cuda, &matte, NULL) == PET_OK);
  picture_fill (&photo.image, CONTENT_NOISE, ALPHA_OPAQUE);
  frame = send (&photo.image);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    tap_check (pet_cuda_matte_cut (matte, &mask.image, frame, &bad[i], NULL,
                   NULL, NULL, &error) == PET_ERROR_ARGUMENT);
  tap_check (pet_cuda_matte_cut (matte, &mask.image, frame, &good, NULL,
                 &alpha.image, NULL, &error) == PET_ERROR_ARGUMENT);
  tap_check (pet_cuda_frame_new (cuda, 12, 10, 3, &cutout, NULL) == PET_OK &&
      pet_cuda_matte_cut (matte, &mask.image, frame, &good, cutout, NULL, NULL,
          &error) == PET_ERROR_ARGUMENT);
  tap_check (pet_cuda_frame_read (cuda, frame, &alpha.image, &error) ==
      PET_ERROR_ARGUMENT);
  pet_cuda_frame_free (&frame);
  pet_cuda_frame_free (&cutout);
  pet_cuda_matte_free (&matte);
  picture_free (&photo);
  picture_free (&mask);
  picture_free (&alpha);
  close_card (cuda);
}

/* A frame that has had a larger picture takes a smaller one, no larger one. */
static void
frames_are_used_again (void)
{
  Picture large = picture_new (700, 600, 4, 0);
  Picture small = picture_new (33, 20, 3, 0), back = picture_new (33, 20, 3, 5);
  PetCudaFrame *frame;
  PetError error = { .status = PET_OK };

  cuda = open_card ("");
  picture_fill (&large.image, CONTENT_NOISE, ALPHA_NOISE);
  picture_fill (&small.image, CONTENT_NOISE, ALPHA_OPAQUE);
  frame = send (&large.image);
  tap_check (!pet_cuda_frame_fit (frame, 3000, 3000, 4));
  tap_check (!pet_cuda_frame_fit (frame, 600000, 1, 4));
  tap_check (pet_cuda_frame_fit (frame, 33, 20, 3));
  report (pet_cuda_frame_write (cuda, frame, &small.image, &error), &error);
  report (pet_cuda_frame_read (cuda, frame, &back.image, &error), &error);
  tap_check (picture_equal (&small.image, &back.image));
  pet_cuda_frame_free (&frame);
  picture_free (&large);
  picture_free (&small);
  picture_free (&back);
  close_card (cuda);
}

/* Photo -> cut-out -> look, with nothing sent in between, by PetCudas of their
 * own as elements have them. */
static void
looks_of_a_cutout_that_stayed (const char *words)
{
  const PetMatteOptions options = {
    .refine = true, .low = 12, .high = 243, .decontaminate = true
  };
  Picture photo = picture_new (203, 151, 3, 0);
  Picture mask = make_mask (40, 40, MASK_DISC);
  Picture cut = picture_new (203, 151, 4, 0),
          want = picture_new (203, 151, 4, 0);
  Picture got = picture_new (203, 151, 4, 9);
  PetCudaOptions which = { .device = -1 };
  PetCuda *other = NULL;
  PetCudaMatte *matte = NULL;
  PetCudaFrame *frame, *cutout = NULL;
  PetError error = { .status = PET_OK };

  cuda = open_card (words);
  report (pet_cuda_open (&which, &other, &error), &error);
  report (pet_cuda_matte_new (cuda, &matte, &error), &error);
  report (pet_cuda_frame_new (cuda, 203, 151, 4, &cutout, &error), &error);
  picture_fill (&photo.image, CONTENT_WAVES, ALPHA_OPAQUE);
  report (pet_matte_cut (&mask.image, &photo.image, &cut.image, &options, NULL,
              NULL, &error),
      &error);
  for (int round = 0; round < 3; round++) {
    frame = send (&photo.image);
    report (pet_cuda_matte_cut (matte, &mask.image, frame, &options, cutout,
                NULL, NULL, &error),
        &error);
    for (int i = 0; i < pet_effects_count; i++) {
      PetCudaPhoto source = { .image = cut.image, .frame = cutout };
      double values[PET_EFFECT_MAX_PARAMS];
      PetCudaLook *look = NULL;

      if (pet_cuda_look_new (other, pet_effects[i]->name, &look, &error) !=
          PET_OK)
        continue;
      source.image.data = NULL;
      pet_effect_defaults (pet_effects[i], values);
      report (pet_effect_apply (pet_effects[i], &cut.image, &want.image, values,
                  NULL, &error),
          &error);
      report (
          pet_cuda_look_run (look, &source, &got.image, NULL, values, &error),
          &error);
      if (!picture_equal (&want.image, &got.image))
        tap_fail ("%s: bytes differ", pet_effects[i]->name);
      pet_cuda_look_free (&look);
    }
    pet_cuda_frame_free (&frame);
  }
  pet_cuda_frame_free (&cutout);
  pet_cuda_matte_free (&matte);
  pet_cuda_close (&other);
  picture_free (&photo);
  picture_free (&mask);
  picture_free (&cut);
  picture_free (&want);
  picture_free (&got);
  close_card (cuda);
}

static void
looks_take_a_frame (void)
{
  looks_of_a_cutout_that_stayed ("");
}

/* Whatever stream is behind, the bytes are the same. */
static void
looks_wait_for_the_matte (void)
{
  looks_of_a_cutout_that_stayed ("late=1");
  looks_of_a_cutout_that_stayed ("late=2");
  looks_of_a_cutout_that_stayed ("late=3");
}

/* One after the other, cards that are open use the same pinned memory, whoever
 * took it; with whoever took it, it goes. */
static void
stages_are_shared (void)
{
  Picture photo = picture_new (50, 40, 4, 3), back = picture_new (50, 40, 4, 1);
  PetCuda *cards[3];
  PetError error = { .status = PET_OK };
  FakeCudaState state;

  picture_fill (&photo.image, CONTENT_WAVES, ALPHA_SOFT);
  for (int i = 0; i < 3; i++)
    cards[i] = open_card ("late=3");
  fake_cuda_state (&state);
  tap_check (state.allocations == 0);
  for (int i = 0; i < 6; i++) {
    PetCudaFrame *frame;

    if (i == 3)
      pet_cuda_close (&cards[0]);
    cuda = cards[i < 3 ? i : 1 + i % 2];
    frame = send (&photo.image);
    report (pet_cuda_frame_read (cuda, frame, &back.image, &error), &error);
    tap_check (picture_equal (&photo.image, &back.image));
    pet_cuda_frame_free (&frame);
    fake_cuda_state (&state);
    tap_check (state.allocations == 2);
  }
  pet_cuda_close (&cards[1]);
  close_card (cards[2]);
  picture_free (&photo);
  picture_free (&back);
}

static bool is_refusing;

static bool
charge (void *user, size_t bytes)
{
  return !is_refusing;
}

static void
release (void *user, size_t bytes)
{
}

typedef struct {
  PetCuda *cuda;
  PetCudaFrame *frame;
  Picture *to;
  PetStatus status;
} Reading;

static void *
read_frame (void *data)
{
  Reading *reading = data;

  reading->status = pet_cuda_frame_read (
      reading->cuda, reading->frame, &reading->to->image, NULL);
  return NULL;
}

static void *
let_go_soon (void *data)
{
  usleep (200000);
  tap_check (fake_cuda_let_go ());
  return NULL;
}

/* There is no memory for another stage, but the one there is comes back. */
static void
a_transfer_waits_for_a_stage (void)
{
  PetCudaOptions which = { .device = -1, .charge = charge, .release = release };
  Picture photo = picture_new (50, 40, 4, 3), back = picture_new (50, 40, 4, 1);
  Picture again = picture_new (50, 40, 4, 1);
  Reading reading = { .to = &again };
  PetCuda *second = NULL;
  PetError error = { .status = PET_OK };
  pthread_t reader, other;

  is_refusing = false;
  cuda = open_card ("");
  report (pet_cuda_open (&which, &reading.cuda, &error), &error);
  report (pet_cuda_open (&which, &second, &error), &error);
  picture_fill (&photo.image, CONTENT_WAVES, ALPHA_SOFT);
  reading.frame = send (&photo.image);
  is_refusing = true;
  fake_cuda_hold ("cudaEventSynchronize");
  tap_check (pthread_create (&reader, NULL, read_frame, &reading) == 0);
  tap_check (fake_cuda_await_held ());
  tap_check (pthread_create (&other, NULL, let_go_soon, NULL) == 0);
  report (
      pet_cuda_frame_read (second, reading.frame, &back.image, &error), &error);
  tap_check (picture_equal (&photo.image, &back.image));
  pthread_join (other, NULL);
  pthread_join (reader, NULL);
  tap_check (reading.status == PET_OK);
  tap_check (picture_equal (&photo.image, &again.image));
  pet_cuda_frame_free (&reading.frame);
  pet_cuda_close (&second);
  pet_cuda_close (&reading.cuda);
  picture_free (&photo);
  picture_free (&back);
  picture_free (&again);
  close_card (cuda);
}

/* Rows that do not fit a stage, in memory that is not ours: they are copied. */
static void
rows_far_apart_are_copied (void)
{
  const size_t stride = (size_t) 3 << 20;
  Picture photo = picture_new (50, 3, 4, 3), back = picture_new (50, 3, 4, 1);
  PetCudaOutside outside = {
    .width = 50, .height = 3, .channels = 4, .stride_bytes = (ptrdiff_t) stride
  };
  PetCudaFrame *frame = NULL;
  PetError error = { .status = PET_OK };

  cuda = open_card ("");
  picture_fill (&photo.image, CONTENT_WAVES, ALPHA_SOFT);
  report (pet_cuda_context (cuda, &outside.context, &error), &error);
  tap_check (cudaMalloc (&outside.data, 3 * stride) == cudaSuccess);
  for (int y = 0; y < 3; y++)
    memcpy ((char *) outside.data + (size_t) y * stride,
        pet_image_row (&photo.image, y), 200);
  tap_check (pet_cuda_frame_wrap (cuda, &outside, &frame, &error) ==
      PET_ERROR_UNSUPPORTED);
  report (pet_cuda_frame_new (cuda, 50, 3, 4, &frame, &error), &error);
  report (pet_cuda_frame_copy (cuda, frame, &outside, &error), &error);
  report (pet_cuda_frame_read (cuda, frame, &back.image, &error), &error);
  tap_check (picture_equal (&photo.image, &back.image));
  pet_cuda_frame_free (&frame);
  tap_check (cudaFree (outside.data) == cudaSuccess);
  picture_free (&photo);
  picture_free (&back);
  close_card (cuda);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (same_bytes_as_the_cpu),
    TAP_TEST (same_bytes_with_the_largest_cells),
    TAP_TEST (what_does_not_fit_is_refused),
    TAP_TEST (frames_are_used_again),
    TAP_TEST (stages_are_shared),
    TAP_TEST (a_transfer_waits_for_a_stage),
    TAP_TEST (rows_far_apart_are_copied),
    TAP_TEST (looks_take_a_frame),
    TAP_TEST (looks_wait_for_the_matte),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
