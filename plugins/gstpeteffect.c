/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-peteffect
 * @title: peteffect
 *
 * Gives a cut-out one of the looks. Classic ones leave alpha as it is, fine ones
 * may cut the edge anew or lay a ground. Numbers that only some looks have are
 * properties of all: the others do not use them. Same picture and settings in,
 * same picture out.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=dog.jpg ! petdec max-size=1536 ! petsegment ! peteffect effect=popart ! petpngenc ! petfilesink location=popart.png
 * ]|
 */

#include "gstpeteffect.h"

#include <gst/video/video.h>

#include "gstpetcardmemory.h"
#include "gstpetcudapart.h"
#include "gstpeteffectparams.h"
#include "gstpetenums.h"
#include "gstpetfields.h"
#include "image/pet-effect.h"
#include "memory/gstpetaccount.h"
#include "memory/gstpetcost.h"
#include "memory/gstpetframe.h"
#include "memory/gstpetmemory.h"

GST_DEBUG_CATEGORY_STATIC (pet_effect_debug);
#define GST_CAT_DEFAULT pet_effect_debug

enum {
  PROP_0,
  PROP_EFFECT,
  PROP_RENDITION,
  PROP_DEVICE,
  PROP_CUDA_DEVICE_ID,
  PROP_BUDGET,
  PROP_FIRST_PARAM, /* one id per different parameter of the looks */
};

#define DEFAULT_EFFECT 0
#define DEFAULT_RENDITION PET_RENDITION_CLASSIC
#define DEFAULT_DEVICE GST_PET_DEVICE_CPU
#define DEFAULT_CUDA_DEVICE_ID (-1)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("RGBA") GST_PET_CUDA_CAPS ("RGBA")));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("RGBA") GST_PET_CUDA_CAPS ("RGBA")));

struct _GstPetEffect {
  GstBaseTransform parent;

  /* properties, under the object lock */
  gint effect;
  gint rendition;
  gdouble params[GST_PET_MAX_PARAMS]; /* NAN = the look's own default */
  gchar *budget;
  GstPetCudaPart cuda; /* device and card */

  GstPetAccount account; /* streaming thread; between start and stop */
  GstPetGpuLooks *gpu;   /* NULL = looks are made on the CPU */
  gboolean lost;         /* so they are because the card of `gpu` is */
  GstVideoInfo info;
};

G_DEFINE_TYPE (GstPetEffect, gst_pet_effect, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (
    peteffect, "peteffect", GST_RANK_NONE, GST_TYPE_PET_EFFECT)

static void gst_pet_effect_finalize (GObject *object);
static void gst_pet_effect_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec);
static void gst_pet_effect_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec);
static gboolean gst_pet_effect_start (GstBaseTransform *trans);
static gboolean gst_pet_effect_stop (GstBaseTransform *trans);
static GstCaps *gst_pet_effect_transform_caps (GstBaseTransform *trans,
    GstPadDirection direction, GstCaps *caps, GstCaps *filter);
static gboolean gst_pet_effect_set_caps (
    GstBaseTransform *trans, GstCaps *in_caps, GstCaps *out_caps);
static gboolean gst_pet_effect_query (
    GstBaseTransform *trans, GstPadDirection direction, GstQuery *query);
static void gst_pet_effect_before_transform (
    GstBaseTransform *trans, GstBuffer *buffer);
static gboolean gst_pet_effect_propose_allocation (
    GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query);
static GstFlowReturn gst_pet_effect_prepare_output_buffer (
    GstBaseTransform *trans, GstBuffer *in, GstBuffer **out);
static GstFlowReturn gst_pet_effect_transform (
    GstBaseTransform *trans, GstBuffer *in, GstBuffer *out);

static void
install_device_properties (GObjectClass *object_class)
{
  const GParamFlags flags =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (object_class, PROP_DEVICE,
      g_param_spec_enum ("device", "Device",
          "Where looks are made; a picture that is not on the GPU is sent "
          "there",
          GST_TYPE_PET_DEVICE, DEFAULT_DEVICE, flags));
  g_object_class_install_property (object_class, PROP_CUDA_DEVICE_ID,
      g_param_spec_int ("cuda-device-id", "CUDA device id",
          "Which GPU to use (-1 = the first)", -1, G_MAXINT,
          DEFAULT_CUDA_DEVICE_ID, flags));
}

