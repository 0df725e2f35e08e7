/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory, the allocator, pools, and an element's account. */

#include <gst/video/video.h>
#include <string.h>

#include "account.h"
#include "base/pet-alloc.h"
#include "memory/gstpetaccount.h"
#include "memory/gstpetmemory.h"
#include "memory/gstpetpool.h"
#include "memory/gstpetspares.h"

static void
blocks_are_charged_aligned_and_writable (void)
{
  static const gsize sizes[] = { 0, 1, 63, 64, 65, 4096, 1024 * 1024 - 65,
    1024 * 1024 - 64, 1024 * 1024, 3 * 1024 * 1024 + 1 };
  GstPetBudget *budget = account_new (G_MAXINT64);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    guint8 *block = gst_pet_block_new (budget, NULL, sizes[i], TRUE);

    g_assert_nonnull (block);
    g_assert_cmpuint ((gsize) block % PET_ALIGNMENT, ==, 0);
    g_assert_cmpuint (
        account_in_use (budget), ==, gst_pet_block_bytes (sizes[i]));
    g_assert_cmpuint (account_in_use (budget), >=, sizes[i]);
    for (gsize j = 0; j < sizes[i]; j++)
      g_assert_cmpint (block[j], ==, 0);
    if (sizes[i] > 0)
      memset (block, 0xa5, sizes[i]);
    gst_pet_block_free (block);
    g_assert_cmpuint (account_in_use (budget), ==, 0);
  }
  gst_pet_block_free (NULL);
  account_free (budget);
}

/* Pages of this process, in bytes. */
static gsize
resident (void)
{
  g_autofree gchar *text = NULL;
  gchar **fields;
  gsize pages;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  fields = g_strsplit (text, " ", 3);
  pages = (gsize) g_ascii_strtoull (fields[1], NULL, 10);
  g_strfreev (fields);
  return pages * 4096;
}

/* M9: a bomb between small pictures; glibc would keep up to 32 MB of it. */
static void
large_blocks_go_back_to_the_system (void)
{
  const gsize size = 24 * 1024 * 1024;
  GstPetBudget *budget = account_new (G_MAXINT64);
  gpointer block = gst_pet_block_new (budget, NULL, size, FALSE);
  gsize with, without;

  memset (block, 1, size);
  with = resident ();
  gst_pet_block_free (block);
  without = resident ();
  g_assert_cmpuint (without + size * 9 / 10, <, with);
  account_free (budget);
}

#define MB ((gsize) 1024 * 1024)

static void
assert_zero (const guint8 *bytes, gsize size)
{
  for (gsize i = 0; i < size; i++)
    g_assert_cmpint (bytes[i], ==, 0);
}

static gpointer
take_and_fill (GstPetBudget *budget, gsize size)
{
  guint8 *block = gst_pet_block_new (budget, NULL, size, TRUE);

  assert_zero (block, size);
  memset (block, 0xa5, size);
  return block;
}

/* A spare serves again, also cut to a size a little below its own; what is
 * charged is what is asked for. */
static void
freed_blocks_serve_again (void)
{
  static const gsize sizes[] = { 8 * MB, 8 * MB, 8 * MB - 5000, 7 * MB };
  GstPetBudget *budget = account_new (G_MAXINT64);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    gpointer block = take_and_fill (budget, sizes[i]);

    g_assert_cmpuint (gst_pet_spares_bytes (budget), ==, 0);
    g_assert_cmpuint (
        account_in_use (budget), ==, gst_pet_block_bytes (sizes[i]));
    gst_pet_block_free (block);
    g_assert_cmpuint (account_in_use (budget), ==, 0);
    g_assert_cmpuint (
        gst_pet_spares_bytes (budget), ==, gst_pet_block_bytes (sizes[i]));
  }
  gst_pet_spares_drop (budget);
  g_assert_cmpuint (gst_pet_spares_bytes (budget), ==, 0);
  account_free (budget);
}

