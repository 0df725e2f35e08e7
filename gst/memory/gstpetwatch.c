/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory/gstpetwatch.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "memory/gstpetsystem.h"

/* Without CAP_SYS_RESOURCE the window must be a multiple of 2 s. */
#define TRIGGER "some 100000 2000000"
#define TRIGGER_WINDOW_US (2 * G_USEC_PER_SEC)

struct _GstPetWatch {
  GstPetWatchFlags flags;
  gchar *root;
  gint trigger; /* -1: none */
  gint64 triggered_us;
};

static GRWLock cuda_lock;
static gdouble (*cuda_share) (gpointer user);
static gpointer cuda_user;

void
gst_pet_watch_set_cuda (gdouble (*share) (gpointer user), gpointer user)
{
  g_rw_lock_writer_lock (&cuda_lock);
  cuda_share = share;
  cuda_user = user;
  g_rw_lock_writer_unlock (&cuda_lock);
}

static gdouble
ask_cuda (void)
{
  gdouble share = GST_PET_UNKNOWN;

  g_rw_lock_reader_lock (&cuda_lock);
  if (cuda_share != NULL)
    share = cuda_share (cuda_user);
  g_rw_lock_reader_unlock (&cuda_lock);
  return share;
}

static gint
open_trigger (void)
{
  g_autofree gchar *file = gst_pet_system_pressure_file (NULL);
  gint fd = file != NULL ? open (file, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;

  if (fd < 0)
    return -1;
  if (write (fd, TRIGGER, sizeof TRIGGER) == sizeof TRIGGER)
    return fd;
  close (fd);
  return -1;
}

GstPetWatch *
gst_pet_watch_new (GstPetWatchFlags flags, const gchar *root)
{
  GstPetWatch *self = g_new0 (GstPetWatch, 1);

  self->flags = flags;
  self->root = g_strdup (root);
  self->trigger =
      (flags & GST_PET_WATCH_PSI) && root == NULL ? open_trigger () : -1;
  self->triggered_us = G_MININT64 / 2;
  return self;
}

void
gst_pet_watch_free (GstPetWatch **watch)
{
  GstPetWatch *self = *watch;

  *watch = NULL;
  if (self == NULL)
    return;
  if (self->trigger >= 0)
    close (self->trigger);
  g_free (self->root);
  g_free (self);
}

gboolean
gst_pet_watch_has_trigger (const GstPetWatch *watch)
{
  return watch->trigger >= 0;
}

static gdouble
psi_pressure (GstPetWatch *self)
{
  struct pollfd fd = { .fd = self->trigger, .events = POLLPRI };
  gint64 now = g_get_monotonic_time ();

  if (self->trigger >= 0 && poll (&fd, 1, 0) > 0 && (fd.revents & POLLPRI))
    self->triggered_us = now;
  if (now - self->triggered_us < TRIGGER_WINDOW_US)
    return 1;
  return gst_pet_system_stalled (self->root) / GST_PET_PSI_FULL;
}

gdouble
gst_pet_watch_pressure (GstPetWatch *self)
{
  gdouble most = 0, share;

  if (self->flags & GST_PET_WATCH_CGROUP) {
    share = gst_pet_system_cgroup (self->root);
    most = MAX (most, share);
  }
  if (self->flags & GST_PET_WATCH_PSI) {
    share = psi_pressure (self);
    most = MAX (most, share);
  }
  if (self->flags & GST_PET_WATCH_AVAILABLE) {
    share = gst_pet_system_available (self->root);
    most = MAX (most, share);
  }
  if (self->flags & GST_PET_WATCH_CUDA) {
    share = ask_cuda ();
    most = MAX (most, share);
  }
  return most;
}