static void
gst_pet_effect_class_init (GstPetEffectClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (pet_effect_debug, "peteffect", 0, "looks");

  object_class->finalize = gst_pet_effect_finalize;
  object_class->set_property = gst_pet_effect_set_property;
  object_class->get_property = gst_pet_effect_get_property;
  g_object_class_install_property (object_class, PROP_EFFECT,
      g_param_spec_enum ("effect", "Effect", "The look",
          GST_TYPE_PET_EFFECT_NICK, DEFAULT_EFFECT,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_RENDITION,
      g_param_spec_enum ("rendition", "Rendition",
          "How the look is made. Fine ones are made on the CPU",
          GST_TYPE_PET_RENDITION, DEFAULT_RENDITION,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_PLAYING));
  install_device_properties (object_class);
  gst_pet_install_budget_property (object_class, PROP_BUDGET);
  gst_pet_effect_params_install (object_class, PROP_FIRST_PARAM);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Pet look",
      "Filter/Effect/Video", "Gives a cut-out one of the looks",
      "gst-plugins-pet");

  trans_class->start = GST_DEBUG_FUNCPTR (gst_pet_effect_start);
  trans_class->stop = GST_DEBUG_FUNCPTR (gst_pet_effect_stop);
  trans_class->transform_caps =
      GST_DEBUG_FUNCPTR (gst_pet_effect_transform_caps);
  trans_class->set_caps = GST_DEBUG_FUNCPTR (gst_pet_effect_set_caps);
  trans_class->query = GST_DEBUG_FUNCPTR (gst_pet_effect_query);
  trans_class->before_transform =
      GST_DEBUG_FUNCPTR (gst_pet_effect_before_transform);
  trans_class->propose_allocation =
      GST_DEBUG_FUNCPTR (gst_pet_effect_propose_allocation);
  trans_class->prepare_output_buffer =
      GST_DEBUG_FUNCPTR (gst_pet_effect_prepare_output_buffer);
  trans_class->transform = GST_DEBUG_FUNCPTR (gst_pet_effect_transform);
  trans_class->passthrough_on_same_caps = FALSE;

  gst_type_mark_as_plugin_api (GST_TYPE_PET_EFFECT_NICK, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_PET_DEVICE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_PET_RENDITION, 0);
}

static void
gst_pet_effect_init (GstPetEffect *self)
{
  self->effect = DEFAULT_EFFECT;
  self->rendition = DEFAULT_RENDITION;
  gst_pet_effect_params_init (self->params);
  self->budget = g_strdup (GST_PET_BUDGET_DEFAULT);
  self->cuda.device = DEFAULT_DEVICE;
  self->cuda.device_id = DEFAULT_CUDA_DEVICE_ID;
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), FALSE);
}

static void
gst_pet_effect_finalize (GObject *object)
{
  GstPetEffect *self = GST_PET_EFFECT (object);

  gst_pet_cuda_part_stop (GST_ELEMENT (self), &self->cuda);
  gst_pet_gpu_looks_close (&self->gpu);
  gst_pet_account_close (&self->account);
  g_free (self->budget);
  G_OBJECT_CLASS (gst_pet_effect_parent_class)->finalize (object);
}

static const GstPetField fields[] = {
  GST_PET_FIELD (PROP_EFFECT, GstPetEffect, effect),
  GST_PET_FIELD (PROP_RENDITION, GstPetEffect, rendition),
  GST_PET_FIELD (PROP_BUDGET, GstPetEffect, budget),
  GST_PET_FIELD (PROP_DEVICE, GstPetEffect, cuda.device),
  GST_PET_FIELD (PROP_CUDA_DEVICE_ID, GstPetEffect, cuda.device_id),
};

/* The look now, and its numbers in the order it wants them. */
static const PetEffect *
current_effect (GstPetEffect *self, gdouble *values)
{
  const PetEffect *effect;

  GST_OBJECT_LOCK (self);
  effect = pet_effect_rendition (
      pet_effects[self->effect], (PetRendition) self->rendition);
  gst_pet_effect_params_of (self->params, effect, values);
  GST_OBJECT_UNLOCK (self);
  return effect;
}

