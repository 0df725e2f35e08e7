/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GStreamer's own CUDA memory (caps feature memory:CUDAMemory, gst-libs/gst/cuda
 * of gst-plugins-bad), so that cudaupload, cudadownload and the elements of
 * nvcodec stand beside ours. Its library is opened at run time, and only where a
 * card is used: the plugin does not link to it. What is made here lives in the
 * card's primary context, where our kernels are; elements around us are offered
 * that context. Built without its headers, nothing here is possible. */

#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "gstpetcuda.h"

G_BEGIN_DECLS

#define GST_PET_CUDA_FEATURE "memory:CUDAMemory"

/* What a pad template takes beside the system's memory. */
#if PET_HAVE_GST_CUDA
#define GST_PET_CUDA_CAPS(formats)                                             \
  "; " GST_VIDEO_CAPS_MAKE_WITH_FEATURES (GST_PET_CUDA_FEATURE, formats)
#else
#define GST_PET_CUDA_CAPS(formats) ""
#endif

/* Whether it was built with the headers. */
gboolean gst_pet_cuda_memory_is_built (void);

/* What an element uses of it, on one card. */
typedef struct _GstPetCudaLink GstPetCudaLink;

/* On `card`, which must stay. NULL where it is not possible: the log says why. */
GstPetCudaLink *gst_pet_cuda_link_new (GstPetCard *card);
void gst_pet_cuda_link_free (GstPetCudaLink **link); /* *link NULL allowed */

/* Answers a neighbour's CONTEXT query to `element` with the primary context of
 * the card `id`, which is opened for that if nobody has it. FALSE: it is about
 * something else, or not possible. */
gboolean gst_pet_cuda_answer_context (
    GstElement *element, GstQuery *query, gint id);

/* Answers an ALLOCATION query whose caps are of that memory; frames are charged to the card's
 * account. */
gboolean gst_pet_cuda_link_propose (GstPetCudaLink *link, GstQuery *query);

/* A buffer of caps `caps` (fixed, of that memory), charged like that. MEMORY:
 * the card or its account is full. */
PetStatus gst_pet_cuda_link_buffer (
    GstPetCudaLink *link, GstCaps *caps, GstBuffer **buffer, PetError *error);

/* The picture of a buffer as a frame of the card. Everything that was started on
 * it must be done before gst_pet_cuda_view_end (). */
typedef struct {
  GstBuffer *buffer; /* borrowed */
  GstVideoFrame mapped;
  PetCudaFrame *frame;
} GstPetCudaView;

/* Of `info`'s size. For reading, what is in another context is copied first; for
 * writing it must be of gst_pet_cuda_link_buffer (). UNSUPPORTED: no such
 * memory. */
PetStatus gst_pet_cuda_view_begin (GstPetCudaLink *link, GstBuffer *buffer,
    const GstVideoInfo *info, gboolean write, GstPetCudaView *view,
    PetError *error);
void gst_pet_cuda_view_end (GstPetCudaLink *link, GstPetCudaView *view);

G_END_DECLS
