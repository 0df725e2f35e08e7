/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The looks: up, one or a few kernels, down. Tables come from gst/image, so
 * that no number exists twice; they are remade when a value changes. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "image/effects/pet-effect-tables.h"
#include "image/pet-effect.h"
#include "image/pet-plane.h"
#include "pet-cuda-private.h"

typedef struct {
  float curve[PET_FILM_CURVE_SIZE];
  float edge_taps[3], wide_taps[11], tight_taps[5], grain_taps[2];
  float normal[1 << PET_GRAIN_BITS];
} FilmTables;

typedef struct Kind Kind;

struct PetCudaLook {
  PetCuda *cuda;
  const PetEffect *effect;
  const Kind *kind;
  PetCudaBuffer src, dst, tables, scratch;
  double made_for[PET_EFFECT_MAX_PARAMS]; /* what the tables are of */
  bool made;
};

struct Kind {
  const char *name;
  size_t table_bytes;
  void (*fill) (void *tables, const double *values);
  size_t (*scratch_bytes) (int width, int height, const double *values);
  cudaError_t (*run) (const PetCudaLook *look, const PetCudaImage *src,
      const PetCudaImage *dst, const double *values);
};

static double
value_of (const PetCudaLook *look, const double *values, const char *name)
{
  return values[pet_effect_param_index (look->effect, name)];
}

static void
fill_popart (void *tables, const double *values)
{
  uint8_t colors[27][3];
  uint32_t *packed = tables;

  pet_popart_colors (colors);
  for (int i = 0; i < 27; i++)
    packed[i] = (uint32_t) colors[i][0] | (uint32_t) colors[i][1] << 8 |
        (uint32_t) colors[i][2] << 16;
}

static cudaError_t
run_popart (const PetCudaLook *look, const PetCudaImage *src,
    const PetCudaImage *dst, const double *values)
{
  return pet_cuda_popart (src, look->tables.data, dst, look->cuda->work);
}

static void
fill_film (void *data, const double *values)
{
  const PetEffect *effect = pet_effect_find ("enhancedblackwhite");
  FilmTables *tables = data;
  const float *curve = pet_film_curve (
      values[pet_effect_param_index (effect, "contrast")], tables->curve);

  if (curve != tables->curve)
    memcpy (tables->curve, curve, sizeof tables->curve);
  pet_gaussian_taps (tables->edge_taps, 2, 1.2);
  pet_gaussian_taps (tables->wide_taps, 10, 7.0);
  pet_gaussian_taps (tables->tight_taps, 4, 2.5);
  pet_gaussian_taps (tables->grain_taps, 1, 0.5);
  memcpy (tables->normal, pet_grain_normal (), sizeof tables->normal);
}

static size_t
film_scratch (int width, int height, const double *values)
{
  size_t bytes;

  return pet_mul3_size ((size_t) width, (size_t) height, sizeof (float), &bytes)
      ? bytes
      : SIZE_MAX;
}

static cudaError_t
run_film (const PetCudaLook *look, const PetCudaImage *src,
    const PetCudaImage *dst, const double *values)
{
  const FilmTables *tables = look->tables.data;
  PetCudaFilm film = { .curve = tables->curve,
    .edge_taps = tables->edge_taps,
    .wide_taps = tables->wide_taps,
    .tight_taps = tables->tight_taps,
    .grain_taps = tables->grain_taps,
    .normal = tables->normal,
    .edge_strength = (float) value_of (look, values, "edge-strength"),
    .halation = (float) value_of (look, values, "halation"),
    .grain = (float) value_of (look, values, "grain"),
    .coarse_width = src->width > 1 ? src->width / 2 : 1,
    .coarse_height = src->height > 1 ? src->height / 2 : 1,
    .edge = look->scratch.data };

  film.seed = pet_cuda_film_seed ((uint32_t) value_of (look, values, "seed"));
  return pet_cuda_film (src, &film, dst, look->cuda->work);
}

static void
fill_retro (void *tables, const double *values)
{
  memcpy (tables, pet_retro_palette, sizeof pet_retro_palette);
}

/* Coarse and fine cells; a picture without room for one stays as it is. */
static size_t
retro_cells (
    int width, int height, const double *values, int columns[2], int rows[2])
{
  const PetEffect *effect = pet_effect_find ("retro8bit");
  int size = (int) values[pet_effect_param_index (effect, "pixel-size")];
  int sizes[2] = { size, size < 4 ? 2 : size / 2 };
  size_t total = 0;

  for (int i = 0; i < 2; i++) {
    columns[i] = width / sizes[i];
    rows[i] = height / sizes[i];
    if (columns[i] == 0 || rows[i] == 0) {
      columns[i] = width;
      rows[i] = height;
    }
    total += (size_t) columns[i] * (size_t) rows[i];
  }
  return total;
}

