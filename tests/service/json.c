/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The JSON that pet-serve and pet-batch write, and that strangers send. */

#include <math.h>
#include <string.h>

#include "serve-json.h"
#include "tap.h"

static void
json_is_text_that_can_be_read (void)
{
  static const gdouble numbers[] = { 0, 0.1 + 0.2, -1.5, 1e9 + 0.00004, 1e-9,
    (gdouble) INFINITY };
  g_autoptr (GString) json = g_string_new ("{");

  program_json_text (json, "te\"xt\n", "a\\\x7f\xff{");
  program_json_text (json, "none", NULL);
  program_json_bool (json, "yes", TRUE);
  program_json_int (json, "least", G_MININT64);
  program_json_open (json, "numbers", '[');
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    program_json_number (json, NULL, numbers[i]);
  program_json_close (json, ']');
  program_json_open (json, "empty", '{');
  program_json_close (json, '}');
  program_json_close (json, '}');
  tap_check (g_str_equal (json->str,
      "{\"te\\\"xt\\u000a\":\"a\\\\\\u007f\xef\xbf\xbd{\",\"none\":null,"
      "\"yes\":true,\"least\":-9223372036854775808,"
      "\"numbers\":[0,0.3,-1.5,1000000000,0,null],\"empty\":{}}"));
}

static gboolean
is_read (const gchar *text)
{
  g_autoptr (JsonObject) object = serve_json_read (text, strlen (text));

  return object != NULL;
}

static void
objects_of_few_levels_are_read (void)
{
  static const gchar *const none[] = { "", " ", "[]", "null", "1", "{",
    "{\"a\"}", "{} {}x" };
  g_autofree gchar *deep = g_strnfill (64000, '[');
  g_autofree gchar *within = g_strconcat ("{\"a\":", deep, NULL);
  g_autoptr (JsonObject) object =
      serve_json_read ("{\"a\":\"b\",\"c\":1}x", 15);

  tap_check (g_strcmp0 (serve_json_member (object, "a"), "b") == 0);
  tap_check (serve_json_member (object, "c") == NULL);
  tap_check (serve_json_member (object, "d") == NULL);
  tap_check (is_read ("{}") && is_read (" {\"a\":{\"b\":[1,[2]]}} "));
  for (guint i = 0; i < G_N_ELEMENTS (none); i++)
    tap_check (!is_read (none[i]));
  tap_check (!is_read (deep) && !is_read (within));
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (json_is_text_that_can_be_read),
    TAP_TEST (objects_of_few_levels_are_read),
  };

  return tap_run (tests, G_N_ELEMENTS (tests), argc, argv);
}
