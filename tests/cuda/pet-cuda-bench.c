/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bytes per pixel: docs/cuda.md. Bandwidth is measured on pictures that are
 * larger than the cache of any card. */

#include "pet-cuda-bench.h"

#include <time.h>

#include "image/pet-effect.h"
#include "pet-cuda-program.h"
#include "picture.h"

static struct {
  PetCuda *cuda;
  bool small;
  int runs;
  double copy; /* bytes per second */
} bench;

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

/* One row: `bytes` moved in `milliseconds`. */
static void
print_row (
    const char *name, const char *what, double bytes, double milliseconds)
{
  double rate = bytes / (milliseconds * 1e-3);

  printf ("| %s | %s | %.4f | %.0f | %.0f %% |\n", name, what, milliseconds,
      rate / 1e9, 100 * rate / bench.copy);
}

/* Bytes read and written per second by copying on the card. */
static void
measure_copying (void)
{
  PetCudaBuffer from = { 0 }, to = { 0 };
  PetError error = { .status = PET_OK };
  size_t bytes = (size_t) (bench.small ? 1 : 512) << 20;
  double begin = 0;

  report (pet_cuda_take (bench.cuda, &from, bytes, false, &error), &error);
  report (pet_cuda_take (bench.cuda, &to, bytes, false, &error), &error);
  for (int i = -1; i < 10 && to.data != NULL; i++) {
    if (i == 0) {
      (void) cudaStreamSynchronize (bench.cuda->work);
      begin = seconds ();
    }
    (void) cudaMemcpyAsync (
        to.data, from.data, bytes, cudaMemcpyDeviceToDevice, bench.cuda->work);
  }
  bench.copy = 1;
  if (cudaStreamSynchronize (bench.cuda->work) == cudaSuccess)
    bench.copy = 10 * 2 * (double) bytes / (seconds () - begin);
  pet_cuda_drop (bench.cuda, &from);
  pet_cuda_drop (bench.cuda, &to);
}

/* As a shop has them, and larger than the cache. */
static void
sizes_of (int sizes[2][2])
{
  sizes[0][0] = bench.small ? 48 : 1152;
  sizes[0][1] = bench.small ? 64 : 1536;
  sizes[1][0] = bench.small ? 96 : 4608;
  sizes[1][1] = bench.small ? 64 : 6144;
}

static void
bench_look (const char *name, double bytes_per_pixel)
{
  const PetEffect *effect = pet_effect_find (name);
  double values[PET_EFFECT_MAX_PARAMS];
  PetError error = { .status = PET_OK };
  PetCudaLook *look = NULL;
  float milliseconds = 0;
  int sizes[2][2];
  char what[64];

  sizes_of (sizes);
  pet_effect_defaults (effect, values);
  report (pet_cuda_look_new (bench.cuda, name, &look, &error), &error);
  for (int i = 0; look != NULL && i < 2; i++) {
    int width = sizes[i][0], height = sizes[i][1];
    Picture picture = picture_new (width, height, 4, 0);
    PetCudaPhoto photo = { .image = picture.image };

    picture_fill (&picture.image, CONTENT_WAVES, ALPHA_SOFT);
    report (
        pet_cuda_look_run (look, &photo, &picture.image, NULL, values, &error),
        &error);
    if (error.status == PET_OK)
      report (pet_cuda_look_time (look, width, height, values, bench.runs,
                  &milliseconds, &error),
          &error);
    snprintf (what, sizeof what, "%dx%d", width, height);
    print_row (name, what, bytes_per_pixel * width * height,
        (double) milliseconds / bench.runs);
    picture_free (&picture);
  }
  pet_cuda_look_free (&look);
}

