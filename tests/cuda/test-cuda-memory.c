/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GStreamer's CUDA memory on the pads of petsegment and peteffect. Its library is
 * the real one; below it and below our module are the driver and the runtime of
 * the card of host memory, where memory of a context that is not the card's
 * primary one cannot be touched (fake-driver.c). */

#include "cuda-pictures.h"
#include "memory/gstpetbudget.h"
#include "meta/gstpetmaskmeta.h"

static gboolean
is_cuda (GstBuffer *buffer)
{
  return gst_memory_is_type (
      gst_buffer_peek_memory (buffer, 0), GST_CUDA_MEMORY_TYPE_NAME);
}

static gboolean
offers (GstElement *element, const gchar *name)
{
  GstPad *pad = gst_element_get_static_pad (element, name);
  GstCaps *caps = gst_pad_query_caps (pad, NULL);
  g_autofree gchar *text = gst_caps_to_string (caps);

  gst_caps_unref (caps);
  gst_object_unref (pad);
  return strstr (text, CUDA) != NULL;
}

static void
check_pads (const gchar *line, gboolean sink, gboolean src)
{
  GstElement *element = gst_parse_launch (line, NULL);

  g_test_message ("%s", line);
  gst_object_ref_sink (element);
  for (guint i = 0; i < 2; i++) {
    g_assert_cmpint (offers (element, "sink"), ==, sink);
    g_assert_cmpint (offers (element, "src"), ==, src);
    g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), !=,
        GST_STATE_CHANGE_FAILURE);
  }
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}

static void
pads_have_either_memory (void)
{
  fake_cuda_configure ("");
  check_pads ("petsegment device=cpu", FALSE, FALSE);
  check_pads ("petsegment device=cuda", TRUE, TRUE);
  check_pads ("petsegment device=cuda output=mask", TRUE, FALSE);
  check_pads ("petsegment device=auto output=meta", TRUE, TRUE);
  check_pads ("peteffect", FALSE, FALSE);
  check_pads ("peteffect device=auto", TRUE, TRUE);
}

/* device=auto that found no card has none to offer. */
static void
without_a_card_there_is_none (void)
{
  GstElement *element;

  fake_cuda_configure ("devices=0");
  element = gst_object_ref_sink (gst_parse_launch ("peteffect device=auto", 0));
  g_assert_null (ask_context (element));
  gst_element_set_state (element, GST_STATE_PAUSED);
  g_assert_false (offers (element, "sink"));
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
  fake_cuda_configure ("");
}

/* Also before the element has started, when it is who comes behind that asks. */
static void
neighbours_get_the_primary_context (void)
{
  GstCudaContext *context[2];
  GstElement *element;
  CUcontext primary;

  fake_cuda_configure ("");
  element = gst_object_ref_sink (gst_parse_launch ("peteffect", NULL));
  g_assert_null (ask_context (element));
  g_object_set (element, "device", 2, NULL);
  context[0] = ask_context (element);
  g_assert_nonnull (context[0]);
  gst_element_set_state (element, GST_STATE_PAUSED);
  context[1] = ask_context (element);
  g_assert_true (context[0] == context[1]);
  g_assert_cmpint (cudaSetDevice (0), ==, cudaSuccess);
  g_assert_cmpint (cuCtxGetCurrent (&primary), ==, CUDA_SUCCESS);
  g_assert_true (gst_cuda_context_get_handle (context[0]) == primary);
  for (guint i = 0; i < 2; i++)
    gst_object_unref (context[i]);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}

/* The same bytes as with memory of the system on both sides. Photos 341 pixels
 * wide have rows without room for the last group of pixels. `all` photos, or two
 * of four. */
static void
cut_out_between (const gchar *in, const gchar *out, gboolean own, gboolean all)
{
  static const gint widths[] = { 200, 341 };
  static const gchar *const formats[] = { "RGB", "RGBA" };
  const gint height = 150;

  for (guint i = all ? 0 : 1; i < (all ? 4 : 3); i++) {
    const gchar *format = formats[i / 2];
    gint width = widths[i % 2];
    GstBuffer *photo = paint_rows (format, width, height), *want, *got;
    Run run = segment_between ("device=cuda", "", format, "", width, height);
    gsize bytes = (gsize) width * (gsize) height;
    FakeCudaState before, after;
    GstCudaContext *context;

    want = pixels_of (pass (&run, gst_buffer_ref (photo)), width, height);
    stop (&run);
    run = segment_between ("device=cuda", in, format, out, width, height);
    context = own ? gst_cuda_context_new (0) : ask_context (run.element);
    if (*in != '\0')
      photo = upload (context, photo, format, width, height);
    got = pass (&run, gst_buffer_ref (photo));
    gst_buffer_unref (got);
    before = card_state ();
    got = pass (&run, photo);
    after = card_state ();
    g_assert_cmpint (is_cuda (got), ==, *out != '\0');
    if (*in != '\0')
      g_assert_cmpuint (after.up - before.up, <, bytes);
    g_assert_cmpuint (after.down - before.down, <, 8192);
    got = pixels_of (got, width, height);
    g_assert_cmpint (difference (want, got), ==, 0);
    expect_silence (&run);
    gst_object_unref (context);
    stop (&run);
  }
  g_assert_cmpuint (card_state ().faults, ==, 0);
}

