/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/pet-shared-model.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nn/pet-shapes.h"

/* Held while one is loaded, too: who comes for the same one then finds it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static PetSharedModel *store;

static void
make_digest (const void *bytes, size_t size, const char *sidecar,
    uint8_t digest[PET_SHA256_BYTES])
{
  PetSha256 sum;

  pet_sha256_begin (&sum);
  pet_sha256_add (&sum, bytes, size);
  if (sidecar != NULL)
    pet_sha256_add (&sum, sidecar, strlen (sidecar) + 1);
  pet_sha256_end (&sum, digest);
}

static PetSharedModel *
find (const uint8_t digest[PET_SHA256_BYTES])
{
  PetSharedModel *shared = store;

  while (
      shared != NULL && memcmp (shared->digest, digest, PET_SHA256_BYTES) != 0)
    shared = shared->next;
  return shared;
}

/* The squarest shape is the largest. */
static PetStatus
settle (PetSharedModel *shared, PetError *error)
{
  const PetModelInfo *info = &shared->info;
  PetShape shape = { .rank = 4, .dim = { 1, 3 } };
  PetNetOptions options;
  int width, height;

  pet_net_options_init (&options);
  options.output = info->output[0] != '\0'
      ? info->output
      : pet_model_output (shared->model, 0, NULL, NULL);
  options.reshape = true;
  pet_shapes_nearest (info, 1, 1, &width, &height);
  shape.dim[2] = height;
  shape.dim[3] = width;
  options.input_shapes = &shape;
  return pet_model_settle (&shared->model, &options, error);
}

static PetStatus
load (PetSharedModel *shared, const void *bytes, size_t size,
    const char *sidecar, PetError *error)
{
  PET_TRY (pet_model_load (bytes, size, NULL, &shared->model, error));
  PET_TRY (pet_model_info_read (shared->model, sidecar, &shared->info, error));
  if (shared->info.shape_sum == 0)
    return PET_OK;
  PET_TRY (settle (shared, error));
  shared->n_users = 1;
  shared->next = store;
  store = shared;
  return PET_OK;
}

static PetStatus
open_locked (const void *bytes, size_t size, const char *sidecar,
    const uint8_t digest[PET_SHA256_BYTES], PetSharedModel **result,
    PetError *error)
{
  PetSharedModel *shared = find (digest);
  PetStatus status;

  if (shared != NULL) {
    shared->n_users++;
    *result = shared;
    return PET_OK;
  }
  shared = calloc (1, sizeof *shared);
  if (shared == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the model");
  memcpy (shared->digest, digest, PET_SHA256_BYTES);
  status = load (shared, bytes, size, sidecar, error);
  if (status == PET_OK) {
    *result = shared;
  } else {
    pet_model_free (&shared->model);
    free (shared);
  }
  return status;
}

PetStatus
pet_shared_model_open (const void *bytes, size_t size, const char *sidecar,
    PetSharedModel **shared, PetError *error)
{
  uint8_t digest[PET_SHA256_BYTES];
  PetStatus status;

  make_digest (bytes, size, sidecar, digest);
  pthread_mutex_lock (&lock);
  status = open_locked (bytes, size, sidecar, digest, shared, error);
  pthread_mutex_unlock (&lock);
  return status;
}

/* False while others use it. */
static bool
leave_store (PetSharedModel *shared)
{
  PetSharedModel **at = &store;

  if (shared->n_users == 0)
    return true;
  if (--shared->n_users > 0)
    return false;
  while (*at != shared)
    at = &(*at)->next;
  *at = shared->next;
  return true;
}

void
pet_shared_model_close (PetSharedModel **shared)
{
  PetSharedModel *p = *shared;
  bool is_last;

  *shared = NULL;
  if (p == NULL)
    return;
  pthread_mutex_lock (&lock);
  is_last = leave_store (p);
  pthread_mutex_unlock (&lock);
  if (!is_last)
    return;
  pet_model_free (&p->model);
  free (p);
}
