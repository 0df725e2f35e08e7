/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define GST_USE_UNSTABLE_API

#include "gstpetcudamemory.h"

#include <gst/cuda/gstcudabufferpool.h>
#include <gst/cuda/gstcudautils.h>
#include <string.h>

#include "gstpetcudapool.h"

static GMutex lock;
static GHashTable *contexts; /* GstCudaContext by device; kept for good */

gboolean
gst_pet_cuda_memory_is_built (void)
{
  return TRUE;
}

/* The primary context of the card; borrowed. NULL: the log says why. It stays
 * as long as the process, so what is wrapped around it may, too. */
static GstCudaContext *
context_of_locked (GstPetCard *card)
{
  const GstPetCudaLibrary *library = gst_pet_cuda_library ();
  const PetCudaApi *api = gst_pet_cuda_api (NULL);
  gint device = gst_pet_card_device (card);
  GstCudaContext *context;
  PetError error;
  void *handle;

  if (contexts == NULL)
    contexts = g_hash_table_new (NULL, NULL);
  context = g_hash_table_lookup (contexts, GINT_TO_POINTER (device));
  if (context != NULL)
    return context;
  if (api->context (gst_pet_card_cuda (card), &handle, &error) != PET_OK) {
    GST_WARNING ("no CUDA memory: %s", error.message);
    return NULL;
  }
  context = library->gst_cuda_context_new_wrapped (handle, device);
  if (context == NULL) {
    GST_WARNING ("no CUDA memory: GStreamer cannot use the card's context");
    return NULL;
  }
  GST_OBJECT_FLAG_SET (context, GST_OBJECT_FLAG_MAY_BE_LEAKED);
  g_hash_table_insert (contexts, GINT_TO_POINTER (device), context);
  return context;
}

static GstCudaContext *
context_of (GstPetCard *card)
{
  GstCudaContext *context;

  g_mutex_lock (&lock);
  context = context_of_locked (card);
  g_mutex_unlock (&lock);
  return context;
}

/* Before the element has a card of its own. */
static GstCudaContext *
context_of_device (gint device)
{
  GstCudaContext *context = NULL;
  GstPetCard *card;
  PetError error;

  g_mutex_lock (&lock);
  if (contexts != NULL)
    context = g_hash_table_lookup (contexts, GINT_TO_POINTER (MAX (device, 0)));
  g_mutex_unlock (&lock);
  if (context != NULL)
    return context;
  if (gst_pet_card_open (device, &card, &error) != PET_OK) {
    GST_INFO ("no CUDA context for a neighbour: %s", error.message);
    return NULL;
  }
  context = context_of (card);
  gst_pet_card_close (&card);
  return context;
}

gboolean
gst_pet_cuda_answer_context (GstElement *element, GstQuery *query, gint id)
{
  const GstPetCudaLibrary *library;
  GstCudaContext *context;
  const gchar *type;

  if (!gst_query_parse_context_type (query, &type) ||
      !g_str_equal (type, GST_CUDA_CONTEXT_TYPE))
    return FALSE;
  library = gst_pet_cuda_library ();
  if (library == NULL)
    return FALSE;
  context = context_of_device (id);
  return context != NULL &&
      library->gst_cuda_handle_context_query (element, query, context);
}

struct _GstPetCudaLink {
  GstPetCard *card; /* borrowed */
  const PetCudaApi *api;
  GstCudaContext *context; /* borrowed */
  GstBufferPool *pool;     /* for pictures of `caps`; NULL before the first */
  GstCaps *caps;
  PetCudaFrame *copy; /* kept for the next picture that must be copied */
};

GstPetCudaLink *
gst_pet_cuda_link_new (GstPetCard *card)
{
  GstPetCudaLink *link;
  GstCudaContext *context;

  if (gst_pet_cuda_library () == NULL)
    return NULL;
  context = context_of (card);
  if (context == NULL)
    return NULL;
  link = g_new0 (GstPetCudaLink, 1);
  link->card = card;
  link->api = gst_pet_cuda_api (NULL);
  link->context = context;
  return link;
}

/* What is out comes back to the pool, and goes with it. */
static void
drop_pool (GstPetCudaLink *link)
{
  if (link->pool != NULL)
    gst_buffer_pool_set_active (link->pool, FALSE);
  gst_clear_object (&link->pool);
  gst_clear_caps (&link->caps);
}

void
gst_pet_cuda_link_free (GstPetCudaLink **pointer)
{
  GstPetCudaLink *link = *pointer;

  if (link == NULL)
    return;
  drop_pool (link);
  if (link->copy != NULL)
    link->api->frame_free (&link->copy);
  g_free (link);
  *pointer = NULL;
}

