/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Photos that stay on the card from petsegment to the finished look, and cards
 * that are full or die on the way. The network of these tests answers with the
 * photo's red, so that pets are painted, and the card's masks are the CPU's. */

#include "memory/gstpetbudget.h"
#include "painted.h"

static gboolean
is_on_card (GstBuffer *buffer)
{
  return gst_memory_is_type (
      gst_buffer_peek_memory (buffer, 0), "GstPetCardMemory");
}

/* Up once for network and matte, not down before somebody looks. */
static void
a_cutout_stays_on_the_card (void)
{
  const gsize up = 150 * 768, down = 150 * 800;
  FakeCudaState before, after;
  GstBuffer *cutout;
  GstMapInfo map;
  Run run;

  fake_cuda_configure ("");
  run = start_segment ("device=cuda", "RGB", 200, 150);
  gst_buffer_unref (pass (&run, paint (200, 150, 3, 90, 80, 55)));
  before = card_state ();
  cutout = pass (&run, paint (200, 150, 3, 90, 80, 55));
  after = card_state ();
  g_assert_true (is_on_card (cutout));
  g_assert_cmpuint (after.up - before.up, >=, up);
  g_assert_cmpuint (after.up - before.up, <, 2 * up);
  g_assert_cmpuint (after.down - before.down, <, 8192);
  for (guint i = 0; i < 2; i++) {
    g_assert_true (gst_buffer_map (cutout, &map, GST_MAP_READ));
    g_assert_cmpuint (map.size, ==, 200 * 150 * 4);
    g_assert_cmpuint (map.data[(80 * 200 + 90) * 4 + 3], ==, 255);
    g_assert_cmpuint (map.data[3], ==, 0);
    gst_buffer_unmap (cutout, &map);
  }
  g_assert_cmpuint (card_state ().down - after.down, ==, down);
  gst_buffer_unref (cutout);
  stop (&run);
}

static GstBuffer *
cut_out (const gchar *more, const gchar *format, GstBuffer *photo, gint width,
    gint height, gint *box)
{
  Run run = start_segment (more, format, width, height);
  GstBuffer *result = pass (&run, photo);
  GstMessage *message = gst_bus_pop_filtered (run.bus, GST_MESSAGE_ELEMENT);
  const GstStructure *s = gst_message_get_structure (message);

  g_assert_true (gst_structure_get (s, "box-x", G_TYPE_INT, &box[0], "box-y",
      G_TYPE_INT, &box[1], "box-width", G_TYPE_INT, &box[2], "box-height",
      G_TYPE_INT, &box[3], NULL));
  gst_message_unref (message);
  stop (&run);
  return result;
}

/* Colours count as much as they are seen: where alpha is 1 on the CPU and 0 on
 * the card, the card's are scrubbed. */
static void
check_cutout (GstBuffer *want, GstBuffer *got)
{
  GstMapInfo a, b;

  gst_buffer_map (want, &a, GST_MAP_READ);
  gst_buffer_map (got, &b, GST_MAP_READ);
  g_assert_cmpuint (a.size, ==, b.size);
  for (gsize i = 0; i < a.size; i += 4) {
    const guint8 *x = a.data + i, *y = b.data + i;

    g_assert_cmpint (ABS (x[3] - y[3]), <=, 2);
    for (guint c = 0; c < 3; c++)
      g_assert_cmpint (ABS (x[c] * x[3] - y[c] * y[3]), <=, 4 * 255);
  }
  gst_buffer_unmap (want, &a);
  gst_buffer_unmap (got, &b);
  gst_buffer_unref (want);
  gst_buffer_unref (got);
}

/* The CPU's cut-out, in all the ways the network looks at photos: at once, in
 * the pieces of a panorama, and closer at a small pet. */
