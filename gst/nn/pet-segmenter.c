/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/pet-segmenter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/pet-folder.h"
#include "base/pet-resample.h"
#include "nn/pet-room.h"
#include "nn/pet-shapes.h"
#include "nn/pet-shared-model.h"

#define MAX_SIDECAR_BYTES 65536
#define USUAL_WIDTH 4
#define USUAL_HEIGHT 3

struct PetSegmenter {
  PetModelInfo info;
  PetNet *net; /* NULL: remote.run is there, or a shape could not be made */
  PetRemoteNetwork remote;
  PetSharedModel *shared; /* of a network of several shapes */
  PetNetOptions options;
  PetRoom room; /* for one shape after another */
  int threads;  /* limit; 0: none */
  const PetAllocator *allocator;
  const float *plane; /* of the output: the pet's channel */
  int mask_width, mask_height;
};

/* The output is ...xHxW; everything in front but the channels is 1. */
static PetStatus
find_plane (PetSegmenter *segmenter, PetError *error)
{
  const PetTensor *input = pet_net_input (segmenter->net, 0);
  const PetTensor *output = pet_net_output (segmenter->net, 0);
  const PetShape *shape = &output->shape;
  int64_t channels = shape->rank >= 3 ? shape->dim[shape->rank - 3] : 1;
  int channel = segmenter->info.channel;

  if (output->type != PET_TYPE_F32 || shape->rank < 2 || shape->rank > 4 ||
      (shape->rank == 4 && shape->dim[0] != 1) ||
      shape->dim[shape->rank - 2] < 1 || shape->dim[shape->rank - 1] < 1 ||
      shape->dim[shape->rank - 2] > 8192 || shape->dim[shape->rank - 1] > 8192)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "the output of a segmentation network is 1xCxHxW float32, this "
        "model's is of rank %d and type %s",
        shape->rank, pet_type_name (output->type));
  if (segmenter->info.shape_sum > 0 &&
      (shape->dim[shape->rank - 2] != input->shape.dim[2] ||
          shape->dim[shape->rank - 1] != input->shape.dim[3]))
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "a network of several shapes has masks of its input's size");
  if (channel >= channels)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "'channel' is %d, the model's output has %lld channels", channel,
        (long long) channels);
  segmenter->mask_height = (int) shape->dim[shape->rank - 2];
  segmenter->mask_width = (int) shape->dim[shape->rank - 1];
  segmenter->plane = (const float *) output->data +
      (ptrdiff_t) channel * segmenter->mask_height * segmenter->mask_width;
  return PET_OK;
}

/* Of a network of one shape the model is freed. */
static PetStatus
compile (PetSegmenter *segmenter, int width, int height, PetError *error)
{
  PetShape shape = { .rank = 4, .dim = { 1, 3, height, width } };
  PetNetOptions options = segmenter->options;
  PetModel **model = &segmenter->shared->model;
  PetStatus status;

  options.input_shapes = &shape;
  status = options.reshape
      ? pet_net_new (*model, &options, &segmenter->net, error)
      : pet_net_new_from (model, &options, &segmenter->net, error);
  if (status == PET_OK)
    status = find_plane (segmenter, error);
  if (status != PET_OK)
    pet_net_free (&segmenter->net);
  return status;
}

/* The squarest is the largest: what it takes is enough for the others. Then comes what
 * most photos need, so that a loaded network does not grow with its first photo. */
static PetStatus
compile_largest (PetSegmenter *segmenter, PetError *error)
{
  PetNetOptions *options = &segmenter->options;
  PetNetInfo info;
  int width, height;

  pet_room_init (&segmenter->room, segmenter->allocator);
  options->reshape = true;
  options->allocator = &segmenter->room.allocator;
  pet_shapes_nearest (&segmenter->info, 1, 1, &width, &height);
  PET_TRY (compile (segmenter, width, height, error));
  pet_net_info (segmenter->net, &info);
  options->backend = info.backend;
  pet_net_free (&segmenter->net);
  pet_shapes_nearest (
      &segmenter->info, USUAL_WIDTH, USUAL_HEIGHT, &width, &height);
  return compile (segmenter, width, height, error);
}

