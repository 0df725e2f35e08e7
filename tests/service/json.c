/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The JSON that strangers send. */

#include <string.h>

#include "serve-json.h"
#include "tap.h"

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
    TAP_TEST (objects_of_few_levels_are_read),
  };

  return tap_run (tests, G_N_ELEMENTS (tests), argc, argv);
}
