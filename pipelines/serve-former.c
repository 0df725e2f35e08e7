/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-former.h"

#include <string.h>

#include "serve-answer.h"
#include "serve-json.h"
#include "serve-progress.h"
#include "serve-results.h"
#include "serve-sessions.h"
#include "serve-upload.h"

#define DEFAULT_EFFECT "enhancedblackwhite"

/* A look under the name that the client has for it. */
typedef struct {
  gchar *name;
  guint look;
} Asked;

typedef struct {
  ServeRequest *request;
  ServeUpload *upload; /* until the job is submitted */
  ServeWishes wishes;
  Asked asked[SERVE_MAX_LOOKS];
  guint n_asked;
  gboolean as_json, progressive;
  gchar *session;
  ServeJob *job;
  ServeAnswer *answer;
} Former;

static void
former_free (gpointer data)
{
  Former *former = data;

  serve_answer_free (former->answer);
  if (former->job != NULL)
    serve_job_release (former->job);
  if (former->upload != NULL)
    serve_upload_free (former->upload);
  for (guint i = 0; i < former->n_asked; i++)
    g_free (former->asked[i].name);
  g_free (former->session);
  g_free (former);
}

void
serve_former_begin (ServeRequest *request)
{
  ServeUpload *upload = serve_upload_new (request);
  Former *former;

  if (upload == NULL)
    return;
  former = g_new0 (Former, 1);
  former->request = request;
  former->upload = upload;
  request->data = former;
  request->free_data = former_free;
}

void
serve_former_body (ServeRequest *request, const guint8 *bytes, gsize size)
{
  serve_upload_feed (((Former *) request->data)->upload, bytes, size);
}

static gboolean
refuse (Former *former, const gchar *reason)
{
  serve_request_refuse (former->request, SOUP_STATUS_BAD_REQUEST, reason);
  return FALSE;
}

static gboolean
read_bool (Former *former, const gchar *name, gboolean def, gboolean *value)
{
  g_autofree gchar *reason = NULL;

  *value = def;
  if (serve_upload_flag (former->upload, name, value))
    return TRUE;
  reason = g_strdup_printf ("%s: Input should be a valid boolean", name);
  serve_request_refuse (
      former->request, SOUP_STATUS_UNPROCESSABLE_ENTITY, reason);
  return FALSE;
}

static gchar *
list_effects (void)
{
  GString *list = g_string_new ("[");

  for (gint i = 0; i < pet_effects_count; i++)
    g_string_append_printf (
        list, "%s'%s'", i > 0 ? ", " : "", pet_effects[i]->name);
  g_string_append_c (list, ']');
  return g_string_free (list, FALSE);
}

/* The looks that its clients know; -1 for others. */
static gint
find_effect (const gchar *name)
{
  gint look = serve_look_find (name);

  return look < pet_effects_count ? look : -1;
}

static gboolean
is_asked (const Former *former, const gchar *name)
{
  for (guint i = 0; i < former->n_asked; i++)
    if (g_str_equal (former->asked[i].name, name))
      return TRUE;
  return FALSE;
}

/* Adds what is asked for, or tells all that is not there. */
static gboolean
ask (Former *former, gchar **names)
{
  g_autoptr (GString) unknown = g_string_new (NULL);
  g_autofree gchar *all = NULL;
  g_autofree gchar *reason = NULL;

  for (gchar **name = names; *name != NULL; name++) {
    gint look = find_effect (g_strstrip (*name));

    if (**name == '\0' || is_asked (former, *name))
      continue;
    if (look < 0) {
      g_string_append_printf (
          unknown, "%s'%.40s'", unknown->len > 0 ? ", " : "", *name);
    } else if (former->n_asked < SERVE_MAX_LOOKS) {
      former->asked[former->n_asked++] =
          (Asked){ g_strdup (*name), (guint) look };
      former->wishes.looks[look].wanted = TRUE;
    }
  }
  if (unknown->len == 0)
    return former->n_asked > 0 || refuse (former, "no effect was named");
  all = list_effects ();
  reason = g_strdup_printf (
      "Invalid effects: [%s]. Available effects: %s", unknown->str, all);
  return refuse (former, reason);
}