#define ALL_ORDERS(call)                                                       \
  {                                                                            \
    static const gchar *const orders[] = { "", "late=1", "late=2", "late=3" }; \
                                                                               \
    for (guint order = 0; order < G_N_ELEMENTS (orders); order++) {            \
      fake_cuda_configure (orders[order]);                                     \
      call;                                                                    \
    }                                                                          \
    fake_cuda_configure ("");                                                  \
  }

static void
photos_and_cutouts_stay_on_the_card (void)
{
  ALL_ORDERS (cut_out_between ("(" CUDA ")", "(" CUDA ")", FALSE, order == 0));
  ALL_ORDERS (cut_out_between ("", "(" CUDA ")", FALSE, order == 0));
  cut_out_between ("(" CUDA ")", "", FALSE, FALSE);
}

/* Other pixels, on the card. */
static void
scribble (GstBuffer *photo)
{
  GstMapInfo map;

  g_assert_true (gst_buffer_map (photo, &map, GST_MAP_WRITE));
  memset (map.data, 99, map.size);
  gst_buffer_unmap (photo, &map);
  g_assert_true (gst_buffer_map (
      photo, &map, (GstMapFlags) (GST_MAP_READ | GST_MAP_CUDA)));
  gst_buffer_unmap (photo, &map);
}

/* Whoever gave the photo may use its memory again when it comes back, though
 * nobody has looked at the cut-out yet. */
static void
photos_are_done_with (void)
{
  GstBuffer *photo = paint_rows ("RGBA", 200, 150), *want, *got;
  GstCudaContext *context;
  Run run;

  fake_cuda_configure ("late=3");
  run = segment_between ("device=cuda", "", "RGBA", "", 200, 150);
  want = pixels_of (pass (&run, gst_buffer_ref (photo)), 200, 150);
  stop (&run);
  run = segment_between ("device=cuda", "(" CUDA ")", "RGBA", "", 200, 150);
  context = ask_context (run.element);
  photo = upload (context, photo, "RGBA", 200, 150);
  got = pass (&run, gst_buffer_ref (photo));
  scribble (photo);
  g_assert_cmpint (difference (want, pixels_of (got, 200, 150)), ==, 0);
  gst_buffer_unref (photo);
  gst_object_unref (context);
  stop (&run);
  fake_cuda_configure ("");
}

static void
photos_of_other_contexts_are_copied (void)
{
  ALL_ORDERS (cut_out_between ("(" CUDA ")", "(" CUDA ")", TRUE, order == 0));
}

/* The photo passes on in its memory; the mask is the host's. */
static void
masks_are_of_the_host (void)
{
  GstBuffer *photo = paint_rows ("RGBA", 200, 150), *got;
  GstCudaContext *context;
  GstPetMaskMeta *meta;
  GstMapInfo map;
  Run run;

  fake_cuda_configure ("late=3");
  run = segment_between (
      "device=cuda output=meta", "(" CUDA ")", "RGBA", "(" CUDA ")", 200, 150);
  context = ask_context (run.element);
  photo = upload (context, photo, "RGBA", 200, 150);
  got = pass (&run, gst_buffer_ref (photo));
  g_assert_true (
      gst_buffer_peek_memory (got, 0) == gst_buffer_peek_memory (photo, 0));
  meta = gst_pet_buffer_get_mask_meta (got);
  g_assert_nonnull (meta);
  g_assert_true (gst_buffer_map (meta->mask, &map, GST_MAP_READ));
  g_assert_cmpuint (map.data[80 * 200 + 90], ==, 255);
  g_assert_cmpuint (map.data[0], ==, 0);
  gst_buffer_unmap (meta->mask, &map);
  gst_buffer_unref (got);
  gst_buffer_unref (photo);
  gst_object_unref (context);
  stop (&run);
  fake_cuda_configure ("");
}

