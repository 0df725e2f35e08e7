/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Networks on the GPU, shared by the elements of the process. There is no
 * thread of their own: of those who wait for a mask, the first for whom a batch
 * is due runs it for all, while the others wait. */

#include <string.h>

#include "gstpetgpucut.h"

typedef struct {
  PetCudaPhoto photo;
  const PetImage *mask;
  PetStatus status;
  PetError error;
  gboolean done;
  gint64 deadline; /* monotonic, microseconds */
  const gint *hurried;
} Request;

/* Of all networks: they are asked for a photo at a time. */
static GMutex lock;
static GCond changed;

/* Under `lock` but for the fields that never change; `card` and `network`
 * belong to whoever set `running`. */
typedef struct {
  gchar *key;
  const PetCudaApi *api;
  GstPetCard *card;
  PetCudaSegmenter *network;
  guint batch;
  GstClockTime batch_timeout;

  guint users;    /* under the table's lock and this one */
  GQueue waiting; /* of Request */
  gboolean running;
} Shared;

/* What one element has of it. */
typedef struct {
  Shared *shared;
  GstPetGpuCut *cut; /* borrowed: has the photo */
  const gint *hurried;
} Member;

static GMutex table_lock;
static GHashTable *table; /* by key */

static void
free_shared (Shared *shared)
{
  if (shared->network != NULL)
    shared->api->segmenter_free (&shared->network);
  gst_pet_card_close (&shared->card);
  g_queue_clear (&shared->waiting);
  g_free (shared->key);
  g_free (shared);
}

void
gst_pet_gpu_wake (void)
{
  g_mutex_lock (&lock);
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
}

static gboolean
is_late (const Request *request, gint64 now)
{
  return now >= request->deadline || g_atomic_int_get (request->hurried) != 0;
}

static gboolean
is_due (const Shared *shared, gint64 now)
{
  gboolean due = shared->waiting.length >= MIN (shared->batch, shared->users);

  if (shared->running || shared->waiting.length == 0)
    return FALSE;
  for (GList *item = shared->waiting.head; item != NULL; item = item->next)
    due = due || is_late (item->data, now);
  return due;
}

static void
run_requests (Shared *shared, Request **requests, guint n)
{
  PetCudaPhoto photos[PET_CUDA_MAX_BATCH];
  PetImage masks[PET_CUDA_MAX_BATCH];
  PetError error = { .status = PET_OK };
  PetStatus status;

  for (guint i = 0; i < n; i++) {
    photos[i] = requests[i]->photo;
    masks[i] = *requests[i]->mask;
  }
  status = shared->api->segmenter_run (
      shared->network, photos, masks, (int) n, &error);
  /* One photo must not fail the others. */
  for (guint i = 0; i < n; i++) {
    if (status != PET_OK && n > 1)
      requests[i]->status = shared->api->segmenter_run (
          shared->network, &photos[i], &masks[i], 1, &requests[i]->error);
    else {
      requests[i]->status = status;
      requests[i]->error = error;
    }
  }
}

static void
run_batch_locked (Shared *shared)
{
  Request *requests[PET_CUDA_MAX_BATCH];
  guint n = 0;

  while (n < shared->batch && !g_queue_is_empty (&shared->waiting))
    requests[n++] = g_queue_pop_head (&shared->waiting);
  shared->running = TRUE;
  g_mutex_unlock (&lock);
  run_requests (shared, requests, n);
  g_mutex_lock (&lock);
  shared->running = FALSE;
  for (guint i = 0; i < n; i++)
    requests[i]->done = TRUE;
  g_cond_broadcast (&changed);
}

static PetStatus
run (void *user, const PetImage *photo, const PetImage *mask, PetError *error)
{
  const Member *member = user;
  Shared *shared = member->shared;
  Request request = { .photo = gst_pet_gpu_cut_find (member->cut, photo),
    .mask = mask,
    .hurried = member->hurried };

  request.deadline =
      g_get_monotonic_time () + (gint64) (shared->batch_timeout / GST_USECOND);
  g_mutex_lock (&lock);
  g_queue_push_tail (&shared->waiting, &request);
  g_cond_broadcast (&changed);
  while (!request.done) {
    if (is_due (shared, g_get_monotonic_time ()))
      run_batch_locked (shared);
    else if (shared->running)
      g_cond_wait (&changed, &lock);
    else
      g_cond_wait_until (&changed, &lock, request.deadline);
  }
  g_mutex_unlock (&lock);
  if (request.status != PET_OK && error != NULL)
    *error = request.error;
  return request.status;
}