static PetStatus
compile_one (PetSegmenter *segmenter, PetError *error)
{
  const PetModelInfo *info = &segmenter->info;
  PetStatus status = compile (segmenter, info->width, info->height, error);

  pet_shared_model_close (&segmenter->shared);
  return status;
}

static PetStatus
set_up (PetSegmenter *segmenter, const PetSegmenterOptions *options,
    PetError *error)
{
  PetModelInfo *info = &segmenter->info;
  PetNetOptions *net = &segmenter->options;

  *info = segmenter->shared->info;
  pet_net_options_init (net);
  net->backend = options->backend;
  net->threads = options->threads;
  net->allocator = options->allocator;
  net->bf16 = options->precision == PET_PRECISION_AUTO
      ? info->bf16
      : options->precision == PET_PRECISION_BF16;
  net->output = info->output[0] != '\0'
      ? info->output
      : pet_model_output (segmenter->shared->model, 0, NULL, NULL);
  return info->shape_sum > 0 ? compile_largest (segmenter, error)
                             : compile_one (segmenter, error);
}

/* Takes over the model. */
static PetStatus
new_from_model (PetSharedModel *shared, const PetSegmenterOptions *options,
    PetSegmenter **result, PetError *error)
{
  PetSegmenter *segmenter = calloc (1, sizeof *segmenter);
  PetStatus status;

  if (segmenter == NULL) {
    pet_shared_model_close (&shared);
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory for the segmentation network");
  }
  segmenter->allocator = options->allocator;
  segmenter->shared = shared;
  status = set_up (segmenter, options, error);
  if (status != PET_OK)
    pet_segmenter_free (&segmenter);
  else
    *result = segmenter;
  return status;
}

PetStatus
pet_segmenter_new (const void *bytes, size_t size,
    const PetSegmenterOptions *options, PetSegmenter **segmenter,
    PetError *error)
{
  PetSharedModel *shared;

  PET_TRY (pet_shared_model_open (bytes, size, NULL, &shared, error));
  return new_from_model (shared, options, segmenter, error);
}

