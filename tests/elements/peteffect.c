/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <gst/video/video.h>

#include "image/pet-effect.h"
#include "meta/gstpetsourcemeta.h"
#include "pictures.h"

static GstBuffer *
apply (const gchar *settings, gint width, gint height, GstBuffer *picture)
{
  g_autofree gchar *launch = g_strdup_printf ("peteffect %s", settings);
  GstHarness *h = gst_harness_new_parse (launch);
  GstBuffer *result;

  gst_harness_set_src_caps (h, picture_caps ("RGBA", width, height));
  g_assert_cmpint (gst_harness_push (h, picture), ==, GST_FLOW_OK);
  result = gst_harness_pull (h);
  gst_harness_teardown (h);
  return result;
}

static gboolean
same_pixels (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo x, y;
  gboolean same;

  gst_buffer_map (a, &x, GST_MAP_READ);
  gst_buffer_map (b, &y, GST_MAP_READ);
  same = x.size == y.size && memcmp (x.data, y.data, x.size) == 0;
  gst_buffer_unmap (a, &x);
  gst_buffer_unmap (b, &y);
  return same;
}

/* The n-th of all looks in both renditions, and how to launch it. */
#define N_LOOKS (2 * pet_effects_all)

static gchar *
look_setting (gint n)
{
  return g_strdup_printf ("effect=%s rendition=%s", pet_effects[n / 2]->name,
      n % 2 ? "fine" : "classic");
}

/* Through the element, as the kernel alone. */
static void
each_look_is_what_the_kernel_makes (void)
{
  const gint width = 67, height = 41;

  for (gint i = 0; i < N_LOOKS; i++) {
    const PetEffect *effect =
        pet_effect_rendition (pet_effects[i / 2], (PetRendition) (i % 2));
    g_autofree gchar *setting = look_setting (i);
    GstBuffer *picture = picture_cutout (width, height, 9);
    GstBuffer *expected = gst_buffer_copy_deep (picture);
    GstBuffer *got = apply (setting, width, height, gst_buffer_ref (picture));
    gdouble values[PET_EFFECT_MAX_PARAMS];
    GstMapInfo src, dst;

    pet_effect_defaults (effect, values);
    gst_buffer_map (picture, &src, GST_MAP_READ);
    gst_buffer_map (expected, &dst, GST_MAP_WRITE);
    {
      PetImage from = { src.data, width, height, 4, width * 4 };
      PetImage to = { dst.data, width, height, 4, width * 4 };

      g_assert_cmpint (
          pet_effect_apply (effect, &from, &to, values, NULL, NULL), ==,
          PET_OK);
    }
    gst_buffer_unmap (expected, &dst);
    gst_buffer_unmap (picture, &src);
    g_assert_true (same_pixels (got, expected));
    gst_buffer_unref (got);
    gst_buffer_unref (expected);
    gst_buffer_unref (picture);
  }
}

static void
any_size_is_taken (void)
{
  static const gint sizes[][2] = { { 1, 1 }, { 1, 9 }, { 9, 1 }, { 2, 2 },
    { 5, 3 }, { 64, 1 } };

  for (gint i = 0; i < N_LOOKS; i++)
    for (guint j = 0; j < G_N_ELEMENTS (sizes); j++) {
      g_autofree gchar *setting = look_setting (i);
      GstBuffer *got = apply (setting, sizes[j][0], sizes[j][1],
          picture_cutout (sizes[j][0], sizes[j][1], j));

      g_assert_cmpuint (gst_buffer_get_size (got), ==,
          (gsize) (sizes[j][0] * sizes[j][1] * 4));
      gst_buffer_unref (got);
    }
}

/* After a tee all branches hold the same memory. */
static void
the_input_is_never_written (void)
{
  for (gint i = 0; i < N_LOOKS; i++) {
    g_autofree gchar *setting = look_setting (i);
    GstBuffer *picture = picture_cutout (40, 40, 3);
    GstBuffer *before = gst_buffer_copy_deep (picture);
    GstBuffer *got = apply (setting, 40, 40, gst_buffer_ref (picture));

    g_assert_true (same_pixels (picture, before));
    gst_buffer_unref (got);
    gst_buffer_unref (before);
    gst_buffer_unref (picture);
  }
}

