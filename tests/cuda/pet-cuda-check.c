/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet-cuda-check [--device N] [--photos N] [--small] [--bench] NETWORK.onnx...
 *
 * What needs a card, without GStreamer: looks and matte against the plain C
 * versions (the same bytes), networks in fp32 and fp16 against the CPU engine
 * and, where golden/ beside the network has some, against stored masks, error
 * paths, memory over photos of changing sizes, and with --bench the speeds.
 * Prints TAP; "skipped, no device" and exit code 77 where there is none.
 * --small: for the card of host memory, which is slow. */

#include "image/pet-effect.h"
#include "image/pet-matte.h"
#include "pet-cuda-bench.h"
#include "pet-cuda-check-networks.h"

static void
compare_look (const PetEffect *effect, PetCudaLook *look, int width, int height)
{
  Picture src = picture_new (width, height, 4, 5);
  Picture want = picture_new (width, height, 4, 0);
  Picture got = picture_new (width, height, 4, 9);
  double values[PET_EFFECT_MAX_PARAMS];
  PetError error = { .status = PET_OK };
  PetCudaPhoto photo = { .image = src.image };

  picture_fill (&src.image, CONTENT_WAVES, ALPHA_SOFT);
  pet_effect_defaults (effect, values);
  report (
      pet_effect_apply (effect, &src.image, &want.image, values, NULL, &error),
      &error);
  report (pet_cuda_look_run (look, &photo, &got.image, NULL, values, &error),
      &error);
  if (!picture_equal (&want.image, &got.image))
    tap_fail ("%s %dx%d: bytes differ", effect->name, width, height);
  tap_check (picture_guards_hold (&got));
  picture_free (&src);
  picture_free (&want);
  picture_free (&got);
}

/* Odd ones, and the last one as a shop has them. */
static const int sizes[][2] = { { 1, 1 }, { 1, 77 }, { 333, 1 }, { 33, 17 },
  { 7, 1000 }, { 640, 427 }, { 1152, 1536 } };

static size_t
count_sizes (void)
{
  return sizeof sizes / sizeof *sizes - (options.small ? 2 : 0);
}

static void
looks_are_those_of_the_cpu (void)
{
  PetError error = { .status = PET_OK };

  for (int i = 0; i < pet_effects_count; i++) {
    PetCudaLook *look = NULL;
    PetStatus status =
        pet_cuda_look_new (cuda, pet_effects[i]->name, &look, &error);

    if (status == PET_ERROR_UNSUPPORTED)
      continue;
    report (status, &error);
    for (size_t j = 0; look != NULL && j < count_sizes (); j++)
      compare_look (pet_effects[i], look, sizes[j][0], sizes[j][1]);
    pet_cuda_look_free (&look);
  }
}

/* What looks_follow_each_other() has on the card. */
typedef struct {
  PetCudaFrame *first, *copied, *between;
  PetCudaLook *retro, *popart;
} Chain;

static PetStatus
run_chain (
    Chain *chain, const Picture *src, const Picture *got, PetError *error)
{
  int width = src->image.width, height = src->image.height;
  PetCudaOutside outside = { .width = width, .height = height, .channels = 4 };
  PetCudaPhoto photo = { .image = src->image }, result = photo;
  double values[PET_EFFECT_MAX_PARAMS];

  PET_TRY (pet_cuda_frame_new (cuda, width, height, 4, &chain->first, error));
  PET_TRY (pet_cuda_frame_new (cuda, width, height, 4, &chain->copied, error));
  PET_TRY (pet_cuda_frame_new (cuda, width, height, 4, &chain->between, error));
  PET_TRY (pet_cuda_look_new (cuda, "retro8bit", &chain->retro, error));
  PET_TRY (pet_cuda_look_new (cuda, "popart", &chain->popart, error));
  PET_TRY (pet_cuda_frame_write (cuda, chain->first, &src->image, error));
  PET_TRY (pet_cuda_wait (cuda, error));
  outside.data = chain->first->image.data;
  outside.stride_bytes = chain->first->image.stride_bytes;
  PET_TRY (pet_cuda_context (cuda, &outside.context, error));
  PET_TRY (pet_cuda_frame_copy (cuda, chain->copied, &outside, error));
  photo.frame = chain->copied;
  pet_effect_defaults (pet_effect_find ("retro8bit"), values);
  PET_TRY (pet_cuda_look_run (
      chain->retro, &photo, NULL, chain->between, values, error));
  result.frame = chain->between;
  pet_effect_defaults (pet_effect_find ("popart"), values);
  return pet_cuda_look_run (
      chain->popart, &result, &got->image, NULL, values, error);
}

