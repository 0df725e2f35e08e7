/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet-cuda-check [--device N] [--photos N] [--bench] NETWORK.onnx...
 *
 * What needs a card, without GStreamer: looks against the plain C versions (the
 * same bytes), networks in fp32 and fp16 against the CPU engine, error paths,
 * memory over photos of changing sizes, and with --bench the speeds. Prints TAP;
 * "skipped, no device" and exit code 77 where there is none. */

#include <time.h>

#include "base/pet-folder.h"
#include "image/pet-effect.h"
#include "nn/pet-segmenter.h"
#include "pet-cuda-program.h"
#include "picture.h"

#define BENCH_WIDTH 1152
#define BENCH_HEIGHT 1536

static struct {
  int device, photos, n_networks;
  bool bench;
  char **networks;
} options = { .device = -1, .photos = 10000 };

static PetCuda *cuda;

static void
report (PetStatus status, const PetError *error)
{
  if (status != PET_OK)
    tap_fail ("%s: %s", pet_status_name (status), error->message);
}

static double
seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

static void
compare_look (const PetEffect *effect, PetCudaLook *look, int width, int height)
{
  Picture src = picture_new (width, height, 4, 5);
  Picture want = picture_new (width, height, 4, 0);
  Picture got = picture_new (width, height, 4, 9);
  double values[PET_EFFECT_MAX_PARAMS];
  PetError error = { .status = PET_OK };

  picture_fill (&src.image, CONTENT_WAVES, ALPHA_SOFT);
  pet_effect_defaults (effect, values);
  report (
      pet_effect_apply (effect, &src.image, &want.image, values, NULL, &error),
      &error);
  report (
      pet_cuda_look_run (look, &src.image, &got.image, values, &error), &error);
  if (!picture_equal (&want.image, &got.image))
    tap_fail ("%s %dx%d: bytes differ", effect->name, width, height);
  tap_check (picture_guards_hold (&got));
  picture_free (&src);
  picture_free (&want);
  picture_free (&got);
}

static void
looks_are_those_of_the_cpu (void)
{
  static const int sizes[][2] = { { 1, 1 }, { 1, 77 }, { 333, 1 }, { 33, 17 },
    { 640, 427 }, { BENCH_WIDTH, BENCH_HEIGHT }, { 7, 5000 } };
  PetError error = { .status = PET_OK };

  for (int i = 0; i < pet_effects_count; i++) {
    PetCudaLook *look = NULL;

    if (pet_effects[i]->is_identity)
      continue;
    report (
        pet_cuda_look_new (cuda, pet_effects[i]->name, &look, &error), &error);
    for (size_t j = 0; look != NULL && j < sizeof sizes / sizeof *sizes; j++)
      compare_look (pet_effects[i], look, sizes[j][0], sizes[j][1]);
    pet_cuda_look_free (&look);
  }
}

typedef struct {
  uint8_t *bytes;
  char *sidecar;
  PetCudaModel model;
} Network;

static bool
read_network (const char *path, Network *network)
{
  PetError error = { .status = PET_OK };
  size_t size;

  memset (network, 0, sizeof *network);
  report (pet_file_read (path, 0, &network->bytes, &size, &error), &error);
  network->model.bytes = network->bytes;
  network->model.size = size;
  return network->bytes != NULL;
}

/* Intersection over union at 128; 1 where both are empty. */
static double
mask_iou (const PetImage *a, const PetImage *b)
{
  long both = 0, either = 0;

  for (int y = 0; y < a->height; y++)
    for (int x = 0; x < a->width; x++) {
      bool u = pet_image_row (a, y)[x] >= 128;
      bool v = pet_image_row (b, y)[x] >= 128;

      both += u && v;
      either += u || v;
    }
  return either == 0 ? 1 : (double) both / (double) either;
}