static void
bench_matte (int width, int height)
{
  const PetMatteOptions options = {
    .refine = true, .low = 12, .high = 243, .decontaminate = true, .scrub = true
  };
  Picture photo = picture_new (width, height, 3, 0);
  Picture mask = picture_new (320, 320, 4, 0);
  PetCudaFrame *frame = NULL, *cutout = NULL;
  PetError error = { .status = PET_OK };
  PetCudaMatte *matte = NULL;
  float milliseconds[2] = { 1, 1 };
  double pixels = (double) width * height;
  char what[64];

  picture_fill (&photo.image, CONTENT_WAVES, ALPHA_OPAQUE);
  picture_fill (&mask.image, CONTENT_BLACK, ALPHA_SOFT);
  for (int i = 0; i < 320 * 320; i++)
    mask.image.data[i] = mask.image.data[4 * i + 3];
  mask.image.channels = 1;
  mask.image.stride_bytes = 320;
  report (pet_cuda_matte_new (bench.cuda, &matte, &error), &error);
  report (pet_cuda_frame_new (bench.cuda, width, height, 3, &frame, &error),
      &error);
  report (pet_cuda_frame_new (bench.cuda, width, height, 4, &cutout, &error),
      &error);
  if (error.status == PET_OK) {
    report (
        pet_cuda_frame_write (bench.cuda, frame, &photo.image, &error), &error);
    report (pet_cuda_matte_time (matte, &mask.image, frame, &options, cutout,
                bench.runs, milliseconds, &error),
        &error);
  }
  snprintf (what, sizeof what, "%dx%d", width, height);
  print_row (
      "matte: alpha", what, 8 * pixels, (double) milliseconds[0] / bench.runs);
  print_row ("matte: cut-out", what, 9 * pixels,
      (double) milliseconds[1] / bench.runs);
  pet_cuda_matte_free (&matte);
  pet_cuda_frame_free (&frame);
  pet_cuda_frame_free (&cutout);
  picture_free (&photo);
  picture_free (&mask);
}

/* ---- kernels of the network and of the photo's way ---- */

/* Memory for them: all zeros, which are as fast as other numbers. */
typedef struct {
  PetCudaMap x, y, z; /* of one size */
  PetCudaMap small;   /* half as high and wide */
  PetCudaMap one;     /* a pixel per picture */
  PetCudaMap input;   /* one picture of 8 channels, twice as high and wide */
  PetCudaImage photo;
  PetCudaScale scale;
  PetCudaTaps taps;
  float *numbers; /* zeros: weights, dense values */
  int32_t *places, *twice;
  float *halves;
  uint8_t *mask;
  cudaStream_t stream;
} Scene;

#define WINDOW(k, s, p)                                                        \
  {                                                                            \
    .kernel = { k, k }, .stride = { s, s }, .dilation = { 1, 1 }, .pad = {     \
      p,                                                                       \
      p                                                                        \
    }                                                                          \
  }

static cudaError_t
run_pointwise (const Scene *s)
{
  PetCudaEpilogue e = { .residual = s->z, .act = PET_CUDA_ACT_RELU };

  return pet_cuda_pointwise (&s->x, &e, &s->y, s->stream);
}

static cudaError_t
run_binary (const Scene *s)
{
  PetCudaBinaryHow how = { .op = PET_CUDA_MUL, .channels = s->x.channels };

  return pet_cuda_binary (&s->x, &s->z, &how, &s->y, s->stream);
}

static cudaError_t
run_depthwise (const Scene *s)
{
  PetCudaWindow window = WINDOW (3, 1, 1);
  PetCudaEpilogue e = { .act = PET_CUDA_ACT_RELU };

  return pet_cuda_depthwise (&s->x, s->numbers, &window, &e, &s->y, s->stream);
}

static cudaError_t
run_transposed (const Scene *s)
{
  PetCudaWindow window = WINDOW (2, 2, 0);
  PetCudaEpilogue e = { .act = PET_CUDA_ACT_NONE };

  return pet_cuda_convolve_transposed (&s->small, s->x.channels, s->x.channels,
      s->x.channels / 8, s->numbers, &window, &e, &s->y, s->stream);
}

static cudaError_t
run_convolve (const Scene *s)
{
  PetCudaWindow window = WINDOW (1, 1, 0);
  PetCudaEpilogue e = { .act = PET_CUDA_ACT_NONE };

  return pet_cuda_convolve (&s->x, s->x.channels, s->x.channels,
      s->x.channels / 8, s->numbers, &window, &e, &s->y, s->stream);
}

