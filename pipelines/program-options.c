/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "program-options.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
program_usage_error (GError **error, const gchar *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error != NULL)
    *error = g_error_new_valist (
        G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, args);
  va_end (args);
  return FALSE;
}

static gboolean
takes_value (const GOptionEntry *entry)
{
  return entry->arg != G_OPTION_ARG_NONE;
}

static const GOptionEntry *
find_long (const GOptionEntry *entries, const gchar *name)
{
  gsize length = strcspn (name, "=");

  for (; entries->long_name != NULL; entries++)
    if (length > 0 && strncmp (entries->long_name, name, length) == 0 &&
        entries->long_name[length] == '\0')
      return entries;
  return NULL;
}

static const GOptionEntry *
find_short (const GOptionEntry *entries, gchar letter)
{
  for (; entries->long_name != NULL; entries++)
    if (entries->short_name == letter)
      return entries;
  return NULL;
}

/* Where in a word of options the value of its last one begins; at its end: in the
 * next word. 0: there is none. */
static gsize
find_value (const GOptionEntry *entries, const gchar *word)
{
  const GOptionEntry *entry;

  if (g_str_has_prefix (word, "--")) {
    entry = find_long (entries, word + 2);
    return entry != NULL && takes_value (entry) && strchr (word, '=') == NULL
        ? strlen (word)
        : 0;
  }
  for (gsize i = 1; word[0] == '-' && word[i] != '\0'; i++) {
    entry = find_short (entries, word[i]);
    if (entry == NULL)
      return 0;
    if (takes_value (entry))
      return i + 1;
  }
  return 0;
}

gboolean
program_detach_values (
    const GOptionEntry *entries, gchar ***arguments, GError **error)
{
  g_autoptr (GStrvBuilder) all = g_strv_builder_new ();
  gchar **word = *arguments;

  for (; *word != NULL && !g_str_equal (*word, "--"); word++) {
    gsize value = find_value (entries, *word);
    g_autofree gchar *options = g_strndup (*word, value);

    if (**word == '-' && find_long (entries, *word + 1) != NULL)
      return program_usage_error (
          error, "%s: say -%s, with two dashes", *word, *word);
    if (value == 0 || (*word)[value] == '\0') {
      g_strv_builder_add (all, *word);
      if (value > 0 && word[1] != NULL)
        g_strv_builder_add (all, *++word);
    } else {
      g_strv_builder_add_many (all, options, *word + value, NULL);
    }
  }
  g_strv_builder_addv (all, (const char **) word);
  g_strfreev (*arguments);
  *arguments = g_strv_builder_end (all);
  return TRUE;
}

gboolean
program_parse_bytes (const gchar *name, const gchar *text, guint64 least,
    guint64 *bytes, GError **error)
{
  static const struct {
    const gchar *suffix;
    gdouble factor;
  } units[] = { { "", 1 }, { "K", 1024 }, { "M", 1048576 }, { "G", 0x1p30 },
    { "T", 0x1p40 }, { "P", 0x1p50 }, { "E", 0x1p60 }, { "KB", 1e3 },
    { "MB", 1e6 }, { "GB", 1e9 }, { "TB", 1e12 }, { "PB", 1e15 },
    { "EB", 1e18 }, { "KiB", 1024 }, { "MiB", 1048576 }, { "GiB", 0x1p30 },
    { "TiB", 0x1p40 }, { "PiB", 0x1p50 }, { "EiB", 0x1p60 } };
  gchar *end;
  gdouble number;

  if (text == NULL)
    return TRUE;
  number = g_ascii_strtod (text, &end);
  for (guint i = 0; end != text && i < G_N_ELEMENTS (units); i++) {
    gdouble amount = number * units[i].factor;

    if (g_ascii_strcasecmp (end, units[i].suffix) != 0)
      continue;
    /* Written so that NaN fails. */
    if (!(amount >= 0 && amount < 0x1p64))
      break;
    if (amount > 0 && amount < 1)
      amount = 1;
    if (amount < (gdouble) least)
      break;
    *bytes = (guint64) amount;
    return TRUE;
  }
  return program_usage_error (error,
      "--%s: \"%s\" is not an amount of bytes; say 64M or 1.5G", name, text);
}

gboolean
program_check_choice (const gchar *name, gchar **value,
    const gchar *const *choices, GError **error)
{
  g_autofree gchar *list = NULL;

  if (*value == NULL)
    *value = g_strdup (choices[0]);
  if (g_strv_contains (choices, *value))
    return TRUE;
  list = g_strjoinv (", ", (gchar **) choices);
  return program_usage_error (
      error, "--%s is one of %s, not \"%s\"", name, list, *value);
}

/* NULL: there is none. What is not there is made when there is something to
 * store in it. */
static const gchar *
find_problem (const gchar *path)
{
  g_autofree gchar *there = g_strdup (path);
  struct stat status;

  while (lstat (there, &status) != 0) {
    gchar *parent;

    if (errno != ENOENT)
      return g_strerror (errno);
    parent = g_path_get_dirname (there);
    g_free (there);
    there = parent;
  }
  if (stat (there, &status) != 0)
    return errno == ENOENT ? "it leads nowhere" : g_strerror (errno);
  if (!S_ISDIR (status.st_mode))
    return "a file is there, and no folder";
  return g_str_equal (there, path) || access (there, W_OK | X_OK) == 0
      ? NULL
      : g_strerror (errno);
}

gboolean
program_check_folder (const gchar *what, const gchar *path, GError **error)
{
  const gchar *problem = find_problem (path);

  return problem == NULL ||
      program_usage_error (
          error, "%s cannot be the %s: %s", path, what, problem);
}

gboolean
program_check_device (gchar **device, GError **error)
{
  static const gchar *const devices[] = { "auto", "cpu", "cuda", NULL };

  return program_check_choice ("device", device, devices, error);
}
