/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet_matte_cut() on the card: from the photo's frame and a small mask to the
 * frame of the cut-out. What is computed once per size, in doubles, is computed
 * by the functions of gst/image, here. The host waits only for the extent of
 * the alpha; colours are still at work when pet_cuda_matte_cut() returns. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "image/pet-matte-private.h"
#include "pet-cuda-private.h"

/* What the tables were made for. */
typedef struct {
  int width, height, mask_width, mask_height;
  PetPart part;
  bool refine;
} Sizes;

struct PetCudaMatte {
  PetCuda *cuda;
  cudaEvent_t measured;
  PetCudaBuffer mask, alpha;
  PetCudaBuffer cells;  /* all planes of cells, and the extent before them */
  PetCudaBuffer tables; /* weights and places */
  PetCudaBuffer pinned; /* tables on their way; then the extent */
  Sizes made_for;
  PetCudaMatteTables on_card; /* for those */
};

_Static_assert(PET_CUDA_FAR_SAMPLES == PET_FAR_SAMPLES &&
        PET_CUDA_FAR_TILES == PET_FAR_TILES,
    "the card has other tiles than the CPU");

#define EXTENT_BYTES 256
#define FAR_BYTES                                                              \
  (2 * PET_CUDA_FAR_TILES * PET_CUDA_FAR_TILES * sizeof (float4))

