/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-cudnn.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ATTRIBUTES 12
#define MAX_GRAPHS 4096
#define ENGINES 4
#define COMPILED 3 /* the one that is compiled at run time */

typedef struct Descriptor Descriptor;

typedef struct {
  cudnnBackendAttributeName_t name;
  cudnnBackendAttributeType_t type;
  int64_t count;
  char *bytes;
} Attribute;

struct Descriptor {
  cudnnBackendDescriptorType_t type;
  bool final;
  int engine;
  Attribute attributes[MAX_ATTRIBUTES];
  int n;
};

struct cudnnContext {
  cudaStream_t stream;
};

static char *graphs[MAX_GRAPHS];
static int n_graphs, alive, last_engine;

const char *
fake_cudnn_graph (int index)
{
  return index >= 0 && index < n_graphs ? graphs[index] : NULL;
}

int
fake_cudnn_last_engine (void)
{
  return last_engine;
}

int
fake_cudnn_alive (void)
{
  return alive;
}

FAKE_EXPORT size_t
cudnnGetVersion (void)
{
  return CUDNN_VERSION;
}

FAKE_EXPORT const char *
cudnnGetErrorString (cudnnStatus_t status)
{
  return "refused (fake)";
}

FAKE_EXPORT cudnnStatus_t
cudnnCreate (cudnnHandle_t *handle)
{
  *handle = calloc (1, sizeof **handle);
  alive++;
  return CUDNN_STATUS_SUCCESS;
}

FAKE_EXPORT cudnnStatus_t
cudnnDestroy (cudnnHandle_t handle)
{
  free (handle);
  alive--;
  return CUDNN_STATUS_SUCCESS;
}

