/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-petfilesink
 * @title: petfilesink
 *
 * Stores each buffer as a file of its own, whole or not at all: it is written
 * under a temporary name in the same folder, brought to disk, then renamed.
 * Folders are made as needed. For every file one element message
 * "petfilesink" is posted: {source, index, filename, bytes, kept}.
 *
 * In #GstPetFileSink:location, {dir} and {stem} are the folder and the name
 * (without suffix) of the photo the buffer came from, {index} its number; {{ is
 * a brace. Photos can share a name then ("a.jpg" and "a.png" the {stem}), and the
 * later one has the file: a warning says so, if the other is one of the last
 * thousand or so that were stored.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 petfoldersrc location=photos ! petdec on-error=skip max-size=1024 ! petsegment ! petpngenc ! petfilesink location=out/{dir}/{stem}.png
 * ]|
 */

#include "gstpetfilesink.h"

#include "gstpetfields.h"
#include "gstpetatomicfile.h"
#include "meta/gstpetsourcemeta.h"

GST_DEBUG_CATEGORY_STATIC (pet_file_sink_debug);
#define GST_CAT_DEFAULT pet_file_sink_debug

enum {
  PROP_0,
  PROP_LOCATION,
  PROP_OVERWRITE,
  PROP_STATS,
};

#define DEFAULT_OVERWRITE TRUE

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

/* Of a file and of its photo, by their hashes: with as many as here memory does
 * not grow. A name takes the place of one whose hash begins alike. */
#define N_NAMES 1024

typedef struct {
  guint64 name, source;
} Name;

struct _GstPetFileSink {
  GstBaseSink parent;

  /* properties, under the object lock */
  gchar *location;
  gboolean overwrite;

  guint64 next_index; /* for buffers that say nothing of their origin */
  gchar *fixed_name;  /* written before, where location has no variable */
  Name *names;        /* N_NAMES of this run, by hash */

  /* counters, under the object lock */
  guint64 n_written, n_kept, n_bytes;
};

G_DEFINE_TYPE (GstPetFileSink, gst_pet_file_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE (
    petfilesink, "petfilesink", GST_RANK_NONE, GST_TYPE_PET_FILE_SINK)

static void gst_pet_file_sink_finalize (GObject *object);
static void gst_pet_file_sink_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec);
static void gst_pet_file_sink_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec);
static gboolean gst_pet_file_sink_start (GstBaseSink *sink);
static GstStateChangeReturn gst_pet_file_sink_change_state (
    GstElement *element, GstStateChange transition);
static GstFlowReturn gst_pet_file_sink_render (
    GstBaseSink *sink, GstBuffer *buffer);

