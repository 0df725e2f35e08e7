/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-json.h"

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

gdouble
serve_json_now (void)
{
  return (gdouble) g_get_real_time () / G_USEC_PER_SEC;
}
