/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-petsegment
 * @title: petsegment
 *
 * Finds the pet in a photo and cuts it out: RGBA with a soft alpha, or the
 * mask alone, or the mask as a meta. The network is built in; any ONNX
 * segmentation network can take its place (#GstPetSegment:model-location). A photo
 * of which it is unsure, or in which it finds no pet, is shown to a second, larger
 * one (#GstPetSegment:second-model-location), whose answer counts.
 *
 * For every photo one element message "petsegment" is posted: {source, index,
 * width, height, coverage, box-x, box-y, box-width, box-height, device,
 * milliseconds, empty, second}. "device" is "cuda" where the GPU did all of it, and
 * "cpu" where some was left to the CPU. Alpha that comes in is respected: what was
 * transparent stays so.
 *
 * With a GPU, cut-outs stay on it until somebody maps them. Where the build has it,
 * GStreamer's own CUDA memory is taken and given, too (docs/cuda.md).
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=dog.jpg ! petdec max-size=1536 ! petsegment subject=largest ! petpngenc ! petfilesink location=cutout.png
 * ]|
 */

#include "gstpetsegment.h"

#include <gst/video/video.h>

#include "gstpetfields.h"
#include "gstpetoutput.h"
#include "gstpetsegmentproperties.h"
#include "gstpetwork.h"
#include "base/pet-cpu.h"
#include "memory/gstpetaccount.h"
#include "memory/gstpetcost.h"
#include "memory/gstpetmemory.h"
#include "meta/gstpetsourcemeta.h"

GST_DEBUG_CATEGORY_STATIC (pet_segment_debug);
#define GST_CAT_DEFAULT pet_segment_debug

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
        GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, RGBA }")
                GST_PET_CUDA_CAPS ("{ RGB, RGBA }")));

static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
        GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGBA, RGB, GRAY8 }")
                GST_PET_CUDA_CAPS ("{ RGBA, RGB }")));

struct _GstPetSegment {
  GstBaseTransform parent;

  /* properties, under the object lock */
  gchar *model_location, *second_location;
  GstPetCudaPart cuda; /* device and card */
  GstPetPrecision precision;
  guint threads, batch_size, batch_timeout; /* ms */
  GstPetOutput output;
  GstPetMatteOptions matte;
  GstPetOnEmpty on_empty;
  gchar *budget;

  gint hurried;               /* atomic; a photo waits for no others now */
  guint cores;                /* at start */
  GstPetAccount account;      /* streaming thread; between start and stop */
  GstPetNetwork network;      /* likewise */
  const gchar *active_device; /* object lock; NULL: `network` may not be read */
  GstPetOutput active_output; /* what the caps were negotiated for */
  GstVideoInfo in_info, out_info;

  /* counters, under the object lock */
  guint64 n_photos, n_empty, n_second;
  gdouble milliseconds;
};

G_DEFINE_TYPE (GstPetSegment, gst_pet_segment, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (
    petsegment, "petsegment", GST_RANK_NONE, GST_TYPE_PET_SEGMENT)

static void gst_pet_segment_finalize (GObject *object);
static void gst_pet_segment_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec);
static void gst_pet_segment_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec);
static GstStateChangeReturn gst_pet_segment_change_state (
    GstElement *element, GstStateChange transition);
static gboolean gst_pet_segment_start (GstBaseTransform *trans);
static gboolean gst_pet_segment_stop (GstBaseTransform *trans);
static GstCaps *gst_pet_segment_transform_caps (GstBaseTransform *trans,
    GstPadDirection direction, GstCaps *caps, GstCaps *filter);
static gboolean gst_pet_segment_set_caps (
    GstBaseTransform *trans, GstCaps *in_caps, GstCaps *out_caps);
static gboolean gst_pet_segment_sink_event (
    GstBaseTransform *trans, GstEvent *event);
static gboolean gst_pet_segment_query (
    GstBaseTransform *trans, GstPadDirection direction, GstQuery *query);
static gboolean gst_pet_segment_propose_allocation (
    GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query);
static GstFlowReturn gst_pet_segment_prepare_output_buffer (
    GstBaseTransform *trans, GstBuffer *in, GstBuffer **out);
