/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GStreamer's library for CUDA memory, opened at run time, and its pool of
 * frames, charged to an account. Internal to gstpetcudamemory.c. */

#pragma once

#include <gst/cuda/gstcudabufferpool.h>
#include <gst/cuda/gstcudautils.h>

#include "memory/gstpetbudget.h"

G_BEGIN_DECLS

#define GST_PET_CUDA_CALLS(call)                                               \
  call (gst_cuda_load_library) call (gst_cuda_context_new_wrapped)             \
      call (gst_cuda_context_get_handle) call (gst_cuda_handle_context_query)  \
          call (gst_cuda_buffer_pool_get_type)                                 \
              call (gst_cuda_memory_init_once)

typedef struct {
#define GST_PET_CUDA_MEMBER(name) __typeof__ (&name) name;
  GST_PET_CUDA_CALLS (GST_PET_CUDA_MEMBER)
#undef GST_PET_CUDA_MEMBER
} GstPetCudaLibrary;

/* Opened at the first call and never closed; NULL where there is none, or one of
 * another version than it was built for: its interface is not stable. The log
 * says why. Thread-safety: safe. */
const GstPetCudaLibrary *gst_pet_cuda_library (void);

/* Frames of fixed caps in `context`; each is charged to `budget` before it is
 * taken, and refused beyond its limit. NULL: no room for one now. Transfer
 * full. */
GstBufferPool *gst_pet_cuda_pool_new (
    GstCudaContext *context, GstPetBudget *budget, GstCaps *caps, guint *bytes);

G_END_DECLS
