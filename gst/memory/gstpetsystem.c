/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory/gstpetsystem.h"

#include <string.h>

#define LEAST_FREE (1024 * 1024)

/* Where cgroup hierarchies are mounted: v2 alone, v2 beside v1, v1. */
typedef struct {
  const gchar *mount;
  const gchar *controller; /* second field of /proc/self/cgroup */
  const gchar *limit, *usage;
} Hierarchy;

static const Hierarchy hierarchies[] = {
  { "sys/fs/cgroup", "", "memory.max", "memory.current" },
  { "sys/fs/cgroup/unified", "", "memory.max", "memory.current" },
  { "sys/fs/cgroup/memory", "memory", "memory.limit_in_bytes",
      "memory.usage_in_bytes" },
};

typedef void (*LevelFunc) (guint64 limit, guint64 usage, gpointer user);

static gchar *
below (const gchar *root, const gchar *path)
{
  return g_build_filename (root != NULL ? root : "/", path, NULL);
}

static gchar *
read_text (const gchar *folder, const gchar *file)
{
  g_autofree gchar *path = g_build_filename (folder, file, NULL);
  gchar *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

/* FALSE when the file is missing or says "max". */
static gboolean
read_number (const gchar *folder, const gchar *file, guint64 *value)
{
  g_autofree gchar *text = read_text (folder, file);

  return text != NULL &&
      g_ascii_string_to_unsigned (
          g_strchomp (text), 10, 0, G_MAXUINT64, value, NULL);
}

/* The number behind `key` at the beginning of a line, 0 if absent. */
static guint64
find_number (const gchar *text, const gchar *key)
{
  gsize length = strlen (key);

  for (const gchar *line = text; line != NULL; line = strchr (line, '\n')) {
    line += *line == '\n';
    if (strncmp (line, key, length) == 0 &&
        (line[length] == ' ' || line[length] == ':'))
      return g_ascii_strtoull (line + length + 1, NULL, 10);
  }
  return 0;
}

/* File pages that the kernel drops when it needs room. Dirty ones have to be
 * written first. v1's totals are called total_*. */
static guint64
droppable (const gchar *folder)
{
  g_autofree gchar *text = read_text (folder, "memory.stat");
  const gchar *total = "";
  guint64 file, busy;

  if (text == NULL)
    return 0;
  if (strstr (text, "total_inactive_file") != NULL)
    total = "total_";
  {
    g_autofree gchar *inactive = g_strconcat (total, "inactive_file", NULL);
    g_autofree gchar *active = g_strconcat (total, "active_file", NULL);
    g_autofree gchar *dirty =
        g_strconcat (total, *total ? "dirty" : "file_dirty", NULL);
    g_autofree gchar *writeback =
        g_strconcat (total, *total ? "writeback" : "file_writeback", NULL);

    file = find_number (text, inactive) + find_number (text, active);
    busy = find_number (text, dirty) + find_number (text, writeback);
  }
  return file - MIN (busy, file);
}

/* Path of this process in a hierarchy. */
static gchar *
own_cgroup (const gchar *root, const gchar *controller)
{
  g_autofree gchar *proc = below (root, "proc/self");
  g_autofree gchar *text = read_text (proc, "cgroup");
  g_auto (GStrv) lines = NULL;

  if (text == NULL)
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (gchar **line = lines; *line != NULL; line++) {
    g_auto (GStrv) fields = g_strsplit (*line, ":", 3);

    /* Outside of this cgroup namespace the path begins with "/..". */
    if (g_strv_length (fields) == 3 && g_str_equal (fields[1], controller))
      return g_strdup (strstr (fields[2], "..") == NULL ? fields[2] : "/");
  }
  return NULL;
}

/* Limits are inherited: each level from the own one up to the root counts. */
static void
for_each_level (const gchar *root, LevelFunc func, gpointer user)
{
  for (guint i = 0; i < G_N_ELEMENTS (hierarchies); i++) {
    const Hierarchy *hierarchy = &hierarchies[i];
    g_autofree gchar *own = own_cgroup (root, hierarchy->controller);
    g_autofree gchar *mount = below (root, hierarchy->mount);
    g_autofree gchar *folder =
        own != NULL ? g_build_filename (mount, own, NULL) : NULL;

    while (folder != NULL) {
      guint64 limit, usage;

      if (read_number (folder, hierarchy->limit, &limit) && limit > 0 &&
          read_number (folder, hierarchy->usage, &usage))
        func (limit, usage - MIN (droppable (folder), usage), user);
      if (strlen (folder) <= strlen (mount))
        break;
      *strrchr (folder, '/') = '\0';
    }
  }
}

static void
note_free (guint64 limit, guint64 usage, gpointer user)
{
  guint64 *least = user;

  *least = MIN (*least, limit - MIN (usage, limit));
}

static void
note_share (guint64 limit, guint64 usage, gpointer user)
{
  gdouble *most = user;
  gdouble share = (gdouble) usage / (gdouble) limit;

  *most = MAX (*most, share);
}

/* 0 when it is not said. */
static guint64
read_meminfo (const gchar *root, const gchar *key)
{
  g_autofree gchar *proc = below (root, "proc");
  g_autofree gchar *text = read_text (proc, "meminfo");

  return text != NULL ? find_number (text, key) * 1024 : 0;
}

guint64
gst_pet_system_free (const gchar *root)
{
  guint64 least = G_MAXUINT64;
  guint64 available = read_meminfo (root, "MemAvailable");

  if (available > 0)
    least = available;
  for_each_level (root, note_free, &least);
  return MAX (least, LEAST_FREE);
}

gdouble
gst_pet_system_cgroup (const gchar *root)
{
  gdouble most = GST_PET_UNKNOWN;

  for_each_level (root, note_share, &most);
  return most;
}

gdouble
gst_pet_system_available (const gchar *root)
{
  guint64 total = read_meminfo (root, "MemTotal");
  guint64 available = read_meminfo (root, "MemAvailable");

  if (total == 0 || available == 0)
    return GST_PET_UNKNOWN;
  return 1 - (gdouble) MIN (available, total) / (gdouble) total;
}

gchar *
gst_pet_system_pressure_file (const gchar *root)
{
  g_autofree gchar *own = own_cgroup (root, "");
  g_autofree gchar *machine = below (root, "proc/pressure/memory");

  for (guint i = 0; own != NULL && i < 2; i++) {
    g_autofree gchar *mount = below (root, hierarchies[i].mount);
    gchar *file = g_build_filename (mount, own, "memory.pressure", NULL);

    if (g_file_test (file, G_FILE_TEST_EXISTS))
      return file;
    g_free (file);
  }
  return g_file_test (machine, G_FILE_TEST_EXISTS) ? g_steal_pointer (&machine)
                                                   : NULL;
}

gdouble
gst_pet_system_stalled (const gchar *root)
{
  g_autofree gchar *file = gst_pet_system_pressure_file (root);
  g_autofree gchar *text = NULL;
  const gchar *some;

  if (file == NULL || !g_file_get_contents (file, &text, NULL, NULL))
    return GST_PET_UNKNOWN;
  some = strstr (text, "some avg10=");
  return some != NULL
      ? g_ascii_strtod (some + strlen ("some avg10="), NULL) / 100
      : GST_PET_UNKNOWN;
}
