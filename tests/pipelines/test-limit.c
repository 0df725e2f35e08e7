/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What whole pipelines take: prices are right, limits are kept. Real photos go
 * through two pipelines on one account of 32 MB: five looks at 1536 pixels never
 * pass the limit, and nothing is dropped. */

#include "branches.h"
#include "leaks.h"
#include "pictures.h"

#define LIMIT ((guint64) 32 * 1000 * 1000)

#define LOOK(effect)                                                           \
  "t. ! memgate budget=%s ! queue max-size-buffers=1 ! "                       \
  "peteffect budget=%s effect=" effect " ! petpngenc budget=%s level=1 ! "     \
  "fakesink async=false enable-last-sample=false name=" effect " "

/* A folder with copies of them; NULL: they are not here. */
static gchar *
some_photos (const gchar *const *names, guint n)
{
  const gchar *shared = g_getenv ("PET_SHARED");
  gchar *folder;

  if (shared == NULL)
    return NULL;
  folder = make_folder ();
  for (guint i = 0; i < n; i++) {
    g_autofree gchar *from =
        g_build_filename (shared, "photos", names[i], NULL);
    g_autofree gchar *base = g_path_get_basename (names[i]);
    g_autofree gchar *to = g_build_filename (folder, base, NULL);
    g_autofree gchar *bytes = NULL;
    gsize size;

    if (!g_file_get_contents (from, &bytes, &size, NULL)) {
      remove_tree (folder);
      g_free (folder);
      return NULL;
    }
    g_file_set_contents (to, bytes, (gssize) size, NULL);
  }
  return folder;
}

static gchar *
lane (const gchar *folder, const gchar *shard)
{
  return g_strconcat ("petfoldersrc location=", folder, " shard=", shard,
      " ! petdec budget=%s max-size=1536 ! "
      "petsegment budget=%s device=cpu threads=1 ! tee name=t " LOOK ("color")
          LOOK ("enhancedblackwhite") LOOK ("popart") LOOK ("dithering")
              LOOK ("retro8bit"),
      NULL);
}

static void
a_limit_of_one_photo_is_kept (void)
{
  static const gchar *const names[] = { "redpanda-10mp.jpg", "dog-bella.jpg",
    "more/dog-polly-12mp.jpg", "more/lion-rgba.png", "more/dog-minolta-4mp.jpg",
    "Abyssinian_29.jpg" };
  g_autofree gchar *folder = some_photos (names, G_N_ELEMENTS (names));
  g_autofree gchar *first_line = NULL, *second_line = NULL;
  Branches *first, *second;
  GstPetBudgetState state;
  guint rendered;

  if (folder == NULL) {
    g_test_skip ("no photos here");
    return;
  }
  first_line = lane (folder, "0/2");
  second_line = lane (folder, "1/2");
  first = branches_new (LIMIT, first_line);
  second = branches_new_beside (first, second_line);
  branches_play (first);
  branches_play (second);
  g_assert_true (branches_finish (first));
  g_assert_true (branches_finish (second));
  rendered = branches_rendered (first, "retro8bit") +
      branches_rendered (second, "retro8bit");
  gst_pet_budget_get_state (first->budget, &state);
  g_test_message ("peak %.1f MB promised, %.1f MB taken; networks %.1f MB",
      (gdouble) state.peak / 1e6, (gdouble) state.allocated_peak / 1e6,
      (gdouble) state.fixed / 1e6);
  g_assert_cmpuint (rendered, ==, G_N_ELEMENTS (names));
  g_assert_cmpuint (state.peak, <=, LIMIT);
  g_assert_cmpint (first->over + second->over, ==, 0);
  branches_free (second);
  branches_free (first);
  remove_tree (folder);
}

/* A line whose source is a folder of pictures. */
static Branches *
with_photos (guint n, gboolean alternate, guint64 limit, const gchar *line)
{
  g_autofree gchar *folder = branches_photos (n, alternate);
  g_autofree gchar *full = g_strconcat ("petfoldersrc location=", folder,
      " ! petdec budget=%s ! tee name=t ", line, NULL);
  Branches *self = branches_new (limit, full);

  self->folder = g_steal_pointer (&folder);
  return self;
}

/* T14: several pipelines, photos of several branches, room for hardly more than
 * one photo: all go through, nothing passes the limit. */
#define PHOTO_BRANCH(effect)                                                   \
  "t. ! memgate budget=%s ! queue max-size-buffers=1 ! "                       \
  "peteffect budget=%s effect=" effect " ! petpngenc budget=%s ! "             \
  "fakesink async=false enable-last-sample=false name=" effect " "