gboolean
gst_pet_cuda_link_propose (GstPetCudaLink *link, GstQuery *query)
{
  GstBufferPool *pool;
  gboolean need_pool;
  guint bytes;
  GstCaps *caps;

  gst_query_parse_allocation (query, &caps, &need_pool);
  if (caps == NULL)
    return FALSE;
  pool = gst_pet_cuda_pool_new (
      link->context, gst_pet_card_budget (link->card), caps, &bytes);
  if (pool != NULL)
    gst_query_add_allocation_pool (query, pool, bytes, 0, 0);
  gst_clear_object (&pool);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

static PetStatus
open_pool (GstPetCudaLink *link, GstCaps *caps, PetError *error)
{
  guint bytes;

  if (link->pool != NULL && gst_caps_is_equal (link->caps, caps))
    return PET_OK;
  drop_pool (link);
  link->pool = gst_pet_cuda_pool_new (
      link->context, gst_pet_card_budget (link->card), caps, &bytes);
  if (link->pool == NULL || !gst_buffer_pool_set_active (link->pool, TRUE)) {
    drop_pool (link);
    return pet_fail (error, PET_ERROR_MEMORY,
        "the GPU or its account has no room for CUDA memory");
  }
  link->caps = gst_caps_ref (caps);
  return PET_OK;
}

PetStatus
gst_pet_cuda_link_buffer (
    GstPetCudaLink *link, GstCaps *caps, GstBuffer **buffer, PetError *error)
{
  PET_TRY (open_pool (link, caps, error));
  if (gst_buffer_pool_acquire_buffer (link->pool, buffer, NULL) != GST_FLOW_OK)
    return pet_fail (error, PET_ERROR_MEMORY,
        "the GPU or its account has no room for CUDA memory");
  return PET_OK;
}

static const GstCudaMemory *
memory_of (GstBuffer *buffer)
{
  GstMemory *memory = gst_buffer_n_memory (buffer) == 1
      ? gst_buffer_peek_memory (buffer, 0)
      : NULL;

  return memory != NULL &&
          gst_memory_is_type (memory, GST_CUDA_MEMORY_TYPE_NAME)
      ? (const GstCudaMemory *) memory
      : NULL;
}

/* Where the mapped picture is. */
static PetCudaOutside
outside_of (const GstPetCudaView *view, const GstCudaMemory *memory)
{
  const GstVideoFrame *mapped = &view->mapped;
  gboolean told = gst_buffer_get_video_meta (view->buffer) != NULL;

  return (PetCudaOutside){
    .data = GST_VIDEO_FRAME_PLANE_DATA (mapped, 0),
    .width = GST_VIDEO_FRAME_WIDTH (mapped),
    .height = GST_VIDEO_FRAME_HEIGHT (mapped),
    .channels = GST_VIDEO_FRAME_COMP_PSTRIDE (mapped, 0),
    .stride_bytes = told ? GST_VIDEO_FRAME_PLANE_STRIDE (mapped, 0)
                         : memory->info.stride[0],
    .context =
        gst_pet_cuda_library ()->gst_cuda_context_get_handle (memory->context),
  };
}

/* A frame of our own with the same pixels. */
static PetStatus
copy (GstPetCudaLink *link, const PetCudaOutside *outside,
    PetCudaFrame **result, PetError *error)
{
  PetCuda *cuda = gst_pet_card_cuda (link->card);
  PetStatus status;

  if (link->copy != NULL &&
      !link->api->frame_fit (
          link->copy, outside->width, outside->height, outside->channels))
    link->api->frame_free (&link->copy);
  if (link->copy == NULL)
    PET_TRY (link->api->frame_new (cuda, outside->width, outside->height,
        outside->channels, &link->copy, error));
  status = link->api->frame_copy (cuda, link->copy, outside, error);
  if (status == PET_OK)
    *result = link->copy;
  return status;
}

PetStatus
gst_pet_cuda_view_begin (GstPetCudaLink *link, GstBuffer *buffer,
    const GstVideoInfo *info, gboolean write, GstPetCudaView *view,
    PetError *error)
{
  GstMapFlags access =
      (GstMapFlags) ((write ? GST_MAP_WRITE : GST_MAP_READ) | GST_MAP_CUDA);
  const GstCudaMemory *memory = memory_of (buffer);
  PetCudaOutside outside;
  PetStatus status;

  if (memory == NULL)
    return pet_fail (error, PET_ERROR_UNSUPPORTED, "this is no CUDA memory");
  memset (view, 0, sizeof *view);
  view->buffer = buffer;
  if (!gst_video_frame_map (&view->mapped, info, buffer, access))
    return pet_fail (error, PET_ERROR_DEVICE, "CUDA memory cannot be mapped");
  outside = outside_of (view, memory);
  status = link->api->frame_wrap (
      gst_pet_card_cuda (link->card), &outside, &view->frame, error);
  if (status == PET_ERROR_UNSUPPORTED && !write)
    status = copy (link, &outside, &view->frame, error);
  if (status != PET_OK)
    gst_video_frame_unmap (&view->mapped);
  return status;
}

void
gst_pet_cuda_view_end (GstPetCudaLink *link, GstPetCudaView *view)
{
  if (view->frame != link->copy)
    link->api->frame_free (&view->frame);
  gst_video_frame_unmap (&view->mapped);
}
