/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-photo.h"

BatchPhoto *
batch_photo_new (const BatchItem *item, guint n_results)
{
  BatchPhoto *photo = g_new0 (BatchPhoto, 1);

  photo->item = item;
  photo->begin_us = g_get_monotonic_time ();
  photo->n_results = n_results;
  return photo;
}

void
batch_photo_free (BatchPhoto *photo)
{
  for (guint i = 0; i < photo->n_results; i++) {
    g_free (photo->results[i].file);
    g_free (photo->results[i].reason);
  }
  g_free (photo->reason);
  g_free (photo);
}

static gdouble
elapsed (const BatchPhoto *photo)
{
  return (gdouble) (g_get_monotonic_time () - photo->begin_us) / 1000;
}

void
batch_photo_set_result (
    BatchPhoto *photo, guint effect, BatchStatus status, const gchar *reason)
{
  BatchResult *result = &photo->results[effect];

  if (result->status != BATCH_PENDING)
    return;
  result->status = status;
  result->reason = g_strdup (reason);
  result->milliseconds = elapsed (photo);
}

void
batch_photo_fail (BatchPhoto *photo, const gchar *reason)
{
  if (photo->reason == NULL)
    photo->reason = g_strdup (reason);
  for (guint i = 0; i < photo->n_results; i++)
    batch_photo_set_result (photo, i, BATCH_FAILED, reason);
}

void
batch_photo_keep (BatchPhoto *photo, guint effect, gchar *file, guint64 bytes)
{
  BatchResult *result = &photo->results[effect];

  if (result->status != BATCH_PENDING) {
    g_free (file);
    return;
  }
  result->status = BATCH_KEPT;
  result->file = file;
  result->bytes = bytes;
}

gboolean
batch_photo_settle (BatchPhoto *photo)
{
  const BatchResult *worst = &photo->results[0];

  for (guint i = 0; i < photo->n_results; i++) {
    if (photo->results[i].status == BATCH_PENDING)
      return FALSE;
    if (photo->results[i].status > worst->status)
      worst = &photo->results[i];
  }
  photo->status = worst->status == BATCH_KEPT ? BATCH_DONE : worst->status;
  if (photo->reason == NULL)
    photo->reason = g_strdup (worst->reason);
  photo->milliseconds = elapsed (photo);
  return TRUE;
}