static GstFlowReturn gst_pet_segment_transform (
    GstBaseTransform *trans, GstBuffer *in, GstBuffer *out);

static void
gst_pet_segment_class_init (GstPetSegmentClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (
      pet_segment_debug, "petsegment", 0, "pet segmentation");

  object_class->finalize = gst_pet_segment_finalize;
  object_class->set_property = gst_pet_segment_set_property;
  object_class->get_property = gst_pet_segment_get_property;
  gst_pet_segment_install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Pet segmenter",
      "Filter/Effect/Video",
      "Finds the pet in a photo and cuts it out with a soft alpha",
      "gst-plugins-pet");

  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_pet_segment_change_state);
  trans_class->start = GST_DEBUG_FUNCPTR (gst_pet_segment_start);
  trans_class->stop = GST_DEBUG_FUNCPTR (gst_pet_segment_stop);
  trans_class->transform_caps =
      GST_DEBUG_FUNCPTR (gst_pet_segment_transform_caps);
  trans_class->set_caps = GST_DEBUG_FUNCPTR (gst_pet_segment_set_caps);
  trans_class->sink_event = GST_DEBUG_FUNCPTR (gst_pet_segment_sink_event);
  trans_class->query = GST_DEBUG_FUNCPTR (gst_pet_segment_query);
  trans_class->propose_allocation =
      GST_DEBUG_FUNCPTR (gst_pet_segment_propose_allocation);
  trans_class->prepare_output_buffer =
      GST_DEBUG_FUNCPTR (gst_pet_segment_prepare_output_buffer);
  trans_class->transform = GST_DEBUG_FUNCPTR (gst_pet_segment_transform);
  trans_class->passthrough_on_same_caps = FALSE;
}

static void
gst_pet_segment_init (GstPetSegment *self)
{
  self->cuda.device = DEFAULT_DEVICE;
  self->cuda.device_id = DEFAULT_CUDA_DEVICE_ID;
  self->precision = DEFAULT_PRECISION;
  self->threads = DEFAULT_THREADS;
  self->batch_size = DEFAULT_BATCH_SIZE;
  self->batch_timeout = DEFAULT_BATCH_TIMEOUT;
  self->output = DEFAULT_OUTPUT;
  self->matte.refine = DEFAULT_REFINE;
  self->matte.decontaminate = DEFAULT_DECONTAMINATE;
  self->matte.scrub_transparent = DEFAULT_SCRUB_TRANSPARENT;
  self->matte.subject = DEFAULT_SUBJECT;
  self->on_empty = DEFAULT_ON_EMPTY;
  self->budget = g_strdup (GST_PET_BUDGET_DEFAULT);
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), FALSE);
}

static void
gst_pet_segment_finalize (GObject *object)
{
  GstPetSegment *self = GST_PET_SEGMENT (object);

  g_free (self->model_location);
  g_free (self->second_location);
  g_free (self->budget);
  gst_pet_cuda_part_stop (GST_ELEMENT (self), &self->cuda);
  gst_pet_network_close (&self->network);
  gst_pet_account_close (&self->account);
  G_OBJECT_CLASS (gst_pet_segment_parent_class)->finalize (object);
}

static const GstPetField fields[] = {
  GST_PET_FIELD (PROP_MODEL_LOCATION, GstPetSegment, model_location),
  GST_PET_FIELD (PROP_SECOND_MODEL_LOCATION, GstPetSegment, second_location),
  GST_PET_FIELD (PROP_DEVICE, GstPetSegment, cuda.device),
  GST_PET_FIELD (PROP_CUDA_DEVICE_ID, GstPetSegment, cuda.device_id),
  GST_PET_FIELD (PROP_PRECISION, GstPetSegment, precision),
  GST_PET_FIELD (PROP_THREADS, GstPetSegment, threads),
  GST_PET_FIELD (PROP_BATCH_SIZE, GstPetSegment, batch_size),
  GST_PET_FIELD (PROP_BATCH_TIMEOUT, GstPetSegment, batch_timeout),
  GST_PET_FIELD (PROP_OUTPUT, GstPetSegment, output),
  GST_PET_FIELD (PROP_REFINE, GstPetSegment, matte.refine),
  GST_PET_FIELD (PROP_DECONTAMINATE, GstPetSegment, matte.decontaminate),
  GST_PET_FIELD (
      PROP_SCRUB_TRANSPARENT, GstPetSegment, matte.scrub_transparent),
  GST_PET_FIELD (PROP_SUBJECT, GstPetSegment, matte.subject),
  GST_PET_FIELD (PROP_ON_EMPTY, GstPetSegment, on_empty),
  GST_PET_FIELD (PROP_BUDGET, GstPetSegment, budget),
};