PetStatus
pet_cuda_matte_new (PetCuda *cuda, PetCudaMatte **result, PetError *error)
{
  PetCudaMatte *matte = calloc (1, sizeof *matte);
  PetStatus status;

  if (matte == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a matte");
  matte->cuda = cuda;
  status = pet_cuda_enter (cuda, error);
  if (status == PET_OK)
    status = pet_cuda_check (
        cudaEventCreateWithFlags (&matte->measured, cudaEventDisableTiming),
        "making an event", error);
  if (status != PET_OK)
    pet_cuda_matte_free (&matte);
  else
    *result = matte;
  return status;
}

void
pet_cuda_matte_free (PetCudaMatte **pointer)
{
  PetCudaMatte *matte = *pointer;

  if (matte == NULL)
    return;
  (void) cudaSetDevice (matte->cuda->info.device);
  (void) cudaStreamSynchronize (matte->cuda->work);
  if (matte->measured != NULL)
    (void) cudaEventDestroy (matte->measured);
  pet_cuda_drop (matte->cuda, &matte->mask);
  pet_cuda_drop (matte->cuda, &matte->alpha);
  pet_cuda_drop (matte->cuda, &matte->cells);
  pet_cuda_drop (matte->cuda, &matte->tables);
  pet_cuda_drop (matte->cuda, &matte->pinned);
  free (matte);
  *pointer = NULL;
}

/* One table after the other, in pinned memory and at the same place on the
 * card. */
typedef struct {
  char *host, *card;
  size_t used;
} Tables;

static void *
take_table (Tables *tables, size_t bytes, const void **card)
{
  void *host = tables->host + tables->used;

  *card = tables->card + tables->used;
  tables->used += (bytes + 15) / 16 * 16;
  return host;
}

static size_t
table_bytes (const PetMatte *m)
{
  size_t places = (size_t) m->photo->width + (size_t) m->photo->height;

  /* Two sets of places, of 8 bytes each, and four ends of 16. */
  return 2 * 8 * places + 8 * 16 + sizeof m->weights;
}

/* Place of pixel, or cell, number i of `count`: at ((i + 0.5) * step - from) of
 * a side that `size` values divide. `columns` and rows round as
 * pet-matte-alpha.c does. */
typedef struct {
  int count, size, step, from;
  double side;
  bool columns;
} Axis;

static PetCudaPlaces
add_places (Tables *tables, const Axis *axis)
{
  size_t bytes = (size_t) axis->count * 4;
  const void *first_on_card, *share_on_card;
  int32_t *first = take_table (tables, bytes, &first_on_card);
  float *share = take_table (tables, bytes, &share_on_card);

  for (int i = 0; i < axis->count; i++) {
    double at = (i + 0.5) * axis->step - axis->from;

    at = axis->columns ? at * (axis->size / axis->side) - 0.5
                       : at * axis->size / axis->side - 0.5;
    first[i] = pet_matte_place (at, axis->size, &share[i]);
  }
  return (PetCudaPlaces){ first_on_card, share_on_card };
}

/* Pixels on cells, `step` of them. */
static PetCudaPlaces
add_cell_places (Tables *tables, int pixels, int cells, int step, bool columns)
{
  size_t bytes = (size_t) pixels * 4;
  const void *first_on_card, *share_on_card;
  int32_t *first = take_table (tables, bytes, &first_on_card);
  float *share = take_table (tables, bytes, &share_on_card);

  for (int i = 0; i < pixels; i++)
    first[i] = pet_matte_place (
        columns ? (i + 0.5) * (1.0 / step) - 0.5 : (i + 0.5) / step - 0.5,
        cells, &share[i]);
  return (PetCudaPlaces){ first_on_card, share_on_card };
}

static void
fill_tables (const PetMatte *m, Tables *tables, PetCudaMatteTables *result)
{
  bool refine = m->options->refine;
  int step = refine ? m->step : 1;
  const void *weights;
  uint32_t (*pairs)[2] = take_table (tables, sizeof m->weights, &weights);
  Axis across = { refine ? m->width : m->photo->width, m->mask->width, step,
    m->part.x, m->part.width, true };
  Axis down = { refine ? m->height : m->photo->height, m->mask->height, step,
    m->part.y, m->part.height, false };

  pet_matte_fill_weights (pairs);
  result->weights = weights;
  result->x =
      add_cell_places (tables, m->photo->width, m->width, m->step, true);
  result->y =
      add_cell_places (tables, m->photo->height, m->height, m->step, false);
  result->mask_x = add_places (tables, &across);
  result->mask_y = add_places (tables, &down);
}

static Sizes
sizes_of (const PetMatte *m)
{
  Sizes sizes;

  memset (&sizes, 0, sizeof sizes);
  sizes.width = m->photo->width;
  sizes.height = m->photo->height;
  sizes.mask_width = m->mask->width;
  sizes.mask_height = m->mask->height;
  sizes.part = m->part;
  sizes.refine = m->options->refine;
  return sizes;
}

/* The memory is there. The host's tables may be written: the last extent, which
 * came after them, has arrived. */
static PetStatus
make_tables (PetCudaMatte *matte, const PetMatte *m, PetError *error)
{
  Sizes sizes = sizes_of (m);
  Tables tables = {
    .host = matte->pinned.data, .card = matte->tables.data, .used = EXTENT_BYTES
  };

  if (memcmp (&sizes, &matte->made_for, sizeof sizes) == 0)
    return PET_OK;
  memset (&matte->made_for, 0, sizeof matte->made_for);
  fill_tables (m, &tables, &matte->on_card);
  PET_CUDA_TRY (cudaMemcpyAsync (tables.card + EXTENT_BYTES,
                    tables.host + EXTENT_BYTES, tables.used - EXTENT_BYTES,
                    cudaMemcpyHostToDevice, matte->cuda->work),
      "an upload");
  matte->made_for = sizes;
  return PET_OK;
}

static void *
offset_by (char *base, size_t bytes)
{
  return base != NULL ? base + bytes : NULL;
}

/* Planes of cells in one block; those of the fringe lie where those of the
 * alpha were. With `base` NULL only measured. */
static size_t
place_cells (char *base, const PetMatte *m, PetCudaMatteData *data)
{
  size_t n = (size_t) m->width * (size_t) m->height, alpha = 0, fringe = 0;
  size_t at = EXTENT_BYTES + 16 * n;

  data->extent = offset_by (base, 0);
  data->colors = offset_by (base, EXTENT_BYTES);
  if (m->options->refine) {
    data->cells = offset_by (base, at);
    data->columns = offset_by (base, at + 16 * n);
    data->coefficients = offset_by (base, at + 32 * n);
    data->down = offset_by (base, at + 40 * n);
    data->means = offset_by (base, at + 48 * n);
    alpha = 56 * n;
  }
  if (m->options->decontaminate) {
    data->fringe = offset_by (base, at);
    data->fringe_columns = offset_by (base, at + 32 * n);
    data->pure = offset_by (base, at + 64 * n);
    data->far = offset_by (base, at + 96 * n);
    data->soft = offset_by (base, at + 96 * n + FAR_BYTES);
    fringe = 97 * n + FAR_BYTES;
  }
  return at + (alpha > fringe ? alpha : fringe);
}

/* Everything that a photo of that size needs; later ones find it there. */
static PetStatus
take_memory (PetCudaMatte *matte, const PetMatte *m, PetCudaMatteData *data,
    PetError *error)
{
  PetCuda *cuda = matte->cuda;
  size_t tables = EXTENT_BYTES + table_bytes (m);
  const void *before[2] = { matte->tables.data, matte->pinned.data };

  PET_TRY (pet_cuda_take (cuda, &matte->pinned, tables, true, error));
  PET_TRY (pet_cuda_take (cuda, &matte->tables, tables, false, error));
  if (matte->tables.data != before[0] || matte->pinned.data != before[1])
    memset (&matte->made_for, 0, sizeof matte->made_for);
  PET_TRY (pet_cuda_take (
      cuda, &matte->cells, place_cells (NULL, m, data), false, error));
  (void) place_cells (matte->cells.data, m, data);
  PET_TRY (pet_cuda_place (cuda, &matte->mask, m->mask->width, m->mask->height,
      1, &data->mask, error));
  return pet_cuda_place (cuda, &matte->alpha, m->photo->width, m->photo->height,
      1, &data->alpha, error);
}

static void
fill_data (const PetMatte *m, const PetCudaImage *photo, PetCudaMatteData *data)
{
  float range = (float) (m->options->high - m->options->low);

  data->photo = *photo;
  data->step = m->step;
  data->width = m->width;
  data->height = m->height;
  data->radius = m->radius;
  data->reach = m->reach;
  data->refine = m->options->refine;
  data->scrub = m->options->scrub;
  data->decontaminate = m->options->decontaminate;
  data->epsilon = PET_MATTE_EPSILON;
  data->leak_margin = PET_MATTE_LEAK_MARGIN;
  data->keep = PET_MATTE_KEEP;
  data->part_x = m->part.x;
  data->part_y = m->part.y;
  data->part_width = m->part.width;
  data->part_height = m->part.height;
  data->low = m->options->low;
  data->high = m->options->high;
  data->far_scale_x = m->far_scale[0];
  data->far_scale_y = m->far_scale[1];
  data->trust_scale = m->trust_scale;
  data->sure_weight = PET_MATTE_SURE_WEIGHT;
  /* As expand_row() of pet-matte-alpha.c. */
  data->gain = 65025.0f / range;
  data->bias = -255.0f * (float) m->options->low / range;
}

static void
read_extent (
    const PetCudaExtent *extent, const PetMatte *m, PetMaskStats *stats)
{
  memset (stats, 0, sizeof *stats);
  stats->coverage = (double) extent->sum /
      (255.0 * (double) m->photo->width * (double) m->photo->height);
  if (extent->right == 0)
    return;
  stats->x = (int) ~extent->left;
  stats->y = (int) ~extent->top;
  stats->width = (int) extent->right - stats->x;
  stats->height = (int) extent->bottom - stats->y;
}

/* Starts all of it. */
static PetStatus
start (PetCudaMatte *matte, const PetMatte *m, const PetCudaMatteData *data,
    PetCudaFrame *cutout, PetError *error)
{
  PetCuda *cuda = matte->cuda;

  PET_TRY (pet_cuda_upload (cuda, m->mask, &data->mask, error));
  PET_CUDA_TRY (
      cudaMemsetAsync (data->extent, 0, sizeof *data->extent, cuda->work),
      "the matte");
  PET_CUDA_TRY (pet_cuda_matte_alpha (data, cuda->work), "the matte");
  PET_CUDA_TRY (cudaMemcpyAsync (matte->pinned.data, data->extent,
                    sizeof *data->extent, cudaMemcpyDeviceToHost, cuda->work),
      "a download");
  PET_CUDA_TRY (cudaEventRecord (matte->measured, cuda->work), "an event");
  if (cutout == NULL)
    return PET_OK;
  PET_TRY (pet_cuda_frame_begin (cuda, cutout, error));
  PET_CUDA_TRY (
      pet_cuda_matte_compose (data, &cutout->image, cuda->work), "the matte");
  return pet_cuda_frame_end (cuda, cutout, error);
}

/* The sizes of the pictures as pet_matte_cut() looks at them. */
static PetStatus
check (const PetMatte *m, const PetCudaFrame *photo, const PetCudaFrame *cutout,
    const PetImage *alpha, PetError *error)
{
  PetImage target = {
    .width = photo->image.width, .height = photo->image.height, .channels = 4
  };

  if (cutout != NULL) {
    target.width = cutout->image.width;
    target.height = cutout->image.height;
    target.channels = cutout->image.channels;
  }
  if (!pet_matte_is_valid (m->mask, m->photo, &target, m->options) ||
      (cutout != NULL && target.channels != 4) ||
      (alpha != NULL &&
          (alpha->channels != 1 || alpha->width != photo->image.width ||
              alpha->height != photo->image.height)))
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "the matte got sizes or numbers that do not fit");
  return PET_OK;
}

