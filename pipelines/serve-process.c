/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-process.h"

#include <string.h>

#include "serve-answer.h"
#include "serve-json.h"
#include "serve-progress.h"
#include "serve-results.h"
#include "serve-sessions.h"
#include "serve-store.h"
#include "serve-upload.h"

typedef enum {
  AS_PARTS,   /* multipart/mixed */
  AS_LINES,   /* application/x-ndjson */
  AS_PICTURE, /* the one look itself */
} Format;

typedef struct _Process Process;

typedef struct {
  Process *process;
  guint look;
  ServeStoring *storing; /* NULL: not now */
} Stored;

struct _Process {
  ServeRequest *request;
  ServeUpload *upload; /* until the job is submitted */
  ServeWishes wishes;
  Format format;
  gchar *session;
  gchar *boundary;
  ServeJob *job;
  ServeAnswer *answer; /* NULL: not begun */
  Stored stored[SERVE_MAX_LOOKS];
  guint n_storing;
  gboolean ended;
};

static void
process_free (gpointer data)
{
  Process *process = data;

  serve_answer_free (process->answer);
  for (guint i = 0; i < SERVE_MAX_LOOKS; i++)
    if (process->stored[i].storing != NULL)
      serve_store_cancel (process->stored[i].storing);
  if (process->job != NULL)
    serve_job_release (process->job);
  if (process->upload != NULL)
    serve_upload_free (process->upload);
  g_free (process->session);
  g_free (process->boundary);
  g_free (process);
}

/* "dithering.dot-size=3" */
static gboolean
read_settings (Process *process, GError **error)
{
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, process->request->query);
  while (g_hash_table_iter_next (&iter, &key, &value)) {
    const gchar *dot = strchr (key, '.');
    g_autofree gchar *name = NULL;
    gint look;

    if (dot == NULL)
      continue;
    name = g_strndup (key, (gsize) (dot - (const gchar *) key));
    look = serve_look_find (name);
    if (look < 0) {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
          "there is no effect \"%.40s\"", name);
      return FALSE;
    }
    if (!serve_wish_set (&process->wishes.looks[look], dot + 1, value, error))
      return FALSE;
  }
  return TRUE;
}

static const gchar *
field (Process *process, const gchar *name, const gchar *other)
{
  const gchar *value = serve_upload_field (process->upload, name);

  return value != NULL || other == NULL
      ? value
      : serve_upload_field (process->upload, other);
}

static gboolean
read_wishes (Process *process, GError **error)
{
  const ServeOptions *options = process->request->server->options;
  const gchar *session = field (process, "session", "session_id");
  const gchar *name = field (process, "rendition", NULL);
  PetRendition rendition = options->rendition;

  if (name != NULL && !serve_rendition_parse (name, &rendition, error))
    return FALSE;
  serve_wishes_init (&process->wishes, options->max_size, rendition);
  if (session != NULL && !serve_session_is_name (session)) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
        "a session is named with up to 64 letters, digits, '.', '_' and '-'");
    return FALSE;
  }
  process->session = serve_session_choose (session);
  return serve_wishes_set_effects (
             &process->wishes, field (process, "effects", "effect"), error) &&
      serve_wishes_set_optional (
          &process->wishes, field (process, "optional", NULL), error) &&
      serve_wishes_set_max_size (
          &process->wishes, field (process, "max-size", "max_size"), error) &&
      read_settings (process, error);
}

void
serve_process_begin (ServeRequest *request)
{
  ServeUpload *upload = serve_upload_new (request);
  Process *process;

  if (upload == NULL)
    return;
  process = g_new0 (Process, 1);
  process->request = request;
  process->upload = upload;
  request->data = process;
  request->free_data = process_free;
}

void
serve_process_body (ServeRequest *request, const guint8 *bytes, gsize size)
{
  serve_upload_feed (((Process *) request->data)->upload, bytes, size);
}

/* -- the answer -- */