static cudaError_t
run_pool (const Scene *s)
{
  PetCudaWindow window = WINDOW (2, 2, 0);

  return pet_cuda_pool (&s->x, &window, false, &s->small, s->stream);
}

static cudaError_t
run_global_pool (const Scene *s)
{
  return pet_cuda_global_pool (&s->x, true, &s->one, s->stream);
}

static cudaError_t
run_resize (const Scene *s)
{
  return pet_cuda_resize (&s->small, &s->taps, &s->y, s->stream);
}

static cudaError_t
run_softmax (const Scene *s)
{
  return pet_cuda_softmax (&s->x, s->x.channels, &s->y, s->stream);
}

static cudaError_t
run_copy_channels (const Scene *s)
{
  return pet_cuda_copy_channels (
      &s->x, s->x.channels, &s->y, 0, true, s->stream);
}

static cudaError_t
run_from_dense (const Scene *s)
{
  return pet_cuda_from_dense (
      s->numbers, s->small.channels, &s->small, s->stream);
}

static cudaError_t
run_to_dense (const Scene *s)
{
  return pet_cuda_to_dense (
      &s->small, s->small.channels, s->numbers, s->stream);
}

static cudaError_t
run_scale_columns (const Scene *s)
{
  return pet_cuda_scale_columns (
      &s->photo, &s->scale, s->photo.width, s->numbers, s->stream);
}

static cudaError_t
run_scale_rows (const Scene *s)
{
  return pet_cuda_scale_rows (s->numbers, s->photo.width, &s->scale,
      s->photo.height, s->numbers, (uint32_t *) s->mask, s->stream);
}

static cudaError_t
run_normalise (const Scene *s)
{
  PetCudaNormal normal = { .std = { 1, 1, 1 }, .divisor = 255 };

  return pet_cuda_normalise (
      s->numbers, &normal, (uint32_t *) s->mask, &s->input, 0, s->stream);
}

static cudaError_t
run_find_range (const Scene *s)
{
  return pet_cuda_find_range (
      &s->input, 0, 0, (PetCudaRange *) s->mask, s->stream);
}

static cudaError_t
run_to_mask (const Scene *s)
{
  return pet_cuda_to_mask (&s->input, 0, 0, PET_CUDA_RANGE_UNIT,
      (const PetCudaRange *) s->mask, s->mask + 256, s->stream);
}

static double
map_bytes (const PetCudaMap *map)
{
  return 2.0 * map->batch * map->height * map->width * map->channels;
}

/* Bytes are counts of x, small, photo pixels, and pixels of the input. */
static const struct {
  const char *name;
  cudaError_t (*run) (const Scene *scene);
  double x, small, photo, input;
} rows[] = {
  { "pointwise", run_pointwise, 3, 0, 0, 0 },
  { "binary", run_binary, 3, 0, 0, 0 },
  { "depthwise 3x3", run_depthwise, 2, 0, 0, 0 },
  { "transposed 2x2", run_transposed, 1, 1, 0, 0 },
  { "convolve 1x1, groups", run_convolve, 2, 0, 0, 0 },
  { "pool 2x2", run_pool, 1, 1, 0, 0 },
  { "global_pool", run_global_pool, 1, 0, 0, 0 },
  { "resize to twice", run_resize, 1, 1, 0, 0 },
  { "softmax", run_softmax, 4, 0, 0, 0 },
  { "copy_channels", run_copy_channels, 2, 0, 0, 0 },
  { "from_dense", run_from_dense, 0, 3, 0, 0 },
  { "to_dense", run_to_dense, 0, 3, 0, 0 },
  { "scale_columns", run_scale_columns, 0, 0, 15, 0 },
  { "scale_rows", run_scale_rows, 0, 0, 24, 0 },
  { "normalise", run_normalise, 0, 0, 0, 28 },
  { "find_range", run_find_range, 0, 0, 0, 2 },
  { "to_mask", run_to_mask, 0, 0, 0, 3 },
};

