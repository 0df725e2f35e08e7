/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "program-start.h"

#include <gst/gst.h>

static gboolean
load_plugin_at (const gchar *folder, const gchar *place)
{
  g_autofree gchar *file = g_path_is_absolute (place)
      ? g_build_filename (place, "libgstpet.so", NULL)
      : g_build_filename (folder, place, "libgstpet.so", NULL);
  GstPlugin *plugin = NULL;

  if (g_file_test (file, G_FILE_TEST_EXISTS))
    plugin = gst_plugin_load_file (file, NULL);
  if (plugin == NULL)
    return FALSE;
  gst_registry_add_plugin (gst_registry_get (), plugin);
  gst_object_unref (plugin);
  return TRUE;
}

static void
load_plugin_beside (void)
{
  g_autofree gchar *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree gchar *folder = self != NULL ? g_path_get_dirname (self) : NULL;
  g_autoptr (GstPlugin) known = NULL;

  if (folder == NULL || load_plugin_at (folder, "../plugins"))
    return;
  /* GStreamer does not look into every prefix, /usr/local is none of its own. */
  known = gst_registry_find_plugin (gst_registry_get (), "pet");
  if (known == NULL)
    load_plugin_at (folder, PET_PLUGIN_FOLDER);
}

void
program_start (void)
{
  /* The network's threads must not spin beside the looks' (GNU OpenMP reads
   * this when the plugin brings it in). */
  g_setenv ("OMP_WAIT_POLICY", "passive", FALSE);
  gst_init (NULL, NULL);
  load_plugin_beside ();
}
