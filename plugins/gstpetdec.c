/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-petdec
 * @title: petdec
 *
 * Decodes JPEG and PNG photos of any origin: upright (EXIF orientation),
 * in sRGB (ICC profiles applied), reduced to #GstPetDec:max-size while they
 * are read, so that a large photo never exists at full size in memory.
 *
 * One file in, one picture out, or a message that says why not: a frame is
 * filled with this file's pixels or it is not sent. For every file exactly one
 * element message "petdec" is posted: {source, index, status ("ok" or
 * "failed"), reason, width, height, format, bytes}.
 *
 * Takes whole files (petfoldersrc, multifilesrc, appsrc) and byte streams
 * straight from filesrc or souphttpsrc; no parser or typefind is needed.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=dog.jpg ! petdec max-size=1024 ! petpngenc ! petfilesink location=dog.png
 * ]|
 */

#include "gstpetdec.h"

#include <gst/video/video.h>

#include "gstpetfields.h"
#include "codec/pet-decoder.h"
#include "gstmemgatemessages.h"
#include "gstpetdecproperties.h"
#include "gstpetdoor.h"
#include "gstpetenums.h"
#include "gstpetframing.h"
#include "gstpetpicture.h"
#include "memory/gstpetframe.h"
#include "meta/gstpetsourcemeta.h"

GST_DEBUG_CATEGORY_STATIC (pet_dec_debug);
#define GST_CAT_DEFAULT pet_dec_debug

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("image/jpeg; image/png"));

static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
        GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, RGBA }")));

struct _GstPetDec {
  GstElement parent;

  GstPad *sinkpad, *srcpad;

  /* properties, under the object lock */
  guint max_size;
  guint64 max_pixels;
  guint64 max_file_size;
  guint max_scans;
  guint threads;
  gboolean strict;
  GstPetOnError on_error;
  gchar *budget;

  /* streaming thread */
  GstPetFramer framer;
  GstPetDoor door; /* open between READY and PAUSED */
  gboolean segment_sent;
  GstSegment segment; /* as sent on */
  gint fps_n, fps_d;
  GstVideoInfo info; /* of the caps sent last */

  /* counters, under the object lock */
  guint64 n_ok, n_failed, n_damaged, n_bytes;
};

G_DEFINE_TYPE (GstPetDec, gst_pet_dec, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (petdec, "petdec", GST_RANK_NONE, GST_TYPE_PET_DEC)

static void gst_pet_dec_finalize (GObject *object);
static void gst_pet_dec_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec);
static void gst_pet_dec_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec);
static GstStateChangeReturn gst_pet_dec_change_state (
    GstElement *element, GstStateChange transition);
static gboolean gst_pet_dec_sink_event (
    GstPad *pad, GstObject *parent, GstEvent *event);
static GstFlowReturn gst_pet_dec_chain (
    GstPad *pad, GstObject *parent, GstBuffer *buffer);

static void
gst_pet_dec_class_init (GstPetDecClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (pet_dec_debug, "petdec", 0, "photo decoder");

  object_class->finalize = gst_pet_dec_finalize;
  object_class->set_property = gst_pet_dec_set_property;
  object_class->get_property = gst_pet_dec_get_property;
  gst_pet_dec_install_properties (object_class);

  element_class->change_state = GST_DEBUG_FUNCPTR (gst_pet_dec_change_state);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Photo decoder",
      "Codec/Decoder/Image",
      "Decodes JPEG and PNG photos, upright, in sRGB, reduced while they load",
      "gst-plugins-pet");
  gst_type_mark_as_plugin_api (GST_TYPE_PET_ON_ERROR, 0);
}

static void
gst_pet_dec_init (GstPetDec *self)
{
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_event_function (self->sinkpad, gst_pet_dec_sink_event);
  gst_pad_set_chain_function (self->sinkpad, gst_pet_dec_chain);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);

  self->max_size = DEFAULT_MAX_SIZE;
  self->max_pixels = DEFAULT_MAX_PIXELS;
  self->max_file_size = DEFAULT_MAX_FILE_SIZE;
  self->max_scans = DEFAULT_MAX_SCANS;
  self->threads = DEFAULT_THREADS;
  self->strict = DEFAULT_STRICT;
  self->on_error = DEFAULT_ON_ERROR;
  self->budget = g_strdup (GST_PET_BUDGET_DEFAULT);
  gst_pet_framer_init (&self->framer, self->sinkpad);
}