static void
cutouts_are_those_of_the_cpu (void)
{
  static const struct {
    gint width, height;
    gdouble x, y, radius;
  } photos[] = { { 200, 150, 90, 80, 60 }, { 480, 130, 333, 60, 50 },
    { 120, 470, 60, 90, 40 }, { 300, 260, 200, 90, 30 } };
  static const gchar *const outputs[] = { "cutout", "mask",
    "cutout subject=all refine=none", "cutout decontaminate=false" };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (photos); i++) {
    gint width = photos[i / 2].width, height = photos[i / 2].height;
    gint channels = i % 2 == 0 ? 3 : 4, want_box[4], box[4];
    const gchar *format = channels == 3 ? "RGB" : "RGBA";
    g_autofree gchar *cpu =
        g_strdup_printf ("device=cpu output=%s", outputs[i / 2]);
    g_autofree gchar *gpu =
        g_strdup_printf ("device=cuda output=%s", outputs[i / 2]);
    GstBuffer *photo = paint (width, height, channels, photos[i / 2].x,
        photos[i / 2].y, photos[i / 2].radius);
    GstBuffer *want, *got;

    fake_cuda_configure ("");
    want = cut_out (
        cpu, format, gst_buffer_copy_deep (photo), width, height, want_box);
    got = cut_out (gpu, format, photo, width, height, box);
    g_assert_cmpint (want_box[2], >, 10);
    g_assert_cmpmem (want_box, sizeof box, box, sizeof box);
    if (g_str_has_prefix (outputs[i / 2], "mask"))
      g_assert_cmpint (difference (want, got), <=, 2);
    else
      check_cutout (want, got);
  }
}

static GstBuffer *
mask_by_second (const gchar *device)
{
  g_autofree gchar *more = g_strdup_printf (
      "output=mask device=%s second-model-location=%s", device, model_of_blue);
  Run run = start_segment (more, "RGB", 200, 150);
  GstBuffer *mask = pass (&run, paint (200, 150, 3, 0, 0, 0));
  GstMessage *message = gst_bus_pop_filtered (run.bus, GST_MESSAGE_ELEMENT);
  gboolean second = FALSE;
  gdouble coverage = 0;

  g_assert_true (
      gst_structure_get (gst_message_get_structure (message), "second",
          G_TYPE_BOOLEAN, &second, "coverage", G_TYPE_DOUBLE, &coverage, NULL));
  g_assert_true (second && coverage > 0.9);
  gst_message_unref (message);
  expect_silence (&run);
  stop (&run);
  return mask;
}

/* Nothing is red: a network that looks for blue is asked, on the same device. */
static void
a_second_network_is_on_the_card_too (void)
{
  GstBuffer *want;

  fake_cuda_configure ("");
  want = mask_by_second ("cpu");
  g_assert_cmpint (
      difference (gst_buffer_ref (want), mask_by_second ("cuda")), <=, 2);
  g_assert_cmpint (difference (want, mask_by_second ("auto")), <=, 2);
}

/* TRUE if it could be seen that the second network was asked. */
static gboolean
second_was_asked (Run *run)
{
  gboolean second = FALSE;
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (
              run->bus, GST_MESSAGE_ELEMENT | GST_MESSAGE_WARNING)) != NULL) {
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT)
      gst_structure_get (gst_message_get_structure (message), "second",
          G_TYPE_BOOLEAN, &second, NULL);
    gst_message_unref (message);
  }
  return second;
}

/* Whatever there is room for on the card. */
static void
a_second_network_falls_back_too (void)
{
  GstBuffer *want;

  fake_cuda_configure ("");
  want = mask_by_second ("cpu");
  for (guint megabytes = 4; megabytes <= 40; megabytes += 2) {
    g_autofree gchar *words = g_strdup_printf ("memory=%u", megabytes);
    g_autofree gchar *more = g_strdup_printf (
        "output=mask device=auto second-model-location=%s", model_of_blue);
    Run run;

    fake_cuda_configure (words);
    run = start_segment (more, "RGB", 200, 150);
    g_assert_true (run.started);
    g_assert_cmpint (difference (gst_buffer_ref (want),
                         pass (&run, paint (200, 150, 3, 0, 0, 0))),
        <=, 2);
    g_assert_true (second_was_asked (&run));
    stop (&run);
  }
  gst_buffer_unref (want);
  fake_cuda_configure ("");
}