static void
gst_pet_segment_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstPetSegment *self = GST_PET_SEGMENT (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_pet_fields_set_locked (
      self, fields, G_N_ELEMENTS (fields), id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  if (id == PROP_OUTPUT)
    gst_base_transform_reconfigure_src (GST_BASE_TRANSFORM (self));
}

static void
gst_pet_segment_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstPetSegment *self = GST_PET_SEGMENT (object);
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_ACTIVE_DEVICE)
    g_value_set_string (value, self->active_device);
  else if (id == PROP_STATS)
    g_value_take_boxed (value,
        gst_structure_new ("application/x-petsegment-stats", "photos",
            G_TYPE_UINT64, self->n_photos, "empty", G_TYPE_UINT64,
            self->n_empty, "second", G_TYPE_UINT64, self->n_second,
            "milliseconds", G_TYPE_DOUBLE, self->milliseconds, NULL));
  else
    known = gst_pet_fields_get_locked (
        self, fields, G_N_ELEMENTS (fields), id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

/* What is active is where the network runs, at the start or from this photo on. */
static void
tell_device (GstPetSegment *self)
{
  gboolean is_new;

  GST_OBJECT_LOCK (self);
  is_new = g_strcmp0 (self->active_device, self->network.device) != 0;
  self->active_device = self->network.device;
  GST_OBJECT_UNLOCK (self);
  if (is_new)
    g_object_notify (G_OBJECT (self), "active-device");
}

static gboolean
gst_pet_segment_start (GstBaseTransform *trans)
{
  GstPetSegment *self = GST_PET_SEGMENT (trans);
  g_autofree gchar *location = NULL, *second = NULL, *budget = NULL;
  GstPetNetworkOptions options = { .account = &self->account,
    .hurried = &self->hurried };
  gboolean opened;

  GST_OBJECT_LOCK (self);
  options.location = location = g_strdup (self->model_location);
  options.second_location = second = g_strdup (self->second_location);
  options.budget = budget = g_strdup (self->budget);
  options.device = self->cuda.device;
  options.cuda_device_id = self->cuda.device_id;
  options.precision = self->precision;
  options.threads = self->threads;
  options.batch_size = self->batch_size;
  options.batch_timeout_ms = self->batch_timeout;
  self->n_photos = self->n_empty = self->n_second = 0;
  self->milliseconds = 0;
  GST_OBJECT_UNLOCK (self);

  self->cores = (guint) pet_cpu_count ();
  gst_pet_account_open (&self->account, budget);
  gst_pet_account_begin_fixed (&self->account);
  opened = gst_pet_network_open (&self->network, GST_ELEMENT (self), &options);
  gst_pet_account_end (&self->account);
  if (!opened) {
    gst_pet_account_close (&self->account);
    return FALSE;
  }
  gst_pet_cuda_part_start (GST_ELEMENT (self), &self->cuda,
      self->network.cut != NULL ? gst_pet_gpu_cut_card (self->network.cut)
                                : NULL);
  tell_device (self);
  return TRUE;
}

static gboolean
gst_pet_segment_stop (GstBaseTransform *trans)
{
  GstPetSegment *self = GST_PET_SEGMENT (trans);

  GST_OBJECT_LOCK (self);
  self->active_device = NULL;
  GST_OBJECT_UNLOCK (self);
  GST_PAD_STREAM_LOCK (trans->sinkpad); /* ALLOCATION queries */
  gst_pet_cuda_part_stop (GST_ELEMENT (self), &self->cuda);
  gst_pet_network_close (&self->network);
  gst_pet_account_close (&self->account);
  GST_PAD_STREAM_UNLOCK (trans->sinkpad);
  return TRUE;
}

/* A photo that waits for others of its batch goes without them: whoever flushes or
 * stops waits for it. */
static void
hurry (GstPetSegment *self, gboolean hurried)
{
  g_atomic_int_set (&self->hurried, hurried);
  if (hurried)
    gst_pet_gpu_wake ();
}

static GstStateChangeReturn
gst_pet_segment_change_state (GstElement *element, GstStateChange transition)
{
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED ||
      transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    hurry (GST_PET_SEGMENT (element),
        transition == GST_STATE_CHANGE_PAUSED_TO_READY);
  return GST_ELEMENT_CLASS (gst_pet_segment_parent_class)
      ->change_state (element, transition);
}

static gboolean
gst_pet_segment_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START ||
      GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    hurry (GST_PET_SEGMENT (trans),
        GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START);
  return GST_BASE_TRANSFORM_CLASS (gst_pet_segment_parent_class)
      ->sink_event (trans, event);
}

