/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libjpeg's memory out of a PetAllocator. Everything the library asks for
 * after jpeg_create_decompress (which takes some 4 KiB from the C library) is
 * charged; whole-picture arrays are held in memory and never in a temporary
 * file. Rows are handed out zeroed. */

#pragma once

#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

#include "base/pet-alloc.h"
#include "codec/pet-heap.h"

typedef struct {
  PetHeap pools[JPOOL_NUMPOOLS];
  jvirt_barray_ptr arrays;
  struct jpeg_memory_mgr library; /* the library's own methods */
} PetJpegMemory;

/* To be called right after jpeg_create_decompress. `memory` must outlive
 * `cinfo`, whose client_data it takes; jpeg_destroy_decompress frees all. */
void pet_jpeg_memory_init (
    PetJpegMemory *memory, j_decompress_ptr cinfo, const PetAllocator *a);

/* What decoding takes at most once jpeg_calc_output_dimensions was called. */
size_t pet_jpeg_memory_bound (j_decompress_ptr cinfo);
