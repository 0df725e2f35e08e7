/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A list, the last one kept first; each spare begins with its link. */

#include "memory/gstpetspares.h"

#include <sys/mman.h>

#include "memory/gstpetbudget-private.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void) 0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void) 0)
#endif

#define MAX_SPARES 64
#define IDLE_US G_USEC_PER_SEC

struct _GstPetSpare {
  GstPetSpare *next;
  gsize bytes;
};

/* What a block may have too much of, one part in so many, to be cut to size. */
#define CUT_SHARE 8

static GstPetSpare *
unlink_locked (GstPetBudget *self, GstPetSpare **link)
{
  GstPetSpare *spare = *link;

  *link = spare->next;
  self->spare_bytes -= spare->bytes;
  self->n_spares--;
  return spare;
}

/* Which to do without so that `bytes` become free, and little more: if those that
 * are not larger are enough together the largest of them, else the smallest of the
 * others. There are so many bytes. */
static GstPetSpare **
find_victim_locked (GstPetBudget *self, guint64 bytes)
{
  GstPetSpare **small = NULL, **large = NULL;
  guint64 together = 0;

  for (GstPetSpare **link = &self->spares; *link != NULL;
       link = &(*link)->next) {
    gsize have = (*link)->bytes;

    if (have <= bytes) {
      together += have;
      small = small == NULL || have > (*small)->bytes ? link : small;
    } else {
      large = large == NULL || have < (*large)->bytes ? link : large;
    }
  }
  return together >= bytes ? small : large;
}

/* Takes some off until `bytes` of spares are left; they are in a list. */
static GstPetSpare *
shrink_locked (GstPetBudget *self, guint64 bytes)
{
  GstPetSpare *gone = NULL;

  while (self->spare_bytes > bytes) {
    GstPetSpare *spare = unlink_locked (
        self, find_victim_locked (self, self->spare_bytes - bytes));

    spare->next = gone;
    gone = spare;
  }
  return gone;
}

static void
unmap_all (GstPetSpare *spare)
{
  while (spare != NULL) {
    GstPetSpare *next = spare->next;
    gsize bytes = spare->bytes;

    ASAN_UNPOISON_MEMORY_REGION (spare, bytes);
    munmap (spare, bytes);
    spare = next;
  }
}

/* The smallest that is large enough, and not by much. */
static GstPetSpare **
find_locked (GstPetBudget *self, gsize bytes)
{
  GstPetSpare **best = NULL;

  for (GstPetSpare **link = &self->spares; *link != NULL;
       link = &(*link)->next) {
    gsize have = (*link)->bytes;

    if (have == bytes)
      return link;
    if (have > bytes && have - bytes <= bytes / CUT_SHARE &&
        (best == NULL || have < (*best)->bytes))
      best = link;
  }
  return best;
}

static guint64
room_locked (const GstPetBudget *self, guint64 taken)
{
  guint64 most = MIN (self->limit, self->allocated_peak);

  return most > taken ? MIN (most - taken, GST_PET_SPARES_MOST_BYTES) : 0;
}

gpointer
gst_pet_spares_take (GstPetBudget *self, gsize bytes)
{
  GstPetSpare *spare = NULL, *gone = NULL, **link;
  gsize have = 0;

  g_mutex_lock (&self->lock);
  link = find_locked (self, bytes);
  if (link != NULL) {
    spare = unlink_locked (self, link);
    have = spare->bytes;
  } else {
    gone = shrink_locked (self, room_locked (self, self->allocated));
  }
  g_mutex_unlock (&self->lock);

  unmap_all (gone);
  if (spare != NULL) {
    ASAN_UNPOISON_MEMORY_REGION (spare, have);
    if (have > bytes)
      munmap ((guint8 *) spare + bytes, have - bytes);
  }
  return spare;
}

static void start_timer_locked (GstPetBudget *self);

static gboolean
on_idle (GstClock *clock, GstClockTime time, GstClockID id, gpointer weak)
{
  GstPetBudget *self = g_weak_ref_get (weak);
  GstPetSpare *gone = NULL;

  if (self == NULL)
    return TRUE;
  g_mutex_lock (&self->lock);
  self->spares_timed = FALSE;
  if (g_get_monotonic_time () - self->spared_us >= IDLE_US)
    gone = shrink_locked (self, 0);
  else
    start_timer_locked (self);
  g_mutex_unlock (&self->lock);
  unmap_all (gone);
  gst_object_unref (self);
  return TRUE;
}

static void
free_weak (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static void
start_timer_locked (GstPetBudget *self)
{
  GstClock *clock;
  GstClockID id;
  GWeakRef *weak;

  if (self->spares_timed)
    return;
  self->spares_timed = TRUE;
  clock = gst_system_clock_obtain ();
  id = gst_clock_new_single_shot_id (
      clock, gst_clock_get_time (clock) + IDLE_US * GST_USECOND);
  weak = g_new0 (GWeakRef, 1);
  g_weak_ref_init (weak, self);
  gst_clock_id_wait_async (id, on_idle, weak, free_weak);
  gst_clock_id_unref (id);
  gst_object_unref (clock);
}

static gboolean
have_room_locked (const GstPetBudget *self, gsize bytes)
{
  return bytes <= GST_PET_SPARE_MOST_BYTES && self->allocated >= bytes &&
      bytes <= room_locked (self, self->allocated - bytes);
}

/* Others make way for it: it is the one that the processor's caches hold. */
static GstPetSpare *
make_way_locked (GstPetBudget *self, gsize bytes)
{
  guint64 room = room_locked (self, self->allocated - bytes) - bytes;

  if (self->n_spares == MAX_SPARES && self->spare_bytes <= room)
    room = self->spare_bytes - 1;
  return shrink_locked (self, room);
}

gboolean
gst_pet_spares_have_room (GstPetBudget *self, gsize bytes)
{
  gboolean have;

  g_mutex_lock (&self->lock);
  have = have_room_locked (self, bytes);
  g_mutex_unlock (&self->lock);
  return have;
}

gboolean
gst_pet_spares_keep (GstPetBudget *self, gpointer block, gsize bytes)
{
  GstPetSpare *spare = block, *gone = NULL;
  gboolean kept;

  g_mutex_lock (&self->lock);
  kept = have_room_locked (self, bytes);
  if (kept) {
    gone = make_way_locked (self, bytes);
    spare->next = self->spares;
    spare->bytes = bytes;
    self->spares = spare;
    self->spare_bytes += bytes;
    self->n_spares++;
    self->spared_us = g_get_monotonic_time ();
    ASAN_POISON_MEMORY_REGION (spare + 1, bytes - sizeof *spare);
    start_timer_locked (self);
  }
  g_mutex_unlock (&self->lock);
  unmap_all (gone);
  return kept;
}

void
gst_pet_spares_drop (GstPetBudget *self)
{
  GstPetSpare *gone;

  g_mutex_lock (&self->lock);
  gone = shrink_locked (self, 0);
  g_mutex_unlock (&self->lock);
  unmap_all (gone);
}

gsize
gst_pet_spares_bytes (GstPetBudget *self)
{
  gsize bytes;

  g_mutex_lock (&self->lock);
  bytes = self->spare_bytes;
  g_mutex_unlock (&self->lock);
  return bytes;
}