static gchar *
describe (Process *process, guint look, const gchar *url, const gchar *problem)
{
  const ServeJob *job = process->job;
  const ServeLook *result = &job->looks[look];
  JsonBuilder *builder = serve_json_begin ();
  gboolean done = result->status == SERVE_LOOK_DONE && problem == NULL;

  serve_json_text (builder, "effect", pet_effects[look]->name);
  serve_json_text (builder, "status",
      done                                       ? "done"
          : result->status == SERVE_LOOK_DROPPED ? "dropped"
                                                 : "failed");
  serve_json_text (builder, "session", process->session);
  serve_json_number (builder, "milliseconds", result->seconds * 1000);
  if (!done) {
    serve_json_text (
        builder, "reason", problem != NULL ? problem : result->reason);
    return serve_json_end (builder);
  }
  serve_json_text (builder, "type", "image/png");
  serve_json_int (
      builder, "bytes", (gint64) serve_result_size (result->result));
  serve_json_bool (builder, "cached", result->cached);
  if (job->width > 0) {
    serve_json_int (builder, "width", job->width);
    serve_json_int (builder, "height", job->height);
    serve_json_number (builder, "coverage", job->coverage);
  }
  serve_json_text (builder, "key", job->keys[look]);
  serve_json_text (builder, "url", url);
  return serve_json_end (builder);
}

static void
begin_answer (Process *process)
{
  g_autofree gchar *type = NULL;

  if (process->answer != NULL || process->format == AS_PICTURE)
    return;
  serve_request_set_header (process->request, "X-Session-ID", process->session);
  serve_request_set_header (process->request, "Cache-Control", "no-store");
  /* Proxies must not collect what is sent the moment it is ready. */
  serve_request_set_header (process->request, "X-Accel-Buffering", "no");
  if (process->format == AS_PARTS) {
    process->boundary =
        g_strdup_printf ("pet-%08x%08x", g_random_int (), g_random_int ());
    type = g_strdup_printf ("multipart/mixed; boundary=%s", process->boundary);
  }
  process->answer = serve_answer_new (process->request, SOUP_STATUS_OK,
      type != NULL ? type : "application/x-ndjson", -1);
}

/* A line of JSON, with the bytes in it or without. */
static void
add_line (Process *process, guint look, gchar *json, gboolean with_data)
{
  if (!with_data) {
    serve_answer_add_text (process->answer, g_strconcat (json, "\n", NULL));
    return;
  }
  json[strlen (json) - 1] = '\0';
  serve_answer_add_text (
      process->answer, g_strconcat (json, ",\"data\":\"", NULL));
  serve_answer_add_result (
      process->answer, process->job->looks[look].result, TRUE);
  serve_answer_add_text (process->answer, g_strdup ("\"}\n"));
}

static void
add_part (Process *process, guint look, const gchar *json, const gchar *url,
    gboolean with_data)
{
  ServeResult *result = process->job->looks[look].result;
  const gchar *name = pet_effects[look]->name;

  if (!with_data) {
    serve_answer_add_text (process->answer,
        g_strdup_printf ("--%s\r\nContent-Type: application/json\r\n"
                         "X-Effect: %s\r\nContent-Length: %" G_GSIZE_FORMAT
                         "\r\n\r\n%s\n\r\n",
            process->boundary, name, strlen (json) + 1, json));
    return;
  }
  serve_answer_add_text (process->answer,
      g_strdup_printf ("--%s\r\nContent-Type: image/png\r\n"
                       "Content-Disposition: inline; filename=\"%s.png\"\r\n"
                       "X-Effect: %s\r\nX-Result-Key: %s\r\n"
                       "Content-Location: %s\r\n"
                       "Content-Length: %" G_GUINT64_FORMAT "\r\n\r\n",
          process->boundary, name, name, process->job->keys[look], url,
          serve_result_size (result)));
  serve_answer_add_result (process->answer, result, FALSE);
  serve_answer_add_text (process->answer, g_strdup ("\r\n"));
}

static void
add_look (
    Process *process, guint look, const gchar *stored_url, const gchar *problem)
{
  const ServeLook *result = &process->job->looks[look];
  g_autofree gchar *url = stored_url != NULL
      ? g_strdup (stored_url)
      : g_strdup_printf ("/v2/results/%s/%s.png", process->job->keys[look],
            pet_effects[look]->name);
  g_autofree gchar *json = describe (process, look, url, problem);
  gboolean with_data = result->status == SERVE_LOOK_DONE &&
      process->request->server->store == NULL;

  begin_answer (process);
  if (process->format == AS_LINES)
    add_line (process, look, json, with_data);
  else
    add_part (process, look, json, url, with_data);
}

static void
end_if_complete (Process *process)
{
  if (!process->ended || process->n_storing > 0 || process->answer == NULL)
    return;
  if (process->format == AS_PARTS)
    serve_answer_add_text (
        process->answer, g_strdup_printf ("--%s--\r\n", process->boundary));
  serve_answer_end (process->answer);
}