/* *text NULL when there is no such file. */
static PetStatus
read_sidecar (const char *path, char **text, PetError *error)
{
  size_t size = strlen (path) + sizeof ".modelinfo", got;
  char *name = malloc (size);
  struct stat info;
  FILE *file = NULL;

  *text = NULL;
  if (name == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a file name");
  snprintf (name, size, "%s.modelinfo", path);
  /* To open a pipe would wait for its other end. */
  if (stat (name, &info) == 0 && !S_ISREG (info.st_mode))
    errno = EINVAL;
  else
    file = fopen (name, "rbe");
  free (name);
  if (file == NULL)
    return errno == ENOENT
        ? PET_OK
        : pet_fail (error, PET_ERROR_IO, "cannot read '%.120s.modelinfo': %s",
              path, strerror (errno));
  *text = calloc (1, MAX_SIDECAR_BYTES + 1);
  got = *text != NULL ? fread (*text, 1, MAX_SIDECAR_BYTES, file) : 0;
  fclose (file);
  if (*text == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a file");
  if (got == MAX_SIDECAR_BYTES) {
    free (*text);
    *text = NULL;
    return pet_fail (error, PET_ERROR_LIMIT,
        "'%.120s.modelinfo' is larger than %d bytes", path,
        MAX_SIDECAR_BYTES - 1);
  }
  return PET_OK;
}

PetStatus
pet_segmenter_new_file (const char *path, const PetSegmenterOptions *options,
    PetSegmenter **segmenter, PetError *error)
{
  PetModelLimits limits;
  PetSharedModel *shared;
  PetError reason;
  PetStatus status;
  uint8_t *bytes;
  char *sidecar;
  size_t size;

  pet_model_limits_init (&limits);
  status = pet_file_read (path, limits.max_file_bytes, &bytes, &size, &reason);
  if (status != PET_OK)
    return pet_fail (error, status, "model '%.120s' %s", path, reason.message);
  status = read_sidecar (path, &sidecar, error);
  if (status == PET_OK) {
    status = pet_shared_model_open (bytes, size, sidecar, &shared, error);
    free (sidecar);
  }
  free (bytes);
  return status == PET_OK ? new_from_model (shared, options, segmenter, error)
                          : status;
}

PetStatus
pet_segmenter_new_remote (const PetModelInfo *info, int mask_width,
    int mask_height, const PetRemoteNetwork *remote, PetSegmenter **result,
    PetError *error)
{
  PetSegmenter *segmenter = calloc (1, sizeof *segmenter);

  if (segmenter == NULL) {
    if (remote->free != NULL)
      remote->free (remote->user);
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory for the segmentation network");
  }
  segmenter->info = *info;
  segmenter->mask_width = mask_width;
  segmenter->mask_height = mask_height;
  segmenter->remote = *remote;
  *result = segmenter;
  return PET_OK;
}

void
pet_segmenter_free (PetSegmenter **segmenter)
{
  if (*segmenter == NULL)
    return;
  if ((*segmenter)->remote.free != NULL)
    (*segmenter)->remote.free ((*segmenter)->remote.user);
  pet_net_free (&(*segmenter)->net);
  pet_room_clear (&(*segmenter)->room);
  pet_shared_model_close (&(*segmenter)->shared);
  free (*segmenter);
  *segmenter = NULL;
}

const PetModelInfo *
pet_segmenter_info (const PetSegmenter *segmenter)
{
  return &segmenter->info;
}

void
pet_segmenter_net_info (const PetSegmenter *segmenter, PetNetInfo *info)
{
  memset (info, 0, sizeof *info);
  if (segmenter->net != NULL)
    pet_net_info (segmenter->net, info);
}

bool
pet_segmenter_shape (
    const PetSegmenter *segmenter, int index, PetSegmenterShape *shape)
{
  const PetModelInfo *info = &segmenter->info;

  if (info->shape_sum == 0) {
    *shape = (PetSegmenterShape){ info->width, info->height,
      segmenter->mask_width, segmenter->mask_height };
    return index == 0;
  }
  if (index >= pet_shapes_count (info))
    return false;
  pet_shapes_at (info, index, &shape->width, &shape->height);
  shape->mask_width = shape->width;
  shape->mask_height = shape->height;
  return true;
}

void
pet_segmenter_mask_size (const PetSegmenter *segmenter, int photo_width,
    int photo_height, int *width, int *height)
{
  *width = segmenter->mask_width;
  *height = segmenter->mask_height;
  if (segmenter->info.shape_sum > 0)
    pet_shapes_nearest (
        &segmenter->info, photo_width, photo_height, width, height);
}

void
pet_segmenter_view_size (const PetSegmenter *segmenter, int mask_width,
    int mask_height, int *width, int *height)
{
  const PetModelInfo *info = &segmenter->info;

  *width = info->shape_sum > 0 ? mask_width : info->width;
  *height = info->shape_sum > 0 ? mask_height : info->height;
}

void
pet_segmenter_limit_threads (PetSegmenter *segmenter, int threads)
{
  segmenter->threads = threads;
  if (segmenter->net != NULL)
    pet_net_limit_threads (segmenter->net, threads);
}

void
pet_segmenter_rest (PetSegmenter *segmenter)
{
  if (segmenter->net != NULL)
    pet_net_rest (segmenter->net);
}

PetStatus
pet_segmenter_fetch (PetSegmenter *segmenter, PetError *error)
{
  return segmenter->remote.fetch != NULL
      ? segmenter->remote.fetch (segmenter->remote.user, error)
      : PET_OK;
}

/* Of whole pixels, because their bytes lie close together. */
static bool
is_opaque (const uint8_t *pixels, int n)
{
  const uint8_t opaque[4] = { 0, 0, 0, 255 };
  uint32_t all = UINT32_MAX, pixel, alpha;

  for (int x = 0; x < n; x++) {
    memcpy (&pixel, pixels + 4 * x, sizeof pixel);
    all &= pixel;
  }
  memcpy (&alpha, opaque, sizeof alpha);
  return (all & alpha) == alpha;
}

/* A photo's row as R, G, B; what is transparent shows white paper. */
static const uint8_t *
paper_row (const PetImage *photo, int y, uint8_t *restrict row)
{
  const uint8_t *restrict from = pet_image_row (photo, y);

  if (photo->channels == 3)
    return from;
  for (int x = 0; x < photo->width; x++)
    for (int c = 0; c < 3; c++) {
      int alpha = from[4 * x + 3];

      row[3 * x + c] =
          (uint8_t) ((from[4 * x + c] * alpha + 255 * (255 - alpha) + 127) /
              255);
    }
  return row;
}

static void
push_row (PetResampler *resampler, const PetImage *photo, int y, uint8_t *room)
{
  const uint8_t *row = pet_image_row (photo, y);

  if (photo->channels == 4 && is_opaque (row, photo->width))
    pet_resampler_push_rgbx (resampler, row);
  else
    pet_resampler_push (resampler, paper_row (photo, y, room));
}

/* One finished row of the network's input, 0..255, into its three planes. */
static void
store_row (const PetTensor *input, int y, const float *row)
{
  int width = (int) input->shape.dim[3];
  ptrdiff_t plane = (ptrdiff_t) width * (ptrdiff_t) input->shape.dim[2];
  float *to = (float *) input->data + (ptrdiff_t) y * width;

  for (int x = 0; x < width; x++)
    for (int c = 0; c < 3; c++)
      to[c * plane + x] = row[3 * x + c];
}

/* `row`: room for a row of the photo, `scaled`: for one of the input. */
static PetStatus
scale (PetSegmenter *segmenter, const PetImage *photo, uint8_t *row,
    float *scaled, PetError *error)
{
  const PetTensor *input = pet_net_input (segmenter->net, 0);
  int width = (int) input->shape.dim[3], height = (int) input->shape.dim[2];
  PetResampler *resampler = NULL;
  int y = 0;

  if (photo->width == width && photo->height == height) {
    for (y = 0; y < height; y++) {
      const uint8_t *from = paper_row (photo, y, row);

      for (int i = 0; i < 3 * width; i++)
        scaled[i] = from[i];
      store_row (input, y, scaled);
    }
    return PET_OK;
  }
  PET_TRY (pet_resampler_new (segmenter->allocator, photo->width, photo->height,
      width, height, 3, PET_FILTER_TRIANGLE, &resampler, error));
  for (int out = 0; out < height; out++) {
    while (pet_resampler_rows_wanted (resampler) > 0)
      push_row (resampler, photo, y++, row);
    pet_resampler_pull_float (resampler, scaled);
    store_row (input, out, scaled);
  }
  pet_resampler_free (&resampler);
  return PET_OK;
}

static void
normalise (PetSegmenter *segmenter)
{
  const PetModelInfo *info = &segmenter->info;
  const PetTensor *input = pet_net_input (segmenter->net, 0);
  size_t plane = (size_t) input->shape.dim[2] * (size_t) input->shape.dim[3];
  float *data = input->data;
  float divisor = info->divisor;

  if (divisor == 0) {
    divisor = 1e-6f;
    for (size_t i = 0; i < 3 * plane; i++)
      divisor = data[i] > divisor ? data[i] : divisor;
  }
  for (int c = 0; c < 3; c++)
    for (size_t i = 0; i < plane; i++) {
      float *x = &data[(size_t) c * plane + i];

      *x = (*x / divisor - info->mean[c]) / info->std[c];
    }
}

static PetStatus
prepare (PetSegmenter *segmenter, const PetImage *photo, PetError *error)
{
  const PetAllocator *allocator = segmenter->allocator;
  size_t row_bytes = (size_t) photo->width * 3;
  size_t scaled_bytes =
      (size_t) pet_net_input (segmenter->net, 0)->shape.dim[3] * 3 *
      sizeof (float);
  uint8_t *row = pet_alloc (allocator, row_bytes);
  float *scaled = pet_alloc (allocator, scaled_bytes);
  PetStatus status;

  if (row == NULL || scaled == NULL)
    status = pet_fail (error, PET_ERROR_MEMORY, "no memory to scale a photo");
  else
    status = scale (segmenter, photo, row, scaled, error);
  pet_free (allocator, row, row_bytes);
  pet_free (allocator, scaled, scaled_bytes);
  if (status == PET_OK)
    normalise (segmenter);
  return status;
}

/* y = x * gain + offset brings the output to 0..1. */
static PetStatus
find_range (
    const PetSegmenter *segmenter, float *gain, float *offset, PetError *error)
{
  size_t count =
      (size_t) segmenter->mask_width * (size_t) segmenter->mask_height;
  float low = INFINITY, high = -INFINITY;

  *gain = 1;
  *offset = 0;
  for (size_t i = 0; i < count; i++) {
    float x = segmenter->plane[i];

    if (isnan (x))
      return pet_fail (error, PET_ERROR_LIBRARY,
          "the network '%.63s' gave something that is not a number",
          segmenter->info.name);
    low = x < low ? x : low;
    high = x > high ? x : high;
  }
  if (segmenter->info.range == PET_RANGE_MINMAX && high >= 0.2f && high > low &&
      isfinite (high - low)) {
    *gain = 1 / (high - low);
    *offset = -low * *gain;
  }
  return PET_OK;
}

static uint8_t
to_byte (float x)
{
  if (x <= 0)
    return 0;
  return x >= 1 ? 255 : (uint8_t) (x * 255.0f + 0.5f);
}

static PetStatus
write_mask (
    const PetSegmenter *segmenter, const PetImage *mask, PetError *error)
{
  bool logit = segmenter->info.range == PET_RANGE_LOGIT;
  const float *from = segmenter->plane;
  float gain, offset;

  PET_TRY (find_range (segmenter, &gain, &offset, error));
  for (int y = 0; y < segmenter->mask_height; y++) {
    uint8_t *to = pet_image_row (mask, y);

    for (int x = 0; x < segmenter->mask_width; x++, from++)
      to[x] = to_byte (logit ? 1 / (1 + expf (-*from)) : *from * gain + offset);
  }
  return PET_OK;
}

static bool
can_make (const PetSegmenter *segmenter, const PetImage *mask)
{
  const PetModelInfo *info = &segmenter->info;

  if (mask->channels != 1)
    return false;
  if (info->shape_sum == 0)
    return mask->width == segmenter->mask_width &&
        mask->height == segmenter->mask_height;
  return (mask->width == info->width && mask->height == info->height) ||
      pet_shapes_has (info, mask->width, mask->height);
}

/* Of the mask's. */
static PetStatus
take_shape (PetSegmenter *segmenter, const PetImage *mask, PetError *error)
{
  if (segmenter->net != NULL && segmenter->mask_width == mask->width &&
      segmenter->mask_height == mask->height)
    return PET_OK;
  pet_net_free (&segmenter->net);
  PET_TRY (compile (segmenter, mask->width, mask->height, error));
  if (segmenter->threads > 0)
    pet_net_limit_threads (segmenter->net, segmenter->threads);
  return PET_OK;
}

PetStatus
pet_segmenter_run (PetSegmenter *segmenter, const PetImage *photo,
    const PetImage *mask, PetError *error)
{
  if ((photo->channels != 3 && photo->channels != 4) || photo->width < 1 ||
      photo->height < 1)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "a photo of %dx%d with %d channels cannot be segmented", photo->width,
        photo->height, photo->channels);
  if (!can_make (segmenter, mask)) {
    int width, height;

    pet_segmenter_mask_size (
        segmenter, photo->width, photo->height, &width, &height);
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "the mask must be %dx%d with one channel", width, height);
  }
  if (segmenter->remote.run != NULL)
    return segmenter->remote.run (segmenter->remote.user, photo, mask, error);
  PET_TRY (take_shape (segmenter, mask, error));
  PET_TRY (prepare (segmenter, photo, error));
  PET_TRY (pet_net_run (segmenter->net, error));
  return write_mask (segmenter, mask, error);
}
