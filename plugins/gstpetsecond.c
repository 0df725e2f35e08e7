/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define _GNU_SOURCE /* dladdr () */

#include "gstpetsecond.h"

#include <dlfcn.h>

#include "base/pet-cpu.h"
#include "memory/gstpetspares.h"
#include "memory/gstpetsystem.h"

#define FILE_NAME "petnet-large.onnx"

/* petnet-large takes 8 MB, and 24 while it is loaded or runs: who has only thrice
 * that left is better off without it. */
#define LEAST_FREE ((guint64) 64 << 20)

struct _GstPetSecond {
  gchar *key, *location, *budget;
  PetPrecision precision;
  guint users; /* under the table's lock */

  GMutex lock; /* of what follows */
  GstPetAccount account;
  PetSegmenter *segmenter; /* NULL: not wanted yet */
};

static GMutex table_lock;
static GHashTable *table; /* by key; NULL: empty */

gchar *
gst_pet_second_find_file (void)
{
  g_autofree gchar *folder = NULL, *beside = NULL;
  Dl_info plugin;

  if (dladdr (&table_lock, &plugin) != 0 && plugin.dli_fname != NULL) {
    folder = g_path_get_dirname (plugin.dli_fname);
    beside = g_build_filename (folder, FILE_NAME, NULL);
    if (g_file_test (beside, G_FILE_TEST_IS_REGULAR))
      return g_steal_pointer (&beside);
  }
  if (g_file_test (PET_NETWORKS_DIR "/" FILE_NAME, G_FILE_TEST_IS_REGULAR))
    return g_strdup (PET_NETWORKS_DIR "/" FILE_NAME);
  return NULL;
}

static GstPetSecond *
new_second (gchar *key, const gchar *location, PetPrecision precision,
    const gchar *budget)
{
  GstPetSecond *second = g_new0 (GstPetSecond, 1);

  second->key = key;
  second->location = g_strdup (location);
  second->budget = g_strdup (budget);
  second->precision = precision;
  g_mutex_init (&second->lock);
  return second;
}

static void
free_second (GstPetSecond *second)
{
  pet_segmenter_free (&second->segmenter);
  gst_pet_account_close (&second->account);
  g_mutex_clear (&second->lock);
  g_free (second->key);
  g_free (second->location);
  g_free (second->budget);
  g_free (second);
}

GstPetSecond *
gst_pet_second_join (
    const gchar *location, PetPrecision precision, const gchar *budget)
{
  gchar *key = g_strdup_printf ("%d|%s|%s", (gint) precision, budget, location);
  GstPetSecond *second;

  g_mutex_lock (&table_lock);
  if (table == NULL)
    table = g_hash_table_new (g_str_hash, g_str_equal);
  second = g_hash_table_lookup (table, key);
  if (second != NULL) {
    g_free (key);
  } else {
    second = new_second (key, location, precision, budget);
    g_hash_table_insert (table, second->key, second);
  }
  second->users++;
  g_mutex_unlock (&table_lock);
  return second;
}

void
gst_pet_second_leave (GstPetSecond **second)
{
  GstPetSecond *left = *second;

  if (left == NULL)
    return;
  *second = NULL;
  g_mutex_lock (&table_lock);
  if (--left->users == 0) {
    g_hash_table_remove (table, left->key);
    free_second (left);
    if (g_hash_table_size (table) == 0)
      g_clear_pointer (&table, g_hash_table_unref);
  }
  g_mutex_unlock (&table_lock);
}

static PetStatus
load_locked (GstPetSecond *second, PetError *error)
{
  PetSegmenterOptions options = { .threads = pet_cpu_count (),
    .precision = second->precision,
    .allocator = &second->account.core };
  PetStatus status;

  if (gst_pet_system_free (NULL) < LEAST_FREE)
    return pet_fail (error, PET_ERROR_MEMORY,
        "there are less than %u MB of memory left", (guint) (LEAST_FREE >> 20));
  gst_pet_account_open (&second->account, second->budget);
  gst_pet_spares_drop (second->account.budget);
  gst_pet_account_begin_fixed (&second->account);
  status = pet_segmenter_new_file (
      second->location, &options, &second->segmenter, error);
  gst_pet_account_end (&second->account);
  if (status != PET_OK)
    gst_pet_account_close (&second->account);
  return status;
}

PetSegmenter *
gst_pet_second_take (
    GstPetSecond *second, guint threads, GstPetTicket *ticket, PetError *error)
{
  g_mutex_lock (&second->lock);
  if (second->segmenter == NULL && load_locked (second, error) != PET_OK) {
    g_mutex_unlock (&second->lock);
    return NULL;
  }
  pet_segmenter_limit_threads (second->segmenter, (gint) threads);
  gst_pet_account_begin_ticket (&second->account, ticket);
  return second->segmenter;
}

void
gst_pet_second_give_back (GstPetSecond *second)
{
  gst_pet_account_end (&second->account);
  g_mutex_unlock (&second->lock);
}