/* The network that the CPU then loads is no part of the photo, whose promise ends
 * with it. */
static void
a_photo_that_falls_back_ends (void)
{
  GstPetBudget *budget = gst_pet_budget_get ("fallen");
  Run run = start_segment ("device=auto budget=fallen", "RGB", 200, 150);
  GstBuffer *photo = paint (200, 150, 3, 90, 80, 55);
  GstPetTicket *ticket = gst_pet_budget_try (budget, 1 << 20);
  GstPetBudgetState state;

  gst_pet_buffer_set_ticket (photo, ticket);
  gst_pet_ticket_unref (ticket);
  fake_cuda_configure ("lost=1");
  gst_buffer_unref (pass (&run, photo));
  expect_message (&run, GST_MESSAGE_WARNING, "segmented on the CPU");
  gst_pet_budget_get_state (budget, &state);
  g_assert_cmpuint (state.tickets, ==, 0);
  g_assert_cmpuint (state.fixed, >, 0);
  g_assert_cmpuint (state.in_use, ==, 0);
  stop (&run);
  gst_object_unref (budget);
  fake_cuda_configure ("");
}

/* The network's mask, then a card without room for the matte: the same bytes. */
static void
a_full_card_costs_nothing_but_time (void)
{
  GstBuffer *want;
  Run run;

  fake_cuda_configure ("");
  run = start_segment ("device=cuda", "RGB", 200, 150);
  want = pass (&run, paint (200, 150, 3, 90, 80, 55));
  stop (&run);
  /* The photo's own frame, the network's buffers, the planes of cells: each of
   * these may be what is missing. */
  for (guint n = 1; n <= 4; n++) {
    g_autofree gchar *words = g_strdup_printf ("fail=cudaMalloc:%u", n);
    GstBuffer *got;

    fake_cuda_configure ("");
    run = start_segment ("device=auto", "RGB", 200, 150);
    fake_cuda_configure (words);
    got = pass (&run, paint (200, 150, 3, 90, 80, 55));
    expect_message (&run, GST_MESSAGE_WARNING, "out of memory");
    expect_device (&run, "cuda", "cpu");
    g_assert_cmpint (difference (gst_buffer_ref (want), got), <=, 2);
    got = pass (&run, paint (200, 150, 3, 90, 80, 55));
    expect_device (&run, "cuda", "cuda");
    g_assert_true (is_on_card (got));
    g_assert_cmpint (difference (gst_buffer_ref (want), got), ==, 0);
    expect_silence (&run);
    stop (&run);
  }
  gst_buffer_unref (want);
  fake_cuda_configure ("");
}

/* What overflows in halves is not a number in the end: device=auto has the CPU
 * make the mask, device=cuda says what to do. */
static void
halves_may_not_hold_it (void)
{
  g_autofree gchar *line = g_strdup_printf (
      "petsegment model-location=%s device=", model_of_large_numbers);
  g_autofree gchar *cpu = g_strconcat (line, "cpu", NULL);
  g_autofree gchar *both = g_strconcat (line, "auto", NULL);
  g_autofree gchar *gpu = g_strconcat (line, "cuda", NULL);
  GstBuffer *want, *got;
  Run run;

  fake_cuda_configure ("");
  run = start_sized (cpu, "RGB", 200, 150);
  want = pass (&run, paint (200, 150, 3, 90, 80, 55));
  stop (&run);
  run = start_sized (both, "RGB", 200, 150);
  got = pass (&run, paint (200, 150, 3, 90, 80, 55));
  expect_message (&run, GST_MESSAGE_WARNING, "on the CPU");
  g_assert_cmpint (difference (want, got), ==, 0);
  stop (&run);
  run = start_sized (gpu, "RGB", 200, 150);
  g_assert_cmpint (
      gst_harness_push (run.harness, paint (200, 150, 3, 90, 80, 55)), ==,
      GST_FLOW_ERROR);
  expect_message (&run, GST_MESSAGE_ERROR, "precision=fp32");
  stop (&run);
}