static PetStatus
apply_default (
    const char *name, const Picture *src, const Picture *dst, PetError *error)
{
  const PetEffect *effect = pet_effect_find (name);
  double values[PET_EFFECT_MAX_PARAMS];

  pet_effect_defaults (effect, values);
  return pet_effect_apply (
      effect, &src->image, &dst->image, values, NULL, error);
}

/* Frames that were copied, or that a look made, have rows whose padding nobody
 * wrote: popart takes whole groups of pixels all the same. */
static void
looks_follow_each_other (void)
{
  Picture src = picture_new (33, 17, 4, 5),
          between = picture_new (33, 17, 4, 0);
  Picture want = picture_new (33, 17, 4, 0), got = picture_new (33, 17, 4, 9);
  PetError error = { .status = PET_OK };
  Chain chain = { .first = NULL };

  picture_fill (&src.image, CONTENT_WAVES, ALPHA_SOFT);
  report (apply_default ("retro8bit", &src, &between, &error), &error);
  report (apply_default ("popart", &between, &want, &error), &error);
  report (run_chain (&chain, &src, &got, &error), &error);
  tap_check (picture_equal (&want.image, &got.image));
  pet_cuda_look_free (&chain.retro);
  pet_cuda_look_free (&chain.popart);
  pet_cuda_frame_free (&chain.first);
  pet_cuda_frame_free (&chain.copied);
  pet_cuda_frame_free (&chain.between);
  picture_free (&src);
  picture_free (&between);
  picture_free (&want);
  picture_free (&got);
}

static const PetMatteOptions all = {
  .refine = true, .low = 12, .high = 243, .decontaminate = true, .scrub = true
};

/* A soft disc. */
static Picture
make_mask (int side)
{
  Picture mask = picture_new (side, side, 1, 3);

  for (int y = 0; y < side; y++)
    for (int x = 0; x < side; x++)
      pet_image_row (&mask.image, y)[x] = picture_clamp (1500 *
          (0.35 - hypot ((x + 0.5) / side - 0.5, (y + 0.5) / side - 0.4)));
  return mask;
}

static void
compare_matte (PetCudaMatte *matte, int width, int height, int channels)
{
  Picture photo = picture_new (width, height, channels, 5);
  Picture want = picture_new (width, height, 4, 0);
  Picture got = picture_new (width, height, 4, 9), mask = make_mask (160);
  PetCudaFrame *frame = NULL, *cutout = NULL;
  PetMaskStats expected, found;
  PetError error = { .status = PET_OK };

  memset (&found, 0, sizeof found);
  picture_fill (&photo.image, CONTENT_WAVES, ALPHA_SOFT);
  report (pet_matte_cut (&mask.image, &photo.image, &want.image, &all,
              &expected, NULL, &error),
      &error);
  report (pet_cuda_frame_new (cuda, width, height, channels, &frame, &error),
      &error);
  report (pet_cuda_frame_new (cuda, width, height, 4, &cutout, &error), &error);
  if (error.status == PET_OK) {
    report (pet_cuda_frame_write (cuda, frame, &photo.image, &error), &error);
    report (pet_cuda_matte_cut (
                matte, &mask.image, frame, &all, cutout, NULL, &found, &error),
        &error);
    report (pet_cuda_frame_read (cuda, cutout, &got.image, &error), &error);
  }
  if (!picture_equal (&want.image, &got.image) ||
      found.width != expected.width || found.height != expected.height ||
      found.x != expected.x || found.y != expected.y)
    tap_fail (
        "%dx%d of %d channels: bytes or box differ", width, height, channels);
  pet_cuda_frame_free (&frame);
  pet_cuda_frame_free (&cutout);
  picture_free (&photo);
  picture_free (&want);
  picture_free (&got);
  picture_free (&mask);
}

static void
mattes_are_those_of_the_cpu (void)
{
  PetError error = { .status = PET_OK };
  PetCudaMatte *matte = NULL;

  report (pet_cuda_matte_new (cuda, &matte, &error), &error);
  for (size_t i = 0; matte != NULL && i < count_sizes (); i++)
    for (int channels = 3; channels <= 4; channels++)
      compare_matte (matte, sizes[i][0], sizes[i][1], channels);
  pet_cuda_matte_free (&matte);
}

