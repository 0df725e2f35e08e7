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
#include "gstpetenums.h"
#include "gstpetframing.h"
#include "memory/gstpetframe.h"
#include "meta/gstpetsourcemeta.h"

GST_DEBUG_CATEGORY_STATIC (pet_dec_debug);
#define GST_CAT_DEFAULT pet_dec_debug

enum {
  PROP_0,
  PROP_MAX_SIZE,
  PROP_MAX_PIXELS,
  PROP_MAX_FILE_SIZE,
  PROP_MAX_SCANS,
  PROP_STRICT,
  PROP_ON_ERROR,
  PROP_STATS,
};

#define DEFAULT_MAX_SIZE 0
#define DEFAULT_MAX_PIXELS (100 * 1000 * 1000)
#define DEFAULT_MAX_FILE_SIZE (256 * 1000 * 1000)
#define DEFAULT_MAX_SCANS 100
#define DEFAULT_STRICT TRUE
#define DEFAULT_ON_ERROR GST_PET_ON_ERROR_ERROR

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
  gboolean strict;
  GstPetOnError on_error;

  /* streaming thread */
  GstPetFramer framer;
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
install_properties (GObjectClass *object_class)
{
  const GParamFlags flags =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (object_class, PROP_MAX_SIZE,
      g_param_spec_uint ("max-size", "Max size",
          "Longest side of the decoded picture in pixels; larger photos are "
          "reduced while they are read (0 = as stored)",
          0, 1 << 20, DEFAULT_MAX_SIZE, flags));
  g_object_class_install_property (object_class, PROP_MAX_PIXELS,
      g_param_spec_uint64 ("max-pixels", "Max pixels",
          "Refuse photos with more pixels than this, by their header, before "
          "memory is taken (0 = no limit)",
          0, G_MAXUINT64, DEFAULT_MAX_PIXELS, flags));
  g_object_class_install_property (object_class, PROP_MAX_FILE_SIZE,
      g_param_spec_uint64 ("max-file-size", "Max file size",
          "Refuse files with more bytes than this (0 = no limit)", 0,
          G_MAXUINT64, DEFAULT_MAX_FILE_SIZE, flags));
  g_object_class_install_property (object_class, PROP_MAX_SCANS,
      g_param_spec_uint ("max-scans", "Max scans",
          "Refuse progressive JPEGs with more scans than this (0 = no limit)",
          0, G_MAXINT, DEFAULT_MAX_SCANS, flags));
  g_object_class_install_property (object_class, PROP_STRICT,
      g_param_spec_boolean ("strict", "Strict",
          "Fail on truncated or damaged files; off: keep what could be read, "
          "the rest grey, and flag the buffer as corrupted",
          DEFAULT_STRICT, flags));
  g_object_class_install_property (object_class, PROP_ON_ERROR,
      g_param_spec_enum ("on-error", "On error",
          "What to do about a file that cannot be decoded",
          GST_TYPE_PET_ON_ERROR, DEFAULT_ON_ERROR, flags));
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Files so far: ok, failed, damaged (kept because not strict), and "
          "bytes read, all uint64",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_pet_dec_class_init (GstPetDecClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (pet_dec_debug, "petdec", 0, "photo decoder");

  object_class->finalize = gst_pet_dec_finalize;
  object_class->set_property = gst_pet_dec_set_property;
  object_class->get_property = gst_pet_dec_get_property;
  install_properties (object_class);

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
  self->strict = DEFAULT_STRICT;
  self->on_error = DEFAULT_ON_ERROR;
  gst_pet_framer_init (&self->framer, self->sinkpad);
}

static void
gst_pet_dec_finalize (GObject *object)
{
  gst_pet_framer_clear (&GST_PET_DEC (object)->framer);
  G_OBJECT_CLASS (gst_pet_dec_parent_class)->finalize (object);
}

static const GstPetField fields[] = {
  GST_PET_FIELD (PROP_MAX_SIZE, GstPetDec, max_size),
  GST_PET_FIELD (PROP_MAX_PIXELS, GstPetDec, max_pixels),
  GST_PET_FIELD (PROP_MAX_FILE_SIZE, GstPetDec, max_file_size),
  GST_PET_FIELD (PROP_MAX_SCANS, GstPetDec, max_scans),
  GST_PET_FIELD (PROP_STRICT, GstPetDec, strict),
  GST_PET_FIELD (PROP_ON_ERROR, GstPetDec, on_error),
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

static GstStateChangeReturn
gst_pet_dec_change_state (GstElement *element, GstStateChange transition)
{
  GstPetDec *self = GST_PET_DEC (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    reset_stream (self);
    GST_OBJECT_LOCK (self);
    self->n_ok = self->n_failed = self->n_damaged = self->n_bytes = 0;
    GST_OBJECT_UNLOCK (self);
  }
  result = GST_ELEMENT_CLASS (gst_pet_dec_parent_class)
               ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    reset_stream (self);
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

static GstFlowReturn
fail_file (GstPetDec *self, GstBuffer *file, const PetPictureInfo *info,
    const PetError *error, guint64 bytes)
{
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (file);
  GstPetOnError on_error;

  post_result (self, file, info, error, bytes);
  GST_OBJECT_LOCK (self);
  on_error = self->on_error;
  GST_OBJECT_UNLOCK (self);

  if (on_error == GST_PET_ON_ERROR_SKIP) {
    GST_WARNING_OBJECT (self, "%s: skipped, %s", meta->source, error->message);
    push_gap (self, file);
    return GST_FLOW_OK;
  }
  GST_ELEMENT_ERROR (self, STREAM, DECODE,
      ("\"%s\" cannot be decoded: %s.", meta->source, error->message),
      ("photo %" G_GUINT64_FORMAT ", %s", meta->index,
          pet_status_name (error->status)));
  return GST_FLOW_ERROR;
}

/* RGB where the photo is opaque, unless only RGBA is wanted downstream. */
static GstVideoFormat
choose_format (GstPetDec *self, const PetPictureInfo *info)
{
  GstCaps *caps, *allowed;
  GstVideoFormat format = GST_VIDEO_FORMAT_RGBA;

  if (info->channels == 4)
    return format;
  caps =
      gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "RGB", NULL);
  allowed = gst_pad_peer_query_caps (self->srcpad, caps);
  if (!gst_caps_is_empty (allowed))
    format = GST_VIDEO_FORMAT_RGB;
  gst_caps_unref (allowed);
  gst_caps_unref (caps);
  return format;
}

static GstFlowReturn
negotiate (GstPetDec *self, const PetPictureInfo *info)
{
  GstVideoFormat format;
  GstVideoInfo wanted;
  GstCaps *caps;
  gboolean accepted;

  if (gst_pad_check_reconfigure (self->srcpad) || self->info.finfo == NULL ||
      GST_VIDEO_INFO_FORMAT (&self->info) == GST_VIDEO_FORMAT_UNKNOWN ||
      GST_VIDEO_INFO_WIDTH (&self->info) != info->width ||
      GST_VIDEO_INFO_HEIGHT (&self->info) != info->height ||
      GST_VIDEO_INFO_HAS_ALPHA (&self->info) != (info->channels == 4)) {
    format = choose_format (self, info);
    gst_video_info_set_format (
        &wanted, format, (guint) info->width, (guint) info->height);
    wanted.fps_n = self->fps_n;
    wanted.fps_d = self->fps_d;
    wanted.colorimetry.range = GST_VIDEO_COLOR_RANGE_0_255;
    wanted.colorimetry.matrix = GST_VIDEO_COLOR_MATRIX_RGB;
    wanted.colorimetry.transfer = GST_VIDEO_TRANSFER_SRGB;
    wanted.colorimetry.primaries = GST_VIDEO_COLOR_PRIMARIES_BT709;
    if (!gst_video_info_is_equal (&wanted, &self->info)) {
      caps = gst_video_info_to_caps (&wanted);
      accepted = gst_pad_set_caps (self->srcpad, caps);
      gst_caps_unref (caps);
      if (!accepted)
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
  gboolean expand;

  if (!gst_video_frame_map (&mapped, &self->info, frame, GST_MAP_WRITE))
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the picture");
  image = gst_pet_frame_image (&mapped);
  expand = image.channels == 4 && info->channels == 3;
  image.channels = info->channels;
  status = pet_decoder_read (decoder, &image, info, error);
  if (status == PET_OK && expand)
    gst_pet_image_add_opaque_alpha (&image);
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

/* From an open decoder to a frame, NULL if there is none to send. */
static GstFlowReturn
decode_opened (GstPetDec *self, PetDecoder *decoder, PetPictureInfo *info,
    GstBuffer *file, gsize bytes, GstBuffer **result)
{
  GstFlowReturn flow = negotiate (self, info);
  GstBuffer *frame;
  PetStatus status;
  PetError error;

  if (flow != GST_FLOW_OK) {
    pet_fail (&error, PET_ERROR_ARGUMENT,
        "what comes after petdec takes no %dx%d %s", info->width, info->height,
        info->channels == 4 ? "RGBA" : "RGB");
    post_result (self, file, info, &error, bytes);
    if (!GST_PAD_IS_FLUSHING (self->srcpad))
      return flow;
    return GST_FLOW_FLUSHING;
  }

  frame = gst_pet_frame_new (&self->info);
  status = frame != NULL
      ? read_frame (self, decoder, info, frame, &error)
      : pet_fail (&error, PET_ERROR_MEMORY, "no memory for %dx%d pixels",
            info->width, info->height);
  if (status != PET_OK) {
    gst_clear_buffer (&frame);
    return fail_file (self, file, info, &error, bytes);
  }

  copy_file_facts (frame, file, info->damaged);
  post_result (self, file, info, NULL, bytes);
  *result = frame;
  return GST_FLOW_OK;
}

/* `file` carries a source meta. */
static GstFlowReturn
decode_bytes (GstPetDec *self, GstBuffer *file, const guint8 *bytes, gsize size,
    GstBuffer **frame)
{
  guint64 max_file_size;
  PetDecodeOptions options = decode_options (self, &max_file_size);
  PetDecoder *decoder = NULL;
  PetPictureInfo info;
  GstFlowReturn flow;
  PetError error;

  if (max_file_size != 0 && size > max_file_size) {
    pet_fail (&error, PET_ERROR_LIMIT,
        "has %.1f MB, above the limit of %.1f MB", (double) size / 1e6,
        (double) max_file_size / 1e6);
    return fail_file (self, file, NULL, &error, size);
  }
  if (pet_decoder_open (&options, bytes, size, &decoder, &info, &error) !=
      PET_OK)
    return fail_file (self, file, NULL, &error, size);

  flow = decode_opened (self, decoder, &info, file, size, frame);
  pet_decoder_free (&decoder);
  return flow;
}

/* Takes `file`, which carries a source meta. It is gone, and the decoder's
 * memory too, before the frame is sent on. */
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
    flow = decode_bytes (self, file, map.data, map.size, &frame);
    gst_buffer_unmap (file, &map);
  }
  gst_buffer_unref (file);
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

static gboolean
gst_pet_dec_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstPetDec *self = GST_PET_DEC (parent);
  GstBuffer *file;

  switch (GST_EVENT_TYPE (event)) {
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
      gst_pet_framer_drop_partial (&self->framer);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_pet_framer_drop_partial (&self->framer);
      gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
      self->segment_sent = FALSE;
      break;
    case GST_EVENT_EOS:
      file = gst_pet_framer_finish (&self->framer);
      if (file != NULL)
        handle_file (self, file);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}