/* Looks take the frame where it is and bring down nothing but their result. */
static void
looks_of_a_cutout_on_the_card (void)
{
  static const gchar *const looks[] = { "popart", "retro8bit", "dithering",
    "enhancedblackwhite" };
  GstBuffer *cutout;
  Run run;

  fake_cuda_configure ("");
  run = start_segment ("device=cuda", "RGB", 200, 150);
  cutout = pass (&run, paint (200, 150, 3, 90, 80, 55));
  for (guint i = 0; i < 2 * G_N_ELEMENTS (looks); i++) {
    const gchar *where = i % 2 == 0 ? "cuda" : "cpu";
    g_autofree gchar *line =
        g_strdup_printf ("peteffect effect=%s device=%s", looks[i / 2], where);
    FakeCudaState before, after;
    static GstBuffer *on_card;
    GstBuffer *result;
    Run look = start_sized (line, "RGBA", 200, 150);

    before = card_state ();
    result = pass (&look, gst_buffer_ref (cutout));
    after = card_state ();
    expect_silence (&look);
    stop (&look);
    if (i % 2 == 1) {
      g_assert_cmpint (difference (on_card, result), ==, 0);
      continue;
    }
    on_card = result;
    /* Tables, but no picture. */
    g_assert_cmpuint (after.up - before.up, <, 150 * 1024);
    g_assert_cmpuint (after.down - before.down, ==, 150 * 800);
  }
  gst_buffer_unref (cutout);
  stop (&run);
}

/* Whoever writes has memory of the host, and the frame goes back. */
static void
a_cutout_may_be_written (void)
{
  GstBuffer *cutout, *changed;
  GstMapInfo map;
  Run run, look;

  fake_cuda_configure ("");
  run = start_segment ("device=cuda", "RGB", 200, 150);
  cutout = pass (&run, paint (200, 150, 3, 90, 80, 55));
  changed = gst_buffer_copy_deep (cutout);
  g_assert_cmpint (
      difference (gst_buffer_ref (cutout), gst_buffer_ref (changed)), ==, 0);
  gst_buffer_unref (changed);
  g_assert_true (gst_buffer_map (cutout, &map, GST_MAP_READWRITE));
  memset (map.data, 7, map.size);
  gst_buffer_unmap (cutout, &map);
  look = start_sized ("peteffect effect=popart device=cuda", "RGBA", 200, 150);
  changed = pass (&look, cutout);
  gst_buffer_map (changed, &map, GST_MAP_READ);
  g_assert_cmpuint (map.data[3], ==, 7);
  gst_buffer_unmap (changed, &map);
  gst_buffer_unref (changed);
  stop (&look);
  stop (&run);
}

static gpointer
sum_of (gpointer data)
{
  GstMapInfo map;
  guint sum = 0;

  g_assert_true (gst_buffer_map (data, &map, GST_MAP_READ));
  for (gsize i = 0; i < map.size; i++)
    sum += map.data[i];
  gst_buffer_unmap (data, &map);
  return GUINT_TO_POINTER (sum);
}

/* Branches look at the same time; it comes down once. */
static void
many_threads_look (void)
{
  FakeCudaState before;
  GstBuffer *cutout, *part;
  GThread *threads[6];
  gpointer sum;
  Run run;

  fake_cuda_configure ("");
  run = start_segment ("device=cuda", "RGB", 200, 150);
  cutout = pass (&run, paint (200, 150, 3, 90, 80, 55));
  stop (&run);
  before = card_state ();
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new (NULL, sum_of, cutout);
  sum = g_thread_join (threads[0]);
  for (guint i = 1; i < G_N_ELEMENTS (threads); i++)
    g_assert_true (g_thread_join (threads[i]) == sum);
  g_assert_cmpuint (card_state ().down - before.down, ==, 150 * 800);
  part = gst_buffer_copy_region (
      cutout, GST_BUFFER_COPY_MEMORY, 800, 200 * 4 * 100);
  gst_buffer_unref (cutout);
  g_assert_true (GPOINTER_TO_UINT (sum_of (part)) < GPOINTER_TO_UINT (sum));
  gst_buffer_unref (part);
  g_assert_cmpuint (card_state ().allocations, ==, 0);
  g_assert_cmpuint (card_state ().faults, ==, 0);
}

