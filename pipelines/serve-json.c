/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-json.h"

/* Objects and arrays in a text that is read: json-glib takes stack for each one
 * that is in another. */
#define MAX_BRACKETS 256

JsonBuilder *
serve_json_begin (void)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  return builder;
}

gchar *
serve_json_end (JsonBuilder *builder)
{
  JsonNode *root;
  gchar *text;

  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  json_node_unref (root);
  g_object_unref (builder);
  return text;
}

void
serve_json_text (JsonBuilder *builder, const gchar *name, const gchar *value)
{
  g_autofree gchar *valid =
      value != NULL ? g_utf8_make_valid (value, -1) : NULL;

  json_builder_set_member_name (builder, name);
  if (valid != NULL)
    json_builder_add_string_value (builder, valid);
  else
    json_builder_add_null_value (builder);
}

void
serve_json_number (JsonBuilder *builder, const gchar *name, gdouble value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_double_value (builder, value);
}

void
serve_json_int (JsonBuilder *builder, const gchar *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

void
serve_json_bool (JsonBuilder *builder, const gchar *name, gboolean value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

void
serve_json_null (JsonBuilder *builder, const gchar *name)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_null_value (builder);
}

void
serve_json_open (JsonBuilder *builder, const gchar *name)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
}

void
serve_json_close (JsonBuilder *builder)
{
  json_builder_end_object (builder);
}

void
serve_json_looks (JsonBuilder *builder, const gchar *name)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
  for (gint i = 0; i < pet_effects_count; i++)
    json_builder_add_string_value (builder, pet_effects[i]->name);
  json_builder_end_array (builder);
}

void
serve_json_answer (ServeRequest *request, JsonBuilder *builder)
{
  g_autofree gchar *text = serve_json_end (builder);

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