static void
make_looks (const gchar *in, const gchar *out, gboolean own)
{
  static const gchar *const looks[] = { "popart", "retro8bit", "dithering",
    "enhancedblackwhite", "color" };

  for (guint i = 0; i < G_N_ELEMENTS (looks); i++) {
    g_autofree gchar *cpu = g_strdup_printf ("peteffect effect=%s", looks[i]);
    g_autofree gchar *line =
        g_strdup_printf ("peteffect effect=%s device=cuda name=look", looks[i]);
    GstBuffer *photo = picture_cutout (101, 67, i), *want, *got;
    Run run = start_between (cpu, "", "RGBA", "", 101, 67);
    GstCudaContext *context;

    want = pixels_of (pass (&run, gst_buffer_ref (photo)), 101, 67);
    stop (&run);
    run = start_between (line, in, "RGBA", out, 101, 67);
    context = own ? gst_cuda_context_new (0) : ask_context (run.element);
    if (*in != '\0')
      photo = upload (context, photo, "RGBA", 101, 67);
    got = pass (&run, photo);
    g_assert_cmpint (is_cuda (got), ==, *out != '\0');
    g_assert_cmpint (difference (want, pixels_of (got, 101, 67)), ==, 0);
    expect_silence (&run);
    gst_object_unref (context);
    stop (&run);
  }
  g_assert_cmpuint (card_state ().faults, ==, 0);
}

static void
looks_stay_on_the_card (void)
{
  ALL_ORDERS (make_looks ("(" CUDA ")", "(" CUDA ")", FALSE));
  make_looks ("(" CUDA ")", "(" CUDA ")", TRUE);
  make_looks ("", "(" CUDA ")", FALSE);
  make_looks ("(" CUDA ")", "", FALSE);
}

/* A frame of the card is taken as it is, and the look stays. */
static void
a_cutout_of_ours_becomes_cuda_memory (void)
{
  Run run, look, cpu;
  FakeCudaState before;
  GstBuffer *cutout, *got, *want;

  fake_cuda_configure ("");
  run = start_segment ("device=cuda", "RGB", 200, 150);
  look = start_between ("peteffect effect=popart device=cuda", "", "RGBA",
      "(" CUDA ")", 200, 150);
  cpu = start_between ("peteffect effect=popart", "", "RGBA", "", 200, 150);
  cutout = pass (&run, paint (200, 150, 3, 90, 80, 55));
  gst_buffer_unref (pass (&look, gst_buffer_ref (cutout)));
  before = card_state ();
  got = pass (&look, gst_buffer_ref (cutout));
  g_assert_cmpuint (card_state ().up, ==, before.up);
  g_assert_cmpuint (card_state ().down, ==, before.down);
  want = pixels_of (pass (&cpu, cutout), 200, 150);
  g_assert_cmpint (difference (want, pixels_of (got, 200, 150)), ==, 0);
  stop (&cpu);
  stop (&look);
  stop (&run);
}

/* What is out is charged, and given back with the last of it. */
static void
frames_are_charged (void)
{
  GstPetBudget *budget = gst_pet_budget_get ("cuda-0");
  GstPetBudgetState before, with, full;
  GstBuffer *photo = picture_cutout (300, 200, 1), *look[3];
  Run run;

  fake_cuda_configure ("");
  run = start_between ("peteffect effect=popart device=cuda", "", "RGBA",
      "(" CUDA ")", 300, 200);
  look[0] = pass (&run, gst_buffer_ref (photo));
  gst_pet_budget_get_state (budget, &before);
  look[1] = pass (&run, gst_buffer_ref (photo));
  gst_pet_budget_get_state (budget, &with);
  g_assert_cmpuint (with.in_use - before.in_use, ==, 200 * 1536);
  /* No room for another one: an error in words, no crash. */
  gst_pet_budget_set_limit (budget, with.in_use + 1000);
  g_assert_cmpint (gst_harness_push (run.harness, gst_buffer_ref (photo)), ==,
      GST_FLOW_ERROR);
  expect_message (&run, GST_MESSAGE_ERROR, "no room for CUDA memory");
  gst_pet_budget_get_state (budget, &full);
  g_assert_cmpuint (full.in_use, ==, with.in_use);
  /* One that comes back is used again. */
  gst_buffer_unref (look[0]);
  look[2] = pass (&run, photo);
  gst_buffer_unref (look[1]);
  gst_buffer_unref (look[2]);
  stop (&run);
  gst_pet_budget_get_state (budget, &full);
  g_assert_cmpuint (full.in_use, ==, 0);
  gst_object_unref (budget);
}

/* The network's run, the photo's copy, the matte's memory: what the card cannot do
 * the CPU does, with the photo brought down. */
