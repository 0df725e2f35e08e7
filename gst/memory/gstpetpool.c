/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The base class keeps released buffers in a list and hands them out again; all
 * that is replaced. Acquire makes a frame, release frees it. */

#include "memory/gstpetpool.h"

#include "memory/gstpetbudget-private.h"
#include "memory/gstpetmemory.h"

struct _GstPetPool {
  GstBufferPool parent;

  GstPetBudget *budget;
  GstAllocator *allocator;
  gint out; /* atomic */
  gint max; /* atomic; 0 = none */

  GMutex lock;
  GCond released;
  gboolean flushing;
  GstVideoInfo info; /* of the configuration; size 0 without */
  gboolean add_meta;
};

/* What gst_pet_pool_take() says beyond GstBufferPool's own. */
#define FLAG_TAKE GST_BUFFER_POOL_ACQUIRE_FLAG_LAST
#define FLAG_BEYOND (GST_BUFFER_POOL_ACQUIRE_FLAG_LAST << 1)

typedef struct {
  GstBufferPoolAcquireParams params;
  GstPetTicket *ticket;
  gsize size;
} TakeParams;

G_DEFINE_TYPE (GstPetPool, gst_pet_pool, GST_TYPE_BUFFER_POOL)

static const gchar **
gst_pet_pool_get_options (GstBufferPool *pool)
{
  static const gchar *options[] = { GST_BUFFER_POOL_OPTION_VIDEO_META, NULL };

  return options;
}

static gboolean
gst_pet_pool_set_config (GstBufferPool *pool, GstStructure *config)
{
  GstPetPool *self = GST_PET_POOL (pool);
  guint size, min, max;
  GstVideoInfo info;
  GstCaps *caps;

  gst_video_info_init (&info);
  if (!gst_buffer_pool_config_get_params (config, &caps, &size, &min, &max) ||
      (caps != NULL && !gst_video_info_from_caps (&info, caps)))
    return FALSE;
  info.size = MAX (info.size, size);
  g_mutex_lock (&self->lock);
  self->info = info;
  self->add_meta = gst_buffer_pool_config_has_option (
      config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  g_mutex_unlock (&self->lock);
  g_atomic_int_set (&self->max, (gint) max);
  return GST_BUFFER_POOL_CLASS (gst_pet_pool_parent_class)
      ->set_config (pool, config);
}

/* Nothing is made in advance, nothing is kept. */
static gboolean
gst_pet_pool_start (GstBufferPool *pool)
{
  return TRUE;
}

static gboolean
gst_pet_pool_stop (GstBufferPool *pool)
{
  return TRUE;
}

static void
gst_pet_pool_flush_start (GstBufferPool *pool)
{
  GstPetPool *self = GST_PET_POOL (pool);

  g_mutex_lock (&self->lock);
  self->flushing = TRUE;
  g_cond_broadcast (&self->released);
  g_mutex_unlock (&self->lock);
}

static void
gst_pet_pool_flush_stop (GstBufferPool *pool)
{
  GstPetPool *self = GST_PET_POOL (pool);

  g_mutex_lock (&self->lock);
  self->flushing = FALSE;
  g_mutex_unlock (&self->lock);
}

static gboolean
is_full (GstPetPool *self)
{
  gint max = g_atomic_int_get (&self->max);

  return max > 0 && g_atomic_int_get (&self->out) >= max;
}

/* OK: a place is taken. */
static GstFlowReturn
take_place (GstPetPool *self, guint flags)
{
  GstFlowReturn flow = GST_FLOW_OK;

  g_mutex_lock (&self->lock);
  while (flow == GST_FLOW_OK && !(flags & FLAG_BEYOND) && is_full (self)) {
    if (self->flushing)
      flow = GST_FLOW_FLUSHING;
    else if (flags & GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT)
      flow = GST_FLOW_EOS;
    else
      g_cond_wait (&self->released, &self->lock);
  }
  if (self->flushing)
    flow = GST_FLOW_FLUSHING;
  if (flow == GST_FLOW_OK)
    g_atomic_int_inc (&self->out);
  g_mutex_unlock (&self->lock);
  return flow;
}

static void
leave_place (GstPetPool *self)
{
  g_mutex_lock (&self->lock);
  g_atomic_int_add (&self->out, -1);
  g_cond_signal (&self->released);
  g_mutex_unlock (&self->lock);
  gst_pet_budget_wake (self->budget);
}

static GstFlowReturn
gst_pet_pool_acquire_buffer (
    GstBufferPool *pool, GstBuffer **buffer, GstBufferPoolAcquireParams *params)
{
  GstPetPool *self = GST_PET_POOL (pool);
  guint flags = params != NULL ? params->flags : 0;
  const TakeParams *take =
      flags & FLAG_TAKE ? (const TakeParams *) params : NULL;
  GstFlowReturn flow = take_place (self, flags);
  GstMemory *memory;
  GstVideoInfo info;
  gboolean add_meta;

  if (flow != GST_FLOW_OK)
    return flow;
  g_mutex_lock (&self->lock);
  info = self->info;
  add_meta = self->add_meta;
  g_mutex_unlock (&self->lock);
  memory = gst_pet_allocator_take (self->allocator,
      take != NULL ? take->ticket : NULL, take != NULL ? take->size : info.size,
      take == NULL);
  if (memory == NULL) {
    leave_place (self);
    return GST_FLOW_ERROR;
  }
  *buffer = gst_buffer_new ();
  gst_buffer_append_memory (*buffer, memory);
  if (take == NULL && add_meta && GST_VIDEO_INFO_N_PLANES (&info) > 0)
    gst_buffer_add_video_meta_full (*buffer, 0, GST_VIDEO_INFO_FORMAT (&info),
        (guint) info.width, (guint) info.height,
        GST_VIDEO_INFO_N_PLANES (&info), info.offset, info.stride);
  return GST_FLOW_OK;
}

static void
gst_pet_pool_release_buffer (GstBufferPool *pool, GstBuffer *buffer)
{
  gst_buffer_unref (buffer);
  leave_place (GST_PET_POOL (pool));
}

static void
gst_pet_pool_init (GstPetPool *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->released);
  gst_video_info_init (&self->info);
  self->flushing = TRUE;
}