static void
bench_row (int which, const Scene *scene)
{
  cudaEvent_t begin = NULL, end = NULL;
  float milliseconds = 1;
  double bytes = rows[which].x * map_bytes (&scene->x) +
      rows[which].small * map_bytes (&scene->small) +
      rows[which].photo * scene->photo.width * scene->photo.height +
      rows[which].input * scene->input.height * scene->input.width;
  cudaError_t result = rows[which].run (scene);
  char what[64];

  if (result == cudaSuccess)
    result = cudaEventCreate (&begin);
  if (result == cudaSuccess)
    result = cudaEventCreate (&end);
  if (result == cudaSuccess)
    result = cudaEventRecord (begin, scene->stream);
  for (int i = 0; i < bench.runs && result == cudaSuccess; i++)
    result = rows[which].run (scene);
  if (result == cudaSuccess)
    result = cudaEventRecord (end, scene->stream);
  if (result == cudaSuccess)
    result = cudaEventSynchronize (end);
  if (result == cudaSuccess)
    result = cudaEventElapsedTime (&milliseconds, begin, end);
  if (begin != NULL)
    (void) cudaEventDestroy (begin);
  if (end != NULL)
    (void) cudaEventDestroy (end);
  if (result != cudaSuccess)
    tap_fail ("%s: %s", rows[which].name, cudaGetErrorString (result));
  snprintf (what, sizeof what, "%.1f MB", bytes / 1e6);
  print_row (rows[which].name, what, bytes, (double) milliseconds / bench.runs);
}

/* Memory that is given out bit by bit; with `base` NULL only measured. */
typedef struct {
  char *base;
  size_t used;
} Heap;

static void *
take (Heap *heap, size_t bytes)
{
  void *result = heap->base != NULL ? heap->base + heap->used : NULL;

  heap->used += (bytes + 255) / 256 * 256;
  return result;
}

static PetCudaMap
take_map (Heap *heap, int batch, int side, int channels)
{
  PetCudaMap map = { .type = PET_CUDA_HALF,
    .batch = batch,
    .height = side,
    .width = side,
    .channels = channels,
    .pitch = channels };

  map.data = take (heap, (size_t) map_bytes (&map));
  return map;
}

#define TABLE 4096

static void
lay_out (Scene *scene, Heap *heap)
{
  int side = bench.small ? 16 : 160, batch = bench.small ? 1 : 16;
  size_t dense, rows_bytes;

  scene->x = take_map (heap, batch, side, 64);
  scene->y = take_map (heap, batch, side, 64);
  scene->z = take_map (heap, batch, side, 64);
  scene->small = take_map (heap, batch, side / 2, 64);
  scene->one = take_map (heap, batch, 1, 64);
  scene->input = take_map (heap, 1, 2 * side, 8);
  (void) pet_cuda_layout (
      bench.small ? 48 : 3072, bench.small ? 32 : 2048, 3, &scene->photo);
  scene->photo.data = take (heap, pet_cuda_image_bytes (&scene->photo));
  scene->mask = take (heap, 512 + 4 * (size_t) side * (size_t) side);
  dense = 2 * (size_t) map_bytes (&scene->small);
  rows_bytes = (size_t) scene->photo.width * (size_t) scene->photo.height * 12;
  scene->numbers = take (heap, dense > rows_bytes ? dense : rows_bytes);
  scene->places = take (heap, TABLE * sizeof (int32_t));
  scene->twice = take (heap, TABLE * sizeof (int32_t));
  scene->halves = take (heap, TABLE * sizeof (float));
}

/* One place per output of the scale, two per output of the resize. */
static void
fill_tables (Scene *scene)
{
  static int32_t places[TABLE], twice[TABLE];
  static float halves[TABLE];

  for (int i = 0; i < TABLE; i++) {
    int from = i / 4 + i % 2;

    places[i] = i;
    twice[i] = from < scene->small.height ? from : scene->small.height - 1;
    halves[i] = 0.5f;
  }
  (void) cudaMemcpyAsync (scene->places, places, sizeof places,
      cudaMemcpyHostToDevice, scene->stream);
  (void) cudaMemcpyAsync (
      scene->twice, twice, sizeof twice, cudaMemcpyHostToDevice, scene->stream);
  (void) cudaMemcpyAsync (scene->halves, halves, sizeof halves,
      cudaMemcpyHostToDevice, scene->stream);
  (void) cudaStreamSynchronize (scene->stream);
  scene->scale = (PetCudaScale){ scene->places, scene->places, scene->halves };
  scene->taps =
      (PetCudaTaps){ scene->twice, scene->twice, scene->halves, scene->halves };
}

