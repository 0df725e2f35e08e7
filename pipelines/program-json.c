/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "program-json.h"

#include <math.h>
#include <string.h>

static void
append_quoted (GString *json, const gchar *text)
{
  g_autofree gchar *valid = g_utf8_make_valid (text, -1);

  g_string_append_c (json, '"');
  for (const gchar *c = valid; *c != '\0'; c++)
    if (*c == '"' || *c == '\\')
      g_string_append_printf (json, "\\%c", *c);
    else if (g_ascii_iscntrl (*c))
      g_string_append_printf (json, "\\u%04x", (guint) *c);
    else
      g_string_append_c (json, *c);
  g_string_append_c (json, '"');
}

/* Nothing but an opening bracket ends in one: what is text ends in a quote. */
static void
begin_value (GString *json, const gchar *name)
{
  if (json->len > 0 && strchr ("{[", json->str[json->len - 1]) == NULL)
    g_string_append_c (json, ',');
  if (name == NULL)
    return;
  append_quoted (json, name);
  g_string_append_c (json, ':');
}

void
program_json_open (GString *json, const gchar *name, gchar bracket)
{
  begin_value (json, name);
  g_string_append_c (json, bracket);
}

void
program_json_close (GString *json, gchar bracket)
{
  g_string_append_c (json, bracket);
}

void
program_json_text (GString *json, const gchar *name, const gchar *value)
{
  begin_value (json, name);
  if (value != NULL)
    append_quoted (json, value);
  else
    g_string_append (json, "null");
}

void
program_json_int (GString *json, const gchar *name, gint64 value)
{
  begin_value (json, name);
  g_string_append_printf (json, "%" G_GINT64_FORMAT, value);
}

void
program_json_bool (GString *json, const gchar *name, gboolean value)
{
  begin_value (json, name);
  g_string_append (json, value ? "true" : "false");
}

void
program_json_number (GString *json, const gchar *name, gdouble value)
{
  gchar digits[400]; /* the largest has 309 before the point */
  gsize length;

  if (!isfinite (value)) {
    program_json_text (json, name, NULL);
    return;
  }
  begin_value (json, name);
  g_ascii_formatd (digits, sizeof digits, "%.4f", value);
  length = strlen (digits);
  while (digits[length - 1] == '0')
    length--;
  if (digits[length - 1] == '.')
    length--;
  g_string_append_len (json, digits, (gssize) length);
}