static void
parameters_change_the_look_they_belong_to (void)
{
  static const struct {
    const gchar *plain, *changed;
    gboolean differs;
  } cases[] = {
    { "effect=retro8bit", "effect=retro8bit pixel-size=12", TRUE },
    { "effect=dithering", "effect=dithering dot-spacing=3", TRUE },
    { "effect=dithering", "effect=dithering edge-strength=0.9", TRUE },
    { "effect=dithering", "effect=dithering edge-strength=0.3", FALSE },
    { "effect=enhancedblackwhite", "effect=enhancedblackwhite seed=5", TRUE },
    { "effect=enhancedblackwhite",
        "effect=enhancedblackwhite edge-strength=0.9", FALSE },
    { "effect=enhancedblackwhite", "effect=enhancedblackwhite grain=0", TRUE },
    { "effect=popart", "effect=popart pixel-size=12", FALSE },
    { "effect=dithering", "effect=dithering rendition=fine", TRUE },
    { "effect=dithering", "effect=dithering rendition=classic", FALSE },
    { "effect=dithering", "effect=dithering ink=#ff0000", FALSE },
    { "effect=dithering rendition=fine",
        "effect=dithering rendition=fine ink=#ff0000", TRUE },
    { "effect=dithering rendition=fine",
        "effect=dithering rendition=fine method=bayer", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstBuffer *a = apply (cases[i].plain, 90, 90, picture_cutout (90, 90, 1));
    GstBuffer *b = apply (cases[i].changed, 90, 90, picture_cutout (90, 90, 1));

    g_test_message ("%s against %s", cases[i].plain, cases[i].changed);
    g_assert_cmpint (same_pixels (a, b), ==, !cases[i].differs);
    gst_buffer_unref (a);
    gst_buffer_unref (b);
  }
}

static void
values_come_back_as_they_are_written (void)
{
  GstElement *element = gst_element_factory_make ("peteffect", NULL);
  gchar *ink, *paper;
  gint rendition;

  g_object_get (element, "rendition", &rendition, NULL);
  g_assert_cmpint (rendition, ==, PET_RENDITION_CLASSIC);
  g_object_set (element, "ink", "#14A0fe", NULL);
  g_object_get (element, "ink", &ink, "paper", &paper, NULL);
  g_assert_cmpstr (ink, ==, "#14a0fe");
  g_assert_cmpstr (paper, ==, "#ffffff");
  g_free (ink);
  g_free (paper);
  gst_object_unref (element);
}

static void
color_passes_the_buffer_itself (void)
{
  GstBuffer *picture = picture_cutout (8, 8, 1);
  GstMemory *memory = gst_buffer_peek_memory (picture, 0);
  GstBuffer *got = apply ("effect=color", 8, 8, picture);

  g_assert_true (gst_buffer_peek_memory (got, 0) == memory);
  gst_buffer_unref (got);
}

static void
effect_can_change_while_playing_and_keeps_the_source (void)
{
  GstHarness *h = gst_harness_new ("peteffect");
  GstBuffer *a, *b, *picture = picture_cutout (20, 20, 1);

  gst_pet_buffer_add_source_meta (picture, "x.jpg", 4, 5);
  gst_harness_set_src_caps (h, picture_caps ("RGBA", 20, 20));
  gst_harness_push (h, gst_buffer_ref (picture));
  a = gst_harness_pull (h);
  gst_util_set_object_arg (G_OBJECT (h->element), "effect", "popart");
  gst_harness_push (h, picture);
  b = gst_harness_pull (h);
  g_assert_false (same_pixels (a, b));
  g_assert_cmpstr (gst_pet_buffer_get_source_meta (b)->source, ==, "x.jpg");
  gst_buffer_unref (a);
  gst_buffer_unref (b);
  gst_harness_teardown (h);
}

typedef struct {
  GstElement *element;
  gint stop; /* atomic */
} Switcher;

static gpointer
switch_looks (gpointer user)
{
  Switcher *switcher = user;

  for (guint i = 0; !g_atomic_int_get (&switcher->stop); i++)
    gst_util_set_object_arg (
        G_OBJECT (switcher->element), "effect", i % 2 ? "popart" : "color");
  return NULL;
}

/* One look or the other of the picture that went in: not of the one before,
 * whose memory a frame may have. "color" passes the buffer itself on. */
static void
looks_can_be_switched_while_pictures_stream (void)
{
  GstHarness *h = gst_harness_new ("peteffect");
  Switcher switcher = { .element = h->element };
  GstBuffer *color[2], *popart[2];
  GThread *thread;

  for (guint i = 0; i < 2; i++) {
    color[i] = picture_cutout (64, 64, i);
    popart[i] = apply ("effect=popart", 64, 64, gst_buffer_ref (color[i]));
  }
  gst_harness_set_src_caps (h, picture_caps ("RGBA", 64, 64));
  thread = g_thread_new ("switch", switch_looks, &switcher);
  for (guint i = 0; i < 2000; i++) {
    GstBuffer *result;

    g_assert_cmpint (gst_harness_push (h, gst_buffer_copy_deep (color[i % 2])),
        ==, GST_FLOW_OK);
    result = gst_harness_pull (h);
    g_assert_true (same_pixels (result, color[i % 2]) ||
        same_pixels (result, popart[i % 2]));
    gst_buffer_unref (result);
  }
  g_atomic_int_set (&switcher.stop, TRUE);
  g_thread_join (thread);
  gst_harness_teardown (h);
  for (guint i = 0; i < 2; i++) {
    gst_buffer_unref (popart[i]);
    gst_buffer_unref (color[i]);
  }
}

/* gst-inspect's text: what a parameter is in each look, and defaults as they are
 * written. */
static void
blurbs_say_what_each_look_does (void)
{
  static const struct {
    const gchar *name, *part;
  } parts[] = {
    { "grout", "mosaic (#4a423b); #rrggbb" },
    { "ground", "fine color (none), fine popart (none)" },
    { "palette", "fine popart (auto). Set of colours; auto makes" },
    { "method", "fine dithering (diffusion)" },
    { "dither", "fine retro8bit (false)" },
    { "grain",
        "enhancedblackwhite (0.08). Strength of the paper's grain. Used" },
    { "edge-strength", "dithering (0.3); below the range: the look's own" },
  };
  GstElement *element = gst_element_factory_make ("peteffect", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    GParamSpec *spec = g_object_class_find_property (
        G_OBJECT_GET_CLASS (element), parts[i].name);

    if (strstr (g_param_spec_get_blurb (spec), parts[i].part) == NULL)
      g_error ("%s: %s", parts[i].name, g_param_spec_get_blurb (spec));
  }
  gst_object_unref (element);
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/peteffect/" name, function)
  ADD (
      "each-look-is-what-the-kernel-makes", each_look_is_what_the_kernel_makes);
  ADD ("any-size-is-taken", any_size_is_taken);
  ADD ("the-input-is-never-written", the_input_is_never_written);
  ADD ("parameters-change-the-look-they-belong-to",
      parameters_change_the_look_they_belong_to);
  ADD ("values-come-back-as-they-are-written",
      values_come_back_as_they_are_written);
  ADD ("color-passes-the-buffer-itself", color_passes_the_buffer_itself);
  ADD ("looks-can-be-switched-while-pictures-stream",
      looks_can_be_switched_while_pictures_stream);
  ADD ("effect-can-change-while-playing-and-keeps-the-source",
      effect_can_change_while_playing_and_keeps_the_source);
  ADD ("blurbs-say-what-each-look-does", blurbs_say_what_each_look_does);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