FAKE_EXPORT cudnnStatus_t
cudnnSetStream (cudnnHandle_t handle, cudaStream_t stream)
{
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

FAKE_EXPORT cudnnStatus_t
cudnnBackendCreateDescriptor (
    cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *descriptor)
{
  Descriptor *d = calloc (1, sizeof *d);

  d->type = type;
  alive++;
  *descriptor = (cudnnBackendDescriptor_t) d;
  return CUDNN_STATUS_SUCCESS;
}

FAKE_EXPORT cudnnStatus_t
cudnnBackendDestroyDescriptor (cudnnBackendDescriptor_t descriptor)
{
  Descriptor *d = (Descriptor *) descriptor;

  for (int i = 0; i < d->n; i++)
    free (d->attributes[i].bytes);
  free (d);
  alive--;
  return CUDNN_STATUS_SUCCESS;
}

static size_t
size_of (cudnnBackendAttributeType_t type)
{
  switch (type) {
    case CUDNN_TYPE_BOOLEAN:
      return sizeof (bool);
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
      return 8;
    default:
      return 4;
  }
}

FAKE_EXPORT cudnnStatus_t
cudnnBackendSetAttribute (cudnnBackendDescriptor_t descriptor,
    cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
    int64_t count, const void *values)
{
  Descriptor *d = (Descriptor *) descriptor;
  Attribute *a = &d->attributes[d->n];

  if (d->final || d->n == MAX_ATTRIBUTES)
    return CUDNN_STATUS_BAD_PARAM;
  for (int64_t i = 0; type == CUDNN_TYPE_BACKEND_DESCRIPTOR && i < count; i++)
    if (((Descriptor *const *) values)[i] == NULL ||
        (!((Descriptor *const *) values)[i]->final &&
            d->type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR))
      return CUDNN_STATUS_BAD_PARAM;
  *a = (Attribute){ name, type, count,
    malloc ((size_t) count * size_of (type) + 1) };
  memcpy (a->bytes, values, (size_t) count * size_of (type));
  d->n++;
  return CUDNN_STATUS_SUCCESS;
}

static const Attribute *
attribute (const Descriptor *d, cudnnBackendAttributeName_t name)
{
  for (int i = 0; i < d->n; i++)
    if (d->attributes[i].name == name)
      return &d->attributes[i];
  return NULL;
}

/* The value, which must be there. */
static const void *
get (const Descriptor *d, cudnnBackendAttributeName_t name)
{
  const Attribute *a = attribute (d, name);

  if (a == NULL) {
    fprintf (stderr, "fake cuDNN: descriptor %d has no attribute %d\n",
        (int) d->type, (int) name);
    abort ();
  }
  return a->bytes;
}

static const Descriptor *
descriptor_of (const Descriptor *d, cudnnBackendAttributeName_t name)
{
  return *(const Descriptor *const *) get (d, name);
}

static int64_t
int_of (const Descriptor *d, cudnnBackendAttributeName_t name, int index)
{
  return ((const int64_t *) get (d, name))[index];
}

static int
enum_of (const Descriptor *d, cudnnBackendAttributeName_t name)
{
  return *(const int *) get (d, name);
}

static void
write_tensor (const Descriptor *t, const char *name, char *text, size_t size)
{
  bool is_virtual = *(const bool *) get (t, CUDNN_ATTR_TENSOR_IS_VIRTUAL);
  size_t at = strlen (text);

  snprintf (text + at, size - at, "%s%s%s %ldx%ldx%ldx%ld/%ld,%ld,%ld,%ld ",
      name,
      enum_of (t, CUDNN_ATTR_TENSOR_DATA_TYPE) == CUDNN_DATA_HALF ? ":half"
                                                                  : ":float",
      is_virtual ? "*" : "", (long) int_of (t, CUDNN_ATTR_TENSOR_DIMENSIONS, 0),
      (long) int_of (t, CUDNN_ATTR_TENSOR_DIMENSIONS, 1),
      (long) int_of (t, CUDNN_ATTR_TENSOR_DIMENSIONS, 2),
      (long) int_of (t, CUDNN_ATTR_TENSOR_DIMENSIONS, 3),
      (long) int_of (t, CUDNN_ATTR_TENSOR_STRIDES, 0),
      (long) int_of (t, CUDNN_ATTR_TENSOR_STRIDES, 1),
      (long) int_of (t, CUDNN_ATTR_TENSOR_STRIDES, 2),
      (long) int_of (t, CUDNN_ATTR_TENSOR_STRIDES, 3));
}

static void
write_conv (const Descriptor *op, char *text, size_t size)
{
  const Descriptor *c =
      descriptor_of (op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC);
  size_t at;

  write_tensor (descriptor_of (op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X),
      "conv x", text, size);
  write_tensor (descriptor_of (op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W),
      "w", text, size);
  at = strlen (text);
  snprintf (text + at, size - at,
      "pad %ld,%ld+%ld,%ld stride %ld,%ld dil %ld,%ld ",
      (long) int_of (c, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, 0),
      (long) int_of (c, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, 1),
      (long) int_of (c, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, 0),
      (long) int_of (c, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, 1),
      (long) int_of (c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, 0),
      (long) int_of (c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, 1),
      (long) int_of (c, CUDNN_ATTR_CONVOLUTION_DILATIONS, 0),
      (long) int_of (c, CUDNN_ATTR_CONVOLUTION_DILATIONS, 1));
  write_tensor (descriptor_of (op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y),
      "->", text, size);
}

static void
write_pointwise (const Descriptor *op, char *text, size_t size)
{
  const Descriptor *p =
      descriptor_of (op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
  int mode = enum_of (p, CUDNN_ATTR_POINTWISE_MODE);
  bool clip = attribute (p, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP) != NULL;
  size_t at = strlen (text);

  if (mode == CUDNN_POINTWISE_ADD)
    write_tensor (descriptor_of (op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC),
        "add", text, size);
  else
    snprintf (text + at, size - at, "%s ",
        mode == CUDNN_POINTWISE_SIGMOID_FWD ? "sigmoid"
            : clip                          ? "clip"
                                            : "relu");
  write_tensor (descriptor_of (op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC), "->",
      text, size);
}

/* Whether an engine is there for what the graph says. */
static bool
is_refused (const char *text)
{
  const char *refused = getenv ("PET_FAKE_CUDNN");
  const char *act = strstr (text, "relu");
  char copy[256], *rest = copy, *word;

  if (refused == NULL)
    return false;
  if (act == NULL)
    act = strstr (text, "clip");
  snprintf (copy, sizeof copy, "%s", refused);
  while ((word = strsep (&rest, ",")) != NULL) {
    if (strcmp (word, "last") == 0 && act != NULL && strstr (act, "add:"))
      return true;
    if (*word != '\0' && strcmp (word, "last") != 0 && strstr (text, word))
      return true;
  }
  return false;
}

static cudnnStatus_t
finish_graph (Descriptor *d)
{
  const Attribute *ops = attribute (d, CUDNN_ATTR_OPERATIONGRAPH_OPS);
  const Descriptor *const *op = (const Descriptor *const *) ops->bytes;
  char text[4096] = "";

  write_conv (op[0], text, sizeof text);
  for (int64_t i = 1; i < ops->count; i++)
    write_pointwise (op[i], text, sizeof text);
  if (is_refused (text))
    return CUDNN_STATUS_NOT_SUPPORTED;
  if (n_graphs < MAX_GRAPHS)
    graphs[n_graphs++] = strdup (text);
  return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t
finish_tensor (const Descriptor *d)
{
  const int64_t *dims = get (d, CUDNN_ATTR_TENSOR_DIMENSIONS);
  const int64_t *strides = get (d, CUDNN_ATTR_TENSOR_STRIDES);

  get (d, CUDNN_ATTR_TENSOR_UNIQUE_ID);
  get (d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
  for (int i = 0; i < 4; i++)
    if (dims[i] < 1 || strides[i] < 1)
      return CUDNN_STATUS_BAD_PARAM;
  return CUDNN_STATUS_SUCCESS;
}

FAKE_EXPORT cudnnStatus_t
cudnnBackendFinalize (cudnnBackendDescriptor_t descriptor)
{
  Descriptor *d = (Descriptor *) descriptor;
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;

  if (d->final)
    return CUDNN_STATUS_BAD_PARAM;
  if (d->type == CUDNN_BACKEND_TENSOR_DESCRIPTOR)
    status = finish_tensor (d);
  else if (d->type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR)
    status = finish_graph (d);
  d->final = status == CUDNN_STATUS_SUCCESS;
  return status;
}

/* The heuristics' results are configurations with an engine each. */
FAKE_EXPORT cudnnStatus_t
cudnnBackendGetAttribute (const cudnnBackendDescriptor_t descriptor,
    cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
    int64_t wanted, int64_t *count, void *values)
{
  const Descriptor *d = (const Descriptor *) descriptor;
  static const int notes[ENGINES] = { CUDNN_NUMERICAL_NOTE_TENSOR_CORE, -1,
    CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, -1 };

  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
      *count = ENGINES;
      for (int i = 0; i < ENGINES && i < wanted; i++) {
        Descriptor *config = ((Descriptor **) values)[i];

        config->engine = i;
        config->final = true;
        config->attributes[0] =
            (Attribute){ CUDNN_ATTR_OPERATIONGRAPH_OPS, 0, 1, malloc (8) };
        memcpy (config->attributes[0].bytes,
            get (d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH), 8);
        config->n = 1;
      }
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINECFG_ENGINE:
      (*(Descriptor **) values)->engine = d->engine;
      *count = 1;
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
      *count = notes[d->engine] >= 0;
      *(int *) values = notes[d->engine];
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE:
      *count = d->engine == COMPILED;
      *(int *) values = CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      *(int64_t *) values = 1000;
      *count = 1;
      return CUDNN_STATUS_SUCCESS;
    default:
      return CUDNN_STATUS_BAD_PARAM;
  }
}

typedef struct {
  char *data;
  int64_t dims[4], strides[4];
  bool half;
} Tensor;

typedef struct {
  Tensor x, w, y;
  int64_t pad[2], stride[2], dilation[2];
  struct {
    int mode; /* of CUDNN_POINTWISE_ */
    Tensor b;
    float low, high;
  } steps[3];
  int n_steps;
} Job;

/* Halves as floats, by table: the compiler's own conversion is a call. */
static float halves[65536];
static bool ready;

static float
load (const Tensor *t, int64_t at)
{
  return t->half ? halves[((const uint16_t *) t->data)[at]]
                 : ((const float *) t->data)[at];
}

/* The numbers of a tensor up to the last one; free() it. */
static float *
as_floats (const Tensor *t)
{
  int64_t n = 1;
  float *floats;

  for (int i = 0; i < 4; i++)
    n += (t->dims[i] - 1) * t->strides[i];
  floats = malloc ((size_t) n * sizeof *floats);
  for (int64_t i = 0; i < n; i++)
    floats[i] = load (t, i);
  return floats;
}

/* Channels come in groups of 8. */
static float
dot (const float *a, const float *b, int64_t n)
{
  float sums[8] = { 0 };

  for (int64_t i = 0; i < n; i += 8)
    for (int j = 0; j < 8; j++)
      sums[j] += a[i + j] * b[i + j];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
      ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static float
convolve (const Job *job, const float *xs, const float *ws, int64_t n,
    int64_t k, int64_t p, int64_t q)
{
  const Tensor *x = &job->x, *w = &job->w;
  float sum = 0;

  for (int64_t r = 0; r < w->dims[2]; r++)
    for (int64_t s = 0; s < w->dims[3]; s++) {
      int64_t row = p * job->stride[0] - job->pad[0] + r * job->dilation[0];
      int64_t column = q * job->stride[1] - job->pad[1] + s * job->dilation[1];

      if (row >= 0 && row < x->dims[2] && column >= 0 && column < x->dims[3])
        sum += dot (xs + n * x->strides[0] + row * x->strides[2] +
                column * x->strides[3],
            ws + k * w->strides[0] + r * w->strides[2] + s * w->strides[3],
            w->dims[1]);
    }
  return sum;
}

static float
follow (const Job *job, float v, const int64_t place[4])
{
  for (int i = 0; i < job->n_steps; i++) {
    const Tensor *b = &job->steps[i].b;
    int64_t at = 0;

    if (job->steps[i].mode == CUDNN_POINTWISE_ADD) {
      for (int j = 0; j < 4; j++)
        at += (b->dims[j] == 1 ? 0 : place[j]) * b->strides[j];
      v += load (b, at);
    } else if (job->steps[i].mode == CUDNN_POINTWISE_SIGMOID_FWD) {
      v = 1 / (1 + expf (-v));
    } else {
      v = v < job->steps[i].low ? job->steps[i].low : v;
      v = v > job->steps[i].high ? job->steps[i].high : v;
    }
  }
  return v;
}

static void
run_job (void *data)
{
  const Job *job = data;
  const Tensor *y = &job->y;
  float *xs, *ws;
  int64_t i[4];

  for (unsigned half = 0; half < 65536 && !ready; half++) {
    uint16_t bits = (uint16_t) half;
    _Float16 value;

    memcpy (&value, &bits, 2);
    halves[half] = (float) value;
  }
  ready = true;
  xs = as_floats (&job->x);
  ws = as_floats (&job->w);

  for (i[0] = 0; i[0] < y->dims[0]; i[0]++)
    for (i[2] = 0; i[2] < y->dims[2]; i[2]++)
      for (i[3] = 0; i[3] < y->dims[3]; i[3]++)
        for (i[1] = 0; i[1] < y->dims[1]; i[1]++) {
          float v =
              follow (job, convolve (job, xs, ws, i[0], i[1], i[2], i[3]), i);
          int64_t at = i[0] * y->strides[0] + i[1] * y->strides[1] +
              i[2] * y->strides[2] + i[3] * y->strides[3];

          if (y->half)
            ((_Float16 *) y->data)[at] = (_Float16) v;
          else
            ((float *) y->data)[at] = v;
        }
  free (xs);
  free (ws);
}

/* The tensor with its address; false where that is not memory of the card. */
static bool
bind (const Descriptor *t, const Descriptor *pack, Tensor *result)
{
  const Attribute *uids = attribute (pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  char *const *pointers = get (pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  int64_t uid = int_of (t, CUDNN_ATTR_TENSOR_UNIQUE_ID, 0), last = 0;

  memset (result, 0, sizeof *result);
  memcpy (result->dims, get (t, CUDNN_ATTR_TENSOR_DIMENSIONS), 32);
  memcpy (result->strides, get (t, CUDNN_ATTR_TENSOR_STRIDES), 32);
  result->half = enum_of (t, CUDNN_ATTR_TENSOR_DATA_TYPE) == CUDNN_DATA_HALF;
  for (int64_t i = 0; i < uids->count; i++)
    if (((const int64_t *) uids->bytes)[i] == uid)
      result->data = pointers[i];
  for (int i = 0; i < 4; i++)
    last += (result->dims[i] - 1) * result->strides[i];
  return (uintptr_t) result->data % 16 == 0 &&
      fake_cuda_is_card (
          result->data, (size_t) (last + 1) * (result->half ? 2 : 4));
}

static bool
bind_step (const Descriptor *op, const Descriptor *pack, Job *job)
{
  const Descriptor *p =
      descriptor_of (op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
  int i = job->n_steps++;

  job->steps[i].mode = enum_of (p, CUDNN_ATTR_POINTWISE_MODE);
  job->steps[i].low = 0;
  job->steps[i].high = INFINITY;
  if (attribute (p, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP) != NULL) {
    job->steps[i].low =
        (float) *(const double *) get (p, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP);
    job->steps[i].high =
        (float) *(const double *) get (p, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP);
  }
  return job->steps[i].mode != CUDNN_POINTWISE_ADD ||
      bind (descriptor_of (op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC), pack,
          &job->steps[i].b);
}

static bool
bind_job (const Descriptor *graph, const Descriptor *pack, Job *job)
{
  const Attribute *ops = attribute (graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
  const Descriptor *const *op = (const Descriptor *const *) ops->bytes;
  const Descriptor *c =
      descriptor_of (op[0], CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC);
  bool good = true;

  for (int64_t i = 1; i < ops->count; i++)
    good = bind_step (op[i], pack, job) && good;
  memcpy (job->pad, get (c, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS), 16);
  memcpy (job->stride, get (c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES), 16);
  memcpy (job->dilation, get (c, CUDNN_ATTR_CONVOLUTION_DILATIONS), 16);
  return good &&
      bind (descriptor_of (op[0], CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X),
          pack, &job->x) &&
      bind (descriptor_of (op[0], CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W),
          pack, &job->w) &&
      bind (descriptor_of (
                op[ops->count - 1], CUDNN_ATTR_OPERATION_POINTWISE_YDESC),
          pack, &job->y);
}

FAKE_EXPORT cudnnStatus_t
cudnnBackendExecute (cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
    cudnnBackendDescriptor_t pack)
{
  const Descriptor *config = descriptor_of (
      (const Descriptor *) plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  Job *job = calloc (1, sizeof *job);

  last_engine = config->engine;
  if (config->engine == COMPILED ||
      !bind_job (descriptor_of (config, CUDNN_ATTR_OPERATIONGRAPH_OPS),
          (const Descriptor *) pack, job)) {
    free (job);
    return CUDNN_STATUS_BAD_PARAM;
  }
  return fake_cuda_enqueue ("cudnnBackendExecute", handle->stream, run_job,
             free, job) == cudaSuccess
      ? CUDNN_STATUS_SUCCESS
      : CUDNN_STATUS_EXECUTION_FAILED;
}