static void
on_stored (const gchar *url, const GError *error, gpointer user)
{
  Stored *stored = user;
  Process *process = stored->process;

  stored->storing = NULL;
  process->n_storing--;
  add_look (process, stored->look, url, error != NULL ? error->message : NULL);
  end_if_complete (process);
}

static void
store_look (Process *process, guint look)
{
  ServeServer *server = process->request->server;
  Stored *stored = &process->stored[look];

  stored->process = process;
  stored->look = look;
  process->n_storing++;
  stored->storing =
      serve_store_put (server->store, process->session, pet_effects[look]->name,
          process->job->looks[look].result, on_stored, stored);
}

/* The one look as the answer itself. */
static void
answer_picture (Process *process, guint look)
{
  const ServeJob *job = process->job;
  const ServeLook *result = &job->looks[look];

  serve_request_set_header (process->request, "X-Session-ID", process->session);
  serve_request_set_header (
      process->request, "X-Effect", pet_effects[look]->name);
  if (result->status == SERVE_LOOK_DONE)
    process->answer = serve_results_answer (
        process->request, job->keys[look], result->result, "no-store");
  else
    serve_request_refuse (
        process->request, SOUP_STATUS_INTERNAL_SERVER_ERROR, result->reason);
}

static void
refuse_job (Process *process)
{
  static const guint status[] = {
    [SERVE_PROBLEM_NONE] = SOUP_STATUS_INTERNAL_SERVER_ERROR,
    [SERVE_PROBLEM_PHOTO] = SOUP_STATUS_UNPROCESSABLE_ENTITY,
    [SERVE_PROBLEM_TIMEOUT] = SOUP_STATUS_GATEWAY_TIMEOUT,
    [SERVE_PROBLEM_BROKEN] = SOUP_STATUS_INTERNAL_SERVER_ERROR,
  };

  serve_request_refuse (process->request, status[process->job->problem],
      process->job->reason != NULL ? process->job->reason : "failed");
}

static void
on_look (Process *process, guint look)
{
  ServeServer *server = process->request->server;
  gboolean done = process->job->looks[look].status == SERVE_LOOK_DONE;

  if (done)
    serve_sessions_set (
        server->sessions, process->session, look, process->job->keys[look]);
  if (process->format == AS_PICTURE) {
    if (process->job->problem == SERVE_PROBLEM_NONE)
      answer_picture (process, look);
  } else if (done && server->store != NULL) {
    store_look (process, look);
  } else if (process->job->problem == SERVE_PROBLEM_NONE ||
      process->answer != NULL) {
    add_look (process, look, NULL, NULL);
  }
}

static void
on_job (ServeJob *job, ServeJobEvent event, guint look, gpointer user)
{
  Process *process = user;

  serve_progress_tell (
      process->request->server->progress, process->session, job, event, look);
  switch (event) {
    case SERVE_JOB_DECODED:
      begin_answer (process);
      break;
    case SERVE_JOB_LOOK:
      on_look (process, look);
      break;
    case SERVE_JOB_ENDED:
      process->ended = TRUE;
      if (process->answer == NULL && process->n_storing == 0 &&
          job->problem != SERVE_PROBLEM_NONE)
        refuse_job (process);
      else if (process->format != AS_PICTURE)
        end_if_complete (process);
      break;
    default:
      break;
  }
}

static Format
choose_format (Process *process)
{
  ServeRequest *request = process->request;

  if (serve_request_accepts (request, "application/x-ndjson") ||
      serve_request_accepts (request, "application/json"))
    return AS_LINES;
  if (serve_request_accepts (request, "image/png") &&
      serve_wishes_count (&process->wishes) == 1 &&
      request->server->store == NULL)
    return AS_PICTURE;
  return AS_PARTS;
}

void
serve_process_handle (ServeRequest *request)
{
  Process *process = request->data;
  g_autoptr (GError) error = NULL;
  g_auto (ServePhoto) photo = { 0 };
  gboolean use_cache = TRUE;

  if (!read_wishes (process, &error)) {
    serve_request_refuse (request, SOUP_STATUS_BAD_REQUEST, error->message);
    return;
  }
  if (!serve_upload_flag (process->upload, "cache", &use_cache)) {
    serve_request_refuse (
        request, SOUP_STATUS_BAD_REQUEST, "cache is yes or no");
    return;
  }
  process->format = choose_format (process);
  if (!serve_upload_finish (process->upload, &photo))
    return;
  process->job = serve_jobs_submit (request->server->jobs, &photo,
      &process->wishes, use_cache, on_job, process);
  g_clear_pointer (&process->upload, serve_upload_free);
  serve_request_wait (request);
}
