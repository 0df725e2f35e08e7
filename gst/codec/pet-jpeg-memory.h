/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libjpeg's memory out of a PetAllocator. Everything the library asks for
 * after jpeg_create_decompress (which takes some 4 KiB from the C library) is
 * charged. Whole-picture arrays are held in memory up to a limit; beyond it they
 * are in a temporary file without a name (in TMPDIR or /var/tmp) and the rows
 * around those being worked on in memory. Where no such file can be made they
 * are held in memory. Rows are handed out zeroed. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

#include "base/pet-alloc.h"
#include "codec/pet-heap.h"

/* The library built for the interface of jpeg7 or later (Ubuntu's) names a size
 * for each direction; it makes them alike. */
#if JPEG_LIB_VERSION >= 70
#define PET_DCT_SIZE(component) ((component)->DCT_h_scaled_size)
#define PET_LEAST_DCT_SIZE(cinfo) ((cinfo)->min_DCT_h_scaled_size)
#else
#define PET_DCT_SIZE(component) ((component)->DCT_scaled_size)
#define PET_LEAST_DCT_SIZE(cinfo) ((cinfo)->min_DCT_scaled_size)
#endif

typedef struct {
  PetHeap pools[JPOOL_NUMPOOLS];
  jvirt_barray_ptr arrays;
  int file;                       /* of the arrays, -1 = they are in memory */
  int64_t file_end;               /* bytes given to arrays so far */
  struct jpeg_memory_mgr library; /* the library's own methods */
} PetJpegMemory;

/* To be called right after jpeg_create_decompress. `memory` must outlive
 * `cinfo`, whose client_data it takes; jpeg_destroy_decompress frees all. */
void pet_jpeg_memory_init (
    PetJpegMemory *memory, j_decompress_ptr cinfo, const PetAllocator *a);

/* What decoding takes at most once jpeg_calc_output_dimensions was called.
 * Arrays of more than `max_held` bytes (0 = no limit) will be in a file. */
size_t pet_jpeg_memory_bound (j_decompress_ptr cinfo, uint64_t max_held);