/* Which of "effect" and "effects" counts depends on how the answer is to be. */
static gboolean
read_effects (Former *former)
{
  const gchar *effects = serve_upload_field (former->upload, "effects");
  const gchar *effect = serve_upload_field (former->upload, "effect");
  gboolean single = g_str_equal (former->request->path, "/api/v2/process");
  gboolean all, progressive;
  g_auto (GStrv) names = NULL;

  if (!read_bool (former, "return_all_effects", FALSE, &all) ||
      !read_bool (former, "load_single_effect", FALSE, &progressive))
    return FALSE;
  if (effects != NULL && *effects == '\0')
    effects = NULL;
  former->progressive = progressive && !single;
  former->as_json = (all || progressive) && !single;
  if (former->as_json && effects != NULL && !(progressive && effect != NULL)) {
    names = g_strsplit (effects, ",", SERVE_MAX_LOOKS + 1);
    if (progressive && names[0] != NULL)
      for (guint i = 1; names[i] != NULL; i++)
        names[i][0] = '\0';
  } else {
    names = g_strsplit (effect != NULL ? effect : DEFAULT_EFFECT, "\n", 1);
  }
  return ask (former, names);
}

static void
read_setting (Former *former, guint look, const gchar *name, JsonNode *node)
{
  g_autofree gchar *setting = g_strdup (name);
  g_autofree gchar *text = NULL;

  if (!JSON_NODE_HOLDS_VALUE (node))
    return;
  text = json_to_string (node, FALSE);
  /* Its settings had other names and meanings; those that are ours count. */
  serve_wish_set (&former->wishes.looks[look], g_strdelimit (setting, "_", '-'),
      text, NULL);
}

static void
read_settings (Former *former, JsonObject *all)
{
  JsonObjectIter looks;
  const gchar *name;
  JsonNode *node;

  json_object_iter_init (&looks, all);
  while (json_object_iter_next (&looks, &name, &node)) {
    gint look = find_effect (name);
    JsonObjectIter settings;
    const gchar *setting;
    JsonNode *value;

    if (look < 0 || !JSON_NODE_HOLDS_OBJECT (node))
      continue;
    json_object_iter_init (&settings, json_node_get_object (node));
    while (json_object_iter_next (&settings, &setting, &value))
      read_setting (former, (guint) look, setting, value);
  }
}

static gboolean
read_effect_params (Former *former)
{
  const gchar *text = serve_upload_field (former->upload, "effect_params");
  g_autoptr (JsonObject) params = NULL;

  if (text == NULL || *text == '\0')
    return TRUE;
  params = serve_json_read (text, strlen (text));
  if (params == NULL)
    return refuse (former, "Invalid JSON in effect_params");
  read_settings (former, params);
  return TRUE;
}

/* -- the answer -- */

static guint
count_hits (const Former *former)
{
  guint hits = 0;

  for (guint i = 0; i < former->n_asked; i++)
    hits += former->job->looks[former->asked[i].look].cached;
  return hits;
}

static gdouble
seconds_taken (const Former *former)
{
  return (gdouble) (g_get_monotonic_time () - former->job->begin_us) /
      G_USEC_PER_SEC;
}

/* The cut-out was not made anew when no look was. */
static gboolean
is_cut_out_hit (const Former *former)
{
  return count_hits (former) == former->n_asked;
}

