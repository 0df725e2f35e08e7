/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-pipeline.h"

#include <gst/app/gstappsrc.h>

#include "batch-params.h"
#include "meta/gstpetsourcemeta.h"

/* For memory, until it is reported: sooner than the photo would be given up. */
#define MAX_WAIT (10 * GST_SECOND)

static const gchar turn[] = "pet-batch-turn";

/* All that takes memory takes it from one account. */
static GstElement *
add_element (BatchPipeline *self, const gchar *factory, const gchar *name)
{
  GstElement *element = gst_element_factory_make (factory, name);
  g_autofree gchar *budget = g_strdup_printf ("pet-batch-%u", self->budget);

  if (element == NULL)
    g_error ("the GStreamer element \"%s\" is missing", factory);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), "budget"))
    g_object_set (element, "budget", budget, NULL);
  gst_bin_add (GST_BIN (self->pipeline), element);
  return element;
}

/* Elements of a branch are named after its position: messages of theirs are
 * told apart by it. */
static GstElement *
add_branch_element (BatchPipeline *self, const gchar *factory, guint branch)
{
  g_autofree gchar *name = g_strdup_printf ("%s%u", factory, branch);

  return add_element (self, factory, name);
}

static gboolean
is_skipped (GstPad *gate_pad)
{
  gint *skipped = g_object_get_data (G_OBJECT (gate_pad), "skipped");
  guint branch =
      GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (gate_pad), "branch"));

  return ((guint) g_atomic_int_get (skipped) & (1u << branch)) != 0;
}

/* Says so before the first gate decides about the picture: what this branch does
 * not take is there for the others. */
