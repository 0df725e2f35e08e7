/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-cuda.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ALLOCATIONS 4096

typedef struct {
  void (*run) (void *);
  void (*free_data) (void *);
  void *data;
} Work;

struct CUgraph_st {
  Work *work;
  size_t n, max;
};

struct CUstream_st {
  struct CUgraph_st *capture;
};

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
static int devices, driver;
static size_t memory_bytes, lost_at, fail_at, fail_calls;
static char fail_call[64];
static cudaError_t last_error;

static void
read_words (const char *words)
{
  char copy[512], *rest = copy, *word, name[64];
  unsigned long number;

  devices = 1;
  driver = 13000;
  memory_bytes = (size_t) 4096 << 20;
  lost_at = fail_at = fail_calls = 0;
  fail_call[0] = '\0';
  state.calls = 0;
  state.peak = state.bytes;
  last_error = cudaSuccess;
  snprintf (copy, sizeof copy, "%s", words != NULL ? words : "");
  while ((word = strsep (&rest, ",")) != NULL) {
    if (sscanf (word, "devices=%lu", &number) == 1)
      devices = (int) number;
    else if (sscanf (word, "driver=%lu", &number) == 1)
      driver = (int) number;
    else if (sscanf (word, "memory=%lu", &number) == 1)
      memory_bytes = number << 20;
    else if (sscanf (word, "lost=%lu", &number) == 1)
      lost_at = number;
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

static void
enter (void)
{
  pthread_once (&once, start);
  pthread_mutex_lock (&lock);
}

static cudaError_t
leave (cudaError_t error)
{
  if (error != cudaSuccess)
    last_error = error;
  pthread_mutex_unlock (&lock);
  return error;
}

/* Counts a call; whether it is to fail. */
static cudaError_t
count (const char *call)
{
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
  enter ();
  read_words (words);
  leave (cudaSuccess);
}

void
fake_cuda_state (FakeCudaState *result)
{
  enter ();
  *result = state;
  leave (cudaSuccess);
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
fake_cuda_is_card (const void *address, size_t bytes)
{
  bool found;

  enter ();
  found = find (address, bytes, false) != NULL;
  state.faults += !found;
  leave (cudaSuccess);
  return found;
}

cudaError_t
fake_cuda_fail (cudaError_t error)
{
  enter ();
  state.faults++;
  return leave (error);
}

/* Fresh memory holds NaNs of either type. */
static cudaError_t
allocate (const char *call, void **data, size_t bytes, bool pinned)
{
  cudaError_t error;
  char *block;

  enter ();
  error = count (call);
  if (error != cudaSuccess)
    return leave (error);
  if (!pinned && bytes > memory_bytes - state.bytes)
    return leave (cudaErrorMemoryAllocation);
  block = aligned_alloc (256, (bytes + 2 * 256 + 255) / 256 * 256);
  if (block == NULL)
    return leave (cudaErrorMemoryAllocation);
  memset (block, 0xff, bytes + 2 * 256);
  for (size_t i = 0; i < MAX_ALLOCATIONS; i++)
    if (allocations[i].data == NULL) {
      allocations[i] = (Allocation){ block + 256, bytes, pinned };
      state.allocations++;
      state.bytes += pinned ? 0 : bytes;
      state.peak = state.bytes > state.peak ? state.bytes : state.peak;
      *data = block + 256;
      return leave (cudaSuccess);
    }
  free (block);
  return leave (cudaErrorMemoryAllocation);
}

static cudaError_t
release (const char *call, void *data, bool pinned)
{
  cudaError_t error;
  Allocation *a;

  enter ();
  error = count (call);
  if (data == NULL)
    return leave (error);
  a = find (data, 0, pinned);
  if (a == NULL || a->data != data) {
    state.faults++;
    return leave (cudaErrorInvalidValue);
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
  return leave (error);
}

cudaError_t
cudaMalloc (void **data, size_t bytes)
{
  return allocate ("cudaMalloc", data, bytes, false);
}

cudaError_t
cudaHostAlloc (void **data, size_t bytes, unsigned int flags)
{
  return allocate ("cudaHostAlloc", data, bytes, true);
}

cudaError_t
cudaFree (void *data)
{
  return release ("cudaFree", data, false);
}

cudaError_t
cudaFreeHost (void *data)
{
  return release ("cudaFreeHost", data, true);
}

/* For calls that only succeed or fail. */
static cudaError_t
answer (const char *call)
{
  enter ();
  return leave (count (call));
}

static cudaError_t
new_object (const char *call, size_t bytes, void **object)
{
  cudaError_t error;

  enter ();
  error = count (call);
  if (error == cudaSuccess) {
    *object = calloc (1, bytes);
    state.objects++;
  }
  return leave (error);
}

static cudaError_t
free_object (const char *call, void *object)
{
  cudaError_t error;

  enter ();
  error = count (call);
  free (object);
  state.objects--;
  return leave (error);
}

cudaError_t
cudaStreamCreateWithFlags (cudaStream_t *stream, unsigned int flags)
{
  return new_object (
      "cudaStreamCreateWithFlags", sizeof **stream, (void **) stream);
}

cudaError_t
cudaStreamDestroy (cudaStream_t stream)
{
  return free_object ("cudaStreamDestroy", stream);
}

cudaError_t
cudaEventCreate (cudaEvent_t *event)
{
  return new_object ("cudaEventCreate", 8, (void **) event);
}

cudaError_t
cudaEventCreateWithFlags (cudaEvent_t *event, unsigned int flags)
{
  return new_object ("cudaEventCreateWithFlags", 8, (void **) event);
}

cudaError_t
cudaEventDestroy (cudaEvent_t event)
{
  return free_object ("cudaEventDestroy", event);
}

cudaError_t
cudaEventRecord (cudaEvent_t event, cudaStream_t stream)
{
  return answer ("cudaEventRecord");
}

cudaError_t
cudaEventSynchronize (cudaEvent_t event)
{
  return answer ("cudaEventSynchronize");
}

cudaError_t
cudaEventElapsedTime (float *milliseconds, cudaEvent_t start_, cudaEvent_t end)
{
  *milliseconds = 1;
  return answer ("cudaEventElapsedTime");
}

cudaError_t
cudaStreamWaitEvent (cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
  return answer ("cudaStreamWaitEvent");
}

cudaError_t
cudaStreamSynchronize (cudaStream_t stream)
{
  return answer ("cudaStreamSynchronize");
}

cudaError_t
cudaSetDevice (int device)
{
  return answer ("cudaSetDevice");
}

cudaError_t
cudaDriverGetVersion (int *version)
{
  enter ();
  *version = driver;
  return leave (cudaSuccess);
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
  enter ();
  *result = driver == 0 || driver < 13000 ? 0 : devices;
  return leave (driver < 13000 ? cudaErrorInsufficientDriver
          : devices == 0       ? cudaErrorNoDevice
                               : cudaSuccess);
}

cudaError_t
cudaGetDeviceProperties (struct cudaDeviceProp *properties, int device)
{
  memset (properties, 0, sizeof *properties);
  strcpy (properties->name, "Fake card");
  properties->major = 9;
  return answer ("cudaGetDeviceProperties");
}

cudaError_t
cudaMemGetInfo (size_t *available, size_t *total)
{
  enter ();
  *available = memory_bytes - state.bytes;
  *total = memory_bytes;
  return leave (count ("cudaMemGetInfo"));
}

cudaError_t
cudaGetLastError (void)
{
  cudaError_t error;

  enter ();
  error = last_error;
  leave (cudaSuccess);
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

static bool
append (struct CUgraph_st *graph, Work work)
{
  if (graph->n == graph->max) {
    size_t max = graph->max * 2 + 64;
    Work *grown = realloc (graph->work, max * sizeof *grown);

    if (grown == NULL)
      return false;
    graph->work = grown;
    graph->max = max;
  }
  graph->work[graph->n++] = work;
  return true;
}

cudaError_t
fake_cuda_enqueue (const char *call, cudaStream_t stream, void (*run) (void *),
    void (*free_data) (void *), void *data)
{
  cudaError_t error;

  enter ();
  error = count (call);
  if (stream == NULL)
    state.faults++;
  if (error == cudaSuccess && stream != NULL && stream->capture != NULL) {
    if (!append (stream->capture, (Work){ run, free_data, data }))
      error = cudaErrorMemoryAllocation;
    else
      return leave (error);
  } else if (error == cudaSuccess) {
    run (data);
  }
  free_data (data);
  return leave (error);
}

typedef struct {
  void *to;
  const void *from;
  size_t bytes;
  int value;
} Copy;

static void
run_copy (void *data)
{
  const Copy *copy = data;

  if (copy->from != NULL)
    memcpy (copy->to, copy->from, copy->bytes);
  else
    memset (copy->to, copy->value, copy->bytes);
}

static cudaError_t
enqueue_copy (const char *call, cudaStream_t stream, Copy copy)
{
  Copy *kept = malloc (sizeof *kept);

  *kept = copy;
  return fake_cuda_enqueue (call, stream, run_copy, free, kept);
}

cudaError_t
cudaMemcpyAsync (void *to, const void *from, size_t bytes,
    enum cudaMemcpyKind kind, cudaStream_t stream)
{
  bool good = kind == cudaMemcpyHostToDevice ? fake_cuda_is_card (to, bytes)
      : kind == cudaMemcpyDeviceToHost       ? fake_cuda_is_card (from, bytes)
                                             : false;

  if (!good)
    return fake_cuda_fail (cudaErrorInvalidValue);
  return enqueue_copy ("cudaMemcpyAsync", stream,
      (Copy){ .to = to, .from = from, .bytes = bytes });
}

cudaError_t
cudaMemsetAsync (void *to, int value, size_t bytes, cudaStream_t stream)
{
  if (!fake_cuda_is_card (to, bytes))
    return fake_cuda_fail (cudaErrorInvalidValue);
  return enqueue_copy ("cudaMemsetAsync", stream,
      (Copy){ .to = to, .bytes = bytes, .value = value });
}

typedef struct {
  cudaHostFn_t function;
  void *data;
} HostCall;

static void
run_host_call (void *data)
{
  const HostCall *call = data;

  call->function (call->data);
}

cudaError_t
cudaLaunchHostFunc (cudaStream_t stream, cudaHostFn_t function, void *data)
{
  HostCall *call = malloc (sizeof *call);

  *call = (HostCall){ function, data };
  return fake_cuda_enqueue (
      "cudaLaunchHostFunc", stream, run_host_call, free, call);
}

cudaError_t
cudaStreamBeginCapture (cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
  return new_object ("cudaStreamBeginCapture", sizeof *stream->capture,
      (void **) &stream->capture);
}

cudaError_t
cudaStreamEndCapture (cudaStream_t stream, cudaGraph_t *graph)
{
  *graph = stream->capture;
  stream->capture = NULL;
  return answer ("cudaStreamEndCapture");
}

static void
free_graph (struct CUgraph_st *graph)
{
  for (size_t i = 0; i < graph->n; i++)
    graph->work[i].free_data (graph->work[i].data);
  free (graph->work);
}

/* The executable graph takes the work over. */
cudaError_t
cudaGraphInstantiate (
    cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags)
{
  cudaError_t error = new_object (
      "cudaGraphInstantiate", sizeof (struct CUgraph_st), (void **) exec);

  if (error == cudaSuccess) {
    memcpy (*exec, graph, sizeof *graph);
    memset (graph, 0, sizeof *graph);
  }
  return error;
}

cudaError_t
cudaGraphDestroy (cudaGraph_t graph)
{
  free_graph (graph);
  return free_object ("cudaGraphDestroy", graph);
}

cudaError_t
cudaGraphExecDestroy (cudaGraphExec_t exec)
{
  free_graph ((struct CUgraph_st *) exec);
  return free_object ("cudaGraphExecDestroy", exec);
}

cudaError_t
cudaGraphLaunch (cudaGraphExec_t exec, cudaStream_t stream)
{
  const struct CUgraph_st *graph = (const struct CUgraph_st *) exec;
  cudaError_t error;

  enter ();
  error = count ("cudaGraphLaunch");
  for (size_t i = 0; error == cudaSuccess && i < graph->n; i++)
    graph->work[i].run (graph->work[i].data);
  return leave (error);
}