/* Taken and spare together: never above the account's peak, nor its limit. */
static void
spares_make_nothing_larger (void)
{
  GstPetBudget *budget = account_new (10 * MB);
  gpointer first = take_and_fill (budget, 4 * MB), second;

  second = take_and_fill (budget, 2 * MB);
  gst_pet_block_free (first);
  gst_pet_block_free (second);
  g_assert_cmpuint (gst_pet_spares_bytes (budget), ==,
      gst_pet_block_bytes (4 * MB) + gst_pet_block_bytes (2 * MB));

  /* Of no use here, and the older one is in the way. */
  first = take_and_fill (budget, 3 * MB);
  g_assert_cmpuint (
      gst_pet_spares_bytes (budget), ==, gst_pet_block_bytes (2 * MB));
  second = take_and_fill (budget, 7 * MB);
  g_assert_cmpuint (gst_pet_spares_bytes (budget), ==, 0);
  gst_pet_block_free (second);
  g_assert_cmpuint (
      account_state (budget).allocated + gst_pet_spares_bytes (budget), <=,
      10 * MB);
  gst_pet_block_free (first);
  g_assert_cmpuint (gst_pet_spares_bytes (budget), <=, 10 * MB);
  account_free (budget);
}

/* Small blocks are no spares, and need no room of theirs: with them there is none
 * left for both of two that were freed. */
static void
other_spares_make_way (void)
{
  enum { N_SMALL = 16 };
  GstPetBudget *budget = account_new (10 * MB);
  gpointer frame = take_and_fill (budget, 4 * MB);
  gpointer other = take_and_fill (budget, MB / 8), small[N_SMALL];

  gst_pet_block_free (other);
  for (guint i = 0; i < N_SMALL; i++)
    small[i] = take_and_fill (budget, MB / 32);
  g_assert_cmpuint (
      gst_pet_spares_bytes (budget), ==, gst_pet_block_bytes (MB / 8));
  gst_pet_block_free (frame);
  g_assert_cmpuint (
      gst_pet_spares_bytes (budget), ==, gst_pet_block_bytes (4 * MB));
  for (guint i = 0; i < N_SMALL; i++)
    gst_pet_block_free (small[i]);
  account_free (budget);
}

static void
idle_spares_go_back (void)
{
  GstPetBudget *budget = account_new (G_MAXINT64);

  gst_pet_block_free (take_and_fill (budget, 5 * MB));
  g_assert_cmpuint (gst_pet_spares_bytes (budget), >=, 5 * MB);
  while (gst_pet_spares_bytes (budget) > 0)
    g_usleep (10000);
  /* Who looked at them may still be about to leave. */
  while (GST_OBJECT_REFCOUNT_VALUE (budget) > 1)
    g_usleep (1000);
  account_free (budget);
}

static void
copies_are_charged_like_the_original (void)
{
  GstPetBudget *budget = account_new (G_MAXINT64);
  GstAllocator *allocator = gst_pet_allocator_new (budget);
  GstMemory *memory = gst_allocator_alloc (allocator, 1000, NULL), *copy;
  GstMemory *part, *rest;
  GstMapInfo map;
  gsize offset;

  g_assert_true (gst_memory_map (memory, &map, GST_MAP_WRITE));
  for (guint i = 0; i < 1000; i++)
    map.data[i] = (guint8) i;
  gst_memory_unmap (memory, &map);

  copy = gst_memory_copy (memory, 100, 300);
  g_assert_cmpuint (account_in_use (budget), ==,
      gst_pet_block_bytes (1000) + gst_pet_block_bytes (300));
  g_assert_true (gst_memory_map (copy, &map, GST_MAP_READ));
  g_assert_cmpuint (map.size, ==, 300);
  g_assert_cmpuint (map.data[299], ==, (guint8) 399);
  gst_memory_unmap (copy, &map);
  gst_memory_unref (copy);

  part = gst_memory_share (memory, 0, 400);
  rest = gst_memory_share (memory, 400, -1);
  g_assert_true (gst_memory_is_span (part, rest, &offset));
  g_assert_false (gst_memory_is_span (rest, part, &offset));
  gst_memory_unref (memory);
  g_assert_true (gst_memory_map (rest, &map, GST_MAP_READ));
  g_assert_cmpuint (map.size, ==, 600);
  g_assert_cmpuint (map.data[0], ==, (guint8) 400);
  gst_memory_unmap (rest, &map);
  gst_memory_unref (part);
  g_assert_cmpuint (account_in_use (budget), ==, gst_pet_block_bytes (1000));
  gst_memory_unref (rest);
  gst_object_unref (allocator);
  account_free (budget);
}