/* The card dies while a cut-out is on it: that photo fails in words. */
static void
a_card_dies_with_a_cutout (void)
{
  GstBuffer *cutout;
  Run run, look;

  fake_cuda_configure ("");
  run = start_segment ("device=auto", "RGB", 200, 150);
  look = start_sized ("peteffect effect=popart device=cuda", "RGBA", 200, 150);
  cutout = pass (&run, paint (200, 150, 3, 90, 80, 55));
  fake_cuda_configure ("lost=1");
  g_assert_cmpint (gst_harness_push (look.harness, cutout), ==, GST_FLOW_ERROR);
  expect_message (&look, GST_MESSAGE_WARNING, "made on the CPU");
  expect_message (&look, GST_MESSAGE_ERROR, "cannot be read");
  /* All photos after it are made on the CPU. */
  cutout = pass (&run, paint (200, 150, 3, 90, 80, 55));
  g_assert_false (is_on_card (cutout));
  expect_message (&run, GST_MESSAGE_WARNING, "everything is segmented");
  gst_buffer_unref (cutout);
  stop (&look);
  stop (&run);
  fake_cuda_configure ("");
}

/* A gate that cannot see the card says why, and lets everything pass. */
static void
a_gate_without_a_card_says_so (void)
{
  Run gate;

  fake_cuda_configure ("devices=0");
  gate = start_sized (
      "memgate optional=true watch=cuda budget=photos", "RGBA", 200, 150);
  expect_message (&gate, GST_MESSAGE_WARNING, "sees nothing: there is no GPU");
  gst_buffer_unref (pass (&gate, paint (200, 150, 4, 90, 80, 55)));
  stop (&gate);
  fake_cuda_configure ("");
}

static guint64
dropped_by (Run *gate)
{
  guint64 dropped;

  g_object_get (gate->element, "dropped", &dropped, NULL);
  return dropped;
}

/* Another process takes the card: optional branches are dropped, required ones
 * are made on the CPU, and all is well again when it leaves. */
static void
a_full_card_drops_what_is_optional (void)
{
  GstBuffer *photo = paint (200, 150, 4, 90, 80, 55);
  Run gate, look;

  fake_cuda_configure ("");
  gate = start_sized (
      "memgate optional=true watch=cuda budget=photos", "RGBA", 200, 150);
  look = start_sized ("peteffect effect=popart device=cuda", "RGBA", 200, 150);
  gst_buffer_unref (pass (&gate, gst_buffer_ref (photo)));
  g_assert_cmpuint (dropped_by (&gate), ==, 0);
  fake_cuda_configure ("taken=4095");
  g_assert_cmpint (
      gst_harness_push (gate.harness, gst_buffer_ref (photo)), ==, GST_FLOW_OK);
  g_assert_cmpuint (dropped_by (&gate), ==, 1);
  gst_buffer_unref (pass (&look, gst_buffer_ref (photo)));
  expect_message (&look, GST_MESSAGE_WARNING, "out of memory");
  fake_cuda_configure ("");
  gst_buffer_unref (pass (&gate, gst_buffer_ref (photo)));
  gst_buffer_unref (pass (&look, photo));
  g_assert_cmpuint (dropped_by (&gate), ==, 1);
  expect_silence (&look);
  stop (&gate);
  stop (&look);
}