static GstPetOutput
wanted_output (GstPetSegment *self)
{
  GstPetOutput output;

  GST_OBJECT_LOCK (self);
  output = self->output;
  GST_OBJECT_UNLOCK (self);
  return output;
}

static GstCaps *
gst_pet_segment_transform_caps (GstBaseTransform *trans,
    GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
  GstPetSegment *self = GST_PET_SEGMENT (trans);

  return gst_pet_output_transform_caps (wanted_output (self),
      gst_pet_cuda_part_is_possible (GST_ELEMENT (self), &self->cuda),
      direction, caps, filter);
}

static GstPetMatteOptions
matte_options_locked (const GstPetSegment *self)
{
  GstPetMatteOptions options = self->matte;

  options.threads = self->threads != 0 ? self->threads : self->cores;
  return options;
}

static void
add_cost (GstPetSegment *self, GstQuery *query)
{
  GstPetMatteOptions options;
  GstPetOutput output;
  guint64 scratch = 0;

  GST_OBJECT_LOCK (self);
  options = matte_options_locked (self);
  output = self->output;
  if (self->active_device != NULL)
    scratch =
        gst_pet_output_scratch_bytes (output, &self->network, &options, query);
  GST_OBJECT_UNLOCK (self);
  gst_pet_output_add_cost (
      output, scratch, GST_BASE_TRANSFORM_SRC_PAD (self), query);
}

static gboolean
gst_pet_segment_query (
    GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
  GstPetSegment *self = GST_PET_SEGMENT (trans);

  if (gst_pet_cuda_part_query (GST_ELEMENT (self), &self->cuda, query))
    return TRUE;
  if (direction == GST_PAD_SINK && gst_pet_query_is_cost (query)) {
    add_cost (self, query);
    return FALSE;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_pet_segment_parent_class)
      ->query (trans, direction, query);
}

static gboolean
gst_pet_segment_propose_allocation (
    GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query)
{
  GstPetSegment *self = GST_PET_SEGMENT (trans);

  return gst_pet_cuda_part_propose (&self->cuda, &self->account, query);
}

static gboolean
gst_pet_segment_set_caps (
    GstBaseTransform *trans, GstCaps *in_caps, GstCaps *out_caps)
{
  GstPetSegment *self = GST_PET_SEGMENT (trans);

  if (!gst_video_info_from_caps (&self->in_info, in_caps) ||
      !gst_video_info_from_caps (&self->out_info, out_caps))
    return FALSE;
  self->active_output = gst_pet_output_of_formats (wanted_output (self),
      GST_VIDEO_INFO_FORMAT (&self->in_info),
      GST_VIDEO_INFO_FORMAT (&self->out_info));
  gst_pet_cuda_part_set_caps (&self->cuda, in_caps, out_caps);
  return TRUE;
}

/* A cut-out can be made in the photo's own frame. */
static gboolean
may_work_in_place (GstPetSegment *self, GstBuffer *in)
{
  return self->active_output == GST_PET_OUTPUT_CUTOUT && !self->cuda.in &&
      !self->cuda.out &&
      GST_VIDEO_INFO_FORMAT (&self->in_info) == GST_VIDEO_FORMAT_RGBA &&
      gst_buffer_is_writable (in) && gst_buffer_is_all_memory_writable (in);
}