static size_t
retro_scratch (int width, int height, const double *values)
{
  int columns[2], rows[2];

  return retro_cells (width, height, values, columns, rows);
}

static cudaError_t
run_retro (const PetCudaLook *look, const PetCudaImage *src,
    const PetCudaImage *dst, const double *values)
{
  int threshold = (int) value_of (look, values, "edge-threshold");
  PetCudaRetro retro = { .palette = look->tables.data,
    .threshold2 = threshold * threshold };

  (void) retro_cells (
      src->width, src->height, values, retro.columns, retro.rows);
  retro.cells[0] = look->scratch.data;
  retro.cells[1] =
      retro.cells[0] + (size_t) retro.columns[0] * (size_t) retro.rows[0];
  return pet_cuda_retro (src, &retro, dst, look->cuda->work);
}

static void
fill_dither (void *tables, const double *values)
{
  const PetEffect *effect = pet_effect_find ("dithering");

  pet_dither_curve (tables, values[pet_effect_param_index (effect, "gamma")]);
}

static size_t
dither_points (
    int width, int height, const double *values, int *columns, int *rows)
{
  const PetEffect *effect = pet_effect_find ("dithering");
  int spacing = (int) values[pet_effect_param_index (effect, "dot-spacing")];

  *columns = (width + spacing - 1) / spacing;
  *rows = (height + spacing - 1) / spacing;
  return (size_t) *columns * (size_t) *rows;
}

static size_t
dither_scratch (int width, int height, const double *values)
{
  int columns, rows;
  size_t points = dither_points (width, height, values, &columns, &rows);
  size_t pixels = (size_t) width * (size_t) height;

  return pixels > SIZE_MAX / 64
      ? SIZE_MAX
      : 2 * pixels * sizeof (double) + points * (2 * sizeof (double) + 1);
}

static cudaError_t
run_dither (const PetCudaLook *look, const PetCudaImage *src,
    const PetCudaImage *dst, const double *values)
{
  size_t pixels = (size_t) src->width * (size_t) src->height, points;
  PetCudaDither d = { .curve = look->tables.data,
    .spacing = (int) value_of (look, values, "dot-spacing"),
    .dot_size = (int) value_of (look, values, "dot-size"),
    .edge_strength = value_of (look, values, "edge-strength"),
    .adaptive = value_of (look, values, "adaptive") != 0 };

  points = dither_points (src->width, src->height, values, &d.columns, &d.rows);
  d.grey = look->scratch.data;
  d.sharp = d.grey + pixels;
  d.threshold = d.sharp + pixels;
  d.error = d.threshold + points;
  d.black = (uint8_t *) (d.error + points);
  return pet_cuda_dither (src, &d, dst, look->cuda->work);
}

static const Kind kinds[] = {
  { "popart", 27 * sizeof (uint32_t), fill_popart, NULL, run_popart },
  { "enhancedblackwhite", sizeof (FilmTables), fill_film, film_scratch,
      run_film },
  { "retro8bit", 3 * 32 * sizeof (int32_t), fill_retro, retro_scratch,
      run_retro },
  { "dithering", sizeof (PetDitherCurve), fill_dither, dither_scratch,
      run_dither },
};

PetStatus
pet_cuda_look_new (
    PetCuda *cuda, const char *effect, PetCudaLook **result, PetError *error)
{
  PetCudaLook *look;

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp (kinds[i].name, effect) != 0)
      continue;
    look = calloc (1, sizeof *look);
    if (look == NULL)
      return pet_fail (error, PET_ERROR_MEMORY, "no memory for a look");
    look->cuda = cuda;
    look->effect = pet_effect_find (effect);
    look->kind = &kinds[i];
    *result = look;
    return PET_OK;
  }
  return pet_fail (error, PET_ERROR_UNSUPPORTED,
      "the look '%.40s' is not made on the GPU", effect);
}

void
pet_cuda_look_free (PetCudaLook **pointer)
{
  PetCudaLook *look = *pointer;

  if (look == NULL)
    return;
  (void) cudaSetDevice (look->cuda->info.device);
  (void) cudaStreamSynchronize (look->cuda->work);
  pet_cuda_drop (look->cuda, &look->src);
  pet_cuda_drop (look->cuda, &look->dst);
  pet_cuda_drop (look->cuda, &look->tables);
  pet_cuda_drop (look->cuda, &look->scratch);
  free (look);
  *pointer = NULL;
}