static void
two_pipelines_on_one_budget (void)
{
  g_autofree gchar *folder = branches_photos (20, TRUE);
  g_autofree gchar *line = g_strconcat ("petfoldersrc location=", folder,
      " ! petdec budget=%s ! tee name=t " PHOTO_BRANCH ("color")
          PHOTO_BRANCH ("popart") PHOTO_BRANCH ("enhancedblackwhite")
              PHOTO_BRANCH ("retro8bit"),
      NULL);
  Branches *first = branches_new (1200000, line);
  Branches *second = branches_new_beside (first, line);
  GstPetBudgetState state;

  first->folder = g_steal_pointer (&folder);
  branches_play (second);
  branches_play (first);
  g_assert_true (branches_finish (first));
  g_assert_true (branches_finish (second));
  g_assert_cmpuint (branches_rendered (first, "retro8bit"), ==, 20);
  g_assert_cmpuint (branches_rendered (second, "popart"), ==, 20);
  gst_pet_budget_get_state (first->budget, &state);
  g_assert_cmpuint (state.peak, <=, state.limit);
  g_assert_cmpint (first->over + second->over, ==, 0);
  branches_free (second);
  branches_free (first);
}

/* M7 */
static void
a_limit_below_one_frame (void)
{
  Branches *b = with_photos (
      5, FALSE, 1000, PHOTO_BRANCH ("popart") PHOTO_BRANCH ("dithering"));

  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "popart"), ==, 5);
  g_assert_cmpuint (branches_rendered (b, "dithering"), ==, 5);
  g_assert_cmpint (b->warnings, >=, 5);
  /* The photo was promised what was left of the limit, and drew more. */
  gst_pet_budget_reset_peaks (b->budget);
  branches_free (b);
}

/* The photo's own ticket pays for all that it takes: the frames, the scratch
 * memory, the files; and the file's bytes are in it. */
static void
prices_are_right (void)
{
  static const gint sizes[][2] = { { 1, 1 }, { 7, 5 }, { 33, 100 },
    { 300, 200 }, { 700, 500 }, { 1201, 799 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    for (guint channels = 3; channels <= 4; channels++) {
      Branches *b = with_photos (0, FALSE, G_MAXINT64,
          PHOTO_BRANCH ("color") PHOTO_BRANCH ("popart")
              PHOTO_BRANCH ("enhancedblackwhite") PHOTO_BRANCH ("dithering")
                  PHOTO_BRANCH ("retro8bit"));
      GBytes *png = picture_png (sizes[i][0], sizes[i][1], (gint) channels, i);
      GBytes *jpeg = picture_jpeg (sizes[i][0], sizes[i][1], i);

      write_file (b->folder, "a.png", png);
      if (channels == 4)
        write_file (b->folder, "b.jpg", jpeg);
      g_bytes_unref (png);
      g_bytes_unref (jpeg);
      branches_play (b);
      branches_finish (b);
      branches_free (b);
    }
  }
}

/* The network's scratch memory and the cut-out made in the photo's own frame. */
static void
prices_are_right_with_the_network (void)
{
  static const gchar *const outputs[] = { "cutout", "mask", "meta" };

  for (guint i = 0; i < G_N_ELEMENTS (outputs); i++) {
    g_autofree gchar *folder = branches_photos (2, TRUE);
    g_autofree gchar *line = g_strconcat ("petfoldersrc location=", folder,
        " ! petdec budget=%s ! petsegment device=cpu threads=1 budget=%s "
        "subject=largest output=",
        outputs[i],
        " ! tee name=t t. ! memgate budget=%s ! queue ! petpngenc budget=%s ! "
        "fakesink async=false name=a",
        NULL);
    Branches *b = branches_new (G_MAXINT64, line);
    GBytes *jpeg = picture_jpeg (1100, 700, i);

    b->folder = g_steal_pointer (&folder);
    write_file (b->folder, "z.jpg", jpeg);
    g_bytes_unref (jpeg);
    branches_play (b);
    g_assert_true (branches_finish (b));
    g_assert_cmpuint (branches_rendered (b, "a"), ==, 3);
    branches_free (b);
  }
}

static void
add_tests (void)
{
  leaks_begin ();
#define ADD(name, function) g_test_add_func ("/limit/" name, function)
  ADD ("T14-two-pipelines-on-one-budget", two_pipelines_on_one_budget);
  ADD ("M07-a-limit-below-one-frame", a_limit_below_one_frame);
  ADD ("prices-are-right", prices_are_right);
  ADD ("prices-are-right-with-the-network", prices_are_right_with_the_network);
  ADD ("of-one-photo-is-kept", a_limit_of_one_photo_is_kept);
#undef ADD
}

int
main (int argc, char **argv)
{
  leaks_prepare ();
  return run_tests (argc, argv, add_tests);
}