/* Copy on write of a shared frame is seen by the account. */
static void
copy_on_write_is_charged (void)
{
  GstPetBudget *budget = account_new (G_MAXINT64);
  GstPetPool *pool = gst_pet_pool_new (budget, 4);
  GstPetTicket *ticket = gst_pet_budget_try (budget, 100000);
  GstBuffer *frame = gst_pet_pool_take (pool, ticket, 4000), *branch;
  GstMapInfo map;

  branch = gst_buffer_copy (frame);
  g_assert_true (gst_buffer_map (branch, &map, GST_MAP_READWRITE));
  gst_buffer_unmap (branch, &map);
  g_assert_cmpuint (
      account_state (budget).allocated, ==, 2 * gst_pet_block_bytes (4000));
  g_assert_cmpuint (account_in_use (budget), ==, 100000);
  gst_buffer_unref (branch);
  gst_buffer_unref (frame);
  gst_pet_ticket_unref (ticket);
  gst_object_unref (pool);
  account_free (budget);
}

static GstPetPool *
video_pool (GstPetBudget *budget, guint max)
{
  GstCaps *caps = gst_caps_from_string (
      "video/x-raw,format=RGBA,width=7,height=5,framerate=0/1");
  GstPetPool *pool = gst_pet_pool_new_for_caps (budget, caps, max);

  gst_caps_unref (caps);
  g_assert_true (gst_buffer_pool_set_active (GST_BUFFER_POOL (pool), TRUE));
  return pool;
}

/* Recycled memory is never handed out. */
static void
frames_come_zeroed (void)
{
  GstPetBudget *budget = account_new (G_MAXINT64);
  GstPetPool *pool = video_pool (budget, 0);

  for (guint i = 0; i < 20; i++) {
    GstBuffer *buffer = NULL;
    GstMapInfo map;

    g_assert_cmpint (
        gst_buffer_pool_acquire_buffer (GST_BUFFER_POOL (pool), &buffer, NULL),
        ==, GST_FLOW_OK);
    g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READWRITE));
    g_assert_cmpuint (map.size, ==, 7 * 5 * 4);
    for (gsize j = 0; j < map.size; j++)
      g_assert_cmpint (map.data[j], ==, 0);
    memset (map.data, 0xab, map.size);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
    g_assert_cmpuint (account_in_use (budget), ==, 0);
  }
  gst_object_unref (pool);
  account_free (budget);
}

static gpointer
acquire (gpointer pool)
{
  GstBuffer *buffer = NULL;
  GstFlowReturn flow = gst_buffer_pool_acquire_buffer (pool, &buffer, NULL);

  gst_clear_buffer (&buffer);
  return GINT_TO_POINTER (flow);
}

