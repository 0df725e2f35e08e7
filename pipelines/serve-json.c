/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-json.h"

/* Objects and arrays in a text that is read: json-glib takes stack for each one
 * that is in another. */
#define MAX_BRACKETS 256

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

static gboolean
is_shallow (const gchar *text, gsize size)
{
  gsize n = 0;

  for (gsize i = 0; i < size; i++)
    n += text[i] == '[' || text[i] == '{';
  return n <= MAX_BRACKETS;
}

JsonObject *
serve_json_read (const gchar *text, gsize size)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *root = NULL;

  if (size > 0 && is_shallow (text, size) &&
      json_parser_load_from_data (parser, text, (gssize) size, NULL))
    root = json_parser_get_root (parser);
  return root != NULL && JSON_NODE_HOLDS_OBJECT (root)
      ? json_node_dup_object (root)
      : NULL;
}

const gchar *
serve_json_member (JsonObject *object, const gchar *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
          json_node_get_value_type (node) == G_TYPE_STRING
      ? json_node_get_string (node)
      : NULL;
}

gdouble
serve_json_now (void)
{
  return (gdouble) g_get_real_time () / G_USEC_PER_SEC;
}