static GstPadProbeReturn
announce_skip (GstPad *pad, GstPadProbeInfo *info, gpointer gate_pad)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

  if (is_skipped (gate_pad))
    gst_pad_send_event (gate_pad,
        gst_event_new_gap (
            GST_BUFFER_PTS (buffer), GST_BUFFER_DURATION (buffer)));
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
skip_branch (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  return is_skipped (pad) ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

/* Keeps pictures from a branch whose result is there, before its gate takes
 * memory for it. */
static void
add_probes (
    BatchPipeline *self, GstElement *tee, GstElement *gate, guint branch)
{
  GstPad *tee_pad = gst_element_get_static_pad (tee, "sink");
  GstPad *gate_pad = gst_element_get_static_pad (gate, "sink");

  g_object_set_data (G_OBJECT (gate_pad), "branch", GUINT_TO_POINTER (branch));
  g_object_set_data_full (G_OBJECT (gate_pad), "skipped",
      g_atomic_rc_box_acquire (self->skipped), g_atomic_rc_box_release);
  gst_pad_add_probe (
      gate_pad, GST_PAD_PROBE_TYPE_BUFFER, skip_branch, NULL, NULL);
  gst_pad_add_probe (tee_pad, GST_PAD_PROBE_TYPE_BUFFER, announce_skip,
      gate_pad, gst_object_unref);
  gst_object_unref (tee_pad);
}

static gboolean
is_alone (const BatchPipeline *self)
{
  return self->threads != 1;
}

/* Each look in work has a frame. Lanes that share the cores make one look at a
 * time, in the tee's thread, where the frame of the last one serves again while
 * it is in the cache; only files are written beside it. A lane that has all
 * cores makes the first two of its looks in threads of their own. */
static void
link_branch (const BatchPipeline *self, guint branch, GstElement *tee,
    GstElement *gate, GstElement *queue, GstElement *look, GstElement *encoder,
    GstElement *sink)
{
  if (is_alone (self) && branch <= 1)
    gst_element_link_many (tee, gate, queue, look, encoder, sink, NULL);
  else
    gst_element_link_many (tee, gate, look, encoder, queue, sink, NULL);
}

static void
add_branch (BatchPipeline *self, GstElement *tee, guint branch)
{
  const BatchOptions *options = self->options;
  const BatchEffect *effect = &options->effects[branch];
  GstElement *gate = add_branch_element (self, "memgate", branch);
  GstElement *queue = add_branch_element (self, "queue", branch);
  GstElement *look = add_branch_element (self, "peteffect", branch);
  GstElement *encoder = add_branch_element (self, "petpngenc", branch);
  GstElement *sink = add_branch_element (self, "petfilesink", branch);
  g_autofree gchar *file = g_strconcat (effect->name, ".png", NULL);
  g_autofree gchar *output = gst_pet_source_meta_escape (options->output);
  g_autofree gchar *location =
      g_build_filename (output, "{dir}", "{stem}", file, NULL);

  add_probes (self, tee, gate, branch);
  g_object_set (gate, "label", effect->name, "optional", effect->optional,
      "priority", effect->priority, "max-wait",
      MIN (MAX_WAIT, options->timeout * GST_SECOND / 2), NULL);
  if (options->memory != 0)
    g_object_set (gate, "limit", options->memory, NULL);
  g_object_set (queue, "max-size-buffers", 1, "max-size-bytes", 0,
      "max-size-time", (guint64) 0, NULL);
  gst_util_set_object_arg (G_OBJECT (look), "effect", effect->name);
  gst_util_set_object_arg (G_OBJECT (look), "rendition", options->rendition);
  if (batch_looks_on_card (options))
    gst_util_set_object_arg (G_OBJECT (look), "device", "cuda");
  batch_params_apply (effect, look);
  batch_params_watch (effect, encoder);
  g_object_set (encoder, "level", options->level, "dpi", options->dpi, NULL);
  g_object_set (sink, "location", location, NULL);
  link_branch (self, branch, tee, gate, queue, look, encoder, sink);
}

static void
on_need_data (GstAppSrc *source, guint length, gpointer user)
{
  gst_element_post_message (GST_ELEMENT (source),
      gst_message_new_application (
          GST_OBJECT (source), gst_structure_new_empty (turn)));
}

void
batch_pipeline_build (BatchPipeline *self)
{
  GstAppSrcCallbacks callbacks = { .need_data = on_need_data };
  const BatchOptions *options = self->options;
  GstElement *decoder, *segmenter, *tee;

  self->pipeline = gst_pipeline_new (NULL);
  self->source = add_element (self, "appsrc", "source");
  decoder = add_element (self, "petdec", "decoder");
  segmenter = add_element (self, "petsegment", "segmenter");
  tee = add_element (self, "tee", "tee");

  g_object_set (
      self->source, "format", GST_FORMAT_TIME, "max-bytes", (guint64) 0, NULL);
  if (!is_alone (self))
    gst_app_src_set_callbacks (
        GST_APP_SRC (self->source), &callbacks, NULL, NULL);
  g_object_set (decoder, "max-size", options->max_size, "threads",
      is_alone (self) ? 2 : 1, NULL);
  gst_util_set_object_arg (G_OBJECT (decoder), "on-error", "skip");
  gst_util_set_object_arg (G_OBJECT (segmenter), "device", options->device);
  g_object_set (segmenter, "model-location", options->model,
      "second-model-location", options->second_model, "threads", self->threads,
      NULL);
  gst_element_link_many (self->source, decoder, segmenter, tee, NULL);
  for (guint i = 0; i < options->n_effects; i++)
    add_branch (self, tee, i);
}

void
batch_pipeline_set_optional (
    GstElement *pipeline, const BatchOptions *options, gboolean optional)
{
  for (guint i = 0; i < options->n_effects; i++) {
    g_autofree gchar *name = g_strdup_printf ("memgate%u", i);
    GstElement *gate = gst_bin_get_by_name (GST_BIN (pipeline), name);

    g_object_set (
        gate, "optional", optional && options->effects[i].optional, NULL);
    gst_object_unref (gate);
  }
}
