/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define _GNU_SOURCE
#include "codec/pet-jpeg-memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jerror.h>

#include "base/pet-checked.h"

/* The library's SIMD reads and writes in vectors up to this long. */
#define ROW_ALIGNMENT 64

/* Tables, control blocks and buffers whose size does not depend on the
 * picture's. */
#define FIXED_BYTES ((size_t) 128 * 1024)

/* Rows of blocks that the library looks at together, at most, per row of a
 * component's blocks in a unit: it smooths with two of them on either side. */
#define MAX_ROWS_AT_ONCE 5

/* `rows` are all of them, or a window of them on the file. */
struct jvirt_barray_control {
  jvirt_barray_ptr next;
  JBLOCKARRAY rows; /* NULL until realised */
  JDIMENSION blocks_per_row, n_rows, max_access;
  int pool;
  bool filed, changed;
  int64_t offset;          /* in the file */
  JDIMENSION first, count; /* rows in the window */
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
  array->max_access = max_access < n_rows ? max_access : n_rows;
  array->pool = pool;
  array->next = memory->arrays;
  memory->arrays = array;
  return array;
}

static size_t
row_bytes (jvirt_barray_ptr array)
{
  return (size_t) array->blocks_per_row * sizeof (JBLOCK);
}

static void
realize (j_common_ptr cinfo, jvirt_barray_ptr array)
{
  PetJpegMemory *memory = memory_of (cinfo);

  array->filed = memory->file >= 0;
  array->rows = alloc_blocks (cinfo, array->pool, array->blocks_per_row,
      array->filed ? array->max_access : array->n_rows);
  if (!array->filed)
    return;
  array->offset = memory->file_end;
  memory->file_end += (int64_t) row_bytes (array) * array->n_rows;
}

static void
realize_arrays (j_common_ptr cinfo)
{
  jvirt_barray_ptr array = memory_of (cinfo)->arrays;

  for (; array != NULL; array = array->next)
    if (array->rows == NULL)
      realize (cinfo, array);
}

static void
write_window (j_common_ptr cinfo, jvirt_barray_ptr array)
{
  const char *bytes = (const char *) array->rows[0];
  size_t left = array->count * row_bytes (array);
  off_t at = array->offset + (off_t) (array->first * row_bytes (array));

  while (left > 0) {
    ssize_t n = pwrite (memory_of (cinfo)->file, bytes, left, at);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      ERREXIT (cinfo, JERR_TFILE_WRITE);
    bytes += n;
    at += n;
    left -= (size_t) n;
  }
  array->changed = false;
}

/* What was never written is zero. */
static void
read_window (j_common_ptr cinfo, jvirt_barray_ptr array)
{
  char *bytes = (char *) array->rows[0];
  size_t left = array->count * row_bytes (array);
  off_t at = array->offset + (off_t) (array->first * row_bytes (array));

  while (left > 0) {
    ssize_t n = pread (memory_of (cinfo)->file, bytes, left, at);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      ERREXIT (cinfo, JERR_TFILE_READ);
    if (n == 0)
      break;
    bytes += n;
    at += n;
    left -= (size_t) n;
  }
  memset (bytes, 0, left);
}

static JBLOCKARRAY
access_window (j_common_ptr cinfo, jvirt_barray_ptr array, JDIMENSION first,
    JDIMENSION n_rows, bool writable)
{
  if (n_rows > array->max_access)
    ERREXIT (cinfo, JERR_BAD_VIRTUAL_ACCESS);
  if (first < array->first || first + n_rows > array->first + array->count) {
    JDIMENSION below = array->n_rows - first;

    if (array->changed)
      write_window (cinfo, array);
    array->first = first;
    array->count = below < array->max_access ? below : array->max_access;
    read_window (cinfo, array);
  }
  array->changed = array->changed || writable;
  return array->rows + (first - array->first);
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
  if (array->filed)
    return access_window (cinfo, array, first, n_rows, writable);
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
  if (memory->file >= 0)
    close (memory->file);
  memory->file = -1;
  memory->library.self_destruct (cinfo);
}

void
pet_jpeg_memory_init (
    PetJpegMemory *memory, j_decompress_ptr cinfo, const PetAllocator *a)
{
  struct jpeg_memory_mgr *methods = cinfo->mem;

  *memory = (PetJpegMemory){ .library = *methods, .file = -1 };
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

/* -1 where there is no place for one. */
static int
open_nameless_file (void)
{
  const char *folder = getenv ("TMPDIR");
  char name[4096];
  int file, length;

  if (folder == NULL || folder[0] != '/')
    folder = "/var/tmp";
  file = open (folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0)
    return file;
  length = snprintf (name, sizeof name, "%s/petdec-XXXXXX", folder);
  if (length < 0 || (size_t) length >= sizeof name)
    return -1;
  file = mkostemp (name, O_CLOEXEC);
  if (file >= 0)
    unlink (name);
  return file;
}

/* Every factor is below 2^17 (65500 pixels, factors of at most 4 and 16), so
 * nothing overflows 64 bits. */
static size_t
array_bytes (const jpeg_component_info *component, bool filed)
{
  size_t v = (size_t) component->v_samp_factor;
  size_t blocks =
      round_up (component->width_in_blocks, (size_t) component->h_samp_factor);
  size_t rows = round_up (component->height_in_blocks, v);

  if (filed && rows > MAX_ROWS_AT_ONCE * v)
    rows = MAX_ROWS_AT_ONCE * v;
  return rows * (blocks * sizeof (JBLOCK) + sizeof (void *));
}

static size_t
arrays_bytes (j_decompress_ptr cinfo, bool filed)
{
  size_t bytes = 0;

  if (jpeg_has_multiple_scans (cinfo))
    for (int i = 0; i < cinfo->num_components; i++)
      bytes += array_bytes (&cinfo->comp_info[i], filed);
  return bytes;
}

size_t
pet_jpeg_memory_bound (j_decompress_ptr cinfo, uint64_t max_held)
{
  PetJpegMemory *memory = memory_of ((j_common_ptr) cinfo);
  size_t max_h = (size_t) cinfo->max_h_samp_factor;
  size_t max_v = (size_t) cinfo->max_v_samp_factor;
  size_t bytes = FIXED_BYTES;

  if (max_held > 0 && memory->file < 0 &&
      arrays_bytes (cinfo, false) > max_held)
    memory->file = open_nameless_file ();
  bytes += arrays_bytes (cinfo, memory->file >= 0);
  for (int i = 0; i < cinfo->num_components; i++) {
    const jpeg_component_info *component = &cinfo->comp_info[i];
    size_t scaled = (size_t) PET_DCT_SIZE (component);
    size_t smallest = (size_t) PET_LEAST_DCT_SIZE (cinfo);
    size_t v = (size_t) component->v_samp_factor;
    size_t group = (v * scaled + smallest - 1) / smallest;
    size_t blocks = round_up (
        component->width_in_blocks, (size_t) component->h_samp_factor);

    /* The rows between the inverse DCT and upsampling, with a row group of
     * context on both sides, then those after upsampling. */
    bytes += group * (smallest + 2) * padded_row (blocks * scaled);
    bytes += group * (smallest + 4) * 4 * sizeof (void *);
    bytes += max_v *
        (padded_row (round_up (cinfo->output_width, max_h)) + sizeof (void *));
  }
  return bytes;
}
