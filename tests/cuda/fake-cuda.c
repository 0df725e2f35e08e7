/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-cuda.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_ALLOCATIONS 4096

typedef struct {
  char *data;
  size_t bytes;
  bool pinned;
} Allocation;

/* One lock for all: kernels of different threads do not meet. */
static pthread_mutex_t lock;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static Allocation allocations[MAX_ALLOCATIONS];
static FakeCudaState state;
static int devices, driver, compute_major;
static size_t memory_bytes, taken_bytes, lost_at, fail_at, fail_calls;
static char fail_call[64], held_call[64];
static bool is_held;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static cudaError_t last_error;

static void
read_words (const char *words)
{
  char copy[512], *rest = copy, *word, name[64];
  unsigned long number;

  devices = 1;
  driver = 13000;
  compute_major = 7;
  memory_bytes = (size_t) 4096 << 20;
  taken_bytes = 0;
  lost_at = fail_at = fail_calls = 0;
  fail_call[0] = '\0';
  state.calls = state.up = state.down = 0;
  fake_streams_configure (0);
  state.peak = state.bytes;
  last_error = cudaSuccess;
  snprintf (copy, sizeof copy, "%s", words != NULL ? words : "");
  while ((word = strsep (&rest, ",")) != NULL) {
    if (sscanf (word, "devices=%lu", &number) == 1)
      devices = (int) number;
    else if (sscanf (word, "driver=%lu", &number) == 1)
      driver = (int) number;
    else if (sscanf (word, "compute=%lu", &number) == 1)
      compute_major = (int) number;
    else if (sscanf (word, "memory=%lu", &number) == 1)
      memory_bytes = number << 20;
    else if (sscanf (word, "taken=%lu", &number) == 1)
      taken_bytes = number << 20;
    else if (sscanf (word, "lost=%lu", &number) == 1)
      lost_at = number;
    else if (sscanf (word, "late=%lu", &number) == 1)
      fake_streams_configure ((int) number);
    else if (sscanf (word, "fail=%63[^:]:%lu", name, &number) == 2) {
      strcpy (fail_call, name);
      fail_at = number;
    }
  }
}

