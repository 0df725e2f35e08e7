/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A photo's way over the card: up, scaled to the network's input, through the
 * network, and its mask down. The photos of a batch go through the network
 * together; one buffer for photos is enough, since only the scaled ones wait. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/pet-segmenter.h"
#include "pet-cuda-program.h"

/* The triangle filter along one axis; remade when a size changes. */
typedef struct {
  int in, out;
  PetCudaBuffer memory; /* on the card: first, first_weight, weight */
  PetCudaScale scale;
} Axis;

struct PetCudaSegmenter {
  PetCuda *cuda;
  PetModelInfo info;
  PetCudaProgram *program;
  int batch;
  int input, output; /* values */
  int mask_width, mask_height;
  char text[256];

  Axis across, down;
  PetCudaBuffer photo;
  PetCudaBuffer columns, rows; /* the photo in between */
  PetCudaBuffer small;         /* masks, and what was found about them */
  PetCudaBuffer host;          /* pinned: the same, on their way */
};

/* `small` on the card and `host`: one of these, then masks. They come down
 * together, with what is between them. */
typedef struct {
  PetCudaRange range[PET_CUDA_MAX_BATCH];
  uint32_t largest; /* value of the photo that is being scaled */
} Results;

#define MASKS_AT ((sizeof (Results) + 255) / 256 * 256)

static PetStatus
find_plane (PetCudaSegmenter *segmenter, PetError *error)
{
  const PetGraph *graph = segmenter->program->graph;
  const PetShape *shape;

  segmenter->input = graph->inputs[0];
  segmenter->output = graph->outputs[0];
  shape = &graph->values[segmenter->output].tensor.shape;
  if (segmenter->info.channel >= shape->dim[1])
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "'channel' is %d, the model's output has %lld channels",
        segmenter->info.channel, (long long) shape->dim[1]);
  if (graph->values[segmenter->input].tensor.shape.dim[1] != 3 ||
      shape->dim[2] > 8192 || shape->dim[3] > 8192)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "a segmentation network has 3 channels in and at most 8192x8192 out");
  segmenter->mask_height = (int) shape->dim[2];
  segmenter->mask_width = (int) shape->dim[3];
  return PET_OK;
}