static void
gst_pet_effect_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstPetEffect *self = GST_PET_EFFECT (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = id >= PROP_FIRST_PARAM
      ? gst_pet_effect_params_set_locked (
            self->params, id - PROP_FIRST_PARAM, value)
      : gst_pet_fields_set_locked (
            self, fields, G_N_ELEMENTS (fields), id, value);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_pet_effect_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstPetEffect *self = GST_PET_EFFECT (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = id >= PROP_FIRST_PARAM
      ? gst_pet_effect_params_get_locked (
            self->params, id - PROP_FIRST_PARAM, value)
      : gst_pet_fields_get_locked (
            self, fields, G_N_ELEMENTS (fields), id, value);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

/* A look that changes nothing passes the buffer itself on, if that is in the
 * memory that is wanted. Told by the streaming
 * thread between pictures, never within one: the base class looks at it twice,
 * to take a frame and to fill it. */
static void
choose_passthrough (GstBaseTransform *trans)
{
  GstPetEffect *self = GST_PET_EFFECT (trans);
  gdouble values[PET_EFFECT_MAX_PARAMS];
  const PetEffect *effect = current_effect (self, values);

  gst_base_transform_set_passthrough (trans,
      self->cuda.in == self->cuda.out && pet_effect_copies (effect, values));
}

static void
gst_pet_effect_before_transform (GstBaseTransform *trans, GstBuffer *buffer)
{
  choose_passthrough (trans);
}

static gboolean
open_gpu (GstPetEffect *self, GstPetDevice device, gint id)
{
  PetError error;

  if (device == GST_PET_DEVICE_CPU ||
      gst_pet_gpu_looks_open (id, &self->gpu, &error) == PET_OK)
    return TRUE;
  if (device == GST_PET_DEVICE_CUDA) {
    GST_ELEMENT_ERROR (self, LIBRARY, INIT,
        ("device=cuda is not possible: %s.", error.message), (NULL));
    return FALSE;
  }
  GST_ELEMENT_WARNING (self, LIBRARY, INIT,
      ("No GPU is used (%s): looks are made on the CPU.", error.message),
      (NULL));
  return TRUE;
}

static gboolean
gst_pet_effect_start (GstBaseTransform *trans)
{
  GstPetEffect *self = GST_PET_EFFECT (trans);
  g_autofree gchar *budget = NULL;
  GstPetDevice device;
  gint id;

  GST_OBJECT_LOCK (self);
  budget = g_strdup (self->budget);
  device = self->cuda.device;
  id = self->cuda.device_id;
  GST_OBJECT_UNLOCK (self);
  if (!open_gpu (self, device, id))
    return FALSE;
  gst_pet_cuda_part_start (GST_ELEMENT (self), &self->cuda,
      self->gpu != NULL ? gst_pet_gpu_looks_card (self->gpu) : NULL);
  self->lost = FALSE;
  gst_pet_account_open (&self->account, budget);
  choose_passthrough (trans);
  return TRUE;
}

static gboolean
gst_pet_effect_stop (GstBaseTransform *trans)
{
  GstPetEffect *self = GST_PET_EFFECT (trans);

  GST_PAD_STREAM_LOCK (trans->sinkpad); /* ALLOCATION queries */
  gst_pet_cuda_part_stop (GST_ELEMENT (self), &self->cuda);
  gst_pet_gpu_looks_close (&self->gpu);
  gst_pet_account_close (&self->account);
  GST_PAD_STREAM_UNLOCK (trans->sinkpad);
  return TRUE;
}

/* A picture where it is: a frame of the card, ours or GStreamer's, that need not
 * be brought down, or on the host. */
typedef struct {
  PetCudaPhoto photo;
  gboolean viewed, mapped;
  GstPetCudaView view;
  GstVideoFrame frame;
} Source;

static PetStatus
open_source (GstPetEffect *self, GstBuffer *in, gboolean on_gpu, Source *source)
{
  *source = (Source){ .photo.image = { .width = self->info.width,
                          .height = self->info.height,
                          .channels = 4 } };
  if (on_gpu)
    source->photo.frame = gst_pet_card_memory_peek (
        in, gst_pet_card_device (gst_pet_gpu_looks_card (self->gpu)));
  if (source->photo.frame != NULL)
    return PET_OK;
  if (on_gpu && self->cuda.in &&
      gst_pet_cuda_view_begin (self->cuda.link, in, &self->info, FALSE,
          &source->view, NULL) == PET_OK) {
    source->viewed = TRUE;
    source->photo.frame = source->view.frame;
    return PET_OK;
  }
  source->mapped =
      gst_video_frame_map (&source->frame, &self->info, in, GST_MAP_READ);
  if (!source->mapped)
    return PET_ERROR_MEMORY;
  source->photo.image = gst_pet_frame_image (&source->frame);
  return PET_OK;
}

static void
close_source (GstPetEffect *self, Source *source)
{
  if (source->viewed)
    gst_pet_cuda_view_end (self->cuda.link, &source->view);
  if (source->mapped)
    gst_video_frame_unmap (&source->frame);
}

/* To CUDA memory or to the host. */
static PetStatus
apply_on_gpu (GstPetEffect *self, const PetEffect *effect, const Source *source,
    GstBuffer *out, const gdouble *values, PetError *error)
{
  GstPetCudaView view;
  GstVideoFrame frame;
  PetStatus status;
  PetImage dst;

  if (self->cuda.out) {
    PET_TRY (gst_pet_cuda_view_begin (
        self->cuda.link, out, &self->info, TRUE, &view, error));
    status = gst_pet_gpu_looks_apply (
        self->gpu, effect, &source->photo, NULL, view.frame, values, error);
    gst_pet_cuda_view_end (self->cuda.link, &view);
    return status;
  }
  if (!gst_video_frame_map (&frame, &self->info, out, GST_MAP_WRITE))
    return pet_fail (error, PET_ERROR_MEMORY, "the frame cannot be written");
  dst = gst_pet_frame_image (&frame);
  status = gst_pet_gpu_looks_apply (
      self->gpu, effect, &source->photo, &dst, NULL, values, error);
  gst_video_frame_unmap (&frame);
  return status;
}

/* Looks keep the size, and most of them what is empty. */
static void
keep_outline (
    GstPetEffect *self, const PetEffect *effect, GstBuffer *in, GstBuffer *out)
{
  const PetOutline *outline =
      gst_pet_buffer_get_outline (in, self->info.width, self->info.height);

  if (outline != NULL && effect->keeps_outline)
    gst_pet_buffer_set_outline (out, outline);
}

/* The same bytes come from the CPU, so a GPU without room or one that is lost
 * costs time and nothing else: FALSE, and the CPU makes the look. */
static gboolean
make_on_gpu (GstPetEffect *self, const PetEffect *effect, GstBuffer *in,
    GstBuffer *out, const gdouble *values)
{
  PetStatus status;
  PetError reason;
  Source source;

  if (self->gpu == NULL || self->lost ||
      pet_effect_find (effect->name) != effect ||
      open_source (self, in, TRUE, &source) != PET_OK)
    return FALSE;
  status = apply_on_gpu (self, effect, &source, out, values, &reason);
  close_source (self, &source);
  if (status == PET_ERROR_MEMORY || status == PET_ERROR_DEVICE ||
      status == PET_ERROR_LIMIT)
    GST_ELEMENT_WARNING (self, LIBRARY, FAILED,
        ("The look \"%s\" is made on the CPU: %s.", effect->name,
            reason.message),
        (NULL));
  self->lost = status == PET_ERROR_DEVICE;
  return status == PET_OK;
}

static PetStatus
make_on_cpu (GstPetEffect *self, const PetEffect *effect, GstBuffer *in,
    GstBuffer *out, const gdouble *values, PetError *error)
{
  GstVideoFrame frame;
  PetStatus status;
  Source source;
  PetImage dst;

  if (open_source (self, in, FALSE, &source) != PET_OK)
    return pet_fail (error, PET_ERROR_MEMORY, "the frame cannot be read");
  if (!gst_video_frame_map (&frame, &self->info, out, GST_MAP_WRITE)) {
    close_source (self, &source);
    return pet_fail (error, PET_ERROR_MEMORY, "the frame cannot be written");
  }
  dst = gst_pet_frame_image (&frame);
  status = pet_effect_apply (
      effect, &source.photo.image, &dst, values, &self->account.core, error);
  gst_video_frame_unmap (&frame);
  close_source (self, &source);
  return status;
}

/* Only the memory may differ. */
static GstCaps *
gst_pet_effect_transform_caps (GstBaseTransform *trans,
    GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
  GstPetEffect *self = GST_PET_EFFECT (trans);
  GstCaps *result, *all;

  all = gst_pet_caps_of_both (gst_caps_ref (caps),
      gst_pet_cuda_part_is_possible (GST_ELEMENT (self), &self->cuda));
  if (filter == NULL)
    return all;
  result = gst_caps_intersect_full (filter, all, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (all);
  return result;
}

static gboolean
gst_pet_effect_set_caps (
    GstBaseTransform *trans, GstCaps *in_caps, GstCaps *out_caps)
{
  GstPetEffect *self = GST_PET_EFFECT (trans);

  gst_pet_cuda_part_set_caps (&self->cuda, in_caps, out_caps);
  choose_passthrough (trans);
  return gst_video_info_from_caps (&self->info, in_caps);
}

/* The frame it makes, and the scratch memory while it does or what follows,
 * whichever is more. */
static void
add_cost (GstPetEffect *self, GstQuery *query)
{
  GstPad *srcpad = GST_BASE_TRANSFORM_SRC_PAD (self);
  gdouble values[PET_EFFECT_MAX_PARAMS];
  const PetEffect *effect = current_effect (self, values);
  GstCaps *caps = gst_pet_query_get_cost_caps (query);
  guint64 frame = 0, scratch = 0, behind;
  GstVideoInfo info;
  GstPetCost cost;

  gst_pet_pad_ask_cost (srcpad, caps, &cost);
  if (!pet_effect_copies (effect, values) && caps != NULL &&
      gst_video_info_from_caps (&info, caps)) {
    frame = gst_pet_block_bytes (GST_VIDEO_INFO_SIZE (&info));
    if (effect->scratch_bytes != NULL)
      scratch = gst_pet_block_bytes (
          effect->scratch_bytes (info.width, info.height, values));
  }
  behind = gst_pet_cost_sum (&cost);
  gst_pet_query_add_cost (query, frame);
  gst_pet_query_add_cost (query, MAX (scratch, behind));
}

static gboolean
gst_pet_effect_query (
    GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
  GstPetEffect *self = GST_PET_EFFECT (trans);

  if (gst_pet_cuda_part_query (GST_ELEMENT (self), &self->cuda, query))
    return TRUE;
  if (direction == GST_PAD_SINK && gst_pet_query_is_cost (query)) {
    add_cost (self, query);
    return FALSE;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_pet_effect_parent_class)
      ->query (trans, direction, query);
}

static gboolean
gst_pet_effect_propose_allocation (
    GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query)
{
  GstPetEffect *self = GST_PET_EFFECT (trans);

  /* The base class passes it on in passthrough. */
  if (decide_query == NULL)
    return GST_BASE_TRANSFORM_CLASS (gst_pet_effect_parent_class)
        ->propose_allocation (trans, decide_query, query);
  return gst_pet_cuda_part_propose (&self->cuda, &self->account, query);
}

/* A frame of our own: after a tee, writing in place would copy anyway, out of
 * everyone's sight. */
static GstFlowReturn
gst_pet_effect_prepare_output_buffer (
    GstBaseTransform *trans, GstBuffer *in, GstBuffer **out)
{
  GstPetEffect *self = GST_PET_EFFECT (trans);

  if (gst_base_transform_is_passthrough (trans)) {
    *out = in;
    return GST_FLOW_OK;
  }
  return gst_pet_cuda_part_frame (
      trans, &self->cuda, &self->account, &self->info, in, out);
}

static GstFlowReturn
gst_pet_effect_transform (
    GstBaseTransform *trans, GstBuffer *in, GstBuffer *out)
{
  GstPetEffect *self = GST_PET_EFFECT (trans);
  gdouble values[PET_EFFECT_MAX_PARAMS];
  const PetEffect *effect = current_effect (self, values);
  PetStatus status = PET_OK;
  PetError error;

  gst_pet_account_begin (&self->account, in);
  if (!make_on_gpu (self, effect, in, out, values))
    status = make_on_cpu (self, effect, in, out, values, &error);
  keep_outline (self, effect, in, out);
  gst_pet_account_end (&self->account);
  if (status == PET_OK)
    return GST_FLOW_OK;
  GST_ELEMENT_ERROR (self, RESOURCE, FAILED,
      ("The look \"%s\" cannot be made: %s.", effect->name, error.message),
      ("%s", pet_status_name (status)));
  return GST_FLOW_ERROR;
}