static void
compare_network (const Network *network, bool half, double least)
{
  PetSegmenterOptions plain = { .threads = 0 };
  PetCudaModel model = network->model;
  PetSegmenter *cpu = NULL;
  PetCudaSegmenter *gpu = NULL;
  PetError error = { .status = PET_OK };
  int width, height;

  model.half = half;
  model.batch = 1;
  report (pet_segmenter_new (model.bytes, model.size, &plain, &cpu, &error),
      &error);
  report (pet_cuda_segmenter_new (cuda, &model, &gpu, &error), &error);
  if (cpu == NULL || gpu == NULL)
    return;
  pet_segmenter_mask_size (cpu, &width, &height);
  for (int i = 0; i < 4; i++) {
    Picture photo = picture_new (600 - 97 * i, 400 + 31 * i, 3 + i % 2, 0);
    Picture want = picture_new (width, height, 1, 0);
    Picture got = picture_new (width, height, 1, 3);
    double iou;

    picture_fill (&photo.image, i % CONTENT_BLACK, ALPHA_SOFT);
    report (pet_segmenter_run (cpu, &photo.image, &want.image, &error), &error);
    report (pet_cuda_segmenter_run (gpu, &photo.image, &got.image, 1, &error),
        &error);
    iou = mask_iou (&want.image, &got.image);
    printf (
        "# %s: IoU with the CPU %.5f\n", pet_cuda_segmenter_text (gpu), iou);
    tap_check (iou >= least);
    picture_free (&photo);
    picture_free (&want);
    picture_free (&got);
  }
  pet_segmenter_free (&cpu);
  pet_cuda_segmenter_free (&gpu);
}

static void
networks_are_those_of_the_cpu (void)
{
  Network network;

  if (options.n_networks == 0)
    tap_skip ("no network was named");
  for (int i = 0; i < options.n_networks; i++) {
    if (read_network (options.networks[i], &network)) {
      compare_network (&network, false, 0.999);
      compare_network (&network, true, 0.998);
    }
    free (network.bytes);
  }
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
  PetCuda *other = NULL;
  PetCudaLook *look = NULL;

  report (pet_cuda_open (&small, &other, &error), &error);
  report (pet_cuda_look_new (other, "popart", &look, &error), &error);
  pet_effect_defaults (effect, values);
  tap_check (look == NULL ||
      pet_cuda_look_run (look, &picture.image, &picture.image, values,
          &error) == PET_ERROR_MEMORY);
  pet_cuda_look_free (&look);
  pet_cuda_close (&other);
  picture_free (&picture);
}

/* The largest photo first: after it nothing may be taken any more. */
static void
memory_is_constant (void)
{
  PetCudaLook *look = NULL;
  PetCudaSegmenter *segmenter = NULL;
  PetError error = { .status = PET_OK };
  double values[PET_EFFECT_MAX_PARAMS];
  Picture mask = { .block = NULL }, out = picture_new (1500, 1500, 4, 0);
  Picture in = picture_new (1500, 1500, 4, 0);
  size_t held = 0, free_bytes, total, first_free = 0;
  Network network = { .bytes = NULL };
  int width, height;

  picture_fill (&in.image, CONTENT_WAVES, ALPHA_SOFT);
  pet_effect_defaults (pet_effect_find ("retro8bit"), values);
  report (pet_cuda_look_new (cuda, "retro8bit", &look, &error), &error);
  if (options.n_networks > 0 && read_network (options.networks[0], &network)) {
    network.model.half = true;
    network.model.batch = 1;
    report (pet_cuda_segmenter_new (cuda, &network.model, &segmenter, &error),
        &error);
    (void) pet_cuda_segmenter_info (segmenter, &width, &height);
    mask = picture_new (width, height, 1, 0);
  }
  for (int i = 0; i < options.photos && error.status == PET_OK; i++) {
    PetImage from = in.image, to = out.image;

    from.width = to.width = i == 0 ? 1500 : tap_random_range (1, 1500);
    from.height = to.height = i == 0 ? 1500 : tap_random_range (1, 1500);
    report (pet_cuda_look_run (look, &from, &to, values, &error), &error);
    if (segmenter != NULL)
      report (pet_cuda_segmenter_run (segmenter, &from, &mask.image, 1, &error),
          &error);
    tap_check (cudaMemGetInfo (&free_bytes, &total) == cudaSuccess);
    if (i == 0) {
      held = cuda->held_bytes;
      first_free = free_bytes;
    }
    if (cuda->held_bytes != held) {
      tap_fail ("photo %d: %zu bytes held, %zu after the first", i,
          cuda->held_bytes, held);
      break;
    }
  }
  printf ("# %d photos: %zu MiB held, free memory of the card %+ld KiB\n",
      options.photos, held >> 20,
      ((long) free_bytes - (long) first_free) / 1024);
  pet_cuda_look_free (&look);
  pet_cuda_segmenter_free (&segmenter);
  picture_free (&mask);
  picture_free (&in);
  picture_free (&out);
  free (network.bytes);
}