/* Cut-outs of the card come as memory, when they are made. */
static gboolean
is_left_to_card (GstPetSegment *self)
{
  return self->active_output == GST_PET_OUTPUT_CUTOUT && !self->cuda.out &&
      self->network.cut != NULL && !self->network.lost;
}

/* Else a frame of our own: behind a tee there is no pool to be trusted. */
static GstFlowReturn
gst_pet_segment_prepare_output_buffer (
    GstBaseTransform *trans, GstBuffer *in, GstBuffer **out)
{
  GstPetSegment *self = GST_PET_SEGMENT (trans);

  if (self->active_output == GST_PET_OUTPUT_META) {
    /* Shares the memory; only metas are added. */
    *out = gst_buffer_copy (in);
    return GST_FLOW_OK;
  }
  if (is_left_to_card (self)) {
    *out = gst_buffer_new ();
    GST_BASE_TRANSFORM_CLASS (gst_pet_segment_parent_class)
        ->copy_metadata (trans, in, *out);
    return GST_FLOW_OK;
  }
  if (may_work_in_place (self, in)) {
    *out = in;
    return GST_FLOW_OK;
  }
  return gst_pet_cuda_part_frame (
      trans, &self->cuda, &self->account, &self->out_info, in, out);
}

static void
post_result (GstPetSegment *self, GstBuffer *photo,
    const GstPetMatteResult *result, gdouble milliseconds)
{
  GstStructure *s =
      gst_pet_matte_message (photo, &self->in_info, result, milliseconds);

  GST_OBJECT_LOCK (self);
  self->n_photos++;
  self->n_empty += result->empty;
  self->n_second += result->second;
  self->milliseconds += milliseconds;
  GST_OBJECT_UNLOCK (self);
  gst_element_post_message (
      GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
}

static GstFlowReturn
handle_empty (GstPetSegment *self, GstPetOnEmpty on_empty, GstBuffer *photo)
{
  g_autofree gchar *name = NULL;

  switch (on_empty) {
    case GST_PET_ON_EMPTY_DROP:
      return GST_BASE_TRANSFORM_FLOW_DROPPED;
    case GST_PET_ON_EMPTY_ERROR:
      name = gst_pet_buffer_name_source (photo);
      GST_ELEMENT_ERROR (
          self, STREAM, FAILED, ("No pet was found in %s.", name), (NULL));
      return GST_FLOW_ERROR;
    default:
      return GST_FLOW_OK;
  }
}

static GstFlowReturn
gst_pet_segment_transform (
    GstBaseTransform *trans, GstBuffer *in, GstBuffer *out)
{
  GstPetSegment *self = GST_PET_SEGMENT (trans);
  gint64 begin = g_get_monotonic_time ();
  GstPetMatteOptions options;
  const GstPetWork work = { &self->network, &self->account, &self->cuda,
    &self->in_info, &self->out_info, self->active_output, &options };
  GstPetMatteResult result = { 0 };
  GstPetOnEmpty on_empty;
  PetStatus status;
  PetError error;

  GST_OBJECT_LOCK (self);
  options = matte_options_locked (self);
  on_empty = self->on_empty;
  GST_OBJECT_UNLOCK (self);

  pet_segmenter_limit_threads (self->network.segmenter, (gint) options.threads);
  gst_pet_account_begin (&self->account, in);
  status = gst_pet_work_on_photo (&work, in, out, &result, &error);
  gst_pet_account_end (&self->account);
  tell_device (self);
  if (status != PET_OK) {
    GST_ELEMENT_ERROR (self, STREAM, FAILED,
        ("The pet cannot be cut out: %s.", error.message),
        ("%s", pet_status_name (status)));
    return GST_FLOW_ERROR;
  }
  if (self->active_output == GST_PET_OUTPUT_CUTOUT)
    gst_pet_buffer_set_outline (out, &result.stats.outline);
  post_result (
      self, in, &result, (gdouble) (g_get_monotonic_time () - begin) / 1000);
  return result.empty ? handle_empty (self, on_empty, in) : GST_FLOW_OK;
}
