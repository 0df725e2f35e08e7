/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-jpeg-memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <jerror.h>

#include "base/pet-checked.h"

/* The library's SIMD reads and writes in vectors up to this long. */
#define ROW_ALIGNMENT 64

/* Tables, control blocks and buffers whose size does not depend on the
 * picture's. */
#define FIXED_BYTES ((size_t) 128 * 1024)

struct jvirt_barray_control {
  jvirt_barray_ptr next;
  JBLOCKARRAY rows; /* NULL until realised */
  JDIMENSION blocks_per_row, n_rows;
  int pool;
};

static PetJpegMemory *
memory_of (j_common_ptr cinfo)
{
  return cinfo->client_data;
}

static void *
take (j_common_ptr cinfo, int pool, size_t count, size_t size)
{
  void *memory = NULL;
  size_t bytes;

  if (pool < 0 || pool >= JPOOL_NUMPOOLS)
    ERREXIT1 (cinfo, JERR_BAD_POOL_ID, pool);
  if (pet_mul_size (count, size, &bytes))
    memory = pet_heap_alloc (&memory_of (cinfo)->pools[pool], bytes);
  if (memory == NULL)
    ERREXIT1 (cinfo, JERR_OUT_OF_MEMORY, 0);
  else
    memset (memory, 0, bytes);
  return memory;
}

static void *
alloc_plain (j_common_ptr cinfo, int pool, size_t size)
{
  return take (cinfo, pool, 1, size);
}

static size_t
padded_row (size_t samples)
{
  return ((samples + ROW_ALIGNMENT - 1) & ~(size_t) (ROW_ALIGNMENT - 1)) +
      ROW_ALIGNMENT;
}

static JSAMPARRAY
alloc_samples (
    j_common_ptr cinfo, int pool, JDIMENSION samples, JDIMENSION n_rows)
{
  size_t stride = padded_row (samples);
  JSAMPARRAY rows = take (cinfo, pool, n_rows, sizeof *rows);
  JSAMPROW data = take (cinfo, pool, n_rows, stride);

  for (JDIMENSION i = 0; i < n_rows; i++)
    rows[i] = data + i * stride;
  return rows;
}

static JBLOCKARRAY
alloc_blocks (
    j_common_ptr cinfo, int pool, JDIMENSION n_blocks, JDIMENSION n_rows)
{
  size_t stride = n_blocks;
  JBLOCKARRAY rows = take (cinfo, pool, n_rows, sizeof *rows);
  JBLOCKROW data = take (cinfo, pool, n_rows, stride * sizeof *data);

  for (JDIMENSION i = 0; i < n_rows; i++)
    rows[i] = data + i * stride;
  return rows;
}

static jvirt_sarray_ptr
request_samples (j_common_ptr cinfo, int pool, boolean pre_zero,
    JDIMENSION samples, JDIMENSION n_rows, JDIMENSION max_access)
{
  /* Only colour quantisation asks for these, which is never turned on. */
  ERREXIT (cinfo, JERR_NOT_COMPILED);
  return NULL;
}

static jvirt_barray_ptr
request_blocks (j_common_ptr cinfo, int pool, boolean pre_zero,
    JDIMENSION n_blocks, JDIMENSION n_rows, JDIMENSION max_access)
{
  PetJpegMemory *memory = memory_of (cinfo);
  jvirt_barray_ptr array = take (cinfo, pool, 1, sizeof *array);

  array->blocks_per_row = n_blocks;
  array->n_rows = n_rows;
  array->pool = pool;
  array->next = memory->arrays;
  memory->arrays = array;
  return array;
}

static void
realize_arrays (j_common_ptr cinfo)
{
  jvirt_barray_ptr array = memory_of (cinfo)->arrays;

  for (; array != NULL; array = array->next)
    if (array->rows == NULL)
      array->rows = alloc_blocks (
          cinfo, array->pool, array->blocks_per_row, array->n_rows);
}