/* M6: the pool is exhausted. */
static void
a_full_pool_says_so_and_waits (void)
{
  GstBufferPoolAcquireParams at_once = {
    .flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT
  };
  GstPetBudget *budget = account_new (G_MAXINT64);
  GstPetPool *pool = video_pool (budget, 2);
  GstBuffer *out[2], *more = NULL;
  GThread *thread;

  for (guint i = 0; i < 2; i++) {
    g_assert_cmpfloat (account_state (budget).pressure, ==, i * 0.5);
    gst_buffer_pool_acquire_buffer (GST_BUFFER_POOL (pool), &out[i], NULL);
  }
  g_assert_cmpfloat (account_state (budget).pressure, ==, 1);
  g_assert_cmpint (
      gst_buffer_pool_acquire_buffer (GST_BUFFER_POOL (pool), &more, &at_once),
      ==, GST_FLOW_EOS);

  /* Ours does not wait: the fill passes 1. */
  more = gst_pet_pool_take (pool, NULL, 10);
  g_assert_nonnull (more);
  g_assert_cmpuint (gst_pet_pool_get_out (pool), ==, 3);
  g_assert_cmpfloat (gst_pet_pool_get_fullness (pool), ==, 1.5);
  gst_buffer_unref (more);

  thread = g_thread_new ("acquire", acquire, pool);
  g_usleep (20 * 1000);
  gst_buffer_unref (out[0]);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, GST_FLOW_OK);

  gst_buffer_pool_acquire_buffer (GST_BUFFER_POOL (pool), &out[0], NULL);
  thread = g_thread_new ("acquire", acquire, pool);
  g_usleep (20 * 1000);
  gst_buffer_pool_set_flushing (GST_BUFFER_POOL (pool), TRUE);
  g_assert_cmpint (
      GPOINTER_TO_INT (g_thread_join (thread)), ==, GST_FLOW_FLUSHING);
  gst_buffer_unref (out[0]);
  gst_buffer_unref (out[1]);
  gst_buffer_pool_set_active (GST_BUFFER_POOL (pool), FALSE);
  gst_object_unref (pool);
  account_free (budget);
}

static void
an_element_draws_from_the_picture_it_is_at (void)
{
  GstPetBudget *budget = account_new (G_MAXINT64);
  GstPetTicket *ticket = gst_pet_budget_try (budget, 10000);
  GstBuffer *picture = gst_buffer_new (), *copy;
  GstPetAccount account = { 0 };
  gpointer weights, scratch, loose;

  gst_pet_buffer_set_ticket (picture, ticket);
  gst_pet_ticket_unref (ticket);
  gst_pet_account_open (&account, GST_OBJECT_NAME (budget));
  gst_pet_account_begin_fixed (&account);
  weights = pet_alloc (&account.core, 5000);
  gst_pet_account_end (&account);
  g_assert_cmpuint (
      account_state (budget).fixed, ==, gst_pet_block_bytes (5000));

  gst_pet_account_begin (&account, picture);
  scratch = pet_alloc (&account.core, 2000);
  gst_pet_account_end (&account);
  g_assert_cmpuint (account_in_use (budget), ==, 10000);
  loose = pet_alloc (&account.core, 100);
  g_assert_cmpuint (
      account_in_use (budget), ==, 10000 + gst_pet_block_bytes (100));

  copy = gst_buffer_copy_deep (picture);
  gst_buffer_unref (picture);
  g_assert_nonnull (gst_pet_buffer_get_ticket (copy, budget));
  gst_buffer_unref (copy);
  g_assert_cmpuint (account_in_use (budget), ==,
      gst_pet_block_bytes (2000) + gst_pet_block_bytes (100));
  gst_pet_account_close (&account);
  pet_free (&account.core, scratch, 2000);
  pet_free (&account.core, loose, 100);
  pet_free (&account.core, weights, 5000);
  account_free (budget);
}

static gpointer
hammer (gpointer data)
{
  GstPetPool *pool = data;

  for (guint i = 0; i < 2000; i++) {
    GstBuffer *buffer = NULL;

    if (i % 3 == 0)
      buffer = gst_pet_pool_take (pool, NULL, 10 + i);
    else
      gst_buffer_pool_acquire_buffer (GST_BUFFER_POOL (pool), &buffer, NULL);
    g_assert_nonnull (buffer);
    gst_buffer_unref (buffer);
  }
  return NULL;
}

static void
pools_are_exact_under_threads (void)
{
  GstPetBudget *budget = account_new (G_MAXINT64);
  GstPetPool *pool = video_pool (budget, 2);
  GThread *threads[4];

  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("pool", hammer, pool);
  for (guint i = 0; i < 200; i++)
    account_state (budget);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (gst_pet_pool_get_out (pool), ==, 0);
  gst_object_unref (pool);
  account_free (budget);
}

