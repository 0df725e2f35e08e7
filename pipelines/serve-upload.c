/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-upload.h"

#include <string.h>

#include "serve-multipart.h"
#include "serve-picture.h"

/* What a form may have around its file. */
#define FORM_BYTES (256 * 1024)
#define FIRST_LOOK_BYTES 64
#define FIRST_CAPACITY (256 * 1024)

struct _ServeUpload {
  ServeRequest *request;
  ServeMultipart *multipart; /* NULL: the body is the photo */
  gboolean has_place;
  guint8 *bytes;
  gsize size, capacity;
  guint64 charged;
  gsize next_look; /* bytes at which to look next; 0: was looked at */
  PetSha256 sum;
};

/* The bytes of a finished upload and what they were charged. */
typedef struct {
  ServeJobs *jobs;
  guint8 *bytes;
  guint64 charged;
} Finished;

static gboolean
refuse (ServeUpload *upload, guint status, const gchar *reason)
{
  if (status == SERVE_TOO_MANY_REQUESTS)
    serve_request_refuse_for_now (upload->request, reason);
  else
    serve_request_refuse (upload->request, status, reason);
  return FALSE;
}

static gboolean
refuse_size (ServeUpload *upload)
{
  guint64 most = upload->request->server->options->max_upload;
  gboolean whole = most >> 20 > 0;
  g_autofree gchar *reason =
      g_strdup_printf ("File too large (max %" G_GUINT64_FORMAT "%s)",
          most >> (whole ? 20 : 10), whole ? "MB" : "KB");

  return refuse (upload, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, reason);
}

static gboolean
is_former (const ServeUpload *upload)
{
  return upload->request->route->form == SERVE_FORM_FORMER;
}

static gboolean
reserve (ServeUpload *upload, gsize capacity)
{
  guint8 *bytes;

  if (capacity <= upload->capacity)
    return TRUE;
  if (!serve_jobs_take_bytes (
          upload->request->server->jobs, capacity - upload->charged))
    return refuse (upload, SERVE_TOO_MANY_REQUESTS,
        "too many photos are being uploaded; try again");
  upload->charged = capacity;
  bytes = g_try_realloc (upload->bytes, capacity);
  if (bytes == NULL)
    return refuse (upload, SERVE_TOO_MANY_REQUESTS,
        "there is no memory for the upload; try again");
  upload->bytes = bytes;
  upload->capacity = capacity;
  return TRUE;
}

/* Refuses what can be refused now. */
static gboolean
look (ServeUpload *upload, gboolean complete)
{
  g_autofree gchar *reason = NULL;

  if (upload->next_look == 0 || (upload->size < upload->next_look && !complete))
    return TRUE;
  switch (serve_picture_look (upload->bytes, upload->size, complete,
      upload->request->server->options->max_pixels, &reason)) {
    case SERVE_PICTURE_UNKNOWN:
      upload->next_look = upload->size * 2;
      return TRUE;
    case SERVE_PICTURE_GOOD:
      upload->next_look = 0;
      return TRUE;
    case SERVE_PICTURE_TOO_LARGE:
      return refuse (upload, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, reason);
    default:
      return refuse (upload,
          is_former (upload) ? SOUP_STATUS_BAD_REQUEST
                             : SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE,
          reason);
  }
}

static gboolean
take_bytes (const guint8 *bytes, gsize size, gpointer user)
{
  ServeUpload *upload = user;
  const guint64 limit = upload->request->server->options->max_upload;
  gsize wanted = upload->size + size;

  if (wanted > limit)
    return refuse_size (upload);
  if (wanted > upload->capacity &&
      !reserve (upload,
          (gsize) MIN (
              limit, MAX (wanted, MAX (FIRST_CAPACITY, 2 * upload->capacity)))))
    return FALSE;
  memcpy (upload->bytes + upload->size, bytes, size);
  pet_sha256_add (&upload->sum, bytes, size);
  upload->size = wanted;
  return look (upload, FALSE);
}

static gboolean
begin_file (const gchar *type, gpointer user)
{
  ServeUpload *upload = user;

  /* The former service asked for it, and its clients show what it said. */
  if (is_former (upload) &&
      (type == NULL || g_ascii_strncasecmp (type, "image/", 6) != 0))
    return refuse (upload, SOUP_STATUS_BAD_REQUEST, "File must be an image");
  return TRUE;
}

static gboolean
begin_form (ServeUpload *upload)
{
  static const ServeMultipartEvents events = { begin_file, take_bytes };
  const gchar *type = serve_request_header (upload->request, "Content-Type");
  gboolean is_form =
      type != NULL && g_ascii_strncasecmp (type, "multipart/", 10) == 0;

  upload->multipart = serve_multipart_new (type, &events, upload);
  if (upload->multipart == NULL && is_form)
    return refuse (upload, SOUP_STATUS_BAD_REQUEST,
        "the form cannot be read: it is not multipart/form-data with a "
        "boundary");
  if (upload->multipart == NULL && is_former (upload))
    return refuse (upload, SOUP_STATUS_BAD_REQUEST,
        "Field required: the photo as form field \"file\"");
  return TRUE;
}

