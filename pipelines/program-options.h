/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the programs' command lines have in common. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Sets `error` (G_OPTION_ERROR) and returns FALSE. */
gboolean program_usage_error (GError **error, const gchar *format, ...)
    G_GNUC_PRINTF (2, 3);

/* "-j4" and "-qj4" become "-j", "4" and "-qj", "4", as getopt reads them: GOption
 * itself takes a value only as an argument of its own. "-jobs" is refused: it is
 * "--jobs" that was meant. To be called before GOption reads `arguments`
 * (NULL-ended, the program's name first). */
gboolean program_detach_values (
    const GOptionEntry *entries, gchar ***arguments, GError **error);

/* "64M", "1.5G", "2000000", at least `least` bytes. NULL: *bytes stays. `name`:
 * the option's, without dashes. */
gboolean program_parse_bytes (const gchar *name, const gchar *text,
    guint64 least, guint64 *bytes, GError **error);

/* Whether *value is one of `choices` (NULL-ended); NULL becomes the first. */
gboolean program_check_choice (const gchar *name, gchar **value,
    const gchar *const *choices, GError **error);

/* Whether there is such a folder, or one can be made. `what`: what it is for. */
gboolean program_check_folder (
    const gchar *what, const gchar *path, GError **error);

/* auto, cpu or cuda */
gboolean program_check_device (gchar **device, GError **error);

G_END_DECLS