static void
wrong_device_is_told (void)
{
  PetCudaOptions wrong = { .device = 1 << 20 };
  PetError error = { .status = PET_OK };
  PetCuda *none = NULL;

  tap_check (pet_cuda_open (&wrong, &none, &error) == PET_ERROR_DEVICE &&
      strstr (error.message, "there is no GPU 1048576") != NULL);
}

/* A budget that is too small, in the place of a full card. */
static bool
refuse (void *user, size_t bytes)
{
  return bytes <= (size_t) 4 << 20;
}

static void
full_card_is_told (void)
{
  PetCudaOptions small = { .device = options.device, .charge = refuse };
  double values[PET_EFFECT_MAX_PARAMS];
  const PetEffect *effect = pet_effect_find ("popart");
  Picture picture = picture_new (2000, 2000, 4, 0);
  PetError error = { .status = PET_OK };
  PetCudaPhoto photo = { .image = picture.image };
  PetCuda *other = NULL;
  PetCudaLook *look = NULL;

  pet_effect_defaults (effect, values);
  report (pet_cuda_open (&small, &other, &error), &error);
  if (other != NULL)
    report (pet_cuda_look_new (other, "popart", &look, &error), &error);
  if (look != NULL)
    tap_check (pet_cuda_look_run (look, &photo, &picture.image, NULL, values,
                   &error) == PET_ERROR_MEMORY);
  pet_cuda_look_free (&look);
  pet_cuda_close (&other);
  picture_free (&picture);
}

/* What a photo meets on its way. */
typedef struct {
  PetCudaFrame *photo, *cutout;
  PetCudaMatte *matte;
  PetCudaLook *look;
  PetCudaSegmenter *segmenter; /* NULL: no network */
  Picture in, out, mask;
  double values[PET_EFFECT_MAX_PARAMS];
} Way;

static void
free_way (Way *way)
{
  pet_cuda_segmenter_free (&way->segmenter);
  pet_cuda_look_free (&way->look);
  pet_cuda_matte_free (&way->matte);
  pet_cuda_frame_free (&way->photo);
  pet_cuda_frame_free (&way->cutout);
  picture_free (&way->in);
  picture_free (&way->out);
  picture_free (&way->mask);
}

static PetStatus
make_way (Way *way, Network *network, int most, PetError *error)
{
  int width = 160, height = 160;

  pet_effect_defaults (pet_effect_find ("retro8bit"), way->values);
  way->in = picture_new (most, most, 4, 0);
  way->out = picture_new (most, most, 4, 0);
  picture_fill (&way->in.image, CONTENT_WAVES, ALPHA_SOFT);
  PET_TRY (pet_cuda_frame_new (cuda, most, most, 4, &way->photo, error));
  PET_TRY (pet_cuda_frame_new (cuda, most, most, 4, &way->cutout, error));
  PET_TRY (pet_cuda_matte_new (cuda, &way->matte, error));
  PET_TRY (pet_cuda_look_new (cuda, "retro8bit", &way->look, error));
  if (options.n_networks > 0 && read_network (options.networks[0], network)) {
    network->model.half = true;
    network->model.batch = 1;
    PET_TRY (
        pet_cuda_segmenter_new (cuda, &network->model, &way->segmenter, error));
    (void) pet_cuda_segmenter_info (way->segmenter, &width, &height);
  }
  way->mask = make_mask (width);
  tap_check (width == height);
  return PET_OK;
}

static PetStatus
send_photo (Way *way, int width, int height, PetError *error)
{
  PetImage from = way->in.image, to = way->out.image;
  PetCudaPhoto photo = { .frame = way->photo },
               cutout = { .frame = way->cutout };

  from.width = to.width = width;
  from.height = to.height = height;
  photo.image = cutout.image = from;
  tap_check (pet_cuda_frame_fit (way->photo, width, height, 4) &&
      pet_cuda_frame_fit (way->cutout, width, height, 4));
  PET_TRY (pet_cuda_frame_write (cuda, way->photo, &from, error));
  if (way->segmenter != NULL)
    PET_TRY (pet_cuda_segmenter_run (
        way->segmenter, &photo, &way->mask.image, 1, error));
  PET_TRY (pet_cuda_matte_cut (way->matte, &way->mask.image, way->photo, &all,
      way->cutout, NULL, NULL, error));
  return pet_cuda_look_run (way->look, &cutout, &to, NULL, way->values, error);
}

