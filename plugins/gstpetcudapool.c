/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define GST_USE_UNSTABLE_API

#include "gstpetcudapool.h"

#include <dlfcn.h>

#define LIBRARY "libgstcuda-1.0.so.0"

static gboolean
find_calls (gpointer module, GstPetCudaLibrary *library)
{
  const gchar *missing = NULL;

  /* POSIX wants functions to pass through a void pointer. */
#define FIND(name)                                                             \
  *(gpointer *) &library->name = dlsym (module, #name);                        \
  missing = library->name == NULL ? #name : missing;
  GST_PET_CUDA_CALLS (FIND)
#undef FIND
  if (missing != NULL)
    GST_WARNING ("no CUDA memory: " LIBRARY " has no %s", missing);
  return missing == NULL;
}

static gboolean
load (GstPetCudaLibrary *library)
{
  guint major, minor, micro, nano;
  gpointer module;

  gst_version (&major, &minor, &micro, &nano);
  if (major != GST_VERSION_MAJOR || minor != GST_VERSION_MINOR) {
    GST_WARNING ("no CUDA memory: built for GStreamer %d.%d, this is %u.%u",
        GST_VERSION_MAJOR, GST_VERSION_MINOR, major, minor);
    return FALSE;
  }
  module = dlopen (LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (module == NULL) {
    GST_INFO ("no CUDA memory: %s", dlerror ());
    return FALSE;
  }
  if (!find_calls (module, library))
    return FALSE;
  if (!library->gst_cuda_load_library ()) {
    GST_WARNING ("no CUDA memory: GStreamer finds no driver");
    return FALSE;
  }
  library->gst_cuda_memory_init_once ();
  return TRUE;
}

const GstPetCudaLibrary *
gst_pet_cuda_library (void)
{
  static GstPetCudaLibrary library;
  static gboolean loaded;
  static gsize once;

  if (g_once_init_enter (&once)) {
    loaded = load (&library);
    g_once_init_leave (&once, 1);
  }
  return loaded ? &library : NULL;
}

typedef struct {
  GstCudaBufferPool parent;
  GstPetBudget *budget;
  guint bytes; /* of a frame */
} GstPetCudaPool;

typedef GstCudaBufferPoolClass GstPetCudaPoolClass;

static GType gst_pet_cuda_pool_get_type (void);
G_DEFINE_TYPE (GstPetCudaPool, gst_pet_cuda_pool,
    gst_pet_cuda_library ()->gst_cuda_buffer_pool_get_type ())

/* More than a row of it can take on the card. */
#define MAX_PITCH(row) (GST_ROUND_UP_N ((guint64) (row), 512) + 512)

/* The library takes a frame to see how large it is, and frees it. */
static gboolean
set_config (GstBufferPool *pool, GstStructure *config)
{
  GstPetCudaPool *self = (GstPetCudaPool *) pool;
  guint64 trial;
  GstVideoInfo info;
  gboolean set;
  GstCaps *caps;
  guint min, max;

  if (!gst_buffer_pool_config_get_params (
          config, &caps, &self->bytes, &min, &max) ||
      caps == NULL || !gst_video_info_from_caps (&info, caps))
    return FALSE;
  trial = MAX_PITCH (info.stride[0]) * (guint64) info.height;
  if (!gst_pet_budget_try_draw (self->budget, trial))
    return FALSE;
  set = GST_BUFFER_POOL_CLASS (gst_pet_cuda_pool_parent_class)
            ->set_config (pool, config);
  gst_pet_budget_give_back (self->budget, NULL, trial);
  return set &&
      gst_buffer_pool_config_get_params (
          config, &caps, &self->bytes, &min, &max);
}

static GstFlowReturn
alloc_buffer (
    GstBufferPool *pool, GstBuffer **buffer, GstBufferPoolAcquireParams *params)
{
  GstPetCudaPool *self = (GstPetCudaPool *) pool;
  GstFlowReturn result;

  if (!gst_pet_budget_try_draw (self->budget, self->bytes))
    return GST_FLOW_ERROR;
  result = GST_BUFFER_POOL_CLASS (gst_pet_cuda_pool_parent_class)
               ->alloc_buffer (pool, buffer, params);
  if (result != GST_FLOW_OK)
    gst_pet_budget_give_back (self->budget, NULL, self->bytes);
  return result;
}

static void
free_buffer (GstBufferPool *pool, GstBuffer *buffer)
{
  GstPetCudaPool *self = (GstPetCudaPool *) pool;

  GST_BUFFER_POOL_CLASS (gst_pet_cuda_pool_parent_class)
      ->free_buffer (pool, buffer);
  gst_pet_budget_give_back (self->budget, NULL, self->bytes);
}

static void
gst_pet_cuda_pool_finalize (GObject *object)
{
  GstPetBudget *budget = ((GstPetCudaPool *) object)->budget;

  /* The parent frees what is left of the frames. */
  G_OBJECT_CLASS (gst_pet_cuda_pool_parent_class)->finalize (object);
  gst_object_unref (budget);
}

static void
gst_pet_cuda_pool_class_init (GstPetCudaPoolClass *klass)
{
  GstBufferPoolClass *pool_class = GST_BUFFER_POOL_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = gst_pet_cuda_pool_finalize;
  pool_class->set_config = set_config;
  pool_class->alloc_buffer = alloc_buffer;
  pool_class->free_buffer = free_buffer;
}

static void
gst_pet_cuda_pool_init (GstPetCudaPool *self)
{
}

GstBufferPool *
gst_pet_cuda_pool_new (
    GstCudaContext *context, GstPetBudget *budget, GstCaps *caps, guint *bytes)
{
  GstPetCudaPool *self = g_object_new (gst_pet_cuda_pool_get_type (), NULL);
  GstBufferPool *pool = gst_object_ref_sink (GST_BUFFER_POOL_CAST (self));
  GstStructure *config = gst_buffer_pool_get_config (pool);
  GstVideoInfo info;

  self->parent.context = gst_object_ref (context);
  self->budget = gst_object_ref (budget);
  if (gst_video_info_from_caps (&info, caps)) {
    gst_buffer_pool_config_set_params (
        config, caps, (guint) GST_VIDEO_INFO_SIZE (&info), 0, 0);
    gst_buffer_pool_config_add_option (
        config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    if (gst_buffer_pool_set_config (pool, config)) {
      *bytes = self->bytes;
      return pool;
    }
  } else {
    gst_structure_free (config);
  }
  gst_object_unref (pool);
  return NULL;
}
