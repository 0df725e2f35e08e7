/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures in GStreamer's CUDA memory, and elements between memories. */

#pragma once

#define GST_USE_UNSTABLE_API

#include <gst/cuda/gstcudabufferpool.h>
#include <gst/cuda/gstcudautils.h>

#include "painted.h"

#define CUDA "memory:CUDAMemory"

static inline gchar *
caps_of (const gchar *memory, const gchar *format, gint width, gint height)
{
  return g_strdup_printf (
      "video/x-raw%s,format=%s,width=%d,height=%d,framerate=0/1", memory,
      format, width, height);
}

/* An element that gets and gives pictures in these memories ("" or "(" CUDA ")"). */
static inline Run
start_between (const gchar *line, const gchar *in, const gchar *format,
    const gchar *out, gint width, gint height)
{
  g_autofree gchar *in_caps = caps_of (in, format, width, height);
  g_autofree gchar *out_caps = caps_of (out, "RGBA", width, height);
  Run run = { .bus = gst_bus_new () };

  run.element = gst_object_ref_sink (gst_parse_launch (line, NULL));
  gst_element_set_bus (run.element, run.bus);
  run.started = gst_element_set_state (run.element, GST_STATE_PAUSED) !=
      GST_STATE_CHANGE_FAILURE;
  g_assert_true (run.started);
  run.harness = gst_harness_new_with_element (run.element, "sink", "src");
  gst_harness_set_sink_caps_str (run.harness, out_caps);
  gst_harness_set_src_caps_str (run.harness, in_caps);
  return run;
}

static inline Run
segment_between (const gchar *more, const gchar *in, const gchar *format,
    const gchar *out, gint width, gint height)
{
  g_autofree gchar *line = g_strdup_printf (
      "petsegment precision=fp32 model-location=%s %s", model, more);

  return start_between (line, in, format, out, width, height);
}

/* What the element offers to those before it. */
static inline GstCudaContext *
ask_context (GstElement *element)
{
  GstQuery *query = gst_query_new_context (GST_CUDA_CONTEXT_TYPE);
  GstPad *pad = gst_element_get_static_pad (element, "sink");
  GstCudaContext *result = NULL;
  GstContext *context;

  if (gst_pad_query (pad, query)) {
    gst_query_parse_context (query, &context);
    gst_structure_get (gst_context_get_structure (context),
        GST_CUDA_CONTEXT_TYPE, GST_TYPE_CUDA_CONTEXT, &result, NULL);
  }
  gst_object_unref (pad);
  gst_query_unref (query);
  return result;
}

/* The painted photo with rows as caps alone say. */
static inline GstBuffer *
paint_rows (const gchar *format, gint width, gint height)
{
  gint channels = g_str_equal (format, "RGB") ? 3 : 4;
  GstBuffer *packed = paint (width, height, channels, 90, 80, 100), *result;
  gsize row = (gsize) width * (gsize) channels;
  GstMapInfo from, to;
  GstVideoInfo info;

  gst_video_info_set_format (&info, gst_video_format_from_string (format),
      (guint) width, (guint) height);
  result = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_map (packed, &from, GST_MAP_READ);
  gst_buffer_map (result, &to, GST_MAP_WRITE);
  for (gint y = 0; y < height; y++)
    memcpy (to.data + (gsize) y * (gsize) info.stride[0],
        from.data + (gsize) y * row, row);
  gst_buffer_unmap (packed, &from);
  gst_buffer_unmap (result, &to);
  gst_buffer_unref (packed);
  GST_BUFFER_PTS (result) = 0;
  return result;
}

static inline GstBufferPool *
make_pool (
    GstCudaContext *context, const gchar *format, gint width, gint height)
{
  g_autofree gchar *text = caps_of ("(" CUDA ")", format, width, height);
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);
  GstBufferPool *pool = gst_cuda_buffer_pool_new (context);
  GstStructure *config = gst_buffer_pool_get_config (pool);

  gst_buffer_pool_config_set_params (config, caps, 0, 0, 0);
  g_assert_true (gst_buffer_pool_set_config (pool, config));
  g_assert_true (gst_buffer_pool_set_active (pool, TRUE));
  return pool;
}

/* Takes `photo`; its pixels in memory of `context`. */
static inline GstBuffer *
upload (GstCudaContext *context, GstBuffer *photo, const gchar *format,
    gint width, gint height)
{
  GstBufferPool *pool = make_pool (context, format, width, height);
  GstVideoFrame from, to;
  GstVideoInfo info;
  GstBuffer *buffer;

  gst_video_info_set_format (&info, gst_video_format_from_string (format),
      (guint) width, (guint) height);
  g_assert_cmpint (
      gst_buffer_pool_acquire_buffer (pool, &buffer, NULL), ==, GST_FLOW_OK);
  g_assert_true (gst_video_frame_map (&from, &info, photo, GST_MAP_READ));
  g_assert_true (gst_video_frame_map (&to, &info, buffer, GST_MAP_WRITE));
  gst_video_frame_copy (&to, &from);
  gst_video_frame_unmap (&from);
  gst_video_frame_unmap (&to);
  /* And now on the card. */
  g_assert_true (gst_video_frame_map (
      &to, &info, buffer, (GstMapFlags) (GST_MAP_READ | GST_MAP_CUDA)));
  gst_video_frame_unmap (&to);
  gst_buffer_unref (photo);
  gst_object_unref (pool);
  GST_BUFFER_PTS (buffer) = 0;
  return buffer;
}

/* Takes an RGBA picture of any memory; the packed pixels. */
static inline GstBuffer *
pixels_of (GstBuffer *buffer, gint width, gint height)
{
  GstBuffer *result =
      gst_buffer_new_allocate (NULL, (gsize) width * (gsize) height * 4, NULL);
  GstVideoFrame from, to;
  GstVideoInfo info;

  gst_video_info_set_format (
      &info, GST_VIDEO_FORMAT_RGBA, (guint) width, (guint) height);
  g_assert_true (gst_video_frame_map (&from, &info, buffer, GST_MAP_READ));
  g_assert_true (gst_video_frame_map (&to, &info, result, GST_MAP_WRITE));
  gst_video_frame_copy (&to, &from);
  gst_video_frame_unmap (&from);
  gst_video_frame_unmap (&to);
  gst_buffer_unref (buffer);
  return result;
}
