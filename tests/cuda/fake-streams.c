/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Streams, events, copies and graphs of the card of host memory. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fake-cuda.h"

#define MAX_STREAMS 64

/* Something to do, or another stream to wait for. */
typedef struct {
  void (*run) (void *);
  void (*free_data) (void *);
  void *data;
  unsigned long awaited; /* stream; 0: `run` */
  size_t position;       /* in that */
} Work;

struct CUgraph_st {
  Work *work;
  size_t n, max;
};

struct CUstream_st {
  unsigned long id;
  struct CUgraph_st *capture;
  struct CUgraph_st queue; /* what was started */
  size_t done;             /* of it */
  size_t before;           /* what was forgotten of it when it was empty */
};

struct CUevent_st {
  unsigned long stream; /* 0: never recorded */
  size_t position;
};

/* Alive ones; under the lock of fake-cuda.c. */
static struct CUstream_st *streams[MAX_STREAMS];
static unsigned long n_made;
static int late;

void
fake_streams_configure (int which)
{
  fake_streams_finish ();
  late = which;
}

static bool
is_late (const struct CUstream_st *stream)
{
  return (late & (stream->id % 2 == 1 ? 1 : 2)) != 0;
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

static struct CUstream_st *
find_stream (unsigned long id)
{
  for (int i = 0; i < MAX_STREAMS; i++)
    if (streams[i] != NULL && streams[i]->id == id)
      return streams[i];
  return NULL;
}

/* Everything of the stream up to `position`, and what that waits for. A stream
 * that is gone has done all. */
static void
finish (struct CUstream_st *stream, size_t position)
{
  struct CUgraph_st *queue;

  if (stream == NULL)
    return;
  queue = &stream->queue;
  while (stream->before + stream->done < position && stream->done < queue->n) {
    Work work = queue->work[stream->done++];

    if (work.awaited != 0) {
      finish (find_stream (work.awaited), work.position);
      continue;
    }
    work.run (work.data);
    if (work.free_data != NULL)
      work.free_data (work.data);
  }
  if (stream->done == queue->n) {
    stream->before += queue->n;
    stream->done = queue->n = 0;
  }
}

static size_t
end_of (const struct CUstream_st *stream)
{
  return stream->before + stream->queue.n;
}

void
fake_streams_finish (void)
{
  for (int i = 0; i < MAX_STREAMS; i++)
    if (streams[i] != NULL)
      finish (streams[i], end_of (streams[i]));
}

size_t
fake_streams_waiting (void)
{
  size_t n = 0;

  for (int i = 0; i < MAX_STREAMS; i++)
    if (streams[i] != NULL)
      n += streams[i]->queue.n - streams[i]->done;
  return n;
}

static cudaError_t
start (struct CUstream_st *stream, Work work)
{
  if (!append (&stream->queue, work)) {
    if (work.free_data != NULL)
      work.free_data (work.data);
    return cudaErrorMemoryAllocation;
  }
  if (!is_late (stream))
    finish (stream, end_of (stream));
  return cudaSuccess;
}

cudaError_t
cudaStreamCreateWithFlags (cudaStream_t *stream, unsigned int flags)
{
  cudaError_t error = fake_cuda_new_object (
      "cudaStreamCreateWithFlags", sizeof **stream, (void **) stream);

  if (error != cudaSuccess)
    return error;
  fake_cuda_enter ();
  (*stream)->id = ++n_made;
  for (int i = 0; i < MAX_STREAMS; i++)
    if (streams[i] == NULL) {
      streams[i] = *stream;
      return fake_cuda_leave (cudaSuccess);
    }
  abort ();
}

cudaError_t
cudaStreamDestroy (cudaStream_t stream)
{
  fake_cuda_enter ();
  finish (stream, end_of (stream));
  for (int i = 0; i < MAX_STREAMS; i++)
    if (streams[i] == stream)
      streams[i] = NULL;
  free (stream->queue.work);
  fake_cuda_leave (cudaSuccess);
  return fake_cuda_free_object ("cudaStreamDestroy", stream);
}

cudaError_t
cudaStreamSynchronize (cudaStream_t stream)
{
  cudaError_t error;

  fake_cuda_enter ();
  error = fake_cuda_count ("cudaStreamSynchronize");
  if (error == cudaSuccess)
    finish (stream, end_of (stream));
  return fake_cuda_leave (error);
}

cudaError_t
cudaEventCreate (cudaEvent_t *event)
{
  return fake_cuda_new_object (
      "cudaEventCreate", sizeof **event, (void **) event);
}

cudaError_t
cudaEventCreateWithFlags (cudaEvent_t *event, unsigned int flags)
{
  return fake_cuda_new_object (
      "cudaEventCreateWithFlags", sizeof **event, (void **) event);
}

cudaError_t
cudaEventDestroy (cudaEvent_t event)
{
  return fake_cuda_free_object ("cudaEventDestroy", event);
}

cudaError_t
cudaEventRecord (cudaEvent_t event, cudaStream_t stream)
{
  cudaError_t error;

  fake_cuda_enter ();
  error = fake_cuda_count ("cudaEventRecord");
  if (error == cudaSuccess) {
    event->stream = stream->id;
    event->position = end_of (stream);
  }
  return fake_cuda_leave (error);
}

cudaError_t
cudaEventSynchronize (cudaEvent_t event)
{
  cudaError_t error;

  fake_cuda_enter ();
  error = fake_cuda_count ("cudaEventSynchronize");
  if (error == cudaSuccess && event->stream != 0)
    finish (find_stream (event->stream), event->position);
  return fake_cuda_leave (error);
}

cudaError_t
cudaEventElapsedTime (float *milliseconds, cudaEvent_t begin, cudaEvent_t end)
{
  *milliseconds = 1;
  return fake_cuda_answer ("cudaEventElapsedTime");
}

cudaError_t
cudaStreamWaitEvent (cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
  cudaError_t error;

  fake_cuda_enter ();
  error = fake_cuda_count ("cudaStreamWaitEvent");
  if (error == cudaSuccess && event->stream != 0)
    error = start (stream,
        (Work){ .awaited = event->stream, .position = event->position });
  return fake_cuda_leave (error);
}

cudaError_t
fake_cuda_enqueue (const char *call, cudaStream_t stream, void (*run) (void *),
    void (*free_data) (void *), void *data)
{
  Work work = { .run = run, .free_data = free_data, .data = data };
  cudaError_t error;

  fake_cuda_enter ();
  error = fake_cuda_count (call);
  if (error == cudaSuccess && stream == NULL)
    error = fake_cuda_fail (cudaErrorInvalidValue);
  if (error != cudaSuccess) {
    free_data (data);
    return fake_cuda_leave (error);
  }
  if (stream->capture == NULL)
    return fake_cuda_leave (start (stream, work));
  if (append (stream->capture, work))
    return fake_cuda_leave (cudaSuccess);
  free_data (data);
  return fake_cuda_leave (cudaErrorMemoryAllocation);
}

typedef struct {
  void *to;
  const void *from; /* NULL: `value` */
  size_t bytes;     /* of a row */
  int value;
  char *kept;  /* what `from` held: memory that is not pinned is read at once */
  size_t rows; /* 0: one */
  size_t to_pitch, from_pitch;
} Copy;

static void
run_copy (void *data)
{
  const Copy *copy = data;

  if (copy->from == NULL)
    memset (copy->to, copy->value, copy->bytes);
  else
    memcpy (copy->to, copy->from, copy->bytes);
  for (size_t y = 1; y < copy->rows; y++)
    memcpy ((char *) copy->to + y * copy->to_pitch,
        (const char *) copy->from + y * copy->from_pitch, copy->bytes);
}

static void
free_copy (void *data)
{
  free (((Copy *) data)->kept);
  free (data);
}

static cudaError_t
enqueue_copy (const char *call, cudaStream_t stream, Copy copy)
{
  Copy *kept = malloc (sizeof *kept);

  *kept = copy;
  return fake_cuda_enqueue (call, stream, run_copy, free_copy, kept);
}

static cudaError_t
copy_up (void *to, const void *from, size_t bytes, cudaStream_t stream)
{
  Copy copy = { .to = to, .from = from, .bytes = bytes };

  if (!fake_cuda_is_card (to, bytes))
    return fake_cuda_fail (cudaErrorInvalidValue);
  if (!fake_cuda_is_pinned (from, bytes)) {
    copy.kept = malloc (bytes + 1);
    memcpy (copy.kept, from, bytes);
    copy.from = copy.kept;
  }
  fake_cuda_count_bytes (bytes, 0);
  return enqueue_copy ("cudaMemcpyAsync", stream, copy);
}

cudaError_t
cudaMemcpyAsync (void *to, const void *from, size_t bytes,
    enum cudaMemcpyKind kind, cudaStream_t stream)
{
  cudaError_t error;

  if (kind == cudaMemcpyHostToDevice)
    return copy_up (to, from, bytes, stream);
  if (!fake_cuda_is_card (from, bytes))
    return fake_cuda_fail (cudaErrorInvalidValue);
  if (kind == cudaMemcpyDeviceToDevice && fake_cuda_is_card (to, bytes))
    return enqueue_copy ("cudaMemcpyAsync", stream,
        (Copy){ .to = to, .from = from, .bytes = bytes });
  if (kind != cudaMemcpyDeviceToHost)
    return fake_cuda_fail (cudaErrorInvalidValue);
  fake_cuda_count_bytes (0, bytes);
  error = enqueue_copy ("cudaMemcpyAsync", stream,
      (Copy){ .to = to, .from = from, .bytes = bytes });
  if (error == cudaSuccess && stream->capture == NULL &&
      !fake_cuda_is_pinned (to, bytes))
    error = cudaStreamSynchronize (stream);
  return error;
}

/* From card to card, or to pinned memory. */
cudaError_t
cudaMemcpy2DAsync (void *to, size_t to_pitch, const void *from,
    size_t from_pitch, size_t width, size_t height, enum cudaMemcpyKind kind,
    cudaStream_t stream)
{
  size_t to_bytes = (height - 1) * to_pitch + width;
  size_t from_bytes = (height - 1) * from_pitch + width;
  bool down = kind == cudaMemcpyDeviceToHost;

  if (height == 0 || width > to_pitch || width > from_pitch ||
      (!down && kind != cudaMemcpyDeviceToDevice) ||
      !fake_cuda_is_card (from, from_bytes) ||
      !(down ? fake_cuda_is_pinned (to, to_bytes)
             : fake_cuda_is_card (to, to_bytes)))
    return fake_cuda_fail (cudaErrorInvalidValue);
  if (down)
    fake_cuda_count_bytes (0, width * height);
  return enqueue_copy ("cudaMemcpy2DAsync", stream,
      (Copy){ .to = to,
          .from = from,
          .bytes = width,
          .rows = height,
          .to_pitch = to_pitch,
          .from_pitch = from_pitch });
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
  return fake_cuda_new_object ("cudaStreamBeginCapture",
      sizeof *stream->capture, (void **) &stream->capture);
}

cudaError_t
cudaStreamEndCapture (cudaStream_t stream, cudaGraph_t *graph)
{
  *graph = stream->capture;
  stream->capture = NULL;
  return fake_cuda_answer ("cudaStreamEndCapture");
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
  cudaError_t error = fake_cuda_new_object (
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
  return fake_cuda_free_object ("cudaGraphDestroy", graph);
}

/* What was launched and still waits is of this graph. */
cudaError_t
cudaGraphExecDestroy (cudaGraphExec_t exec)
{
  fake_cuda_enter ();
  fake_streams_finish ();
  fake_cuda_leave (cudaSuccess);
  free_graph ((struct CUgraph_st *) exec);
  return fake_cuda_free_object ("cudaGraphExecDestroy", exec);
}

cudaError_t
cudaGraphLaunch (cudaGraphExec_t exec, cudaStream_t stream)
{
  const struct CUgraph_st *graph = (const struct CUgraph_st *) exec;
  cudaError_t error;

  fake_cuda_enter ();
  error = fake_cuda_count ("cudaGraphLaunch");
  for (size_t i = 0; error == cudaSuccess && i < graph->n; i++)
    error = start (stream,
        (Work){ .run = graph->work[i].run, .data = graph->work[i].data });
  return fake_cuda_leave (error);
}
