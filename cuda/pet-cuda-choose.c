/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Choosing among a convolution's plans, and remembering what was chosen. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pet-cuda-conv.h"

#define TIMED_RUNS 5
#define MAX_ENTRIES 4096

static PetStatus
time_way (PetCuda *cuda, PetCudaConvRun run, void *user, int way,
    cudaEvent_t begin, cudaEvent_t end, float *milliseconds, PetError *error)
{
  /* The first run loads code. */
  PET_TRY (run (user, way, error));
  PET_CUDA_TRY (cudaEventRecord (begin, cuda->work), "timing");
  for (int i = 0; i < TIMED_RUNS; i++)
    PET_TRY (run (user, way, error));
  PET_CUDA_TRY (cudaEventRecord (end, cuda->work), "timing");
  PET_CUDA_TRY (cudaEventSynchronize (end), "timing");
  return pet_cuda_check (
      cudaEventElapsedTime (milliseconds, begin, end), "timing", error);
}

/* Engines may decline when they are run. Without memory they all would, and which is
 * taken then is kept for good; and a card that is lost declines everything. */
static bool
may_go_on (PetCuda *cuda, PetStatus status)
{
  return status == PET_OK ||
      (status == PET_ERROR_DEVICE &&
          pet_cuda_check (cudaStreamSynchronize (cuda->work), "timing", NULL) ==
              PET_OK);
}

static PetStatus
time_all (PetCuda *cuda, PetCudaConv *conv, PetCudaConvRun run, void *user,
    cudaEvent_t begin, cudaEvent_t end, PetError *error)
{
  PetStatus status = PET_OK;
  float fastest = 0, milliseconds;
  PetError reason;

  conv->best = -1;
  for (int i = 0; i < pet_cuda_conv_ways (conv) && may_go_on (cuda, status);
       i++) {
    if (!pet_cuda_conv_suits (conv, i))
      continue;
    status = time_way (cuda, run, user, i, begin, end, &milliseconds, &reason);
    if (status == PET_OK && (conv->best < 0 || milliseconds < fastest)) {
      fastest = milliseconds;
      conv->best = i;
    }
  }
  if (conv->best >= 0 && may_go_on (cuda, status))
    return PET_OK;
  if (error != NULL)
    *error = reason;
  return status;
}

PetStatus
pet_cuda_conv_choose (PetCuda *cuda, PetCudaConv *conv, PetCudaConvRun run,
    void *user, PetError *error)
{
  cudaEvent_t begin = NULL, end = NULL;
  PetStatus status =
      pet_cuda_check (cudaEventCreate (&begin), "making an event", error);

  if (status == PET_OK)
    status = pet_cuda_check (cudaEventCreate (&end), "making an event", error);
  if (status == PET_OK)
    status = time_all (cuda, conv, run, user, begin, end, error);
  if (begin != NULL)
    (void) cudaEventDestroy (begin);
  if (end != NULL)
    (void) cudaEventDestroy (end);
  return status;
}

/* FNV-1a. */
static uint64_t
hash_of (const PetCudaConvKey *key)
{
  const unsigned char *bytes = (const unsigned char *) key;
  uint64_t hash = 0xcbf29ce484222325u;

  for (size_t i = 0; i < sizeof *key; i++)
    hash = (hash ^ bytes[i]) * 0x100000001b3u;
  return hash;
}

/* The folder, made where it is missing; false where nothing can be written. */
static bool
find_folder (char *path, size_t size)
{
  const char *cache = getenv ("XDG_CACHE_HOME"), *home = getenv ("HOME");
  int length;

  if (cache != NULL && *cache == '/')
    length = snprintf (path, size, "%s", cache);
  else if (home != NULL && *home == '/')
    length = snprintf (path, size, "%s/.cache", home);
  else
    return false;
  if (length < 0 || (size_t) length + 160 > size)
    return false;
  if (mkdir (path, 0700) != 0 && errno != EEXIST)
    return false;
  strcat (path, "/gst-plugins-pet");
  if (mkdir (path, 0700) != 0 && errno != EEXIST)
    return false;
  return access (path, W_OK) == 0;
}

static void
add_entry (PetCudaCache *cache, uint64_t hash, int choice)
{
  for (int i = 0; i < cache->n; i++)
    if (cache->entries[i].hash == hash) {
      cache->entries[i].choice = choice;
      return;
    }
  if (cache->n == MAX_ENTRIES)
    return;
  if (cache->n == cache->max) {
    int max = cache->max * 2 + 64;
    void *entries =
        realloc (cache->entries, (size_t) max * sizeof *cache->entries);

    if (entries == NULL)
      return;
    cache->entries = entries;
    cache->max = max;
  }
  cache->entries[cache->n].hash = hash;
  cache->entries[cache->n++].choice = choice;
}

void
pet_cuda_cache_open (const PetCuda *cuda, PetCudaCache *cache)
{
  uint64_t hash;
  size_t length;
  FILE *file;
  int choice;

  memset (cache, 0, sizeof *cache);
  if (!find_folder (cache->path, sizeof cache->path)) {
    cache->path[0] = '\0';
    return;
  }
  length = strlen (cache->path);
  snprintf (cache->path + length, sizeof cache->path - length,
      "/cuda-3-%.60s-sm%d%d-cudnn%zu", cuda->info.name,
      cuda->info.compute_major, cuda->info.compute_minor, cuda->dnn.version);
  for (char *c = cache->path + length + 1; *c != '\0'; c++)
    if (*c == ' ' || *c == '/')
      *c = '-';
  file = fopen (cache->path, "re");
  if (file == NULL)
    return;
  while (fscanf (file, "%16" SCNx64 " %9d", &hash, &choice) == 2)
    add_entry (cache, hash, choice);
  fclose (file);
}

int
pet_cuda_cache_find (const PetCudaCache *cache, const PetCudaConvKey *key)
{
  uint64_t hash = hash_of (key);

  for (int i = 0; i < cache->n; i++)
    if (cache->entries[i].hash == hash)
      return cache->entries[i].choice;
  return -1;
}

void
pet_cuda_cache_add (PetCudaCache *cache, const PetCudaConvKey *key, int choice)
{
  add_entry (cache, hash_of (key), choice);
  cache->changed = true;
}

static bool
write_entries (const PetCudaCache *cache, FILE *file)
{
  for (int i = 0; i < cache->n; i++)
    if (fprintf (file, "%016" PRIx64 " %d\n", cache->entries[i].hash,
            cache->entries[i].choice) < 0)
      return false;
  return true;
}

/* A cache that cannot be written is no failure: the next run times again. */
static void
save (const PetCudaCache *cache)
{
  char name[sizeof cache->path + 16];
  FILE *file;
  int fd;
  bool good;

  snprintf (name, sizeof name, "%s.XXXXXX", cache->path);
  fd = mkstemp (name);
  if (fd < 0)
    return;
  file = fdopen (fd, "w");
  if (file == NULL) {
    close (fd);
    unlink (name);
    return;
  }
  good = write_entries (cache, file);
  good = fclose (file) == 0 && good;
  if (!good || rename (name, cache->path) != 0)
    unlink (name);
}

void
pet_cuda_cache_close (PetCudaCache *cache)
{
  if (cache->changed && cache->path[0] != '\0')
    save (cache);
  free (cache->entries);
  memset (cache, 0, sizeof *cache);
}
