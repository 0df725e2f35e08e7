/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-petpngenc
 * @title: petpngenc
 *
 * Writes each picture as a PNG in the smallest lossless colour type: palette
 * of 1 to 8 bits, grey, grey and alpha, RGB or RGBA. One buffer out per
 * picture, made of the pieces as they were compressed.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=dog.jpg ! petdec ! petsegment ! petpngenc level=9 dpi=300 ! filesink location=dog.png
 * ]|
 */

#include "gstpetpngenc.h"

#include <gst/video/video.h>
#include <string.h>

#include "gstpetfields.h"
#include "codec/pet-png-encoder.h"
#include "memory/gstpetaccount.h"
#include "memory/gstpetcost.h"
#include "memory/gstpetframe.h"
#include "memory/gstpetmemory.h"
#include "meta/gstpetsourcemeta.h"

GST_DEBUG_CATEGORY_STATIC (pet_png_enc_debug);
#define GST_CAT_DEFAULT pet_png_enc_debug

enum {
  PROP_0,
  PROP_LEVEL,
  PROP_DPI,
  PROP_SOFTWARE,
  PROP_BUDGET,
  PROP_STATS,
};

#define DEFAULT_LEVEL 6
#define DEFAULT_DPI 0
#define DEFAULT_SOFTWARE "gst-plugins-pet"

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
        GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGB, RGBA, GRAY8 }")));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("image/png"));

struct _GstPetPngEnc {
  GstElement parent;

  GstPad *sinkpad, *srcpad;

  /* properties, under the object lock */
  gint level;
  gint dpi;
  gchar *software;
  gchar *budget;

  /* streaming thread, between READY and PAUSED */
  GstPetAccount account;
  GstVideoInfo info;

  /* counters, under the object lock */
  guint64 n_pictures, n_bytes_in, n_bytes_out;
};

/* The file as it grows, in blocks whose number a buffer can hold: nothing is
 * copied twice. */
typedef struct {
  GstPetAccount *account;
  gsize bound; /* bytes the file has at most */
  gsize taken; /* by blocks so far */
  GstBuffer *buffer;
  GstMemory *block; /* being filled */
  GstMapInfo map;
  gsize used;
} Output;

/* A small file takes the first; of the others the last is on average half
 * empty. */
#define FIRST_BLOCK ((gsize) 64 * 1024)
#define NEXT_BLOCK ((gsize) 1024 * 1024)
#define MAX_BLOCKS 15

/* What the blocks of a file and of the compressor are charged beyond their
 * sizes. */
#define BLOCK_WASTE ((gsize) 96 * 1024)

G_DEFINE_TYPE (GstPetPngEnc, gst_pet_png_enc, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (
    petpngenc, "petpngenc", GST_RANK_NONE, GST_TYPE_PET_PNG_ENC)

static void gst_pet_png_enc_finalize (GObject *object);
static void gst_pet_png_enc_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec);
static void gst_pet_png_enc_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec);
static GstStateChangeReturn gst_pet_png_enc_change_state (
    GstElement *element, GstStateChange transition);
static gboolean gst_pet_png_enc_sink_event (
    GstPad *pad, GstObject *parent, GstEvent *event);
static gboolean gst_pet_png_enc_sink_query (
    GstPad *pad, GstObject *parent, GstQuery *query);
static GstFlowReturn gst_pet_png_enc_chain (
    GstPad *pad, GstObject *parent, GstBuffer *buffer);

static void
gst_pet_png_enc_class_init (GstPetPngEncClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  const GParamFlags flags =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  GST_DEBUG_CATEGORY_INIT (pet_png_enc_debug, "petpngenc", 0, "PNG encoder");

  object_class->finalize = gst_pet_png_enc_finalize;
  object_class->set_property = gst_pet_png_enc_set_property;
  object_class->get_property = gst_pet_png_enc_get_property;

  g_object_class_install_property (object_class, PROP_LEVEL,
      g_param_spec_int ("level", "Level",
          "Compression: 0 = none, 1 = fastest, 9 = smallest", 0, 9,
          DEFAULT_LEVEL, flags));
  g_object_class_install_property (object_class, PROP_DPI,
      g_param_spec_int ("dpi", "DPI",
          "Print resolution noted in the file, dots per inch (0 = none)", 0,
          100000, DEFAULT_DPI, flags));
  g_object_class_install_property (object_class, PROP_SOFTWARE,
      g_param_spec_string ("software", "Software",
          "\"Software\" text in the file (NULL or empty = none)",
          DEFAULT_SOFTWARE, flags));
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "So far: pictures, bytes-in, bytes-out (uint64)", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  gst_pet_install_budget_property (object_class, PROP_BUDGET);

  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_pet_png_enc_change_state);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Print PNG encoder",
      "Codec/Encoder/Image", "Writes PNGs in the smallest lossless colour type",
      "gst-plugins-pet");
}

