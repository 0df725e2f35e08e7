/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-json.h"

GString *
serve_json_begin (void)
{
  GString *json = g_string_new (NULL);

  program_json_open (json, NULL, '{');
  return json;
}

gchar *
serve_json_end (GString *json)
{
  program_json_close (json, '}');
  return g_string_free (json, FALSE);
}

void
serve_json_looks (GString *json, const gchar *name)
{
  program_json_open (json, name, '[');
  for (gint i = 0; i < pet_effects_count; i++)
    program_json_text (json, NULL, pet_effects[i]->name);
  program_json_close (json, ']');
}

void
serve_json_answer (ServeRequest *request, GString *json)
{
  g_autofree gchar *text = serve_json_end (json);

  serve_request_set_header (request, "Cache-Control", "no-cache");
  serve_request_answer_text (request, SOUP_STATUS_OK, "application/json", text);
}

gdouble
serve_json_now (void)
{
  return (gdouble) g_get_real_time () / G_USEC_PER_SEC;
}