static void
set_headers (Former *former)
{
  gchar seconds[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree gchar *hits =
      g_strdup_printf ("%u", count_hits (former) + is_cut_out_hit (former));
  g_autofree gchar *escaped =
      g_uri_escape_string (former->session, NULL, FALSE);

  serve_request_set_header (former->request, "X-Processing-Time",
      g_ascii_formatd (
          seconds, sizeof seconds, "%.4f", seconds_taken (former)));
  serve_request_set_header (former->request, "X-Cache-Hits", hits);
  serve_request_set_header (former->request, "X-Session-ID",
      g_str_is_ascii (former->session) ? former->session : escaped);
}

static void
add_cache_info (const Former *former, JsonBuilder *builder)
{
  gboolean cut_out = is_cut_out_hit (former);

  serve_json_open (builder, "cache_info");
  serve_json_bool (builder, "background_removal_hit", cut_out);
  serve_json_open (builder, "effect_cache_hits");
  for (guint i = 0; i < former->n_asked; i++)
    serve_json_bool (builder, former->asked[i].name,
        former->job->looks[former->asked[i].look].cached);
  serve_json_close (builder);
  serve_json_int (builder, "total_cache_hits", count_hits (former) + cut_out);
  serve_json_int (builder, "total_operations", former->n_asked + 1);
  serve_json_close (builder);
}

static void
add_times (const Former *former, JsonBuilder *builder)
{
  const ServeJob *job = former->job;
  gdouble cut_out = job->segmented_us > job->begin_us
      ? (gdouble) (job->segmented_us - job->begin_us) / G_USEC_PER_SEC
      : 0;

  serve_json_open (builder, "processing_time");
  serve_json_number (builder, "total", seconds_taken (former));
  serve_json_number (builder, "background_removal", cut_out);
  serve_json_number (
      builder, "effects", MAX (seconds_taken (former) - cut_out, 0));
  serve_json_close (builder);
}

/* What follows the pictures, from "processing_time" to the closing brace. */
static gchar *
make_tail (const Former *former, guint n_done)
{
  JsonBuilder *builder = serve_json_begin ();

  add_times (former, builder);
  add_cache_info (former, builder);
  serve_json_text (builder, "session_id", former->session);
  serve_json_int (builder, "total_effects", n_done);
  if (n_done == former->n_asked) {
    serve_json_null (builder, "failed_effects");
  } else {
    json_builder_set_member_name (builder, "failed_effects");
    json_builder_begin_array (builder);
    for (guint i = 0; i < former->n_asked; i++)
      if (former->job->looks[former->asked[i].look].status != SERVE_LOOK_DONE)
        json_builder_add_string_value (builder, former->asked[i].name);
    json_builder_end_array (builder);
  }
  serve_json_bool (builder, "progressive_mode", former->progressive);
  return serve_json_end (builder);
}

static void
answer_json (Former *former, guint n_done)
{
  static const gchar head[] = "{\"success\": true, \"effects\": {";
  g_autofree gchar *tail = make_tail (former, n_done);
  g_autofree gchar *effects = g_strdup_printf ("%u", n_done);
  const gchar *comma = "";

  set_headers (former);
  serve_request_set_header (former->request, "X-Effects-Count", effects);
  serve_request_set_header (former->request, "Cache-Control", "no-cache");
  former->answer = serve_answer_new (
      former->request, SOUP_STATUS_OK, "application/json", -1);
  serve_answer_add_text (former->answer, g_strdup (head));
  for (guint i = 0; i < former->n_asked; i++) {
    ServeLook *look = &former->job->looks[former->asked[i].look];

    if (look->status != SERVE_LOOK_DONE)
      continue;
    serve_answer_add_text (former->answer,
        g_strdup_printf ("%s\"%s\": \"", comma, former->asked[i].name));
    serve_answer_add_result (former->answer, look->result, TRUE);
    serve_answer_add_text (former->answer, g_strdup ("\""));
    comma = ", ";
  }
  serve_answer_add_text (former->answer, g_strdup_printf ("}, %s\n", tail + 1));
  serve_answer_end (former->answer);
}

static void
answer_picture (Former *former)
{
  const Asked *asked = &former->asked[0];

  set_headers (former);
  serve_request_set_header (former->request, "X-Effect", asked->name);
  serve_request_set_header (
      former->request, "X-Available-Effects", asked->name);
  former->answer =
      serve_results_answer (former->request, former->job->keys[asked->look],
          former->job->looks[asked->look].result, "no-cache");
}

static void
refuse_job (Former *former)
{
  g_autofree gchar *reason =
      g_strdup_printf ("All effects processing failed: %s",
          former->job->reason != NULL ? former->job->reason : "unknown reason");

  if (former->job->problem == SERVE_PROBLEM_PHOTO)
    refuse (former, former->job->reason);
  else
    serve_request_refuse (
        former->request, SOUP_STATUS_INTERNAL_SERVER_ERROR, reason);
}

static void
answer (Former *former)
{
  guint n_done = 0;

  for (guint i = 0; i < former->n_asked; i++) {
    const Asked *asked = &former->asked[i];

    if (former->job->looks[asked->look].status != SERVE_LOOK_DONE)
      continue;
    n_done++;
    serve_sessions_set (former->request->server->sessions, former->session,
        asked->look, former->job->keys[asked->look]);
  }
  if (n_done == 0)
    refuse_job (former);
  else if (former->as_json)
    answer_json (former, n_done);
  else
    answer_picture (former);
}

static void
on_job (ServeJob *job, ServeJobEvent event, guint look, gpointer user)
{
  Former *former = user;

  serve_progress_tell (
      former->request->server->progress, former->session, job, event, look);
  if (event == SERVE_JOB_ENDED)
    answer (former);
}

void
serve_former_handle (ServeRequest *request)
{
  Former *former = request->data;
  g_auto (ServePhoto) photo = { 0 };
  gboolean use_cache;

  /* Its clients' prints are to be as they were. */
  serve_wishes_init (&former->wishes, request->server->options->max_size,
      PET_RENDITION_CLASSIC);
  if (!read_effects (former) || !read_effect_params (former) ||
      !read_bool (former, "use_cache", TRUE, &use_cache))
    return;
  former->session = serve_session_choose_any (
      serve_upload_field (former->upload, "session_id"));
  if (!serve_upload_finish (former->upload, &photo))
    return;
  former->job = serve_jobs_submit (request->server->jobs, &photo,
      &former->wishes, use_cache, on_job, former);
  g_clear_pointer (&former->upload, serve_upload_free);
  serve_request_wait (request);
}