/* All that comes before the kernels. */
static PetStatus
prepare (PetCudaMatte *matte, const PetMatte *m, const PetCudaFrame *photo,
    PetCudaMatteData *data, PetError *error)
{
  memset (data, 0, sizeof *data);
  PET_TRY (pet_cuda_enter (matte->cuda, error));
  PET_TRY (take_memory (matte, m, data, error));
  PET_TRY (make_tables (matte, m, error));
  fill_data (m, &photo->image, data);
  data->tables = matte->on_card;
  return pet_cuda_frame_begin (matte->cuda, photo, error);
}

PetStatus
pet_cuda_matte_cut (PetCudaMatte *matte, const PetImage *mask,
    const PetCudaFrame *photo, const PetMatteOptions *options,
    PetCudaFrame *cutout, const PetImage *alpha, PetMaskStats *stats,
    PetError *error)
{
  PetMatteOptions used = *options;
  PetImage size = { .width = photo->image.width,
    .height = photo->image.height,
    .channels = photo->image.channels };
  PetMatte m = { .mask = mask, .photo = &size, .options = &used };
  PetCudaMatteData data;
  PetMaskStats unwanted;

  used.decontaminate = options->decontaminate && cutout != NULL;
  PET_TRY (check (&m, photo, cutout, alpha, error));
  pet_matte_set_sizes (&m);
  PET_TRY (prepare (matte, &m, photo, &data, error));
  PET_TRY (start (matte, &m, &data, cutout, error));
  if (alpha != NULL)
    PET_TRY (pet_cuda_download (matte->cuda, &data.alpha, alpha, error));
  PET_CUDA_TRY (cudaEventSynchronize (matte->measured), "the matte");
  read_extent (matte->pinned.data, &m, stats != NULL ? stats : &unwanted);
  return PET_OK;
}