static void
map_and_unmap (GstBuffer *buffer, GstMapFlags flags)
{
  GstMapInfo map;

  g_assert_true (gst_buffer_map (buffer, &map, flags));
  gst_buffer_unmap (buffer, &map);
}

/* What is known of a picture is known of these bytes, in this place, until
 * somebody writes there. */
static void
an_outline_lasts_until_the_next_write (void)
{
  GstPetBudget *budget = account_new (G_MAXINT64);
  GstAllocator *allocator = gst_pet_allocator_new (budget);
  GstBuffer *buffer = gst_buffer_new (), *copy, *part;
  PetOutline outline;

  pet_outline_begin (&outline, 20, 10);
  pet_outline_add (&outline, 3, 4, 9);
  gst_buffer_append_memory (
      buffer, gst_pet_allocator_take (allocator, NULL, 800, TRUE));
  g_assert_null (gst_pet_buffer_get_outline (buffer, 20, 10));
  gst_pet_buffer_set_outline (buffer, &outline);
  map_and_unmap (buffer, GST_MAP_READ);
  g_assert_cmpmem (gst_pet_buffer_get_outline (buffer, 20, 10), sizeof outline,
      &outline, sizeof outline);
  g_assert_null (gst_pet_buffer_get_outline (buffer, 10, 20));

  copy = gst_buffer_copy_deep (buffer);
  part = gst_buffer_copy_region (buffer, GST_BUFFER_COPY_MEMORY, 80, 720);
  g_assert_null (gst_pet_buffer_get_outline (copy, 20, 10));
  g_assert_null (gst_pet_buffer_get_outline (part, 20, 10));
  gst_buffer_unref (part);
  gst_buffer_unref (copy);

  /* Two hold it, so that who writes gets a copy. */
  copy = gst_buffer_copy (buffer);
  g_assert_nonnull (gst_pet_buffer_get_outline (copy, 20, 10));
  map_and_unmap (copy, GST_MAP_WRITE);
  g_assert_null (gst_pet_buffer_get_outline (copy, 20, 10));
  g_assert_nonnull (gst_pet_buffer_get_outline (buffer, 20, 10));
  gst_buffer_unref (copy);

  map_and_unmap (buffer, GST_MAP_READWRITE);
  g_assert_null (gst_pet_buffer_get_outline (buffer, 20, 10));
  gst_pet_buffer_set_outline (buffer, &outline);
  gst_buffer_add_video_meta (
      buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGBA, 20, 10);
  g_assert_null (gst_pet_buffer_get_outline (buffer, 20, 10));
  gst_buffer_unref (buffer);
  gst_object_unref (allocator);
  account_free (budget);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func ("/pool/" name, function)
  ADD ("blocks-are-charged-aligned-and-writable",
      blocks_are_charged_aligned_and_writable);
  ADD (
      "large-blocks-go-back-to-the-system", large_blocks_go_back_to_the_system);
  ADD ("copies-are-charged-like-the-original",
      copies_are_charged_like_the_original);
  ADD ("copy-on-write-is-charged", copy_on_write_is_charged);
  ADD ("freed-blocks-serve-again", freed_blocks_serve_again);
  ADD ("spares-make-nothing-larger", spares_make_nothing_larger);
  ADD ("other-spares-make-way", other_spares_make_way);
  ADD ("idle-spares-go-back", idle_spares_go_back);
  ADD ("frames-come-zeroed", frames_come_zeroed);
  ADD ("a-full-pool-says-so-and-waits", a_full_pool_says_so_and_waits);
  ADD ("an-element-draws-from-the-picture-it-is-at",
      an_element_draws_from_the_picture_it_is_at);
  ADD ("pools-are-exact-under-threads", pools_are_exact_under_threads);
  ADD ("an-outline-lasts-until-the-next-write",
      an_outline_lasts_until_the_next_write);
#undef ADD
  return g_test_run ();
}