static void
gst_pet_png_enc_init (GstPetPngEnc *self)
{
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_event_function (self->sinkpad, gst_pet_png_enc_sink_event);
  gst_pad_set_query_function (self->sinkpad, gst_pet_png_enc_sink_query);
  gst_pad_set_chain_function (self->sinkpad, gst_pet_png_enc_chain);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);

  self->level = DEFAULT_LEVEL;
  self->dpi = DEFAULT_DPI;
  self->software = g_strdup (DEFAULT_SOFTWARE);
  self->budget = g_strdup (GST_PET_BUDGET_DEFAULT);
  gst_video_info_init (&self->info);
}

static void
gst_pet_png_enc_finalize (GObject *object)
{
  GstPetPngEnc *self = GST_PET_PNG_ENC (object);

  gst_pet_account_close (&self->account);
  g_free (self->software);
  g_free (self->budget);
  G_OBJECT_CLASS (gst_pet_png_enc_parent_class)->finalize (object);
}

static const GstPetField fields[] = {
  GST_PET_FIELD (PROP_LEVEL, GstPetPngEnc, level),
  GST_PET_FIELD (PROP_DPI, GstPetPngEnc, dpi),
  GST_PET_FIELD (PROP_SOFTWARE, GstPetPngEnc, software),
  GST_PET_FIELD (PROP_BUDGET, GstPetPngEnc, budget),
};

