/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Part of pet-cuda-check.c: networks on the card against the CPU engine and
 * against stored masks. */

#pragma once

#ifdef PET_HAVE_PNG
/* clang-format off: stdio.h must come first */
#include <stdio.h>
#include <png.h>
/* clang-format on */
#endif

#include "base/pet-folder.h"
#include "drawn-photos.h"
#include "nn/pet-segmenter.h"
#include "pet-cuda-program.h"
#include "picture.h"

static struct {
  int device, photos, n_networks;
  bool bench, small;
  char **networks;
} options = { .device = -1, .photos = 10000 };

static PetCuda *cuda;

static void
report (PetStatus status, const PetError *error)
{
  if (status != PET_OK)
    tap_fail ("%s: %s", pet_status_name (status), error->message);
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

/* Pixels of 128 and more, as a part of all. */
static double
mask_share (const PetImage *mask)
{
  long inside = 0;

  for (int y = 0; y < mask->height; y++)
    for (int x = 0; x < mask->width; x++)
      inside += pet_image_row (mask, y)[x] >= 128;
  return (double) inside / ((double) mask->width * mask->height);
}

static PetStatus
run_photo (PetCudaSegmenter *gpu, const PetImage *image, const PetImage *mask,
    PetError *error)
{
  PetCudaPhoto photo = { .image = *image };

  return pet_cuda_segmenter_run (gpu, &photo, mask, 1, error);
}

static void
compare_photo (
    PetSegmenter *cpu, PetCudaSegmenter *gpu, int number, double least)
{
  Picture photo = draw_photo (number), want, got;
  PetError error = { .status = PET_OK };
  int width, height;
  double iou;

  (void) pet_cuda_segmenter_info (gpu, &width, &height);
  want = picture_new (width, height, 1, 0);
  got = picture_new (width, height, 1, 3);
  report (pet_segmenter_run (cpu, &photo.image, &want.image, &error), &error);
  report (run_photo (gpu, &photo.image, &got.image, &error), &error);
  iou = mask_iou (&want.image, &got.image);
  printf ("# %s: %.1f %% are pet, IoU with the CPU %.5f\n",
      pet_cuda_segmenter_text (gpu), 100 * mask_share (&want.image), iou);
  tap_check (mask_share (&want.image) > 0.1);
  tap_check (iou >= least);
  picture_free (&photo);
  picture_free (&want);
  picture_free (&got);
}

static void
compare_network (const Network *network, bool half, double least)
{
  PetSegmenterOptions plain = { .threads = 0, .precision = PET_PRECISION_FP32 };
  PetCudaModel model = network->model;
  PetSegmenter *cpu = NULL;
  PetCudaSegmenter *gpu = NULL;
  PetError error = { .status = PET_OK };

  model.half = half;
  model.batch = 1;
  report (pet_segmenter_new (model.bytes, model.size, &plain, &cpu, &error),
      &error);
  report (pet_cuda_segmenter_new (cuda, &model, &gpu, &error), &error);
  for (int i = 0; cpu != NULL && gpu != NULL && i < DRAWN_PHOTOS; i++)
    compare_photo (cpu, gpu, i, least);
  pet_segmenter_free (&cpu);
  pet_cuda_segmenter_free (&gpu);
}

/* Numbers as a photo gives them, the same for both. */
static void
fill_input (float *to, size_t count)
{
  for (size_t i = 0; i < count; i++)
    to[i] = (float) (sin (i * 0.013) + 0.6 * sin (i * 0.00071) +
        tap_random_range (-300, 300) / 1000.0);
}

static double
largest_difference (const float *a, const float *b, size_t count)
{
  double most = 0;

  for (size_t i = 0; i < count; i++)
    most =
        fabs ((double) a[i] - b[i]) > most ? fabs ((double) a[i] - b[i]) : most;
  return most;
}

/* The program for the card, with inputs and outputs on the host; NULL: it was
 * told why. */
static PetCudaProgram *
make_program (const PetModel *model, bool half)
{
  PetCudaProgramOptions how = { .half = half, .batch = 1 };
  PetGraph *graph = pet_graph_copy (pet_model_graph (model));
  PetCudaProgram *program = NULL;
  PetError error = { .status = PET_OK };

  if (pet_graph_prepare (graph, pet_model_output (model, 0, NULL, NULL), NULL,
          &error) == PET_OK &&
      pet_cuda_program_new (cuda, graph, &how, &program, &error) == PET_OK)
    return program;
  report (error.status, &error);
  pet_graph_free (&graph);
  return NULL;
}

/* Of the first output, without pre- and post-processing. */
static void
compare_numbers (const char *path, bool half, double tolerance)
{
  PetNetOptions plain;
  PetError error = { .status = PET_OK };
  PetCudaProgram *program = NULL;
  PetModel *model = NULL;
  PetNet *net = NULL;
  size_t count;

  pet_net_options_init (&plain);
  report (pet_model_load_file (path, NULL, &model, &error), &error);
  if (model == NULL)
    return;
  plain.output = pet_model_output (model, 0, NULL, NULL);
  report (pet_net_new (model, &plain, &net, &error), &error);
  program = make_program (model, half);
  if (net != NULL && program != NULL) {
    PetTensor *in = pet_net_input (net, 0);
    const PetTensor *want = pet_net_output (net, 0);
    const float *got = program->tensors[program->graph->outputs[0]].data;
    double most;

    (void) pet_shape_elements (&in->shape, &count);
    fill_input (in->data, count);
    memcpy (program->tensors[program->graph->inputs[0]].data, in->data,
        count * sizeof (float));
    report (pet_cuda_program_run (program, &error), &error);
    tap_check (cudaStreamSynchronize (cuda->work) == cudaSuccess);
    report (pet_net_run (net, &error), &error);
    (void) pet_shape_elements (&want->shape, &count);
    most = largest_difference (want->data, got, count);
    printf ("# %s %s: numbers at most %.2g from the CPU's\n", path,
        half ? "fp16" : "fp32", most);
    tap_check (most <= tolerance);
  }
  pet_cuda_program_free (&program);
  pet_net_free (&net);
  pet_model_free (&model);
}

/* How much is no number of what is made of none. Ours keep that; of cuDNN's engines
 * nobody promises it, and in halves it is what tells of an overflow. */
static void
count_what_is_no_number (const char *path, bool half)
{
  PetError error = { .status = PET_OK };
  PetCudaProgram *program = NULL;
  PetModel *model = NULL;
  size_t count, n = 0;

  report (pet_model_load_file (path, NULL, &model, &error), &error);
  program = model != NULL ? make_program (model, half) : NULL;
  if (program != NULL) {
    const PetTensor *in = &program->tensors[program->graph->inputs[0]];
    const PetTensor *out = &program->tensors[program->graph->outputs[0]];

    (void) pet_shape_elements (&in->shape, &count);
    for (size_t i = 0; i < count; i++)
      ((float *) in->data)[i] = NAN;
    report (pet_cuda_program_run (program, &error), &error);
    tap_check (cudaStreamSynchronize (cuda->work) == cudaSuccess);
    (void) pet_shape_elements (&out->shape, &count);
    for (size_t i = 0; i < count; i++)
      n += isnan (((const float *) out->data)[i]) != 0;
    printf ("# %s %s: no number goes in, %zu of %zu are none\n", path,
        half ? "fp16" : "fp32", n, count);
  }
  pet_cuda_program_free (&program);
  pet_model_free (&model);
}

static void
what_is_no_number_is_counted (void)
{
  if (options.n_networks == 0)
    tap_skip ("no network was named");
  for (int i = 0; i < 2 * options.n_networks; i++)
    count_what_is_no_number (options.networks[i / 2], i % 2 == 1);
}

static void
networks_are_those_of_the_cpu (void)
{
  Network network;

  if (options.n_networks == 0)
    tap_skip ("no network was named");
  for (int i = 0; i < options.n_networks; i++) {
    compare_numbers (options.networks[i], false, 1e-3);
    if (read_network (options.networks[i], &network)) {
      compare_network (&network, false, 0.999);
      compare_network (&network, true, 0.998);
    }
    free (network.bytes);
  }
}

#ifdef PET_HAVE_PNG
/* golden/NAME.PHOTO.WHICH.png beside the network NAME.onnx. */
static Picture
read_golden (
    const char *network, const char *photo, const char *which, uint32_t format)
{
  const char *slash = strrchr (network, '/');
  const char *name = slash != NULL ? slash + 1 : network;
  png_image png = { .version = PNG_IMAGE_VERSION };
  Picture picture = { .block = NULL };
  char path[1024];

  snprintf (path, sizeof path, "%.*sgolden/%.*s.%s.%s.png",
      (int) (name - network), network, (int) strcspn (name, "."), name, photo,
      which);
  if (!png_image_begin_read_from_file (&png, path))
    return picture;
  png.format = format;
  picture = picture_new ((int) png.width, (int) png.height,
      (int) PNG_IMAGE_SAMPLE_CHANNELS (format), 0);
  if (!png_image_finish_read (&png, NULL, picture.image.data,
          (png_int_32) picture.image.stride_bytes, NULL))
    tap_fail ("%s cannot be read", path);
  return picture;
}

/* fp32: within a level on 99.9 % of the pixels. */
static void
compare_golden (const char *path, PetCudaSegmenter *gpu, const Picture *in,
    const Picture *want, bool half)
{
  Picture got = picture_new (want->image.width, want->image.height, 1, 0);
  PetError error = { .status = PET_OK };
  double iou;
  int off = 0;

  report (run_photo (gpu, &in->image, &got.image, &error), &error);
  for (int y = 0; y < want->image.height; y++)
    for (int x = 0; x < want->image.width; x++)
      off += abs (pet_image_row (&got.image, y)[x] -
                 pet_image_row (&want->image, y)[x]) > 1;
  iou = mask_iou (&want->image, &got.image);
  printf ("# %s %s: golden mask: IoU %.5f, %d of %d pixels off\n", path,
      half ? "fp16" : "fp32", iou, off, want->image.width * want->image.height);
  tap_check (iou >= (half ? 0.998 : 0.9999));
  tap_check (half || off * 1000 <= want->image.width * want->image.height);
  picture_free (&got);
}

/* The masks were stored without the stretching that the table of known networks
 * asks for. Returns how many there were. */
static int
check_golden (const char *path, bool half)
{
  static const char *const photos[] = { "Birman_86", "boxer_26", "samoyed_32" };
  PetCudaSegmenter *gpu = NULL;
  PetError error = { .status = PET_OK };
  Network network;
  int found = 0;

  if (!read_network (path, &network))
    return 0;
  network.model.sidecar = "[modelinfo]\nversion=1.0\noutput-range = unit\n";
  network.model.half = half;
  network.model.batch = 1;
  for (size_t i = 0; i < (options.small ? 1 : 3); i++) {
    Picture in = read_golden (path, photos[i], "in", PNG_FORMAT_RGB);
    Picture out = read_golden (path, photos[i], "out", PNG_FORMAT_GRAY);

    if (in.block != NULL && out.block != NULL) {
      if (gpu == NULL)
        report (pet_cuda_segmenter_new (cuda, &network.model, &gpu, &error),
            &error);
      if (gpu != NULL)
        compare_golden (path, gpu, &in, &out, half);
      found++;
    }
    picture_free (&in);
    picture_free (&out);
  }
  pet_cuda_segmenter_free (&gpu);
  free (network.bytes);
  return found;
}
#endif

static void
masks_are_the_golden_ones (void)
{
  int found = 0;

#ifdef PET_HAVE_PNG
  for (int i = 0; i < options.n_networks; i++)
    for (int half = 0; half < 2; half++)
      found += check_golden (options.networks[i], half == 1);
#endif
  if (found == 0)
    tap_skip ("no golden masks, or built without libpng");
}