/* The largest photos first, and those that the matte divides into the most cells,
 * square and not (pet_matte_set_sizes()): after them nothing may be taken any
 * more. */
static const int first_sizes[][2] = { { 1500, 1500 }, { 599, 599 },
  { 1500, 299 }, { 299, 1500 } };
#define N_FIRST ((int) (sizeof first_sizes / sizeof *first_sizes))

static void
memory_is_constant (void)
{
  int most = options.small ? 150 : 1500;
  PetError error = { .status = PET_OK };
  Network network = { .bytes = NULL };
  Way way = { .photo = NULL };
  size_t held = 0, free_bytes = 0, total, first_free = 0;

  report (make_way (&way, &network, most, &error), &error);
  for (int i = 0; i < options.photos + N_FIRST && error.status == PET_OK; i++) {
    int width = tap_random_range (1, most);
    int height = tap_random_range (1, most);

    if (i < N_FIRST) {
      width = first_sizes[i][0] < most ? first_sizes[i][0] : most;
      height = first_sizes[i][1] < most ? first_sizes[i][1] : most;
    }
    report (send_photo (&way, width, height, &error), &error);
    tap_check (cudaMemGetInfo (&free_bytes, &total) == cudaSuccess);
    if (i < N_FIRST) {
      held = cuda->held_bytes;
      first_free = free_bytes;
    }
    if (cuda->held_bytes != held) {
      tap_fail ("photo %d, %dx%d: %zu bytes held, %zu before", i, width, height,
          (size_t) cuda->held_bytes, held);
      break;
    }
  }
  printf ("# %d photos: %zu MiB held, free memory of the card %+ld KiB\n",
      options.photos, held >> 20,
      ((long) free_bytes - (long) first_free) / 1024);
  free_way (&way);
  free (network.bytes);
}

static void
speeds (void)
{
  if (!options.bench)
    tap_skip ("only with --bench");
  else
    tap_check (
        bench_all (cuda, options.networks, options.n_networks, options.small));
}

static bool
parse (int argc, char **argv)
{
  options.networks = argv;
  for (int i = 1; i < argc; i++) {
    if (strcmp (argv[i], "--bench") == 0)
      options.bench = true;
    else if (strcmp (argv[i], "--small") == 0)
      options.small = true;
    else if (strcmp (argv[i], "--device") == 0 && i + 1 < argc)
      options.device = atoi (argv[++i]);
    else if (strcmp (argv[i], "--photos") == 0 && i + 1 < argc)
      options.photos = atoi (argv[++i]);
    else if (argv[i][0] == '-')
      return false;
    else
      options.networks[options.n_networks++] = argv[i];
  }
  return true;
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (looks_are_those_of_the_cpu),
    TAP_TEST (looks_follow_each_other),
    TAP_TEST (mattes_are_those_of_the_cpu),
    TAP_TEST (networks_are_those_of_the_cpu),
    TAP_TEST (masks_are_the_golden_ones),
    TAP_TEST (what_is_no_number_is_counted),
    TAP_TEST (wrong_device_is_told),
    TAP_TEST (full_card_is_told),
    TAP_TEST (memory_is_constant),
    TAP_TEST (speeds),
  };
  PetCudaOptions which;
  PetError error = { .status = PET_OK };
  int result;

  if (!parse (argc, argv)) {
    fprintf (stderr,
        "usage: pet-cuda-check [--device N] [--photos N] [--small] [--bench] "
        "NETWORK.onnx...\n");
    return 1;
  }
  which = (PetCudaOptions){ .device = options.device };
  if (pet_cuda_open (&which, &cuda, &error) != PET_OK) {
    printf ("skipped, no device: %s\n", error.message);
    return 77;
  }
  printf ("# %s, compute capability %d.%d, CUDA %d\n", cuda->info.name,
      cuda->info.compute_major, cuda->info.compute_minor,
      cuda->info.runtime_version);
  result = tap_run (tests, sizeof tests / sizeof *tests, 1, argv);
  pet_cuda_close (&cuda);
  return result;
}