static void
gst_pet_png_enc_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstPetPngEnc *self = GST_PET_PNG_ENC (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_pet_fields_set_locked (
      self, fields, G_N_ELEMENTS (fields), id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_pet_png_enc_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstPetPngEnc *self = GST_PET_PNG_ENC (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS) {
    g_value_take_boxed (value,
        gst_structure_new ("application/x-petpngenc-stats", "pictures",
            G_TYPE_UINT64, self->n_pictures, "bytes-in", G_TYPE_UINT64,
            self->n_bytes_in, "bytes-out", G_TYPE_UINT64, self->n_bytes_out,
            NULL));
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
start (GstPetPngEnc *self)
{
  g_autofree gchar *budget = NULL;

  gst_video_info_init (&self->info);
  GST_OBJECT_LOCK (self);
  self->n_pictures = self->n_bytes_in = self->n_bytes_out = 0;
  budget = g_strdup (self->budget);
  GST_OBJECT_UNLOCK (self);
  gst_pet_account_open (&self->account, budget);
}

static GstStateChangeReturn
gst_pet_png_enc_change_state (GstElement *element, GstStateChange transition)
{
  GstPetPngEnc *self = GST_PET_PNG_ENC (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    start (self);
  result = GST_ELEMENT_CLASS (gst_pet_png_enc_parent_class)
               ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    GST_PAD_STREAM_LOCK (self->sinkpad); /* ALLOCATION queries */
    gst_pet_account_close (&self->account);
    GST_PAD_STREAM_UNLOCK (self->sinkpad);
  }
  return result;
}

static gboolean
set_caps (GstPetPngEnc *self, GstCaps *caps)
{
  GstCaps *out;
  gboolean accepted;

  if (!gst_video_info_from_caps (&self->info, caps))
    return FALSE;
  out = gst_caps_new_simple ("image/png", "width", G_TYPE_INT, self->info.width,
      "height", G_TYPE_INT, self->info.height, "framerate", GST_TYPE_FRACTION,
      self->info.fps_n, self->info.fps_d, NULL);
  accepted = gst_pad_set_caps (self->srcpad, out);
  gst_caps_unref (out);
  return accepted;
}

static gboolean
gst_pet_png_enc_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstPetPngEnc *self = GST_PET_PNG_ENC (parent);
  gboolean result;
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return gst_pad_event_default (pad, parent, event);
  gst_event_parse_caps (event, &caps);
  result = set_caps (self, caps);
  gst_event_unref (event);
  return result;
}

/* Of a file, at most: pixels that do not compress, stored as they are, and what
 * zlib and PNG add. */
static gsize
file_bound (const GstVideoInfo *info)
{
  gsize pixels = GST_VIDEO_INFO_SIZE (info) + (gsize) info->height;

  return pixels + pixels / 1000 + FIRST_BLOCK;
}

/* The file and the compressor's state. */
static void
add_cost (GstPetPngEnc *self, GstQuery *query)
{
  GstCaps *caps = gst_pet_query_get_cost_caps (query);
  GstVideoInfo info;
  GstPetCost cost;
  size_t working;

  if (caps == NULL || !gst_video_info_from_caps (&info, caps))
    return;
  gst_pet_pad_ask_cost (self->srcpad, NULL, &cost);
  working = pet_png_working_bytes (
      info.width, info.height, GST_VIDEO_INFO_COMP_PSTRIDE (&info, 0));
  gst_pet_query_add_cost (query, gst_pet_cost_sum (&cost));
  gst_pet_query_add_cost (query, gst_pet_block_bytes (file_bound (&info)));
  gst_pet_query_add_cost (query, gst_pet_block_bytes (working) + BLOCK_WASTE);
}

static gboolean
gst_pet_png_enc_sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstPetPngEnc *self = GST_PET_PNG_ENC (parent);

  if (gst_pet_query_is_cost (query)) {
    add_cost (self, query);
    return FALSE;
  }
  if (GST_QUERY_TYPE (query) == GST_QUERY_ALLOCATION)
    return gst_pet_account_propose (&self->account, query);
  return gst_pad_query_default (pad, parent, query);
}

static void
output_close_block (Output *out)
{
  if (out->block == NULL)
    return;
  gst_memory_unmap (out->block, &out->map);
  gst_memory_resize (out->block, 0, out->used);
  gst_buffer_append_memory (out->buffer, out->block);
  out->block = NULL;
}

static gsize
next_block (const Output *out)
{
  gsize left = out->bound > out->taken ? out->bound - out->taken : 0;
  gsize size = out->taken == 0
      ? FIRST_BLOCK
      : MAX (NEXT_BLOCK, out->bound / (MAX_BLOCKS - 1));

  return MIN (size, MAX (left, FIRST_BLOCK));
}

static PetStatus
output_open_block (Output *out, PetError *error)
{
  gsize size = next_block (out);

  if (gst_buffer_n_memory (out->buffer) < gst_buffer_get_max_memory ())
    out->block = gst_pet_account_memory (out->account, size);
  if (out->block == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the file");
  if (!gst_memory_map (out->block, &out->map, GST_MAP_WRITE)) {
    gst_memory_unref (out->block);
    out->block = NULL;
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the file");
  }
  out->used = 0;
  out->taken += size;
  return PET_OK;
}

static PetStatus
output_write (void *user, const void *bytes, size_t size, PetError *error)
{
  Output *out = user;
  const guint8 *next = bytes;

  while (size > 0) {
    gsize part;

    if (out->block != NULL && out->used == out->map.size)
      output_close_block (out);
    if (out->block == NULL)
      PET_TRY (output_open_block (out, error));
    part = MIN (size, out->map.size - out->used);
    memcpy (out->map.data + out->used, next, part);
    out->used += part;
    next += part;
    size -= part;
  }
  return PET_OK;
}

/* A frame that nobody else will look at goes as it is read, while the file
 * grows. */
typedef struct {
  GstMemory *memory;
  gsize row_bytes, seen, gone;
} Spent;

/* Each time costs the other cores an interrupt. */
#define SPENT_STEP (256 * 1024)

static void
on_rows_read (void *user, int rows)
{
  Spent *spent = user;
  gsize bytes = (gsize) rows * spent->row_bytes;

  if (bytes - spent->seen < SPENT_STEP)
    return;
  spent->gone = gst_pet_memory_discard (spent->memory, spent->gone, bytes);
  spent->seen = bytes;
}

/* `picture` must not be mapped yet: mapping takes references. */
static gboolean
may_be_spent (GstPetPngEnc *self, GstBuffer *picture, Spent *spent)
{
  *spent = (Spent){ .row_bytes =
                        (gsize) GST_VIDEO_INFO_PLANE_STRIDE (&self->info, 0) };
  if (!gst_buffer_is_writable (picture) || gst_buffer_n_memory (picture) != 1 ||
      gst_buffer_get_video_meta (picture) != NULL)
    return FALSE;
  spent->memory = gst_buffer_peek_memory (picture, 0);
  return gst_memory_is_writable (spent->memory);
}

/* PNG's tEXt is Latin-1. */
static gchar *
to_latin1 (const gchar *text)
{
  return text != NULL ? g_convert_with_fallback (text, -1, "ISO-8859-1",
                            "UTF-8", "?", NULL, NULL, NULL)
                      : NULL;
}

static PetStatus
encode (GstPetPngEnc *self, GstBuffer *picture, const PetImage *image,
    Spent *spent, GstBuffer *file, PetPngInfo *info, PetError *error)
{
  const GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (picture);
  g_autofree gchar *software = NULL;
  Output out = {
    .account = &self->account, .bound = file_bound (&self->info), .buffer = file
  };
  PetPngOptions options;
  PetStatus status;

  pet_png_options_init (&options);
  GST_OBJECT_LOCK (self);
  options.level = self->level;
  options.dpi = self->dpi;
  software = to_latin1 (self->software);
  GST_OBJECT_UNLOCK (self);
  options.software = software;
  options.recipe = meta != NULL && meta->recipe != NULL && *meta->recipe != '\0'
      ? meta->recipe
      : NULL;
  options.allocator = &self->account.core;
  if (image->channels == 4)
    options.outline =
        gst_pet_buffer_get_outline (picture, image->width, image->height);
  if (spent != NULL) {
    options.rows_read = on_rows_read;
    options.rows_user = spent;
  }

  status = pet_png_encode (image, &options, output_write, &out, info, error);
  output_close_block (&out);
  return status;
}

static void
count (GstPetPngEnc *self, gsize bytes_in, gsize bytes_out)
{
  GST_OBJECT_LOCK (self);
  self->n_pictures++;
  self->n_bytes_in += bytes_in;
  self->n_bytes_out += bytes_out;
  GST_OBJECT_UNLOCK (self);
}

static GstFlowReturn
gst_pet_png_enc_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstPetPngEnc *self = GST_PET_PNG_ENC (parent);
  GstVideoFrame frame;
  PetPngInfo info;
  GstBuffer *file;
  gboolean alone;
  Spent spent;
  PetImage image;
  PetStatus status;
  PetError error;

  if (GST_VIDEO_INFO_FORMAT (&self->info) == GST_VIDEO_FORMAT_UNKNOWN)
    goto not_negotiated;
  alone = may_be_spent (self, buffer, &spent);
  if (!gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_READ))
    goto unmappable;

  image = gst_pet_frame_image (&frame);
  file = gst_buffer_new ();
  gst_pet_account_begin (&self->account, buffer);
  status =
      encode (self, buffer, &image, alone ? &spent : NULL, file, &info, &error);
  gst_pet_account_end (&self->account);
  gst_video_frame_unmap (&frame);
  if (status != PET_OK)
    goto failed;

  GST_DEBUG_OBJECT (self, "colour type %d, %d bit, %" G_GSIZE_FORMAT " bytes",
      info.color_type, info.bit_depth, info.bytes);
  count (self, GST_VIDEO_INFO_SIZE (&self->info), info.bytes);
  gst_buffer_copy_into (
      file, buffer, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  gst_pet_buffer_copy_untagged_metas (file, buffer);
  gst_buffer_unref (buffer);
  return gst_pad_push (self->srcpad, file);

  /* ERRORS */
not_negotiated : {
  gst_buffer_unref (buffer);
  GST_ELEMENT_ERROR (
      self, CORE, NEGOTIATION, (NULL), ("a buffer came before its caps"));
  return GST_FLOW_NOT_NEGOTIATED;
}
unmappable : {
  gst_buffer_unref (buffer);
  GST_ELEMENT_ERROR (self, RESOURCE, READ, ("A frame cannot be read."), (NULL));
  return GST_FLOW_ERROR;
}
failed : {
  gst_buffer_unref (file);
  gst_buffer_unref (buffer);
  GST_ELEMENT_ERROR (self, STREAM, ENCODE,
      ("A PNG cannot be written: %s.", error.message),
      ("%s", pet_status_name (status)));
  return GST_FLOW_ERROR;
}
}