static void
gst_pet_pool_dispose (GObject *object)
{
  GstPetPool *self = GST_PET_POOL (object);

  if (self->budget != NULL) {
    g_mutex_lock (&self->budget->lock);
    self->budget->pools = g_list_remove (self->budget->pools, self);
    g_mutex_unlock (&self->budget->lock);
  }
  G_OBJECT_CLASS (gst_pet_pool_parent_class)->dispose (object);
}

static void
gst_pet_pool_finalize (GObject *object)
{
  GstPetPool *self = GST_PET_POOL (object);

  G_OBJECT_CLASS (gst_pet_pool_parent_class)->finalize (object);
  gst_clear_object (&self->allocator);
  gst_clear_object (&self->budget);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->released);
}

static void
gst_pet_pool_class_init (GstPetPoolClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstBufferPoolClass *pool_class = GST_BUFFER_POOL_CLASS (klass);

  object_class->dispose = gst_pet_pool_dispose;
  object_class->finalize = gst_pet_pool_finalize;
  pool_class->get_options = gst_pet_pool_get_options;
  pool_class->set_config = gst_pet_pool_set_config;
  pool_class->start = gst_pet_pool_start;
  pool_class->stop = gst_pet_pool_stop;
  pool_class->flush_start = gst_pet_pool_flush_start;
  pool_class->flush_stop = gst_pet_pool_flush_stop;
  pool_class->acquire_buffer = gst_pet_pool_acquire_buffer;
  pool_class->release_buffer = gst_pet_pool_release_buffer;
}

static GstPetPool *
new_pool (GstPetBudget *budget, GstCaps *caps, guint size, guint max)
{
  GstPetPool *self = g_object_new (GST_TYPE_PET_POOL, NULL);
  GstStructure *config;

  gst_object_ref_sink (self);
  self->budget = gst_object_ref (budget);
  self->allocator = gst_pet_allocator_new (budget);
  config = gst_buffer_pool_get_config (GST_BUFFER_POOL (self));
  gst_buffer_pool_config_set_params (config, caps, size, 0, max);
  if (!gst_buffer_pool_set_config (GST_BUFFER_POOL (self), config)) {
    gst_object_unref (self);
    return NULL;
  }
  g_mutex_lock (&budget->lock);
  budget->pools = g_list_prepend (budget->pools, self);
  g_mutex_unlock (&budget->lock);
  return self;
}

GstPetPool *
gst_pet_pool_new (GstPetBudget *budget, guint max_buffers)
{
  GstPetPool *self = new_pool (budget, NULL, 0, max_buffers);

  gst_buffer_pool_set_active (GST_BUFFER_POOL (self), TRUE);
  return self;
}

GstPetPool *
gst_pet_pool_new_for_caps (
    GstPetBudget *budget, GstCaps *caps, guint max_buffers)
{
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, caps))
    return NULL;
  return new_pool (budget, caps, (guint) info.size, max_buffers);
}

GstBuffer *
gst_pet_pool_take (GstPetPool *self, GstPetTicket *ticket, gsize size)
{
  TakeParams params = {
    .params.flags = (GstBufferPoolAcquireFlags) (FLAG_TAKE | FLAG_BEYOND),
    .ticket = ticket,
    .size = size,
  };
  GstBuffer *buffer = NULL;

  /* Nothing but OK means that there is no memory: it never waits. */
  if (gst_buffer_pool_acquire_buffer (
          GST_BUFFER_POOL (self), &buffer, &params.params) != GST_FLOW_OK)
    return NULL;
  return buffer;
}

guint
gst_pet_pool_get_out (GstPetPool *self)
{
  return (guint) g_atomic_int_get (&self->out);
}

gdouble
gst_pet_pool_get_fullness (GstPetPool *self)
{
  gint max = g_atomic_int_get (&self->max);

  return max > 0 ? (gdouble) g_atomic_int_get (&self->out) / max : 0;
}