/* Bytes read and written per second by copying on the card. */
static double
copy_bandwidth (void)
{
  PetCudaBuffer from = { 0 }, to = { 0 };
  PetError error = { .status = PET_OK };
  size_t bytes = (size_t) 512 << 20;
  double begin = 0, rate = 0;

  report (pet_cuda_take (cuda, &from, bytes, false, &error), &error);
  report (pet_cuda_take (cuda, &to, bytes, false, &error), &error);
  for (int i = -1; i < 10 && to.data != NULL; i++) {
    if (i == 0) {
      (void) cudaStreamSynchronize (cuda->work);
      begin = seconds ();
    }
    (void) cudaMemcpyAsync (
        to.data, from.data, bytes, cudaMemcpyDeviceToDevice, cuda->work);
  }
  if (cudaStreamSynchronize (cuda->work) == cudaSuccess)
    rate = 10 * 2 * (double) bytes / (seconds () - begin);
  pet_cuda_drop (cuda, &from);
  pet_cuda_drop (cuda, &to);
  return rate;
}

static void
bench_look (const char *name, double bytes_per_pixel, double copy)
{
  const PetEffect *effect = pet_effect_find (name);
  Picture picture = picture_new (BENCH_WIDTH, BENCH_HEIGHT, 4, 0);
  double values[PET_EFFECT_MAX_PARAMS], rate;
  PetError error = { .status = PET_OK };
  PetCudaLook *look = NULL;
  float milliseconds = 0;

  picture_fill (&picture.image, CONTENT_WAVES, ALPHA_SOFT);
  pet_effect_defaults (effect, values);
  report (pet_cuda_look_new (cuda, name, &look, &error), &error);
  report (
      pet_cuda_look_run (look, &picture.image, &picture.image, values, &error),
      &error);
  report (pet_cuda_look_time (look, BENCH_WIDTH, BENCH_HEIGHT, values, 50,
              &milliseconds, &error),
      &error);
  rate = bytes_per_pixel * BENCH_WIDTH * BENCH_HEIGHT * 50 /
      ((double) milliseconds * 1e-3);
  printf ("# %-20s %7.4f ms  %6.0f GB/s  %3.0f %% of copying\n", name,
      (double) milliseconds / 50, rate / 1e9, 100 * rate / copy);
  pet_cuda_look_free (&look);
  picture_free (&picture);
}

static void
bench_network (const char *path, int batch)
{
  PetError error = { .status = PET_OK };
  PetModel *model = NULL;
  PetCudaProgramOptions how = { .half = true, .batch = batch, .on_card = true };
  PetCudaProgram *program = NULL;
  PetGraph *graph = NULL;
  const int runs = 200;
  double begin = 0;

  if (pet_model_load_file (path, NULL, &model, &error) == PET_OK)
    graph = pet_graph_copy (pet_model_graph (model));
  if (graph != NULL &&
      pet_graph_prepare (graph, pet_model_output (model, 0, NULL, NULL), NULL,
          &error) == PET_OK &&
      pet_cuda_program_new (cuda, graph, &how, &program, &error) == PET_OK) {
    for (int i = -20; i < runs && error.status == PET_OK; i++) {
      if (i == 0) {
        (void) cudaStreamSynchronize (cuda->work);
        begin = seconds ();
      }
      (void) pet_cuda_program_run (program, &error);
    }
    if (cudaStreamSynchronize (cuda->work) == cudaSuccess)
      printf ("# %s fp16 batch %d: %.3f ms, %.0f images/s\n", path, batch,
          (seconds () - begin) / runs * 1e3,
          runs * batch / (seconds () - begin));
    graph = NULL;
  }
  report (error.status, &error);
  pet_cuda_program_free (&program);
  pet_graph_free (&graph);
  pet_model_free (&model);
}

/* Bytes per pixel: docs/cuda.md. */
static void
speeds (void)
{
  double copy;

  if (!options.bench) {
    tap_skip ("only with --bench");
    return;
  }
  copy = copy_bandwidth ();
  printf ("# %s: copying %.0f GB/s\n", cuda->info.name, copy / 1e9);
  bench_look ("popart", 8, copy);
  bench_look ("enhancedblackwhite", 20, copy);
  bench_look ("retro8bit", 16, copy);
  bench_look ("dithering", 50, copy);
  for (int i = 0; i < options.n_networks; i++) {
    bench_network (options.networks[i], 1);
    bench_network (options.networks[i], 8);
  }
}

static bool
parse (int argc, char **argv)
{
  options.networks = argv;
  for (int i = 1; i < argc; i++) {
    if (strcmp (argv[i], "--bench") == 0)
      options.bench = true;
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
    TAP_TEST (networks_are_those_of_the_cpu),
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
        "usage: pet-cuda-check [--device N] [--photos N] [--bench] "
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