static void
start (void)
{
  pthread_mutexattr_t attributes;

  pthread_mutexattr_init (&attributes);
  pthread_mutexattr_settype (&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init (&lock, &attributes);
  read_words (getenv ("PET_FAKE_CUDA"));
}

void
fake_cuda_enter (void)
{
  pthread_once (&once, start);
  pthread_mutex_lock (&lock);
}

cudaError_t
fake_cuda_leave (cudaError_t error)
{
  if (error != cudaSuccess)
    last_error = error;
  pthread_mutex_unlock (&lock);
  return error;
}

void
fake_cuda_count_bytes (size_t up, size_t down)
{
  state.up += up;
  state.down += down;
}

/* Under the lock, which is let go meanwhile; false: it has taken too long. */
static bool
await_change (bool *flag, bool wanted)
{
  struct timespec end;

  clock_gettime (CLOCK_REALTIME, &end);
  end.tv_sec += 20;
  while (*flag != wanted)
    if (pthread_cond_timedwait (&changed, &lock, &end) != 0)
      return false;
  return true;
}

static void
hold_back (const char *call)
{
  if (strcmp (held_call, call) != 0)
    return;
  held_call[0] = '\0';
  is_held = true;
  pthread_cond_broadcast (&changed);
  (void) await_change (&is_held, false);
  is_held = false;
}

void
fake_cuda_hold (const char *call)
{
  fake_cuda_enter ();
  snprintf (held_call, sizeof held_call, "%s", call);
  fake_cuda_leave (cudaSuccess);
}

int
fake_cuda_await_held (void)
{
  bool came;

  fake_cuda_enter ();
  came = await_change (&is_held, true);
  fake_cuda_leave (cudaSuccess);
  return came;
}

int
fake_cuda_let_go (void)
{
  bool was_held;

  fake_cuda_enter ();
  was_held = is_held;
  is_held = false;
  held_call[0] = '\0';
  pthread_cond_broadcast (&changed);
  fake_cuda_leave (cudaSuccess);
  return was_held;
}

/* Counts a call; whether it is to fail. */
cudaError_t
fake_cuda_count (const char *call)
{
  hold_back (call);
  state.calls++;
  if (lost_at != 0 && state.calls >= lost_at)
    return cudaErrorDevicesUnavailable;
  if (fail_at != 0 &&
      (strcmp (fail_call, call) == 0 || strcmp (fail_call, "any") == 0) &&
      ++fail_calls == fail_at)
    return strcmp (call, "cudaMalloc") == 0 ||
            strcmp (call, "cudaHostAlloc") == 0
        ? cudaErrorMemoryAllocation
        : cudaErrorLaunchFailure;
  return cudaSuccess;
}

void
fake_cuda_configure (const char *words)
{
  fake_cuda_enter ();
  read_words (words);
  fake_cuda_leave (cudaSuccess);
}

void
fake_cuda_state (FakeCudaState *result)
{
  fake_cuda_enter ();
  *result = state;
  result->waiting = fake_streams_waiting ();
  fake_cuda_leave (cudaSuccess);
}

static Allocation *
find (const void *address, size_t bytes, bool pinned)
{
  const char *at = address;

  for (size_t i = 0; i < MAX_ALLOCATIONS; i++) {
    Allocation *a = &allocations[i];

    if (a->data != NULL && a->pinned == pinned && at >= a->data &&
        at + bytes <= a->data + a->bytes)
      return a;
  }
  return NULL;
}

int
fake_cuda_is_pinned (const void *address, size_t bytes)
{
  bool found;

  fake_cuda_enter ();
  found = find (address, bytes, true) != NULL;
  fake_cuda_leave (cudaSuccess);
  return found;
}

int
fake_cuda_is_card (const void *address, size_t bytes)
{
  bool found;

  fake_cuda_enter ();
  found = find (address, bytes, false) != NULL;
  state.faults += !found;
  fake_cuda_leave (cudaSuccess);
  return found;
}

cudaError_t
fake_cuda_fail (cudaError_t error)
{
  fake_cuda_enter ();
  state.faults++;
  return fake_cuda_leave (error);
}

static size_t
free_bytes (void)
{
  size_t used = state.bytes + taken_bytes;

  return used < memory_bytes ? memory_bytes - used : 0;
}

/* Fresh memory holds NaNs of either type. */
cudaError_t
fake_cuda_allocate (const char *call, void **data, size_t bytes, int pinned)
{
  cudaError_t error;
  char *block;

  fake_cuda_enter ();
  error = fake_cuda_count (call);
  if (error != cudaSuccess)
    return fake_cuda_leave (error);
  if (!pinned && bytes > free_bytes ())
    return fake_cuda_leave (cudaErrorMemoryAllocation);
  block = aligned_alloc (256, (bytes + 2 * 256 + 255) / 256 * 256);
  if (block == NULL)
    return fake_cuda_leave (cudaErrorMemoryAllocation);
  memset (block, 0xff, bytes + 2 * 256);
  for (size_t i = 0; i < MAX_ALLOCATIONS; i++)
    if (allocations[i].data == NULL) {
      allocations[i] = (Allocation){ block + 256, bytes, pinned };
      state.allocations++;
      state.bytes += pinned ? 0 : bytes;
      state.peak = state.bytes > state.peak ? state.bytes : state.peak;
      *data = block + 256;
      return fake_cuda_leave (cudaSuccess);
    }
  free (block);
  return fake_cuda_leave (cudaErrorMemoryAllocation);
}

cudaError_t
fake_cuda_release (const char *call, void *data, int pinned)
{
  cudaError_t error;
  Allocation *a;

  fake_cuda_enter ();
  error = fake_cuda_count (call);
  if (data == NULL)
    return fake_cuda_leave (error);
  fake_streams_finish ();
  a = find (data, 0, pinned);
  if (a == NULL || a->data != data) {
    state.faults++;
    return fake_cuda_leave (cudaErrorInvalidValue);
  }
  for (int i = 0; i < 256; i++)
    if (a->data[-1 - i] != (char) 0xff ||
        a->data[a->bytes + (size_t) i] != (char) 0xff) {
      state.faults++;
      break;
    }
  state.allocations--;
  state.bytes -= pinned ? 0 : a->bytes;
  free (a->data - 256);
  a->data = NULL;
  return fake_cuda_leave (error);
}

cudaError_t
cudaMalloc (void **data, size_t bytes)
{
  return fake_cuda_allocate ("cudaMalloc", data, bytes, false);
}

cudaError_t
cudaHostAlloc (void **data, size_t bytes, unsigned int flags)
{
  return fake_cuda_allocate ("cudaHostAlloc", data, bytes, true);
}

cudaError_t
cudaFree (void *data)
{
  return fake_cuda_release ("cudaFree", data, false);
}

cudaError_t
cudaFreeHost (void *data)
{
  return fake_cuda_release ("cudaFreeHost", data, true);
}

/* For calls that only succeed or fail. */
cudaError_t
fake_cuda_answer (const char *call)
{
  fake_cuda_enter ();
  return fake_cuda_leave (fake_cuda_count (call));
}

cudaError_t
fake_cuda_new_object (const char *call, size_t bytes, void **object)
{
  cudaError_t error;

  fake_cuda_enter ();
  error = fake_cuda_count (call);
  if (error == cudaSuccess) {
    *object = calloc (1, bytes);
    state.objects++;
  }
  return fake_cuda_leave (error);
}

cudaError_t
fake_cuda_free_object (const char *call, void *object)
{
  cudaError_t error;

  fake_cuda_enter ();
  error = fake_cuda_count (call);
  free (object);
  state.objects--;
  return fake_cuda_leave (error);
}

cudaError_t
cudaSetDevice (int device)
{
  fake_driver_use_primary ();
  return fake_cuda_answer ("cudaSetDevice");
}

cudaError_t
cudaDriverGetVersion (int *version)
{
  fake_cuda_enter ();
  *version = driver;
  return fake_cuda_leave (cudaSuccess);
}

cudaError_t
cudaRuntimeGetVersion (int *version)
{
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t
cudaGetDeviceCount (int *result)
{
  const char *visible = getenv ("CUDA_VISIBLE_DEVICES");

  fake_cuda_enter ();
  if (visible != NULL && *visible == '\0')
    devices = 0;
  *result = driver == 0 || driver < 13000 ? 0 : devices;
  return fake_cuda_leave (driver < 13000 ? cudaErrorInsufficientDriver
          : devices == 0                 ? cudaErrorNoDevice
                                         : cudaSuccess);
}

cudaError_t
cudaGetDeviceProperties (struct cudaDeviceProp *properties, int device)
{
  memset (properties, 0, sizeof *properties);
  strcpy (properties->name, "Fake card");
  properties->major = compute_major;
  properties->minor = compute_major == 7 ? 5 : 0;
  return fake_cuda_answer ("cudaGetDeviceProperties");
}

cudaError_t
cudaMemGetInfo (size_t *available, size_t *total)
{
  fake_cuda_enter ();
  *available = free_bytes ();
  *total = memory_bytes;
  return fake_cuda_leave (fake_cuda_count ("cudaMemGetInfo"));
}

cudaError_t
cudaGetLastError (void)
{
  cudaError_t error;

  fake_cuda_enter ();
  error = last_error;
  fake_cuda_leave (cudaSuccess);
  last_error = cudaSuccess;
  return error;
}

const char *
cudaGetErrorString (cudaError_t error)
{
  return error == cudaErrorMemoryAllocation  ? "out of memory"
      : error == cudaErrorDevicesUnavailable ? "the device is gone (fake)"
      : error == cudaErrorLaunchFailure      ? "launch failure (fake)"
                                             : "an error (fake)";
}