static void
gst_pet_dec_finalize (GObject *object)
{
  GstPetDec *self = GST_PET_DEC (object);

  gst_pet_framer_clear (&self->framer);
  gst_pet_door_close (&self->door);
  g_free (self->budget);
  G_OBJECT_CLASS (gst_pet_dec_parent_class)->finalize (object);
}

static const GstPetField fields[] = {
  GST_PET_FIELD (PROP_MAX_SIZE, GstPetDec, max_size),
  GST_PET_FIELD (PROP_MAX_PIXELS, GstPetDec, max_pixels),
  GST_PET_FIELD (PROP_MAX_FILE_SIZE, GstPetDec, max_file_size),
  GST_PET_FIELD (PROP_MAX_SCANS, GstPetDec, max_scans),
  GST_PET_FIELD (PROP_THREADS, GstPetDec, threads),
  GST_PET_FIELD (PROP_STRICT, GstPetDec, strict),
  GST_PET_FIELD (PROP_ON_ERROR, GstPetDec, on_error),
  GST_PET_FIELD (PROP_BUDGET, GstPetDec, budget),
};

static void
gst_pet_dec_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstPetDec *self = GST_PET_DEC (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_pet_fields_set_locked (
      self, fields, G_N_ELEMENTS (fields), id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_pet_dec_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstPetDec *self = GST_PET_DEC (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS) {
    g_value_take_boxed (value,
        gst_structure_new ("application/x-petdec-stats", "ok", G_TYPE_UINT64,
            self->n_ok, "failed", G_TYPE_UINT64, self->n_failed, "damaged",
            G_TYPE_UINT64, self->n_damaged, "bytes", G_TYPE_UINT64,
            self->n_bytes, NULL));
    known = TRUE;
  } else {
    known = gst_pet_fields_get_locked (
        self, fields, G_N_ELEMENTS (fields), id, value);
  }
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
reset_stream (GstPetDec *self)
{
  gst_pet_framer_reset (&self->framer);
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  self->segment_sent = FALSE;
  self->fps_n = 0;
  self->fps_d = 1;
  gst_video_info_init (&self->info);
}

static void
start (GstPetDec *self)
{
  g_autofree gchar *budget = NULL;

  reset_stream (self);
  GST_OBJECT_LOCK (self);
  self->n_ok = self->n_failed = self->n_damaged = self->n_bytes = 0;
  budget = g_strdup (self->budget);
  GST_OBJECT_UNLOCK (self);
  gst_pet_door_open (&self->door, GST_ELEMENT (self), self->srcpad, budget);
}

static GstStateChangeReturn
gst_pet_dec_change_state (GstElement *element, GstStateChange transition)
{
  GstPetDec *self = GST_PET_DEC (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    start (self);
  else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_pet_door_cancel (&self->door, TRUE);
  result = GST_ELEMENT_CLASS (gst_pet_dec_parent_class)
               ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    reset_stream (self);
    gst_pet_door_close (&self->door);
  }
  return result;
}

static PetDecodeOptions
decode_options (GstPetDec *self, guint64 *max_file_size)
{
  PetDecodeOptions options;

  pet_decode_options_init (&options);
  GST_OBJECT_LOCK (self);
  options.max_size = (int) self->max_size;
  options.max_pixels = self->max_pixels;
  options.max_scans = (int) self->max_scans;
  options.strict = self->strict;
  options.threads = (int) self->threads;
  *max_file_size = self->max_file_size;
  GST_OBJECT_UNLOCK (self);
  return options;
}

/* The one message of a file. `error` NULL: it is ok. */
static void
post_result (GstPetDec *self, GstBuffer *file, const PetPictureInfo *info,
    const PetError *error, guint64 bytes)
{
  GstStructure *s = gst_structure_new_empty ("petdec");

  gst_pet_structure_set_source (s, file);
  gst_structure_set (s, "status", G_TYPE_STRING,
      error == NULL ? "ok" : "failed", "width", G_TYPE_INT,
      info != NULL ? info->width : 0, "height", G_TYPE_INT,
      info != NULL ? info->height : 0, "format", G_TYPE_STRING,
      info == NULL                           ? ""
          : info->format == PET_PICTURE_JPEG ? "jpeg"
                                             : "png",
      "bytes", G_TYPE_UINT64, bytes, "reason", G_TYPE_STRING,
      error != NULL       ? error->message
          : info->damaged ? "damaged: what could not be read is grey"
                          : "",
      NULL);

  GST_OBJECT_LOCK (self);
  if (error != NULL)
    self->n_failed++;
  else
    self->n_ok++;
  if (error == NULL && info->damaged)
    self->n_damaged++;
  self->n_bytes += bytes;
  GST_OBJECT_UNLOCK (self);
  gst_element_post_message (
      GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
}

static void
push_gap (GstPetDec *self, GstBuffer *file)
{
  if (self->segment_sent && self->segment.format == GST_FORMAT_TIME &&
      GST_BUFFER_PTS_IS_VALID (file))
    gst_pad_push_event (self->srcpad,
        gst_event_new_gap (GST_BUFFER_PTS (file), GST_BUFFER_DURATION (file)));
}

/* Posts what is wrong. TRUE: the file is passed over. */
static gboolean
skip_file (GstPetDec *self, GstBuffer *file, const PetPictureInfo *info,
    const PetError *error, guint64 bytes)
{
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (file);
  GstPetOnError on_error;

  post_result (self, file, info, error, bytes);
  GST_OBJECT_LOCK (self);
  on_error = self->on_error;
  GST_OBJECT_UNLOCK (self);
  if (on_error != GST_PET_ON_ERROR_SKIP)
    return FALSE;
  GST_WARNING_OBJECT (self, "%s: skipped, %s", meta->source, error->message);
  push_gap (self, file);
  return TRUE;
}

static GstFlowReturn
fail_file (GstPetDec *self, GstBuffer *file, const PetPictureInfo *info,
    const PetError *error, guint64 bytes)
{
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (file);
  g_autofree gchar *name = gst_pet_buffer_name_source (file);

  if (skip_file (self, file, info, error, bytes))
    return GST_FLOW_OK;
  GST_ELEMENT_ERROR (self, STREAM, DECODE,
      ("%s cannot be decoded: %s.", name, error->message),
      ("photo %" G_GUINT64_FORMAT ", %s", meta->index,
          pet_status_name (error->status)));
  return GST_FLOW_ERROR;
}

/* Setting caps succeeds where the peer refuses them. */
static gboolean
set_caps (GstPad *pad, const GstVideoInfo *info)
{
  g_autoptr (GstCaps) caps = gst_video_info_to_caps (info);
  g_autoptr (GstCaps) taken = gst_pad_peer_query_caps (pad, caps);

  return !gst_caps_is_empty (taken) && gst_pad_set_caps (pad, caps);
}

static GstFlowReturn
negotiate (GstPetDec *self, const PetPictureInfo *info)
{
  GstVideoInfo wanted;

  if (gst_pad_check_reconfigure (self->srcpad) || self->info.finfo == NULL ||
      GST_VIDEO_INFO_FORMAT (&self->info) == GST_VIDEO_FORMAT_UNKNOWN ||
      GST_VIDEO_INFO_WIDTH (&self->info) != info->width ||
      GST_VIDEO_INFO_HEIGHT (&self->info) != info->height ||
      GST_VIDEO_INFO_HAS_ALPHA (&self->info) != (info->channels == 4)) {
    gst_pet_picture_choose (self->srcpad, info, &wanted);
    wanted.fps_n = self->fps_n;
    wanted.fps_d = self->fps_d;
    if (!gst_video_info_is_equal (&wanted, &self->info)) {
      if (!set_caps (self->srcpad, &wanted))
        return GST_FLOW_NOT_NEGOTIATED;
      self->info = wanted;
    }
  }
  if (!self->segment_sent) {
    /* A byte stream has no times; the picture begins at 0. */
    if (self->segment.format != GST_FORMAT_TIME)
      gst_segment_init (&self->segment, GST_FORMAT_TIME);
    gst_pad_push_event (self->srcpad, gst_event_new_segment (&self->segment));
    self->segment_sent = TRUE;
  }
  return GST_FLOW_OK;
}

static PetStatus
read_frame (GstPetDec *self, PetDecoder *decoder, PetPictureInfo *info,
    GstBuffer *frame, PetError *error)
{
  GstVideoFrame mapped;
  PetImage image;
  PetStatus status;

  if (!gst_video_frame_map (&mapped, &self->info, frame, GST_MAP_WRITE))
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the picture");
  gst_pet_frame_clear_padding (&mapped);
  image = gst_pet_frame_image (&mapped);
  status = pet_decoder_read (decoder, &image, info, error);
  gst_video_frame_unmap (&mapped);
  return status;
}

static void
copy_file_facts (GstBuffer *frame, GstBuffer *file, gboolean damaged)
{
  gst_buffer_copy_into (frame, file,
      GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_META,
      0, -1);
  GST_BUFFER_FLAG_UNSET (
      frame, GST_BUFFER_FLAG_DELTA_UNIT | GST_BUFFER_FLAG_TAG_MEMORY);
  if (damaged)
    GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_CORRUPTED);
}

/* The photo has been admitted. */
static PetStatus
decode (GstPetDec *self, PetDecodeOptions *options, const GstMapInfo *map,
    PetPictureInfo *info, GstBuffer **frame, PetError *error)
{
  PetDecoder *decoder = NULL;
  PetStatus status;

  options->allocator = &self->door.account.core;
  PET_TRY (
      pet_decoder_open (options, map->data, map->size, &decoder, info, error));
  *frame = gst_pet_account_frame (&self->door.account, &self->info);
  status = *frame != NULL
      ? read_frame (self, decoder, info, *frame, error)
      : pet_fail (error, PET_ERROR_MEMORY, "no memory for %dx%d pixels",
            info->width, info->height);
  pet_decoder_free (&decoder);
  if (status != PET_OK)
    gst_clear_buffer (frame);
  return status;
}

static GstFlowReturn
refuse_caps (GstPetDec *self, GstBuffer *file, const PetPictureInfo *info,
    gsize bytes, GstFlowReturn flow)
{
  PetError error;

  pet_fail (&error, PET_ERROR_ARGUMENT,
      "what comes after petdec takes no %dx%d %s", info->width, info->height,
      info->channels == 4 ? "RGBA" : "RGB");
  if (skip_file (self, file, info, &error, bytes))
    flow = GST_FLOW_OK;
  return GST_PAD_IS_FLUSHING (self->srcpad) ? GST_FLOW_FLUSHING : flow;
}

static GstFlowReturn
interrupt (GstPetDec *self, GstBuffer *file, gsize bytes)
{
  PetError error;

  pet_fail (&error, PET_ERROR_LIMIT, "interrupted before it was decoded");
  post_result (self, file, NULL, &error, bytes);
  return GST_FLOW_FLUSHING;
}

/* `file` carries a source meta. *frame: what is to be pushed. */
static GstFlowReturn
decode_bytes (
    GstPetDec *self, GstBuffer *file, const GstMapInfo *map, GstBuffer **frame)
{
  guint64 max_file_size, bytes;
  PetDecodeOptions options = decode_options (self, &max_file_size);
  GstPetPhoto photo;
  GstFlowReturn flow;
  GstPetAdmit admit;
  PetStatus status;
  PetError error;

  if (max_file_size != 0 && map->size > max_file_size) {
    pet_fail (&error, PET_ERROR_LIMIT,
        "has %.1f MB, above the limit of %.1f MB", (double) map->size / 1e6,
        (double) max_file_size / 1e6);
    return fail_file (self, file, NULL, &error, map->size);
  }
  status = gst_pet_door_look (
      &self->door, &options, file, map->data, map->size, &photo, &error);
  if (gst_pet_door_is_canceled (&self->door))
    return interrupt (self, file, map->size);
  if (status != PET_OK)
    return fail_file (self, file, NULL, &error, map->size);
  flow = negotiate (self, &photo.info);
  if (flow != GST_FLOW_OK)
    return refuse_caps (self, file, &photo.info, map->size, flow);

  admit = gst_pet_door_admit (&self->door, &photo, &self->info, file, &bytes);
  if (admit == GST_PET_ADMIT_CANCELED)
    return interrupt (self, file, map->size);
  if (admit != GST_PET_ADMIT_PASS)
    gst_mem_gate_post_over (GST_ELEMENT (self), admit, bytes);
  status = decode (self, &options, map, &photo.info, frame, &error);
  if (status != PET_OK)
    return fail_file (self, file, &photo.info, &error, map->size);
  copy_file_facts (*frame, file, photo.info.damaged);
  gst_pet_buffer_set_ticket (*frame, self->door.account.ticket);
  post_result (self, file, &photo.info, NULL, map->size);
  return GST_FLOW_OK;
}

/* Takes `file`, which carries a source meta. It is gone before the picture is
 * sent on. */
static GstFlowReturn
handle_file (GstPetDec *self, GstBuffer *file)
{
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (file);
  GstBuffer *frame = NULL;
  GstFlowReturn flow;
  GstMapInfo map;
  PetError error;

  if (meta->problem != NULL) {
    pet_fail (&error, PET_ERROR_IO, "%s", meta->problem);
    flow = fail_file (self, file, NULL, &error, 0);
  } else if (!gst_buffer_map (file, &map, GST_MAP_READ)) {
    pet_fail (&error, PET_ERROR_MEMORY, "no memory to read it");
    flow = fail_file (self, file, NULL, &error, 0);
  } else {
    flow = decode_bytes (self, file, &map, &frame);
    gst_buffer_unmap (file, &map);
  }
  gst_buffer_unref (file);
  gst_pet_door_leave (&self->door);
  return frame != NULL ? gst_pad_push (self->srcpad, frame) : flow;
}

static GstFlowReturn
gst_pet_dec_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstPetDec *self = GST_PET_DEC (parent);
  guint64 max_file_size;
  GstBuffer *file;

  decode_options (self, &max_file_size);
  file = gst_pet_framer_push (&self->framer, buffer, max_file_size);
  return file != NULL ? handle_file (self, file) : GST_FLOW_OK;
}

/* At EOS no source sees the flow and says that nobody wanted the picture. */
static void
post_flow (GstPetDec *self, GstFlowReturn flow)
{
  if (flow == GST_FLOW_NOT_NEGOTIATED || flow == GST_FLOW_NOT_LINKED)
    GST_ELEMENT_FLOW_ERROR (self, flow);
}

static void
keep_framerate (GstPetDec *self, GstEvent *event)
{
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  self->fps_n = 0;
  self->fps_d = 1;
  gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate",
      &self->fps_n, &self->fps_d);
  self->framer.has_caps = TRUE;
}

static void
finish_stream (GstPetDec *self)
{
  GstBuffer *file = gst_pet_framer_finish (&self->framer);

  if (file != NULL)
    post_flow (self, handle_file (self, file));
}

static gboolean
gst_pet_dec_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstPetDec *self = GST_PET_DEC (parent);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      gst_pet_door_cancel (&self->door, TRUE);
      break;
    case GST_EVENT_CAPS:
      keep_framerate (self, event);
      gst_event_unref (event);
      return TRUE;
    case GST_EVENT_SEGMENT:
      /* Sent on with the first picture, when the caps are known. */
      gst_event_copy_segment (event, &self->segment);
      self->framer.segment = self->segment;
      self->segment_sent = FALSE;
      gst_event_unref (event);
      return TRUE;
    case GST_EVENT_STREAM_START:
      /* concat does not tell where a file ends, but where the next begins. */
      if (gst_pet_framer_is_within (&self->framer))
        finish_stream (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_pet_door_cancel (&self->door, FALSE);
      gst_pet_framer_drop_partial (&self->framer);
      gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
      self->segment_sent = FALSE;
      break;
    case GST_EVENT_EOS:
      finish_stream (self);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}
