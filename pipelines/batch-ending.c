/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-ending.h"

static gboolean
deliver (gpointer data)
{
  BatchEnding *ending = data;

  if (ending->done != NULL)
    ending->done (ending, ending->user);
  g_free (ending);
  return G_SOURCE_REMOVE;
}

static gpointer
work (gpointer data)
{
  BatchEnding *ending = data;

  gst_element_set_state (ending->pipeline, GST_STATE_NULL);
  g_clear_pointer (&ending->pipeline, gst_object_unref);
  g_idle_add_full (G_PRIORITY_DEFAULT, deliver, ending, NULL);
  return NULL;
}

BatchEnding *
batch_ending_start (GstElement *pipeline,
    void (*done) (BatchEnding *ending, gpointer user), gpointer user)
{
  BatchEnding *ending = g_new0 (BatchEnding, 1);

  ending->pipeline = pipeline;
  ending->done = done;
  ending->user = user;
  g_thread_unref (g_thread_new ("pet-end", work, ending));
  return ending;
}
