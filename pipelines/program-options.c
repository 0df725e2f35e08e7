/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "program-options.h"

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

gboolean
program_check_device (gchar **device, GError **error)
{
  static const gchar *const devices[] = { "auto", "cpu", "cuda", NULL };

  return program_check_choice ("device", device, devices, error);
}