PetStatus
pet_cuda_matte_time (PetCudaMatte *matte, const PetImage *mask,
    const PetCudaFrame *photo, const PetMatteOptions *options,
    PetCudaFrame *cutout, int runs, float milliseconds[2], PetError *error)
{
  PetImage size = { .width = photo->image.width,
    .height = photo->image.height,
    .channels = photo->image.channels };
  PetMatte m = { .mask = mask, .photo = &size, .options = options };
  cudaStream_t work = matte->cuda->work;
  cudaEvent_t marks[3] = { NULL, NULL, NULL };
  PetCudaMatteData data;
  cudaError_t result = cudaSuccess;

  pet_matte_set_sizes (&m);
  PET_TRY (prepare (matte, &m, photo, &data, error));
  PET_TRY (start (matte, &m, &data, cutout, error));
  for (int i = 0; i < 3 && result == cudaSuccess; i++)
    result = cudaEventCreate (&marks[i]);
  for (int part = 0; part < 2 && result == cudaSuccess; part++) {
    result = cudaEventRecord (marks[part], work);
    for (int i = 0; i < runs && result == cudaSuccess; i++)
      result = part == 0 ? pet_cuda_matte_alpha (&data, work)
                         : pet_cuda_matte_compose (&data, &cutout->image, work);
  }
  if (result == cudaSuccess)
    result = cudaEventRecord (marks[2], work);
  if (result == cudaSuccess)
    result = cudaEventSynchronize (marks[2]);
  for (int part = 0; part < 2 && result == cudaSuccess; part++)
    result = cudaEventElapsedTime (
        &milliseconds[part], marks[part], marks[part + 1]);
  for (int i = 0; i < 3; i++)
    if (marks[i] != NULL)
      (void) cudaEventDestroy (marks[i]);
  return pet_cuda_check (result, "timing", error);
}