static void
a_full_card_falls_back (void)
{
  GstBuffer *photo, *want, *got;
  GstCudaContext *context;
  Run run;

  fake_cuda_configure ("");
  run = start_segment ("device=cuda", "RGB", 200, 150);
  want = pixels_of (pass (&run, paint (200, 150, 3, 90, 80, 55)), 200, 150);
  stop (&run);
  for (guint n = 1; n <= 3; n++) {
    g_autofree gchar *words = g_strdup_printf ("fail=cudaMalloc:%u", n);

    run = segment_between (
        "device=auto", "(" CUDA ")", "RGB", "(" CUDA ")", 200, 150);
    context = ask_context (run.element);
    photo = upload (context, paint (200, 150, 3, 90, 80, 55), "RGB", 200, 150);
    fake_cuda_configure (words);
    got = pass (&run, photo);
    g_test_message ("%s", words);
    expect_message (&run, GST_MESSAGE_WARNING, "out of memory");
    fake_cuda_configure ("");
    g_assert_cmpint (
        difference (gst_buffer_ref (want), pixels_of (got, 200, 150)), <=, 2);
    gst_object_unref (context);
    stop (&run);
  }
  gst_buffer_unref (want);
}

/* A card that dies with the photo on it: an error, and no crash. */
static void
a_card_dies_with_a_photo (void)
{
  GstCudaContext *context;
  GstBuffer *photo;
  Run run;

  for (guint n = 1; n <= 24; n++) {
    g_autofree gchar *words = g_strdup_printf ("lost=%u", n);

    fake_cuda_configure ("");
    run = segment_between (
        "device=auto", "(" CUDA ")", "RGBA", "(" CUDA ")", 200, 150);
    context = ask_context (run.element);
    photo = upload (context, paint (200, 150, 4, 90, 80, 55), "RGBA", 200, 150);
    fake_cuda_configure (words);
    g_assert_cmpint (gst_harness_push (run.harness, photo), ==, GST_FLOW_ERROR);
    fake_cuda_configure ("");
    gst_object_unref (context);
    stop (&run);
  }
}

/* GStreamer's own elements around ours, where they are installed: their pools
 * and contexts are ours, so nothing is copied on the card. */
static GstBuffer *
run_line (const gchar *before, const gchar *after)
{
  g_autofree gchar *line = g_strdup_printf (
      "videotestsrc num-buffers=1 pattern=ball ! "
      "video/x-raw,format=RGB,width=200,height=150 ! %s petsegment device=cuda "
      "precision=fp32 model-location=%s ! peteffect effect=retro8bit "
      "device=cuda ! %s appsink name=sink",
      before, model, after);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstSample *sample = NULL;
  GstBuffer *result;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_signal_emit_by_name (sink, "pull-sample", &sample);
  g_assert_nonnull (sample);
  result =
      pixels_of (gst_buffer_ref (gst_sample_get_buffer (sample)), 200, 150);
  gst_sample_unref (sample);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  return result;
}

static void
elements_of_gstreamer_stand_beside_ours (void)
{
  GstElementFactory *factory = gst_element_factory_find ("cudaupload");

  if (factory == NULL) {
    g_test_skip ("there is no cudaupload");
    return;
  }
  gst_object_unref (factory);
  fake_cuda_configure ("");
  g_assert_cmpint (difference (run_line ("", ""),
                       run_line ("cudaupload !", "cudadownload !")),
      ==, 0);
  g_assert_cmpint (
      difference (run_line ("", ""), run_line ("cudaupload ! queue !", "")), ==,
      0);
  g_assert_cmpuint (card_state ().faults, ==, 0);
  g_assert_cmpuint (card_state ().allocations, ==, 0);
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/cuda-memory/" name, function)
  /* Before there is a context, which stays for good. */
  ADD ("without-a-card-there-is-none", without_a_card_there_is_none);
  ADD ("pads-have-either-memory", pads_have_either_memory);
  ADD (
      "neighbours-get-the-primary-context", neighbours_get_the_primary_context);
  ADD ("photos-and-cutouts-stay-on-the-card",
      photos_and_cutouts_stay_on_the_card);
  ADD ("photos-are-done-with", photos_are_done_with);
  ADD ("photos-of-other-contexts-are-copied",
      photos_of_other_contexts_are_copied);
  ADD ("masks-are-of-the-host", masks_are_of_the_host);
  ADD ("looks-stay-on-the-card", looks_stay_on_the_card);
  ADD ("a-cutout-of-ours-becomes-cuda-memory",
      a_cutout_of_ours_becomes_cuda_memory);
  ADD ("frames-are-charged", frames_are_charged);
  ADD ("a-full-card-falls-back", a_full_card_falls_back);
  ADD ("a-card-dies-with-a-photo", a_card_dies_with_a_photo);
  ADD ("elements-of-gstreamer-stand-beside-ours",
      elements_of_gstreamer_stand_beside_ours);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests_with_models (argc, argv, add_tests);
}
