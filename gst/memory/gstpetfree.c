/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory/gstpetfree.h"

#include <stdio.h>
#include <string.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

/* FALSE when the file is missing or says "max". */
static gboolean
read_number (const gchar *folder, const gchar *file, guint64 *value)
{
  g_autofree gchar *path = g_build_filename (folder, file, NULL);
  g_autofree gchar *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  return g_ascii_string_to_unsigned (
      g_strchomp (text), 10, 0, G_MAXUINT64, value, NULL);
}

/* The value of "key <number>" in memory.stat, 0 if absent. */
static guint64
read_stat (const gchar *folder, const gchar *key)
{
  g_autofree gchar *path = g_build_filename (folder, "memory.stat", NULL);
  g_autofree gchar *text = NULL;
  g_auto (GStrv) lines = NULL;
  gsize length = strlen (key);

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  lines = g_strsplit (text, "\n", -1);
  for (gchar **line = lines; *line != NULL; line++)
    if (strncmp (*line, key, length) == 0 && (*line)[length] == ' ')
      return g_ascii_strtoull (*line + length + 1, NULL, 10);
  return 0;
}

/* Path of this process in the hierarchy whose /proc/self/cgroup line begins
 * with `prefix` after the number ("" for v2). */
static gchar *
own_cgroup (const gchar *controller)
{
  g_autofree gchar *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL))
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (gchar **line = lines; *line != NULL; line++) {
    g_auto (GStrv) fields = g_strsplit (*line, ":", 3);

    if (g_strv_length (fields) == 3 && g_str_equal (fields[1], controller))
      return g_strdup (fields[2]);
  }
  return NULL;
}

/* Limits are inherited: the tightest of the cgroup and its parents counts. */
static guint64
free_below (const gchar *root, const gchar *own, const gchar *limit_file,
    const gchar *usage_file)
{
  g_autofree gchar *folder = g_build_filename (root, own, NULL);
  guint64 least = G_MAXUINT64;

  for (;;) {
    guint64 limit, usage, cache;

    if (read_number (folder, limit_file, &limit) &&
        read_number (folder, usage_file, &usage)) {
      cache = read_stat (folder, "inactive_file");
      usage -= MIN (cache, usage);
      least = MIN (least, limit - MIN (usage, limit));
    }
    if (strlen (folder) <= strlen (root))
      return least;
    *strrchr (folder, '/') = '\0';
  }
}

static guint64
cgroup_free (void)
{
  g_autofree gchar *v1 = own_cgroup ("memory");
  g_autofree gchar *v2 = own_cgroup ("");
  guint64 least = G_MAXUINT64;

  if (v1 != NULL)
    least = free_below (CGROUP_ROOT "/memory", v1, "memory.limit_in_bytes",
        "memory.usage_in_bytes");
  if (v2 != NULL)
    least = MIN (
        least, free_below (CGROUP_ROOT, v2, "memory.max", "memory.current"));
  return least;
}

static guint64
machine_free (void)
{
  g_autofree gchar *text = NULL;
  const gchar *line;

  if (!g_file_get_contents ("/proc/meminfo", &text, NULL, NULL))
    return G_MAXUINT64;
  line = strstr (text, "MemAvailable:");
  if (line == NULL)
    return G_MAXUINT64;
  return g_ascii_strtoull (line + strlen ("MemAvailable:"), NULL, 10) * 1024;
}

guint64
gst_pet_free_memory (void)
{
  guint64 bytes = MIN (cgroup_free (), machine_free ());

  return MAX (bytes, 1024 * 1024);
}