static void
bench_kernels (void)
{
  PetError error = { .status = PET_OK };
  PetCudaBuffer memory = { 0 };
  Scene scene = { .stream = bench.cuda->work };
  Heap heap = { .base = NULL };

  lay_out (&scene, &heap);
  report (
      pet_cuda_take (bench.cuda, &memory, heap.used, false, &error), &error);
  if (memory.data == NULL)
    return;
  (void) cudaMemsetAsync (memory.data, 0, memory.bytes, scene.stream);
  heap = (Heap){ .base = memory.data };
  lay_out (&scene, &heap);
  fill_tables (&scene);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    bench_row ((int) i, &scene);
  pet_cuda_drop (bench.cuda, &memory);
}

static void
bench_network (const char *path, bool half, int batch)
{
  PetCudaProgramOptions how = { .half = half, .batch = batch, .on_card = true };
  PetError error = { .status = PET_OK };
  PetCudaProgram *program = NULL;
  PetModel *model = NULL;
  PetGraph *graph = NULL;
  double begin = 0, each;

  if (pet_model_load_file (path, NULL, &model, &error) == PET_OK)
    graph = pet_graph_copy (pet_model_graph (model));
  if (graph != NULL &&
      pet_graph_prepare (graph, pet_model_output (model, 0, NULL, NULL), NULL,
          &error) == PET_OK &&
      pet_cuda_program_new (bench.cuda, graph, &how, &program, &error) ==
          PET_OK) {
    graph = NULL;
    for (int i = -bench.runs / 10; i < bench.runs && error.status == PET_OK;
         i++) {
      if (i == 0) {
        (void) cudaStreamSynchronize (bench.cuda->work);
        begin = seconds ();
      }
      (void) pet_cuda_program_run (program, &error);
    }
    (void) cudaStreamSynchronize (bench.cuda->work);
    each = (seconds () - begin) / bench.runs;
    printf ("| %s | %s | %d | %.3f | %.0f |\n",
        strrchr (path, '/') != NULL ? strrchr (path, '/') + 1 : path,
        half ? "fp16" : "fp32", batch, each * 1e3, batch / each);
    bench_steps (program);
  }
  report (error.status, &error);
  pet_cuda_program_free (&program);
  pet_graph_free (&graph);
  pet_model_free (&model);
}

static void
bench_networks (char **networks, int n)
{
  static const int batches[] = { 1, 8, 32 };

  printf ("|\n| network | arithmetic | batch | ms | images/s |\n"
          "|---|---|---|---|---|\n");
  for (int i = 0; i < n; i++) {
    for (int b = 0; b < (bench.small ? 1 : 3); b++)
      bench_network (networks[i], true, batches[b]);
    bench_network (networks[i], false, 1);
  }
}

bool
bench_all (PetCuda *cuda, char **networks, int n_networks, bool small)
{
  int sizes[2][2];

  bench.cuda = cuda;
  bench.small = small;
  bench.runs = small ? 2 : 200;
  sizes_of (sizes);
  measure_copying ();
  printf ("| kernel | size | ms | GB/s | of copying at %.0f GB/s |\n"
          "|---|---|---|---|---|\n",
      bench.copy / 1e9);
  bench_look ("popart", 8);
  bench_look ("enhancedblackwhite", 20);
  bench_look ("retro8bit", 16);
  bench_look ("dithering", 50);
  for (int i = 0; i < 2; i++)
    bench_matte (sizes[i][0], sizes[i][1]);
  bench_kernels ();
  bench_networks (networks, n_networks);
  return tap_failures_ == 0;
}