static PetStatus
fetch (void *user, PetError *error)
{
  const Member *member = user;

  return gst_pet_gpu_cut_bring (member->cut, error);
}

/* The last one closes the card; others are told that a batch has fewer to
 * wait for. */
static void
leave (void *user)
{
  Member *member = user;
  Shared *shared = member->shared;

  g_mutex_lock (&table_lock);
  g_mutex_lock (&lock);
  shared->users--;
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
  if (shared->users == 0) {
    g_hash_table_remove (table, shared->key);
    free_shared (shared);
  }
  g_mutex_unlock (&table_lock);
  g_free (member);
}

static gchar *
make_key (GBytes *model, const gchar *sidecar, const GstPetGpuOptions *options)
{
  g_autofree gchar *sum =
      g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, model);
  g_autofree gchar *side = g_compute_checksum_for_string (
      G_CHECKSUM_SHA256, sidecar != NULL ? sidecar : "", -1);

  return g_strdup_printf ("%s %s %d %d %u %" G_GUINT64_FORMAT, sum, side,
      options->device, options->half, options->batch, options->batch_timeout);
}

static PetStatus
open_shared (GBytes *model, const gchar *sidecar,
    const GstPetGpuOptions *options, Shared *shared, PetError *error)
{
  PetCudaModel wanted = {
    .sidecar = sidecar, .half = options->half, .batch = (int) options->batch
  };

  wanted.bytes = g_bytes_get_data (model, &wanted.size);
  shared->api = gst_pet_cuda_api (error);
  if (shared->api == NULL)
    return PET_ERROR_DEVICE;
  PET_TRY (gst_pet_card_open (options->device, &shared->card, error));
  return shared->api->segmenter_new (
      gst_pet_card_cuda (shared->card), &wanted, &shared->network, error);
}

/* Under the table's lock: two elements that start at once want one network. */
static PetStatus
join_locked (GBytes *model, const gchar *sidecar,
    const GstPetGpuOptions *options, Shared **result, PetError *error)
{
  gchar *key = make_key (model, sidecar, options);
  Shared *shared;
  PetStatus status;

  if (table == NULL)
    table = g_hash_table_new (g_str_hash, g_str_equal);
  shared = g_hash_table_lookup (table, key);
  if (shared != NULL) {
    g_free (key);
  } else {
    shared = g_new0 (Shared, 1);
    shared->key = key;
    shared->batch = options->batch;
    shared->batch_timeout = options->batch_timeout;
    g_queue_init (&shared->waiting);
    status = open_shared (model, sidecar, options, shared, error);
    if (status != PET_OK) {
      free_shared (shared);
      return status;
    }
    g_hash_table_insert (table, shared->key, shared);
  }
  g_mutex_lock (&lock);
  shared->users++;
  g_mutex_unlock (&lock);
  *result = shared;
  return PET_OK;
}

PetStatus
gst_pet_gpu_segmenter_new (GBytes *model, const gchar *sidecar,
    const GstPetGpuOptions *options, GstPetGpuCut *cut,
    PetSegmenter **segmenter, PetError *error)
{
  PetRemoteNetwork remote = { .run = run, .fetch = fetch, .free = leave };
  Member *member;
  const PetModelInfo *info;
  int width, height;
  Shared *shared;
  PetStatus status;

  g_mutex_lock (&table_lock);
  status = join_locked (model, sidecar, options, &shared, error);
  g_mutex_unlock (&table_lock);
  PET_TRY (status);
  member = g_new0 (Member, 1);
  *member =
      (Member){ .shared = shared, .cut = cut, .hurried = options->hurried };
  remote.user = member;
  info = shared->api->segmenter_info (shared->network, &width, &height);
  GST_INFO ("%s", shared->api->segmenter_text (shared->network));
  return pet_segmenter_new_remote (
      info, width, height, &remote, segmenter, error);
}