static JSAMPARRAY
access_samples (j_common_ptr cinfo, jvirt_sarray_ptr array, JDIMENSION first,
    JDIMENSION n_rows, boolean writable)
{
  ERREXIT (cinfo, JERR_BAD_VIRTUAL_ACCESS);
  return NULL;
}

static JBLOCKARRAY
access_blocks (j_common_ptr cinfo, jvirt_barray_ptr array, JDIMENSION first,
    JDIMENSION n_rows, boolean writable)
{
  if (array->rows == NULL || first > array->n_rows ||
      n_rows > array->n_rows - first)
    ERREXIT (cinfo, JERR_BAD_VIRTUAL_ACCESS);
  return array->rows + first;
}

static void
free_pool (j_common_ptr cinfo, int pool)
{
  PetJpegMemory *memory = memory_of (cinfo);

  if (pool == JPOOL_IMAGE)
    memory->arrays = NULL;
  pet_heap_clear (&memory->pools[pool]);
}

static void
self_destruct (j_common_ptr cinfo)
{
  PetJpegMemory *memory = memory_of (cinfo);

  for (int pool = JPOOL_NUMPOOLS - 1; pool >= 0; pool--)
    free_pool (cinfo, pool);
  memory->library.self_destruct (cinfo);
}

void
pet_jpeg_memory_init (
    PetJpegMemory *memory, j_decompress_ptr cinfo, const PetAllocator *a)
{
  struct jpeg_memory_mgr *methods = cinfo->mem;

  *memory = (PetJpegMemory){ .library = *methods };
  for (int pool = 0; pool < JPOOL_NUMPOOLS; pool++)
    pet_heap_init (&memory->pools[pool], a);
  cinfo->client_data = memory;
  methods->alloc_small = alloc_plain;
  methods->alloc_large = alloc_plain;
  methods->alloc_sarray = alloc_samples;
  methods->alloc_barray = alloc_blocks;
  methods->request_virt_sarray = request_samples;
  methods->request_virt_barray = request_blocks;
  methods->realize_virt_arrays = realize_arrays;
  methods->access_virt_sarray = access_samples;
  methods->access_virt_barray = access_blocks;
  methods->free_pool = free_pool;
  methods->self_destruct = self_destruct;
}

static size_t
round_up (size_t value, size_t multiple)
{
  return (value + multiple - 1) / multiple * multiple;
}

/* Every factor is below 2^17 (65500 pixels, factors of at most 4 and 16), so
 * nothing overflows 64 bits. */
size_t
pet_jpeg_memory_bound (j_decompress_ptr cinfo)
{
  size_t max_h = (size_t) cinfo->max_h_samp_factor;
  size_t max_v = (size_t) cinfo->max_v_samp_factor;
  size_t bytes = FIXED_BYTES;

  for (int i = 0; i < cinfo->num_components; i++) {
    const jpeg_component_info *component = &cinfo->comp_info[i];
    size_t scaled = (size_t) component->DCT_scaled_size;
    size_t smallest = (size_t) cinfo->min_DCT_scaled_size;
    size_t h = (size_t) component->h_samp_factor;
    size_t v = (size_t) component->v_samp_factor;
    size_t group = (v * scaled + smallest - 1) / smallest;
    size_t blocks = round_up (component->width_in_blocks, h);
    size_t rows = round_up (component->height_in_blocks, v);

    /* The rows between the inverse DCT and upsampling, with a row group of
     * context on both sides, then those after upsampling. */
    bytes += group * (smallest + 2) * padded_row (blocks * scaled);
    bytes += group * (smallest + 4) * 4 * sizeof (void *);
    bytes += max_v *
        (padded_row (round_up (cinfo->output_width, max_h)) + sizeof (void *));
    if (jpeg_has_multiple_scans (cinfo))
      bytes += rows * (blocks * sizeof (JBLOCK) + sizeof (void *));
  }
  return bytes;
}
