/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-petfoldersrc
 * @title: petfoldersrc
 *
 * Reads the photos of a folder, one buffer each, in an order that depends on
 * their names only. Each buffer says which photo it is, and the elements
 * behind it keep that: results can be named after the photo.
 *
 * Links are followed, but no folder is read twice: one that lies below the
 * location counts there, not where links to it are.
 *
 * A file that cannot be read is not passed over: it becomes an empty buffer
 * that petdec reports as failed, with the reason. Of a folder below that cannot
 * be read a warning says why, and the others are read.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 petfoldersrc location=photos ! petdec on-error=skip max-size=1536 ! petsegment ! petpngenc ! petfilesink location=out/{dir}/{stem}.png
 * ]|
 */

#include "gstpetfoldersrc.h"

#include <stdlib.h>

#include "gstpetfields.h"
#include "base/pet-folder.h"
#include "codec/pet-decoder.h"
#include "meta/gstpetsourcemeta.h"

GST_DEBUG_CATEGORY_STATIC (pet_folder_src_debug);
#define GST_CAT_DEFAULT pet_folder_src_debug

enum {
  PROP_0,
  PROP_LOCATION,
  PROP_RECURSIVE,
  PROP_SHARD,
  PROP_MAX_FILE_SIZE,
};

#define DEFAULT_RECURSIVE TRUE
#define DEFAULT_SHARD "0/1"
#define DEFAULT_MAX_FILE_SIZE (256 * 1000 * 1000)
#define MAX_FILES 10000000

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("image/jpeg; image/png"));

struct _GstPetFolderSrc {
  GstPushSrc parent;

  /* properties, under the object lock */
  gchar *location;
  gboolean recursive;
  gchar *shard;
  guint64 max_file_size;

  /* streaming thread; what they were at start */
  gchar *top;
  guint part, parts;
  guint64 max_bytes;

  PetFolder folder;
  gsize next;
  PetPictureFormat format; /* of the caps set last */
  gboolean has_format;
};

G_DEFINE_TYPE (GstPetFolderSrc, gst_pet_folder_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE (
    petfoldersrc, "petfoldersrc", GST_RANK_NONE, GST_TYPE_PET_FOLDER_SRC)

static void gst_pet_folder_src_finalize (GObject *object);
static void gst_pet_folder_src_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec);
static void gst_pet_folder_src_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec);
static gboolean gst_pet_folder_src_start (GstBaseSrc *src);
static gboolean gst_pet_folder_src_stop (GstBaseSrc *src);
static gboolean gst_pet_folder_src_query (GstBaseSrc *src, GstQuery *query);
static GstFlowReturn gst_pet_folder_src_create (
    GstPushSrc *src, GstBuffer **buffer);

