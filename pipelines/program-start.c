/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "program-start.h"

#include <gst/gst.h>

static void
load_plugin_beside (void)
{
  g_autofree gchar *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree gchar *folder = self != NULL ? g_path_get_dirname (self) : NULL;
  g_autofree gchar *file = folder != NULL
      ? g_build_filename (folder, "..", "plugins", "libgstpet.so", NULL)
      : NULL;
  GstPlugin *plugin;

  if (file == NULL || !g_file_test (file, G_FILE_TEST_EXISTS))
    return;
  plugin = gst_plugin_load_file (file, NULL);
  if (plugin == NULL)
    return;
  gst_registry_add_plugin (gst_registry_get (), plugin);
  gst_object_unref (plugin);
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