/* What the headers allow to say about the size. */
static gboolean
begin_size (ServeUpload *upload)
{
  SoupMessageHeaders *headers =
      soup_server_message_get_request_headers (upload->request->msg);
  const guint64 limit = upload->request->server->options->max_upload;
  goffset length;

  if (soup_message_headers_get_encoding (headers) !=
      SOUP_ENCODING_CONTENT_LENGTH)
    return TRUE;
  length = soup_message_headers_get_content_length (headers);
  if ((guint64) length > limit + (upload->multipart != NULL ? FORM_BYTES : 0))
    return refuse_size (upload);
  return length == 0 || reserve (upload, (gsize) MIN ((guint64) length, limit));
}

ServeUpload *
serve_upload_new (ServeRequest *request)
{
  ServeUpload *upload;

  if (serve_request_refuse_not_ready (request))
    return NULL;
  if (!serve_jobs_take_place (request->server->jobs)) {
    serve_request_refuse_for_now (
        request, "too many photos are waiting; try again");
    return NULL;
  }
  upload = g_new0 (ServeUpload, 1);
  upload->request = request;
  upload->has_place = TRUE;
  upload->next_look = FIRST_LOOK_BYTES;
  pet_sha256_begin (&upload->sum);
  if (begin_form (upload) && begin_size (upload))
    return upload;
  serve_upload_free (upload);
  return NULL;
}

void
serve_upload_free (ServeUpload *upload)
{
  ServeJobs *jobs = upload->request->server->jobs;

  if (upload->has_place)
    serve_jobs_give_place (jobs);
  serve_jobs_give_bytes (jobs, upload->charged);
  serve_multipart_free (upload->multipart);
  g_free (upload->bytes);
  g_free (upload);
}

void
serve_upload_feed (ServeUpload *upload, const guint8 *bytes, gsize size)
{
  const guint64 limit = upload->request->server->options->max_upload;

  if (upload->multipart == NULL)
    take_bytes (bytes, size, upload);
  else if (upload->request->body_bytes > limit + FORM_BYTES)
    refuse_size (upload);
  else if (!serve_multipart_feed (upload->multipart, bytes, size) &&
      !upload->request->answered)
    refuse (upload, SOUP_STATUS_BAD_REQUEST,
        serve_multipart_problem (upload->multipart));
}

static void
free_finished (gpointer data)
{
  Finished *finished = data;

  serve_jobs_give_bytes (finished->jobs, finished->charged);
  g_free (finished->bytes);
  g_free (finished);
}

static gboolean
check_complete (ServeUpload *upload)
{
  if (upload->multipart != NULL &&
      !serve_multipart_has_file (upload->multipart))
    return refuse (upload, SOUP_STATUS_BAD_REQUEST,
        "Field required: the form has no field \"file\" with the photo");
  if (upload->multipart != NULL &&
      !serve_multipart_is_complete (upload->multipart))
    return refuse (
        upload, SOUP_STATUS_BAD_REQUEST, "the form ends before its end");
  if (upload->size == 0)
    return refuse (upload, SOUP_STATUS_BAD_REQUEST, "the upload is empty");
  return look (upload, TRUE);
}

gboolean
serve_upload_finish (ServeUpload *upload, ServePhoto *photo)
{
  Finished *finished;

  *photo = (ServePhoto){ 0 };
  if (!check_complete (upload))
    return FALSE;
  finished = g_new0 (Finished, 1);
  finished->jobs = upload->request->server->jobs;
  finished->bytes = g_steal_pointer (&upload->bytes);
  finished->charged = upload->charged;
  upload->charged = 0;
  upload->capacity = 0;
  upload->has_place = FALSE;
  photo->bytes = g_bytes_new_with_free_func (
      finished->bytes, upload->size, free_finished, finished);
  pet_sha256_end (&upload->sum, photo->sum);
  return TRUE;
}

const gchar *
serve_upload_field (ServeUpload *upload, const gchar *name)
{
  const gchar *value = serve_request_query (upload->request, name);

  if (value == NULL && upload->multipart != NULL)
    value = serve_multipart_field (upload->multipart, name);
  return value;
}

gboolean
serve_upload_flag (ServeUpload *upload, const gchar *name, gboolean *value)
{
  static const gchar *const yes[] = { "true", "1", "on", "t", "y", "yes",
    NULL };
  static const gchar *const no[] = { "false", "0", "off", "f", "n", "no",
    NULL };
  const gchar *text = serve_upload_field (upload, name);
  g_autofree gchar *lower = NULL;

  if (text == NULL)
    return TRUE;
  lower = g_ascii_strdown (text, -1);
  if (!g_strv_contains (yes, lower) && !g_strv_contains (no, lower))
    return FALSE;
  *value = g_strv_contains (yes, lower);
  return TRUE;
}