static void
gst_pet_file_sink_class_init (GstPetFileSinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (
      pet_file_sink_debug, "petfilesink", 0, "one file per picture");

  object_class->finalize = gst_pet_file_sink_finalize;
  object_class->set_property = gst_pet_file_sink_set_property;
  object_class->get_property = gst_pet_file_sink_get_property;

  g_object_class_install_property (object_class, PROP_LOCATION,
      g_param_spec_string ("location", "Location",
          "Where to write; {dir}, {stem} and {index} stand for the photo's "
          "folder, name and number, {{ for a brace",
          NULL,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_OVERWRITE,
      g_param_spec_boolean ("overwrite", "Overwrite",
          "Replace files that are there; off: keep them and say so in the "
          "message, with their size",
          DEFAULT_OVERWRITE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "So far: written, kept, bytes (uint64)", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_set_static_metadata (element_class, "Atomic file sink",
      "Sink/File",
      "Stores one file per picture, whole or not at all, named after its photo",
      "gst-plugins-pet");

  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_pet_file_sink_change_state);
  sink_class->start = GST_DEBUG_FUNCPTR (gst_pet_file_sink_start);
  sink_class->render = GST_DEBUG_FUNCPTR (gst_pet_file_sink_render);
}

/* async=false: a branch whose first picture is dropped must not hold up the
 * preroll of all others. enable-last-sample=false: no picture is kept for
 * nothing. */
static void
gst_pet_file_sink_init (GstPetFileSink *self)
{
  self->overwrite = DEFAULT_OVERWRITE;
  gst_base_sink_set_sync (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_async_enabled (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_last_sample_enabled (GST_BASE_SINK (self), FALSE);
  gst_base_sink_set_qos_enabled (GST_BASE_SINK (self), FALSE);
}

static void
gst_pet_file_sink_finalize (GObject *object)
{
  GstPetFileSink *self = GST_PET_FILE_SINK (object);

  g_free (self->location);
  g_free (self->fixed_name);
  g_free (self->names);
  G_OBJECT_CLASS (gst_pet_file_sink_parent_class)->finalize (object);
}

static const GstPetField fields[] = {
  GST_PET_FIELD (PROP_LOCATION, GstPetFileSink, location),
  GST_PET_FIELD (PROP_OVERWRITE, GstPetFileSink, overwrite),
};

static void
gst_pet_file_sink_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstPetFileSink *self = GST_PET_FILE_SINK (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_pet_fields_set_locked (
      self, fields, G_N_ELEMENTS (fields), id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_pet_file_sink_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstPetFileSink *self = GST_PET_FILE_SINK (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS) {
    g_value_take_boxed (value,
        gst_structure_new ("application/x-petfilesink-stats", "written",
            G_TYPE_UINT64, self->n_written, "kept", G_TYPE_UINT64, self->n_kept,
            "bytes", G_TYPE_UINT64, self->n_bytes, NULL));
    known = TRUE;
  } else {
    known = gst_pet_fields_get_locked (
        self, fields, G_N_ELEMENTS (fields), id, value);
  }
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static gboolean
is_located (GstPetFileSink *self, const gchar *location)
{
  if (location != NULL && location[0] != '\0')
    return TRUE;
  GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND,
      ("No file name was given: set \"location\"."), (NULL));
  return FALSE;
}

static gboolean
gst_pet_file_sink_start (GstBaseSink *sink)
{
  GstPetFileSink *self = GST_PET_FILE_SINK (sink);
  g_autofree gchar *location = NULL;

  GST_OBJECT_LOCK (self);
  location = g_strdup (self->location);
  GST_OBJECT_UNLOCK (self);
  return is_located (self, location);
}

/* A base sink starts and stops between NULL and READY; a run begins later. */
static GstStateChangeReturn
gst_pet_file_sink_change_state (GstElement *element, GstStateChange transition)
{
  GstPetFileSink *self = GST_PET_FILE_SINK (element);

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    GST_OBJECT_LOCK (self);
    self->n_written = self->n_kept = self->n_bytes = 0;
    GST_OBJECT_UNLOCK (self);
    self->next_index = 0;
    g_clear_pointer (&self->fixed_name, g_free);
    g_free (self->names);
    self->names = g_new0 (Name, N_NAMES);
  }
  return GST_ELEMENT_CLASS (gst_pet_file_sink_parent_class)
      ->change_state (element, transition);
}

/* A second picture under a name without variables would silently replace the
 * first. */
static gboolean
is_repeated (GstPetFileSink *self, const gchar *name)
{
  if (g_strcmp0 (self->fixed_name, name) == 0)
    return TRUE;
  g_free (self->fixed_name);
  self->fixed_name = g_strdup (name);
  return FALSE;
}

/* FNV-1a. */
static guint64
hash_of (const gchar *text)
{
  guint64 hash = G_GUINT64_CONSTANT (14695981039346656037);

  for (; *text != '\0'; text++)
    hash = (hash ^ (guint8) *text) * G_GUINT64_CONSTANT (1099511628211);
  return hash;
}

/* Where variables do not tell photos apart. */
static void
warn_if_shared (
    GstPetFileSink *self, const gchar *name, const GstPetSourceMeta *meta)
{
  const gchar *source = meta != NULL ? meta->source : "";
  const Name now = { hash_of (name), hash_of (source) };
  Name *before = &self->names[(now.name >> 32) % N_NAMES];

  if (before->name == now.name && before->source != now.source)
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
        ("\"%s\" is the name of two pictures, the second of \"%s\", and only "
         "one is there: put {dir} and {stem}, or {index}, into \"location\".",
            name, source),
        (NULL));
  *before = now;
}

static void
post_result (GstPetFileSink *self, GstBuffer *buffer, const gchar *name,
    const GstPetAtomicResult *result)
{
  g_autofree gchar *utf8 = g_utf8_validate (name, -1, NULL)
      ? g_strdup (name)
      : g_filename_display_name (name);
  GstStructure *s = gst_structure_new_empty ("petfilesink");

  gst_pet_structure_set_source (s, buffer);
  if (gst_pet_buffer_get_source_meta (buffer) == NULL)
    gst_structure_set (s, "index", G_TYPE_UINT64, self->next_index - 1, NULL);
  gst_structure_set (s, "filename", G_TYPE_STRING, utf8, "bytes", G_TYPE_UINT64,
      result->bytes, "kept", G_TYPE_BOOLEAN, result->kept, NULL);
  GST_OBJECT_LOCK (self);
  if (result->kept) {
    self->n_kept++;
  } else {
    self->n_written++;
    self->n_bytes += result->bytes;
  }
  GST_OBJECT_UNLOCK (self);
  gst_element_post_message (
      GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
}

static void
post_write_error (GstPetFileSink *self, const gchar *name, const GError *error)
{
  if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC))
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT,
        ("The disk is full: \"%s\" was not written.", name),
        ("%s", error->message));
  else
    GST_ELEMENT_ERROR (self, RESOURCE, WRITE,
        ("\"%s\" cannot be written: %s.", name, error->message), (NULL));
}

static GstFlowReturn
gst_pet_file_sink_render (GstBaseSink *sink, GstBuffer *buffer)
{
  GstPetFileSink *self = GST_PET_FILE_SINK (sink);
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (buffer);
  g_autofree gchar *location = NULL, *name = NULL;
  g_autoptr (GError) error = NULL;
  GstPetAtomicResult result;
  gboolean overwrite, varies;

  GST_OBJECT_LOCK (self);
  location = g_strdup (self->location);
  overwrite = self->overwrite;
  GST_OBJECT_UNLOCK (self);

  if (!is_located (self, location))
    return GST_FLOW_ERROR;
  name =
      gst_pet_source_meta_expand (meta, self->next_index++, location, &varies);
  if (!varies && is_repeated (self, name)) {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("A second picture would replace \"%s\": put {stem} or {index} into "
         "\"location\".",
            name),
        (NULL));
    return GST_FLOW_ERROR;
  }
  if (!gst_pet_atomic_write (name, buffer, overwrite, &result, &error)) {
    post_write_error (self, name, error);
    return GST_FLOW_ERROR;
  }
  warn_if_shared (self, name, meta);
  post_result (self, buffer, name, &result);
  return GST_FLOW_OK;
}
