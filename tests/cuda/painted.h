/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Photos of painted pets, and a network that finds them: it answers with the
 * photo's red, so the card's masks are the CPU's. */

#pragma once

#include <math.h>

#include "element-run.h"
#include "onnx-writer.h"
#include "pictures.h"

#define SIDE 40

static gchar *folder, *model, *model_of_large_numbers, *model_of_blue;

/* A file of the folder. */
static inline gchar *
write_model (OnnxWriter *w, const gchar *name)
{
  const gchar *sidecar = "[modelinfo]\ndivisor=255\nmean=0\nstd=1\n";
  gchar *path = g_build_filename (folder, name, NULL);
  g_autofree gchar *side = g_strconcat (path, ".modelinfo", NULL);
  Bytes bytes;

  onnx_output (w, "out");
  bytes = onnx_finish (w);
  g_assert_true (g_file_set_contents (
      path, (const gchar *) bytes.data, (gssize) bytes.size, NULL));
  g_assert_true (g_file_set_contents (side, sidecar, -1, NULL));
  free (bytes.data);
  return path;
}

/* Red and the difference of two numbers that halves cannot hold. */
static inline void
make_model_of_large_numbers (void)
{
  OnnxWriter w = onnx_writer (13);
  const float red[] = { 1, 0, 0 }, large[] = { 60000, 0, 0 },
              more[] = { 60000 };

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, SIDE, SIDE });
  onnx_floats (&w, "w", 4, (int64_t[]){ 1, 3, 1, 1 }, red);
  onnx_floats (&w, "w1", 4, (int64_t[]){ 1, 3, 1, 1 }, large);
  onnx_floats (&w, "w2", 4, (int64_t[]){ 1, 1, 1, 1 }, more);
  onnx_node (&w, "Conv", "x w", "red");
  onnx_node (&w, "Conv", "x w1", "a");
  onnx_node (&w, "Conv", "a w2", "b");
  onnx_node (&w, "Sub", "b b", "nothing");
  onnx_node (&w, "Add", "red nothing", "out");
  model_of_large_numbers = write_model (&w, "large.onnx");
}

static inline gchar *
make_model_of (const float *weights, const gchar *name)
{
  OnnxWriter w = onnx_writer (13);

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, SIDE, SIDE });
  onnx_floats (&w, "w", 4, (int64_t[]){ 1, 3, 1, 1 }, weights);
  onnx_node (&w, "Conv", "x w", "out");
  return write_model (&w, name);
}

static inline void
make_model (void)
{
  const float red[] = { 1, 0, 0 }, blue[] = { 0, 0, 1.2f };

  folder = make_folder ();
  model = make_model_of (red, "red.onnx");
  model_of_blue = make_model_of (blue, "blue.onnx");
  make_model_of_large_numbers ();
}

/* petsegment with that network. */
static inline Run
start_segment (const gchar *more, const gchar *format, gint width, gint height)
{
  g_autofree gchar *line = g_strdup_printf (
      "petsegment precision=fp32 model-location=%s %s", model, more);

  return start_sized (line, format, width, height);
}

/* A red pet with a soft outline around (x, y), on a bluish ground. */
static inline GstBuffer *
paint (gint width, gint height, gint channels, gdouble x, gdouble y,
    gdouble radius)
{
  gsize size = (gsize) width * (gsize) height * (gsize) channels;
  GstBuffer *photo = gst_buffer_new_allocate (NULL, size, NULL);
  GstMapInfo map;

  gst_buffer_map (photo, &map, GST_MAP_WRITE);
  for (gint i = 0; i < width * height; i++) {
    gdouble dx = i % width + 0.5 - x, dy = i / width + 0.5 - y;
    gdouble pet = CLAMP ((radius - sqrt (dx * dx + dy * dy)) / 3 + 0.5, 0, 1);
    guint8 *pixel = map.data + (gsize) i * (gsize) channels;

    pixel[0] = (guint8) (255 * pet);
    pixel[1] = (guint8) (120 * pet + (i * 7) % 40);
    pixel[2] = (guint8) (200 - 180 * pet + (i / width * 5) % 30);
    if (channels == 4)
      pixel[3] = 255;
  }
  gst_buffer_unmap (photo, &map);
  GST_BUFFER_PTS (photo) = 0;
  return photo;
}

static inline GstBuffer *
pass (Run *run, GstBuffer *photo)
{
  g_assert_cmpint (gst_harness_push (run->harness, photo), ==, GST_FLOW_OK);
  return gst_harness_pull (run->harness);
}

static inline void
remove_model (void)
{
  if (folder != NULL)
    remove_tree (folder);
  g_free (folder);
  g_free (model);
  g_free (model_of_large_numbers);
  g_free (model_of_blue);
}

static inline FakeCudaState
card_state (void)
{
  FakeCudaState state;

  fake_cuda_state (&state);
  return state;
}

static void (*add_tests_of_models) (void);

static inline void
add_tests_and_models (void)
{
  add_tests_of_models ();
  make_model ();
}

/* run_tests() for tests that use the models. */
static inline int
run_tests_with_models (int argc, char **argv, void (*add_tests) (void))
{
  int result;

  add_tests_of_models = add_tests;
  result = run_tests (argc, argv, add_tests_and_models);
  remove_model ();
  return result;
}