static PetStatus
compile (PetCudaSegmenter *segmenter, const PetModel *model,
    const PetCudaModel *wanted, PetError *error)
{
  const PetModelInfo *info = &segmenter->info;
  PetShape shape = { .rank = 4, .dim = { 1, 3, info->height, info->width } };
  PetCudaProgramOptions options = { .half = wanted->half,
    .batch = wanted->batch,
    .on_card = true,
    .half_variant = wanted->half_variant };
  const char *output = info->output[0] != '\0'
      ? info->output
      : pet_model_output (model, 0, NULL, NULL);
  PetGraph *graph = pet_graph_copy (pet_model_graph (model));
  PetStatus status;

  if (graph == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  status = pet_graph_prepare (graph, output, &shape, error);
  if (status == PET_OK)
    status = pet_cuda_program_new (
        segmenter->cuda, graph, &options, &segmenter->program, error);
  if (status != PET_OK)
    pet_graph_free (&graph);
  return status;
}

static PetStatus
set_up (
    PetCudaSegmenter *segmenter, const PetCudaModel *wanted, PetError *error)
{
  PetCuda *cuda = segmenter->cuda;
  PetModel *model = NULL;
  PetStatus status;
  size_t masks;

  PET_TRY (pet_cuda_enter (cuda, error));
  PET_TRY (pet_model_load (wanted->bytes, wanted->size, NULL, &model, error));
  status =
      pet_model_info_read (model, wanted->sidecar, &segmenter->info, error);
  /* Plans of cuDNN take too long to make them anew for a photo's shape. */
  segmenter->info.shape_sum = segmenter->info.shape_step = 0;
  if (status == PET_OK)
    status = compile (segmenter, model, wanted, error);
  pet_model_free (&model);
  PET_TRY (status);
  PET_TRY (find_plane (segmenter, error));
  masks = (size_t) segmenter->mask_width * (size_t) segmenter->mask_height *
      (size_t) segmenter->batch;
  PET_TRY (
      pet_cuda_take (cuda, &segmenter->small, MASKS_AT + masks, false, error));
  PET_TRY (
      pet_cuda_take (cuda, &segmenter->host, MASKS_AT + masks, true, error));
  snprintf (segmenter->text, sizeof segmenter->text,
      "%.63s on %.60s: %d steps, %zu bytes of activations, %zu of weights, "
      "%s, batch %d",
      segmenter->info.name, cuda->info.name, segmenter->program->n_steps,
      segmenter->program->arena_bytes, segmenter->program->constant_bytes,
      wanted->half ? "fp16" : "fp32", segmenter->batch);
  return PET_OK;
}

PetStatus
pet_cuda_segmenter_new (PetCuda *cuda, const PetCudaModel *model,
    PetCudaSegmenter **result, PetError *error)
{
  PetCudaSegmenter *segmenter;
  PetStatus status;

  if (model->batch < 1 || model->batch > PET_CUDA_MAX_BATCH)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "a batch has 1 to %d photos, not %d", PET_CUDA_MAX_BATCH, model->batch);
  segmenter = calloc (1, sizeof *segmenter);
  if (segmenter == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  segmenter->cuda = cuda;
  segmenter->batch = model->batch;
  status = set_up (segmenter, model, error);
  if (status != PET_OK)
    pet_cuda_segmenter_free (&segmenter);
  else
    *result = segmenter;
  return status;
}

void
pet_cuda_segmenter_free (PetCudaSegmenter **pointer)
{
  PetCudaSegmenter *segmenter = *pointer;
  PetCuda *cuda;

  if (segmenter == NULL)
    return;
  cuda = segmenter->cuda;
  (void) cudaSetDevice (cuda->info.device);
  (void) cudaStreamSynchronize (cuda->work);
  pet_cuda_program_free (&segmenter->program);
  pet_cuda_drop (cuda, &segmenter->photo);
  pet_cuda_drop (cuda, &segmenter->across.memory);
  pet_cuda_drop (cuda, &segmenter->down.memory);
  pet_cuda_drop (cuda, &segmenter->columns);
  pet_cuda_drop (cuda, &segmenter->rows);
  pet_cuda_drop (cuda, &segmenter->small);
  pet_cuda_drop (cuda, &segmenter->host);
  free (segmenter);
  *pointer = NULL;
}

const char *
pet_cuda_segmenter_text (const PetCudaSegmenter *segmenter)
{
  return segmenter->text;
}

const PetModelInfo *
pet_cuda_segmenter_info (
    const PetCudaSegmenter *segmenter, int *width, int *height)
{
  *width = segmenter->mask_width;
  *height = segmenter->mask_height;
  return &segmenter->info;
}

/* Taps of output `i`; base/pet-resample.h says which. Returns how many. */
static int
fill_taps (int i, int in, int out, int32_t *first, float *weights)
{
  double step = (double) in / out, widen = step > 1 ? step : 1;
  double centre = (i + 0.5) * step, sum = 0;
  int begin = (int) floor (centre - widen), end = (int) ceil (centre + widen);
  int n = 0;

  if (in == out) {
    *first = i;
    weights[0] = 1;
    return 1;
  }
  begin = begin < 0 ? 0 : begin;
  end = end > in ? in : end;
  *first = begin;
  for (int k = begin; k < end; k++) {
    double weight = 1 - fabs ((k + 0.5 - centre) / widen);

    if (weight <= 0 && n == 0)
      *first = k + 1;
    else
      sum += weights[n++] = weight > 0 ? (float) weight : 0.0f;
  }
  for (int k = 0; k < n; k++)
    weights[k] = (float) (weights[k] / sum);
  return n;
}

static PetStatus
make_axis (
    PetCudaSegmenter *segmenter, Axis *axis, int in, int out, PetError *error)
{
  PetCuda *cuda = segmenter->cuda;
  size_t most = (size_t) (2.0 * (in > out ? (double) in / out : 1)) + 4;
  size_t places = ((size_t) out + 1) * sizeof (int32_t);
  size_t bytes = 2 * places + (size_t) out * most * sizeof (float);
  char *table;
  int32_t *first, *first_weight;
  float *weights;
  PetStatus status;

  if (axis->in == in && axis->out == out)
    return PET_OK;
  axis->in = 0;
  table = calloc (1, bytes);
  if (table == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory to scale a photo");
  first = (int32_t *) table;
  first_weight = first + out + 1;
  weights = (float *) (first_weight + out + 1);
  for (int i = 0; i < out; i++)
    first_weight[i + 1] = first_weight[i] +
        fill_taps (i, in, out, &first[i], weights + first_weight[i]);
  status = pet_cuda_take (cuda, &axis->memory, bytes, false, error);
  if (status == PET_OK)
    status = pet_cuda_check (cudaMemcpyAsync (axis->memory.data, table, bytes,
                                 cudaMemcpyHostToDevice, cuda->work),
        "an upload", error);
  /* The table must stay until it was read. */
  if (status == PET_OK)
    status =
        pet_cuda_check (cudaStreamSynchronize (cuda->work), "an upload", error);
  free (table);
  PET_TRY (status);
  axis->scale.first = axis->memory.data;
  axis->scale.first_weight = axis->scale.first + out + 1;
  axis->scale.weight = (const float *) (axis->scale.first_weight + out + 1);
  axis->in = in;
  axis->out = out;
  return PET_OK;
}

static Results *
results_of (const PetCudaSegmenter *segmenter)
{
  return segmenter->small.data;
}

static uint8_t *
mask_of (const PetCudaSegmenter *segmenter, const PetCudaBuffer *buffer, int i)
{
  return (uint8_t *) buffer->data + MASKS_AT +
      (size_t) i * (size_t) segmenter->mask_width *
      (size_t) segmenter->mask_height;
}

/* Photo `index` into the network's input. */
static PetStatus
prepare (PetCudaSegmenter *segmenter, const PetCudaPhoto *which, int index,
    PetError *error)
{
  const PetImage *photo = &which->image;
  PetCuda *cuda = segmenter->cuda;
  PetCudaImage image;
  PetCudaMap input = pet_cuda_value_map (segmenter->program, segmenter->input);
  const PetModelInfo *info = &segmenter->info;
  PetCudaNormal normal = { .divisor = info->divisor };
  uint32_t *largest = &results_of (segmenter)->largest;
  size_t row = (size_t) input.width * 3 * sizeof (float);
  cudaStream_t stream = cuda->work;

  memcpy (normal.mean, info->mean, sizeof normal.mean);
  memcpy (normal.std, info->std, sizeof normal.std);
  PET_TRY (pet_cuda_take (
      cuda, &segmenter->columns, row * (size_t) photo->height, false, error));
  PET_TRY (pet_cuda_take (
      cuda, &segmenter->rows, row * (size_t) input.height, false, error));
  PET_TRY (make_axis (
      segmenter, &segmenter->across, photo->width, input.width, error));
  PET_TRY (make_axis (
      segmenter, &segmenter->down, photo->height, input.height, error));
  PET_TRY (
      pet_cuda_photo_place (cuda, which, &segmenter->photo, &image, error));
  PET_CUDA_TRY (
      cudaMemsetAsync (largest, 0, sizeof *largest, stream), "scaling");
  PET_CUDA_TRY (pet_cuda_scale_columns (&image, &segmenter->across.scale,
                    input.width, segmenter->columns.data, stream),
      "scaling");
  PET_CUDA_TRY (pet_cuda_scale_rows (segmenter->columns.data, input.width,
                    &segmenter->down.scale, input.height, segmenter->rows.data,
                    largest, stream),
      "scaling");
  return pet_cuda_check (pet_cuda_normalise (segmenter->rows.data, &normal,
                             largest, &input, index, stream),
      "scaling", error);
}

/* Of PetCudaRange, in either direction. */
#define INFINITE 0xff800000u

/* Infinite halves are numbers that were too large. Where the output is not stretched
 * they are 0 or 1 as those would be. */
static bool
is_lost (const PetCudaSegmenter *segmenter, const PetCudaRange *range,
    PetCudaType type)
{
  return range->nan > 0 ||
      (type == PET_CUDA_HALF && segmenter->info.range == PET_RANGE_MINMAX &&
          (range->low == INFINITE || range->high == INFINITE));
}

/* The network's outputs as masks of its own size. */
static PetStatus
make_masks (PetCudaSegmenter *segmenter, int n, PetError *error)
{
  PetCudaMap output =
      pet_cuda_value_map (segmenter->program, segmenter->output);
  cudaStream_t stream = segmenter->cuda->work;
  Results *results = results_of (segmenter), *host = segmenter->host.data;
  PetCudaOutputRange kind = segmenter->info.range == PET_RANGE_LOGIT
      ? PET_CUDA_RANGE_LOGIT
      : segmenter->info.range == PET_RANGE_MINMAX ? PET_CUDA_RANGE_MINMAX
                                                  : PET_CUDA_RANGE_UNIT;
  int channel = segmenter->info.channel;

  PET_CUDA_TRY (cudaMemsetAsync (results, 0, MASKS_AT, stream), "the mask");
  for (int i = 0; i < n; i++) {
    PET_CUDA_TRY (
        pet_cuda_find_range (&output, i, channel, &results->range[i], stream),
        "the mask");
    PET_CUDA_TRY (
        pet_cuda_to_mask (&output, i, channel, kind, &results->range[i],
            mask_of (segmenter, &segmenter->small, i), stream),
        "the mask");
  }
  PET_CUDA_TRY (cudaMemcpyAsync (segmenter->host.data, results,
                    MASKS_AT +
                        (size_t) n * (size_t) segmenter->mask_width *
                            (size_t) segmenter->mask_height,
                    cudaMemcpyDeviceToHost, stream),
      "the mask");
  PET_CUDA_TRY (cudaStreamSynchronize (stream), "the network");
  for (int i = 0; i < n; i++)
    if (is_lost (segmenter, &host->range[i], output.type))
      return pet_fail (error, PET_ERROR_LIBRARY,
          "the network '%.63s' gave something that is not a number%s",
          segmenter->info.name,
          output.type == PET_CUDA_HALF
              ? " in half precision; precision=fp32 may help"
              : "");
  return PET_OK;
}

static void
copy_mask (const PetCudaSegmenter *segmenter, int index, const PetImage *mask)
{
  const uint8_t *from = mask_of (segmenter, &segmenter->host, index);

  for (int y = 0; y < mask->height; y++, from += mask->width)
    memcpy (pet_image_row (mask, y), from, (size_t) mask->width);
}

static PetStatus
check_job (const PetCudaSegmenter *segmenter, const PetImage *photo,
    const PetImage *mask, PetError *error)
{
  if ((photo->channels != 3 && photo->channels != 4) || photo->width < 1 ||
      photo->height < 1)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "a photo of %dx%d with %d channels cannot be segmented", photo->width,
        photo->height, photo->channels);
  if (mask->channels != 1 || mask->width != segmenter->mask_width ||
      mask->height != segmenter->mask_height)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "the mask must be %dx%d with one channel", segmenter->mask_width,
        segmenter->mask_height);
  return PET_OK;
}

static PetStatus
run_batch (PetCudaSegmenter *segmenter, const PetCudaPhoto *photos, int n,
    PetError *error)
{
  for (int i = 0; i < n; i++)
    PET_TRY (prepare (segmenter, &photos[i], i, error));
  PET_TRY (pet_cuda_program_run (segmenter->program, error));
  return make_masks (segmenter, n, error);
}

PetStatus
pet_cuda_segmenter_run (PetCudaSegmenter *segmenter, const PetCudaPhoto *photos,
    const PetImage *masks, int n, PetError *error)
{
  PetStatus status;

  if (n < 1 || n > segmenter->batch)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "%d photos do not fit a batch of %d", n, segmenter->batch);
  for (int i = 0; i < n; i++)
    PET_TRY (check_job (segmenter, &photos[i].image, &masks[i], error));
  PET_TRY (pet_cuda_enter (segmenter->cuda, error));
  status = run_batch (segmenter, photos, n, error);
  /* Until then something may still read the photos' frames. */
  if (status != PET_OK)
    (void) pet_cuda_wait (segmenter->cuda, NULL);
  PET_TRY (status);
  for (int i = 0; i < n; i++)
    copy_mask (segmenter, i, &masks[i]);
  return PET_OK;
}
