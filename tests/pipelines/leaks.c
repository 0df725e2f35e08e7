/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "leaks.h"

#include <gst/gst.h>

void
leaks_prepare (void)
{
  g_setenv ("GST_TRACERS", "leaks", FALSE);
}

static GstTracer *
leaks_tracer (void)
{
  GList *tracers = gst_tracing_get_active_tracers ();
  GstTracer *found = NULL;

  for (GList *item = tracers; item != NULL; item = item->next)
    if (g_str_equal (G_OBJECT_TYPE_NAME (item->data), "GstLeaksTracer"))
      found = gst_object_ref (item->data);
  g_list_free_full (tracers, gst_object_unref);
  return found;
}

/* The structure is kept: freed, it would release objects that it does not own
 * (GStreamer 1.22). */
static guint
leaks_count (gchar **names)
{
  static GPtrArray *kept;
  GstTracer *tracer = leaks_tracer ();
  GstStructure *live = NULL;
  guint n;

  g_assert_nonnull (tracer);
  g_signal_emit_by_name (tracer, "get-live-objects", &live);
  n = gst_value_list_get_size (
      gst_structure_get_value (live, "live-objects-list"));
  if (names != NULL)
    *names = gst_structure_to_string (live);
  if (kept == NULL)
    kept = g_ptr_array_new ();
  g_ptr_array_add (kept, live);
  gst_object_unref (tracer);
  return n;
}

static guint leaks_known;

void
leaks_begin (void)
{
  leaks_known = leaks_count (NULL);
}

void
leaks_check (void)
{
  g_autofree gchar *names = NULL;

  for (guint i = 0; i < 500 && leaks_count (NULL) > leaks_known; i++)
    g_usleep (10 * 1000);
  if (leaks_count (&names) > leaks_known)
    g_error ("alive at the end of the test: %s", names);
}