static gpointer
run_pipeline (gpointer data)
{
  gboolean odd = GPOINTER_TO_INT (data) % 2 == 1;
  Run run = start_segment (
      odd ? "device=cuda" : "device=cuda batch-size=4", "RGB", 200, 150);
  Run look = start_sized (odd ? "peteffect effect=retro8bit device=cuda"
                              : "peteffect effect=popart device=cuda",
      "RGBA", 200, 150);
  GstBuffer *first = NULL;

  for (guint i = 0; i < 6; i++) {
    GstBuffer *result =
        pass (&look, pass (&run, paint (200, 150, 3, 90, 80, 55)));

    if (first != NULL)
      g_assert_cmpint (difference (gst_buffer_ref (first), result), ==, 0);
    else
      first = result;
  }
  gst_buffer_unref (first);
  expect_silence (&run);
  expect_silence (&look);
  stop (&look);
  stop (&run);
  return NULL;
}

/* Different networks and looks, each with streams of its own. */
static void
pipelines_share_a_card (void)
{
  static const gchar *const words[] = { "", "late=1", "late=2", "late=3" };
  GstPetBudget *budget = gst_pet_budget_get ("cuda-0");
  GstPetBudgetState state;
  GThread *threads[4];

  for (guint w = 0; w < G_N_ELEMENTS (words); w++) {
    fake_cuda_configure (words[w]);
    for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
      threads[i] = g_thread_new (NULL, run_pipeline, GUINT_TO_POINTER (i));
    for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
      g_thread_join (threads[i]);
    gst_pet_budget_get_state (budget, &state);
    g_assert_cmpuint (state.in_use, ==, 0);
    g_assert_cmpuint (card_state ().faults, ==, 0);
  }
  gst_object_unref (budget);
  fake_cuda_configure ("");
}

static void
hidden_cards_are_told (void)
{
  Run run;

  g_setenv ("CUDA_VISIBLE_DEVICES", "", TRUE);
  fake_cuda_configure ("");
  run = start_segment ("device=cuda", "RGB", 200, 150);
  g_assert_false (run.started);
  expect_message (&run, GST_MESSAGE_ERROR, "CUDA_VISIBLE_DEVICES lets");
  stop (&run);
  run = start_sized ("peteffect effect=popart device=auto", "RGBA", 200, 150);
  g_assert_true (run.started);
  expect_message (&run, GST_MESSAGE_WARNING, "CUDA_VISIBLE_DEVICES lets");
  stop (&run);
  g_unsetenv ("CUDA_VISIBLE_DEVICES");
  fake_cuda_configure ("");
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/cuda/" name, function)
  ADD ("a-gate-without-a-card-says-so", a_gate_without_a_card_says_so);
  ADD ("a-cutout-stays-on-the-card", a_cutout_stays_on_the_card);
  ADD ("cutouts-are-those-of-the-cpu", cutouts_are_those_of_the_cpu);
  ADD ("a-second-network-is-on-the-card-too",
      a_second_network_is_on_the_card_too);
  ADD ("a-second-network-falls-back-too", a_second_network_falls_back_too);
  ADD ("a-photo-that-falls-back-ends", a_photo_that_falls_back_ends);
  ADD (
      "a-full-card-costs-nothing-but-time", a_full_card_costs_nothing_but_time);
  ADD ("halves-may-not-hold-it", halves_may_not_hold_it);
  ADD ("looks-of-a-cutout-on-the-card", looks_of_a_cutout_on_the_card);
  ADD ("a-cutout-may-be-written", a_cutout_may_be_written);
  ADD ("many-threads-look", many_threads_look);
  ADD ("a-card-dies-with-a-cutout", a_card_dies_with_a_cutout);
  ADD (
      "a-full-card-drops-what-is-optional", a_full_card_drops_what_is_optional);
  ADD ("pipelines-share-a-card", pipelines_share_a_card);
  ADD ("hidden-cards-are-told", hidden_cards_are_told);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests_with_models (argc, argv, add_tests);
}