static void
gst_pet_folder_src_class_init (GstPetFolderSrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (
      pet_folder_src_debug, "petfoldersrc", 0, "folder of photos");

  object_class->finalize = gst_pet_folder_src_finalize;
  object_class->set_property = gst_pet_folder_src_set_property;
  object_class->get_property = gst_pet_folder_src_get_property;

  g_object_class_install_property (object_class, PROP_LOCATION,
      g_param_spec_string ("location", "Location", "Folder to read", NULL,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (object_class, PROP_RECURSIVE,
      g_param_spec_boolean ("recursive", "Recursive",
          "Read the folders below it too", DEFAULT_RECURSIVE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (object_class, PROP_SHARD,
      g_param_spec_string ("shard", "Shard",
          "\"i/n\": only the i-th (from 0) of n parts of the folder, by a "
          "hash of each photo's path; the n parts together are the folder",
          DEFAULT_SHARD,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (object_class, PROP_MAX_FILE_SIZE,
      g_param_spec_uint64 ("max-file-size", "Max file size",
          "Files above this many bytes are not read, but reported as failed "
          "(0 = no limit)",
          0, G_MAXUINT64, DEFAULT_MAX_FILE_SIZE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_READY));

  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Photo folder source",
      "Source/File/Image",
      "Reads the photos of a folder, one buffer each, in a stable order",
      "gst-plugins-pet");

  src_class->start = GST_DEBUG_FUNCPTR (gst_pet_folder_src_start);
  src_class->stop = GST_DEBUG_FUNCPTR (gst_pet_folder_src_stop);
  src_class->query = GST_DEBUG_FUNCPTR (gst_pet_folder_src_query);
  GST_PUSH_SRC_CLASS (klass)->create =
      GST_DEBUG_FUNCPTR (gst_pet_folder_src_create);
}

static void
gst_pet_folder_src_init (GstPetFolderSrc *self)
{
  self->recursive = DEFAULT_RECURSIVE;
  self->shard = g_strdup (DEFAULT_SHARD);
  self->max_file_size = DEFAULT_MAX_FILE_SIZE;
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
}

static void
gst_pet_folder_src_finalize (GObject *object)
{
  GstPetFolderSrc *self = GST_PET_FOLDER_SRC (object);

  pet_folder_clear (&self->folder);
  g_free (self->location);
  g_free (self->shard);
  g_free (self->top);
  G_OBJECT_CLASS (gst_pet_folder_src_parent_class)->finalize (object);
}

static const GstPetField fields[] = {
  GST_PET_FIELD (PROP_LOCATION, GstPetFolderSrc, location),
  GST_PET_FIELD (PROP_RECURSIVE, GstPetFolderSrc, recursive),
  GST_PET_FIELD (PROP_SHARD, GstPetFolderSrc, shard),
  GST_PET_FIELD (PROP_MAX_FILE_SIZE, GstPetFolderSrc, max_file_size),
};

static void
gst_pet_folder_src_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstPetFolderSrc *self = GST_PET_FOLDER_SRC (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_pet_fields_set_locked (
      self, fields, G_N_ELEMENTS (fields), id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_pet_folder_src_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstPetFolderSrc *self = GST_PET_FOLDER_SRC (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_pet_fields_get_locked (
      self, fields, G_N_ELEMENTS (fields), id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static gboolean
parse_shard (GstPetFolderSrc *self, const gchar *text)
{
  if (text != NULL && pet_folder_parse_shard (text, &self->part, &self->parts))
    return TRUE;
  GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
      ("\"shard\" is \"i/n\" with 0 <= i < n, not \"%s\".",
          GST_STR_NULL (text)),
      (NULL));
  return FALSE;
}

static gboolean
gst_pet_folder_src_start (GstBaseSrc *src)
{
  GstPetFolderSrc *self = GST_PET_FOLDER_SRC (src);
  g_autofree gchar *shard = NULL;
  gboolean recursive;
  PetError error;

  g_free (self->top);
  GST_OBJECT_LOCK (self);
  self->top = g_strdup (self->location);
  shard = g_strdup (self->shard);
  recursive = self->recursive;
  self->max_bytes = self->max_file_size;
  GST_OBJECT_UNLOCK (self);

  if (self->top == NULL) {
    GST_ELEMENT_ERROR (self, RESOURCE, NOT_FOUND,
        ("No folder was given: set \"location\"."), (NULL));
    return FALSE;
  }
  if (!parse_shard (self, shard))
    return FALSE;
  if (pet_folder_list (
          self->top, recursive, MAX_FILES, &self->folder, &error) != PET_OK) {
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ,
        ("Cannot list \"%s\": %s.", self->top, error.message), (NULL));
    return FALSE;
  }
  GST_INFO_OBJECT (
      self, "%" G_GSIZE_FORMAT " photos in %s", self->folder.count, self->top);
  self->next = 0;
  self->has_format = FALSE;
  return TRUE;
}

static gboolean
gst_pet_folder_src_stop (GstBaseSrc *src)
{
  pet_folder_clear (&GST_PET_FOLDER_SRC (src)->folder);
  return TRUE;
}

/* Unreadable and foreign files keep the caps of the file before: what they
 * are is petdec's to say. */
static gboolean
negotiate (GstPetFolderSrc *self, GstBuffer *buffer)
{
  PetPictureFormat format;
  GstMapInfo map;
  gboolean known;
  GstCaps *caps;
  gboolean accepted;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return FALSE;
  known = pet_picture_sniff (map.data, map.size, &format);
  gst_buffer_unmap (buffer, &map);

  if (!known)
    format = self->has_format ? self->format : PET_PICTURE_JPEG;
  if (self->has_format && format == self->format)
    return TRUE;

  caps = gst_caps_new_empty_simple (
      format == PET_PICTURE_JPEG ? "image/jpeg" : "image/png");
  accepted = gst_base_src_set_caps (GST_BASE_SRC (self), caps);
  gst_caps_unref (caps);
  self->format = format;
  self->has_format = TRUE;
  return accepted;
}

static GstBuffer *
read_photo (GstPetFolderSrc *self, const gchar *path)
{
  g_autofree gchar *name = g_build_filename (self->top, path, NULL);
  GstPetSourceMeta *meta;
  GstBuffer *buffer;
  PetStatus status;
  PetError error;
  uint8_t *bytes;
  size_t size;

  status = pet_file_read (name, self->max_bytes, &bytes, &size, &error);
  if (status == PET_OK)
    buffer = gst_buffer_new_wrapped_full (
        GST_MEMORY_FLAG_READONLY, bytes, size, 0, size, bytes, free);
  else
    buffer = gst_buffer_new ();
  meta = gst_pet_buffer_add_source_meta (
      buffer, path, self->next, self->folder.count);
  if (status != PET_OK)
    meta->problem = g_strdup (error.message);
  return buffer;
}

static gboolean
is_passed_over (GstPetFolderSrc *self)
{
  const gchar *path = self->folder.paths[self->next];
  const gchar *problem = pet_folder_problem (path);

  if (pet_folder_shard (path, self->parts) != self->part)
    return TRUE;
  if (problem != NULL)
    GST_ELEMENT_WARNING (self, RESOURCE, OPEN_READ,
        ("The photos in \"%s/%s\" are left out: %s.", self->top, path, problem),
        (NULL));
  return problem != NULL;
}

static GstFlowReturn
gst_pet_folder_src_create (GstPushSrc *src, GstBuffer **result)
{
  GstPetFolderSrc *self = GST_PET_FOLDER_SRC (src);
  GstBuffer *buffer;

  while (self->next < self->folder.count && is_passed_over (self))
    self->next++;
  if (self->next == self->folder.count)
    return GST_FLOW_EOS;

  buffer = read_photo (self, self->folder.paths[self->next]);
  if (!negotiate (self, buffer)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  /* A second each: a synchronised sink shows the folder as slides. */
  GST_BUFFER_PTS (buffer) = self->next * GST_SECOND;
  GST_BUFFER_DURATION (buffer) = GST_SECOND;
  GST_BUFFER_OFFSET (buffer) = self->next;
  GST_BUFFER_OFFSET_END (buffer) = self->next + 1;
  self->next++;
  *result = buffer;
  return GST_FLOW_OK;
}

/* "progressreport" and friends ask in buffers. */
static gboolean
gst_pet_folder_src_query (GstBaseSrc *src, GstQuery *query)
{
  GstPetFolderSrc *self = GST_PET_FOLDER_SRC (src);
  GstFormat format;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_POSITION:
      gst_query_parse_position (query, &format, NULL);
      if (format == GST_FORMAT_DEFAULT || format == GST_FORMAT_BUFFERS) {
        gst_query_set_position (query, format, (gint64) self->next);
        return TRUE;
      }
      break;
    case GST_QUERY_DURATION:
      gst_query_parse_duration (query, &format, NULL);
      if (format == GST_FORMAT_DEFAULT || format == GST_FORMAT_BUFFERS) {
        gst_query_set_duration (query, format, (gint64) self->folder.count);
        return TRUE;
      }
      break;
    default:
      break;
  }
  return GST_BASE_SRC_CLASS (gst_pet_folder_src_parent_class)
      ->query (src, query);
}