static PetStatus
make_tables (PetCudaLook *look, const double *values, PetError *error)
{
  size_t bytes = look->kind->table_bytes;
  size_t value_bytes = (size_t) look->effect->n_params * sizeof *values;
  PetCuda *cuda = look->cuda;
  PetStatus status;
  void *tables;

  if (look->made && memcmp (look->made_for, values, value_bytes) == 0)
    return PET_OK;
  look->made = false;
  PET_TRY (pet_cuda_take (cuda, &look->tables, bytes, false, error));
  tables = malloc (bytes);
  if (tables == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a look");
  look->kind->fill (tables, values);
  status = pet_cuda_check (cudaMemcpyAsync (look->tables.data, tables, bytes,
                               cudaMemcpyHostToDevice, cuda->work),
      "an upload", error);
  if (status == PET_OK)
    status =
        pet_cuda_check (cudaStreamSynchronize (cuda->work), "an upload", error);
  free (tables);
  PET_TRY (status);
  memcpy (look->made_for, values, value_bytes);
  look->made = true;
  return PET_OK;
}

static PetStatus
check_arguments (const PetCudaLook *look, const PetImage *src,
    const PetImage *dst, const double *values, PetError *error)
{
  if (src->channels != 4 || dst->channels != 4 || src->width < 1 ||
      src->height < 1 || src->width != dst->width || src->height != dst->height)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "%s cannot turn %dx%d into %dx%d", look->effect->name, src->width,
        src->height, dst->width, dst->height);
  for (int i = 0; i < look->effect->n_params; i++)
    if (!(values[i] >= look->effect->params[i].min &&
            values[i] <= look->effect->params[i].max))
      return pet_fail (error, PET_ERROR_ARGUMENT, "%s: %s is out of range",
          look->effect->name, look->effect->params[i].name);
  return PET_OK;
}

/* Where the result goes: `to`, with what there is to wait for. */
static PetStatus
place_result (PetCudaLook *look, const PetImage *size, PetCudaFrame *frame,
    PetCudaImage *to, PetError *error)
{
  if (frame == NULL)
    return pet_cuda_place (
        look->cuda, &look->dst, size->width, size->height, 4, to, error);
  *to = frame->image;
  return pet_cuda_frame_begin (look->cuda, frame, error);
}

PetStatus
pet_cuda_look_run (PetCudaLook *look, const PetCudaPhoto *photo,
    const PetImage *dst, PetCudaFrame *frame, const double *values,
    PetError *error)
{
  const PetImage *src = &photo->image;
  PetImage size = { 0 };
  const Kind *kind = look->kind;
  PetCuda *cuda = look->cuda;
  PetCudaImage from, to;
  size_t scratch = 0;

  size.width = frame != NULL ? frame->image.width : dst->width;
  size.height = frame != NULL ? frame->image.height : dst->height;
  size.channels = frame != NULL ? frame->image.channels : dst->channels;
  PET_TRY (check_arguments (look, src, &size, values, error));
  PET_TRY (pet_cuda_enter (cuda, error));
  PET_TRY (make_tables (look, values, error));
  if (photo->frame != NULL && photo->x % 4 != 0)
    return pet_fail (
        error, PET_ERROR_ARGUMENT, "a look begins at a column that 4 divides");
  PET_TRY (place_result (look, src, frame, &to, error));
  if (kind->scratch_bytes != NULL)
    scratch = kind->scratch_bytes (src->width, src->height, values);
  if (scratch > 0)
    PET_TRY (pet_cuda_take (cuda, &look->scratch, scratch, false, error));
  PET_TRY (pet_cuda_photo_place (cuda, photo, &look->src, &from, error));
  PET_CUDA_TRY (kind->run (look, &from, &to, values), look->effect->name);
  return frame != NULL ? pet_cuda_frame_end (cuda, frame, error)
                       : pet_cuda_download (cuda, &to, dst, error);
}

PetStatus
pet_cuda_look_time (PetCudaLook *look, int width, int height,
    const double *values, int runs, float *milliseconds, PetError *error)
{
  PetCuda *cuda = look->cuda;
  cudaEvent_t begin = NULL, end = NULL;
  cudaError_t result = cudaEventCreate (&begin);
  PetCudaImage from, to;

  if (!pet_cuda_layout (width, height, 4, &from))
    result = cudaErrorInvalidValue;
  to = from;
  from.data = look->src.data;
  to.data = look->dst.data;
  if (result == cudaSuccess)
    result = cudaEventCreate (&end);
  if (result == cudaSuccess)
    result = cudaEventRecord (begin, cuda->work);
  for (int i = 0; i < runs && result == cudaSuccess; i++)
    result = look->kind->run (look, &from, &to, values);
  if (result == cudaSuccess)
    result = cudaEventRecord (end, cuda->work);
  if (result == cudaSuccess)
    result = cudaEventSynchronize (end);
  if (result == cudaSuccess)
    result = cudaEventElapsedTime (milliseconds, begin, end);
  if (begin != NULL)
    (void) cudaEventDestroy (begin);
  if (end != NULL)
    (void) cudaEventDestroy (end);
  return pet_cuda_check (result, "timing", error);
}
