/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GLib's locks, for ThreadSanitizer. The GLib of a distribution is not
 * instrumented and its locks are futexes of its own, which the sanitizer cannot
 * see: it would find a race in everything they guard. Linked into a test, these
 * functions take their place, in GStreamer too, on top of pthreads' locks, which
 * it knows. Reference counts of buffers and
 * queues between threads are hidden in the same way. What one owner did before he
 * let go comes before what is done at the end; what was done before a push comes
 * before what follows the pop. */

#include <dlfcn.h>
#include <errno.h>
#include <gst/gst.h>
#include <pthread.h>
#include <sanitizer/tsan_interface.h>
#include <stdlib.h>
#include <time.h>

#define PUBLIC __attribute__ ((visibility ("default")))

/* A static lock is all zero; what is behind it is made at its first use. */
static gpointer
get (gpointer *slot, gpointer (*make) (void))
{
  gpointer made, found = __atomic_load_n (slot, __ATOMIC_ACQUIRE);

  if (found != NULL)
    return found;
  made = make ();
  if (__atomic_compare_exchange_n (
          slot, &found, made, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  free (made);
  return found;
}

static gpointer
make_mutex (void)
{
  pthread_mutex_t *mutex = malloc (sizeof *mutex);

  pthread_mutex_init (mutex, NULL);
  return mutex;
}

static gpointer
make_recursive (void)
{
  pthread_mutex_t *mutex = malloc (sizeof *mutex);
  pthread_mutexattr_t attributes;

  pthread_mutexattr_init (&attributes);
  pthread_mutexattr_settype (&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init (mutex, &attributes);
  return mutex;
}

static gpointer
make_cond (void)
{
  pthread_cond_t *cond = malloc (sizeof *cond);
  pthread_condattr_t attributes;

  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (cond, &attributes);
  return cond;
}

static gpointer
make_rw (void)
{
  pthread_rwlock_t *lock = malloc (sizeof *lock);

  pthread_rwlock_init (lock, NULL);
  return lock;
}

#define MUTEX(lock) get (&(lock)->p, make_mutex)
#define RECURSIVE(lock) get (&(lock)->p, make_recursive)
#define COND(cond) get (&(cond)->p, make_cond)
#define RW(lock) get (&(lock)->p, make_rw)

PUBLIC void
g_mutex_init (GMutex *mutex)
{
  mutex->p = NULL;
}

PUBLIC void
g_mutex_clear (GMutex *mutex)
{
  if (mutex->p != NULL)
    pthread_mutex_destroy (mutex->p);
  free (mutex->p);
  mutex->p = NULL;
}

PUBLIC void
g_mutex_lock (GMutex *mutex)
{
  pthread_mutex_lock (MUTEX (mutex));
}

PUBLIC gboolean
g_mutex_trylock (GMutex *mutex)
{
  return pthread_mutex_trylock (MUTEX (mutex)) == 0;
}

PUBLIC void
g_mutex_unlock (GMutex *mutex)
{
  pthread_mutex_unlock (MUTEX (mutex));
}

PUBLIC void
g_rec_mutex_init (GRecMutex *mutex)
{
  mutex->p = NULL;
}

PUBLIC void
g_rec_mutex_clear (GRecMutex *mutex)
{
  g_mutex_clear ((GMutex *) mutex);
}

PUBLIC void
g_rec_mutex_lock (GRecMutex *mutex)
{
  pthread_mutex_lock (RECURSIVE (mutex));
}

PUBLIC gboolean
g_rec_mutex_trylock (GRecMutex *mutex)
{
  return pthread_mutex_trylock (RECURSIVE (mutex)) == 0;
}

PUBLIC void
g_rec_mutex_unlock (GRecMutex *mutex)
{
  pthread_mutex_unlock (RECURSIVE (mutex));
}

PUBLIC void
g_rw_lock_init (GRWLock *lock)
{
  lock->p = NULL;
}

PUBLIC void
g_rw_lock_clear (GRWLock *lock)
{
  if (lock->p != NULL)
    pthread_rwlock_destroy (lock->p);
  free (lock->p);
  lock->p = NULL;
}

PUBLIC void
g_rw_lock_writer_lock (GRWLock *lock)
{
  pthread_rwlock_wrlock (RW (lock));
}

PUBLIC gboolean
g_rw_lock_writer_trylock (GRWLock *lock)
{
  return pthread_rwlock_trywrlock (RW (lock)) == 0;
}

PUBLIC void
g_rw_lock_writer_unlock (GRWLock *lock)
{
  pthread_rwlock_unlock (RW (lock));
}

PUBLIC void
g_rw_lock_reader_lock (GRWLock *lock)
{
  pthread_rwlock_rdlock (RW (lock));
}

PUBLIC gboolean
g_rw_lock_reader_trylock (GRWLock *lock)
{
  return pthread_rwlock_tryrdlock (RW (lock)) == 0;
}

PUBLIC void
g_rw_lock_reader_unlock (GRWLock *lock)
{
  pthread_rwlock_unlock (RW (lock));
}

PUBLIC void
g_cond_init (GCond *cond)
{
  cond->p = NULL;
}

PUBLIC void
g_cond_clear (GCond *cond)
{
  if (cond->p != NULL)
    pthread_cond_destroy (cond->p);
  free (cond->p);
  cond->p = NULL;
}

PUBLIC void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  pthread_cond_wait (COND (cond), MUTEX (mutex));
}

PUBLIC gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  struct timespec until = {
    .tv_sec = end_time / G_USEC_PER_SEC,
    .tv_nsec = end_time % G_USEC_PER_SEC * 1000,
  };

  return pthread_cond_timedwait (COND (cond), MUTEX (mutex), &until) !=
      ETIMEDOUT;
}

PUBLIC void
g_cond_signal (GCond *cond)
{
  pthread_cond_signal (COND (cond));
}

PUBLIC void
g_cond_broadcast (GCond *cond)
{
  pthread_cond_broadcast (COND (cond));
}

/* The function of that name that this one stands before. */
#define REAL(name)                                                             \
  static gpointer real;                                                        \
  if (__atomic_load_n (&real, __ATOMIC_ACQUIRE) == NULL)                       \
    __atomic_store_n (&real, dlsym (RTLD_NEXT, #name), __ATOMIC_RELEASE);      \
  __typeof__ (&name) call =                                                    \
      (__typeof__ (&name)) __atomic_load_n (&real, __ATOMIC_ACQUIRE);

PUBLIC void
gst_mini_object_unref (GstMiniObject *object)
{
  REAL (gst_mini_object_unref)

  /* Who looked at a sample's buffer let go of that, too. */
  if (GST_IS_SAMPLE (object) &&
      gst_sample_get_buffer ((GstSample *) object) != NULL)
    __tsan_release (gst_sample_get_buffer ((GstSample *) object));
  __tsan_release (object);
  __tsan_acquire (object);
  call (object);
}

/* Its lock is inside GLib. */
PUBLIC void
g_async_queue_push (GAsyncQueue *queue, gpointer data)
{
  REAL (g_async_queue_push)

  __tsan_release (queue);
  call (queue, data);
}

PUBLIC gpointer
g_async_queue_timeout_pop (GAsyncQueue *queue, guint64 timeout_us)
{
  REAL (g_async_queue_timeout_pop)
  gpointer data = call (queue, timeout_us);

  __tsan_acquire (queue);
  return data;
}

PUBLIC gpointer
g_async_queue_try_pop (GAsyncQueue *queue)
{
  REAL (g_async_queue_try_pop)
  gpointer data = call (queue);

  __tsan_acquire (queue);
  return data;
}
