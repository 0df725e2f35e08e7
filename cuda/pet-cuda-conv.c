/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The graph of a convolution in cuDNN's words:
 *
 *   x, w -> conv -> [+ z] -> + bias -> [act] -> y      act (conv + b + z)
 *   x, w -> conv -> + bias -> [act] -> [+ z] -> y      act (conv + b) + z
 *
 * in this order because the compiled engines know the first only with the
 * residual before the bias. What lies between is float32 and never stored. */

#include <string.h>

#include "pet-cuda-conv.h"

/* Plans that want more are not worth their memory. Where a result lies in a concat
 * cuDNN works on a dense copy of it, so that what it wants grows with the batch. */
#define MAX_WORKSPACE ((size_t) 128 << 20)
#define MAX_CANDIDATES 24

enum { UID_X = 1, UID_W, UID_BIAS, UID_Z, UID_Y, UID_INNER };

static cudnnDataType_t
data_type (const PetCudaConvKey *key)
{
  return key->type == PET_CUDA_HALF ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT;
}

static cudnnBackendDescriptor_t
tensor (PetCudnnBuild *build, int64_t uid, cudnnDataType_t type,
    const int64_t dims[4], const int64_t strides[4], const char *what)
{
  cudnnBackendDescriptor_t t =
      pet_cudnn_new (build, CUDNN_BACKEND_TENSOR_DESCRIPTOR, what);
  int64_t alignment = 16;
  bool is_virtual = uid >= UID_INNER;

  pet_cudnn_set (
      build, t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  pet_cudnn_set (
      build, t, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims);
  pet_cudnn_set (
      build, t, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
  pet_cudnn_set (
      build, t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid);
  pet_cudnn_set (build, t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64,
      1, &alignment);
  pet_cudnn_set (build, t, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1,
      &is_virtual);
  pet_cudnn_finalize (build, t);
  return t;
}

/* N, C, H, W with the channels innermost and `pitch` from pixel to pixel. */
static cudnnBackendDescriptor_t
picture (PetCudnnBuild *build, int64_t uid, cudnnDataType_t type, int batch,
    int channels, int height, int width, int pitch, const char *what)
{
  int64_t dims[4] = { batch, channels, height, width };
  int64_t strides[4] = { (int64_t) height * width * pitch, 1,
    (int64_t) width * pitch, pitch };

  return tensor (build, uid, type, dims, strides, what);
}

static cudnnBackendDescriptor_t
result_like (PetCudnnBuild *build, const PetCudaConvKey *key, int64_t uid)
{
  if (uid >= UID_INNER)
    return picture (build, uid, CUDNN_DATA_FLOAT, key->batch, key->out,
        key->out_height, key->out_width, key->out, "an inner tensor");
  return picture (build, uid, data_type (key), key->batch, key->out,
      key->out_height, key->out_width,
      uid == UID_Z ? key->z_pitch : key->y_pitch, "a result");
}

static cudnnBackendDescriptor_t
weights (PetCudnnBuild *build, const PetCudaConvKey *key)
{
  int64_t dims[4] = { key->out, key->in, key->kernel[0], key->kernel[1] };
  int64_t strides[4] = { (int64_t) key->kernel[0] * key->kernel[1] * key->in, 1,
    (int64_t) key->kernel[1] * key->in, key->in };

  return tensor (build, UID_W, data_type (key), dims, strides, "weights");
}

static cudnnBackendDescriptor_t
bias (PetCudnnBuild *build, const PetCudaConvKey *key)
{
  int64_t dims[4] = { 1, key->out, 1, 1 };
  int64_t strides[4] = { key->out, 1, key->out, key->out };

  return tensor (build, UID_BIAS, data_type (key), dims, strides, "a bias");
}

static void
set_pair (PetCudnnBuild *build, cudnnBackendDescriptor_t descriptor,
    cudnnBackendAttributeName_t name, const int values[2])
{
  int64_t pair[2] = { values[0], values[1] };

  pet_cudnn_set (build, descriptor, name, CUDNN_TYPE_INT64, 2, pair);
}

static cudnnBackendDescriptor_t
convolution (PetCudnnBuild *build, const PetCudaConvKey *key)
{
  cudnnBackendDescriptor_t c = pet_cudnn_new (
      build, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "a convolution");
  cudnnDataType_t compute = CUDNN_DATA_FLOAT;
  cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  int64_t spatial = 2;

  pet_cudnn_set (build, c, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS,
      CUDNN_TYPE_INT64, 1, &spatial);
  pet_cudnn_set (build, c, CUDNN_ATTR_CONVOLUTION_COMP_TYPE,
      CUDNN_TYPE_DATA_TYPE, 1, &compute);
  pet_cudnn_set (build, c, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
      CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  set_pair (build, c, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, key->pad);
  set_pair (build, c, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, key->pad_end);
  set_pair (build, c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, key->stride);
  set_pair (build, c, CUDNN_ATTR_CONVOLUTION_DILATIONS, key->dilation);
  pet_cudnn_finalize (build, c);
  return c;
}

static void
set_descriptor (PetCudnnBuild *build, cudnnBackendDescriptor_t descriptor,
    cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t value)
{
  pet_cudnn_set (
      build, descriptor, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static cudnnBackendDescriptor_t
convolve (
    PetCudnnBuild *build, const PetCudaConvKey *key, cudnnBackendDescriptor_t y)
{
  cudnnBackendDescriptor_t c = convolution (build, key);
  cudnnBackendDescriptor_t w = weights (build, key), op;
  cudnnBackendDescriptor_t x = picture (build, UID_X, data_type (key),
      key->batch, key->in, key->height, key->width, key->x_pitch, "an input");
  float one = 1.0f, zero = 0.0f;

  op = pet_cudnn_new (build,
      CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, "convolving");
  set_descriptor (
      build, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, c);
  set_descriptor (build, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
  set_descriptor (build, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w);
  set_descriptor (build, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
  pet_cudnn_set (build, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
      CUDNN_TYPE_FLOAT, 1, &one);
  pet_cudnn_set (build, op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
      CUDNN_TYPE_FLOAT, 1, &zero);
  pet_cudnn_finalize (build, op);
  return op;
}

/* `key` NULL: an addition; else the activation, and `b` is NULL. */
static cudnnBackendDescriptor_t
pointwise (PetCudnnBuild *build, const PetCudaConvKey *key,
    cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t b,
    cudnnBackendDescriptor_t y)
{
  cudnnBackendDescriptor_t p = pet_cudnn_new (
      build, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "an activation");
  cudnnPointwiseMode_t mode = key == NULL ? CUDNN_POINTWISE_ADD
      : key->act == PET_CUDA_ACT_SIGMOID  ? CUDNN_POINTWISE_SIGMOID_FWD
                                          : CUDNN_POINTWISE_RELU_FWD;
  cudnnDataType_t precision = CUDNN_DATA_FLOAT;
  cudnnBackendDescriptor_t op;

  pet_cudnn_set (
      build, p, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  pet_cudnn_set (build, p, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE,
      1, &precision);
  if (key != NULL && key->act == PET_CUDA_ACT_CLIP) {
    double low = (double) key->low, high = (double) key->high;

    pet_cudnn_set (build, p, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP,
        CUDNN_TYPE_DOUBLE, 1, &low);
    pet_cudnn_set (build, p, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP,
        CUDNN_TYPE_DOUBLE, 1, &high);
  }
  pet_cudnn_finalize (build, p);
  op = pet_cudnn_new (
      build, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "a pointwise step");
  set_descriptor (build, op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, p);
  set_descriptor (build, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (b != NULL)
    set_descriptor (build, op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
  set_descriptor (build, op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  pet_cudnn_finalize (build, op);
  return op;
}

typedef enum { STEP_BIAS, STEP_Z, STEP_ACT } Step;

/* What follows the convolution, in order. */
static int
list_steps (const PetCudaConvKey *key, PetCudaFused fused, Step steps[3])
{
  bool act = key->act != PET_CUDA_ACT_NONE && fused != PET_CUDA_FUSED_BIAS;
  bool z = key->residual && fused == PET_CUDA_FUSED_ALL;
  int n = 0;

  if (z && !key->residual_last)
    steps[n++] = STEP_Z;
  steps[n++] = STEP_BIAS;
  if (act)
    steps[n++] = STEP_ACT;
  if (z && key->residual_last)
    steps[n++] = STEP_Z;
  return n;
}

static cudnnBackendDescriptor_t
build_graph (
    PetCudnnBuild *build, const PetCudaConvKey *key, PetCudaFused fused)
{
  cudnnBackendDescriptor_t ops[4], value, graph;
  Step steps[3];
  int n = list_steps (key, fused, steps);

  value = result_like (build, key, UID_INNER);
  ops[0] = convolve (build, key, value);
  for (int i = 0; i < n; i++) {
    cudnnBackendDescriptor_t next = result_like (
        build, key, i == n - 1 ? UID_Y : UID_INNER + 1 + (int64_t) i);
    cudnnBackendDescriptor_t other = steps[i] == STEP_BIAS ? bias (build, key)
        : steps[i] == STEP_Z ? result_like (build, key, UID_Z)
                             : NULL;

    ops[i + 1] = pointwise (
        build, steps[i] == STEP_ACT ? key : NULL, value, other, next);
    value = next;
  }
  graph =
      pet_cudnn_new (build, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "a graph");
  pet_cudnn_set (build, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS,
      CUDNN_TYPE_BACKEND_DESCRIPTOR, n + 1, ops);
  if (build->dnn->handle != NULL)
    pet_cudnn_set (build, graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE,
        CUDNN_TYPE_HANDLE, 1, &build->dnn->handle);
  pet_cudnn_finalize (build, graph);
  return graph;
}

/* What an engine notes about itself; -1: it does not tell. */
static int64_t
get_notes (const PetCudnn *dnn, cudnnBackendDescriptor_t engine,
    cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
    int64_t max, void *notes)
{
  int64_t n = 0;

  if (dnn->cudnnBackendGetAttribute (engine, name, type, max, &n, notes) !=
      CUDNN_STATUS_SUCCESS)
    return -1;
  return n < max ? n : max;
}

/* Sums in float32, no TF32 where fp32 was asked for, and the same bytes every
 * time. `slow`: without tensor cores, too, where halves do not need them. */
static bool
computes_as_promised (const PetCudnn *dnn, const PetCudaConvKey *key,
    cudnnBackendDescriptor_t engine, bool slow)
{
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  int64_t n = get_notes (dnn, engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
      CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, notes);
  bool has_tensor_cores = false;

  for (int64_t i = 0; i < n; i++) {
    if (notes[i] == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC ||
        notes[i] == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION ||
        notes[i] == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)
      return false;
    has_tensor_cores =
        has_tensor_cores || notes[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
  }
  if (n < 0)
    return false;
  return key->type == PET_CUDA_FLOAT ? !has_tensor_cores
                                     : slow || has_tensor_cores;
}

/* Not compiled while the program runs: that costs seconds at every start, and
 * cuDNN 9.19's float32 engine of that kind (fort_ffma_grouped) reads behind its
 * operands (compute-sanitizer, H200). */
static bool
is_precompiled (const PetCudnn *dnn, cudnnBackendDescriptor_t engine)
{
  cudnnBackendBehaviorNote_t notes[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
  int64_t n = get_notes (dnn, engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
      CUDNN_TYPE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT, notes);

  for (int64_t i = 0; i < n; i++)
    if (notes[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION)
      return false;
  return n >= 0;
}

static bool
is_acceptable (const PetCudnn *dnn, const PetCudaConvKey *key,
    cudnnBackendDescriptor_t config, bool slow)
{
  cudnnBackendDescriptor_t engine = NULL;
  int64_t n = 0;
  bool good;

  if (dnn->cudnnBackendCreateDescriptor (
          CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine) != CUDNN_STATUS_SUCCESS)
    return false;
  good = dnn->cudnnBackendGetAttribute (config, CUDNN_ATTR_ENGINECFG_ENGINE,
             CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &n,
             &engine) == CUDNN_STATUS_SUCCESS &&
      computes_as_promised (dnn, key, engine, slow) &&
      is_precompiled (dnn, engine);
  (void) dnn->cudnnBackendDestroyDescriptor (engine);
  return good;
}

static void
set_device (PetCudnnBuild *build, cudnnBackendDescriptor_t descriptor,
    cudnnBackendAttributeName_t name)
{
  if (build->dnn->device != NULL)
    set_descriptor (build, descriptor, name, build->dnn->device);
}

/* Adds the plan of `config` to those of `conv` if there is one to be had. */
static void
add_plan (const PetCudnn *dnn, PetCudaConv *conv,
    cudnnBackendDescriptor_t config, int choice)
{
  PetCudnnBuild *build = &conv->plans[conv->n_plans];
  cudnnBackendDescriptor_t plan;
  int64_t workspace = 0, n = 0;

  memset (build, 0, sizeof *build);
  build->dnn = dnn;
  plan = pet_cudnn_new (
      build, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "an execution plan");
  if (dnn->handle != NULL)
    pet_cudnn_set (build, plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
        CUDNN_TYPE_HANDLE, 1, &dnn->handle);
  set_descriptor (build, plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
  set_device (build, plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
  pet_cudnn_finalize (build, plan);
  if (build->status == CUDNN_STATUS_SUCCESS)
    build->status = dnn->cudnnBackendGetAttribute (plan,
        CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &n,
        &workspace);
  if (build->status != CUDNN_STATUS_SUCCESS || workspace < 0 ||
      (uint64_t) workspace > MAX_WORKSPACE) {
    pet_cudnn_clear (build);
    return;
  }
  conv->choice[conv->n_plans] = choice;
  conv->workspace[conv->n_plans++] = (size_t) workspace;
}

/* Which engines are looked for; the first one's number is `first`. */
typedef struct {
  cudnnBackendHeurMode_t mode;
  int first;
  bool slow;
} Search;

/* One after the other, until there are plans. The fallback engines take nearly
 * everything: a good engine for a part comes before a slow one for all. */
static const Search searches[] = { { CUDNN_HEUR_MODE_A, 0, false },
  { CUDNN_HEUR_MODE_A, 0, true }, { CUDNN_HEUR_MODE_FALLBACK, 100, true } };

/* The engines that the heuristics name, in their order. The configurations are
 * kept with the graph. */
static void
ask_heuristics (const PetCudnn *dnn, PetCudaConv *conv,
    cudnnBackendDescriptor_t graph, const Search *search)
{
  PetCudnnBuild *build = &conv->graph;
  cudnnBackendDescriptor_t heuristics = pet_cudnn_new (
      build, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "the heuristics");
  cudnnBackendDescriptor_t configs[MAX_CANDIDATES];
  int64_t n = 0;
  int max = 0;

  set_descriptor (
      build, heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  pet_cudnn_set (build, heuristics, CUDNN_ATTR_ENGINEHEUR_MODE,
      CUDNN_TYPE_HEUR_MODE, 1, &search->mode);
  set_device (build, heuristics, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP);
  pet_cudnn_finalize (build, heuristics);
  for (; max < MAX_CANDIDATES && build->n < PET_CUDNN_MAX_DESCRIPTORS; max++) {
    configs[max] =
        pet_cudnn_new (build, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "an engine");
    if (configs[max] == NULL)
      break;
  }
  if (build->status != CUDNN_STATUS_SUCCESS ||
      dnn->cudnnBackendGetAttribute (heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
          CUDNN_TYPE_BACKEND_DESCRIPTOR, max, &n,
          configs) != CUDNN_STATUS_SUCCESS)
    return;
  for (int i = 0; i < n && i < max && conv->n_plans < PET_CUDA_MAX_PLANS; i++)
    if (is_acceptable (dnn, &conv->key, configs[i], search->slow))
      add_plan (dnn, conv, configs[i], search->first + i);
}

static void
try_fusion (const PetCudnn *dnn, PetCudaConv *conv, PetCudaFused fused,
    const Search *search)
{
  cudnnBackendDescriptor_t graph;

  if (conv->n_plans > 0)
    return;
  pet_cudnn_clear (&conv->graph);
  memset (&conv->graph, 0, sizeof conv->graph);
  conv->graph.dnn = dnn;
  conv->fused = fused;
  graph = build_graph (&conv->graph, &conv->key, fused);
  if (conv->graph.status == CUDNN_STATUS_SUCCESS)
    ask_heuristics (dnn, conv, graph, search);
}

/* Than pet_cuda_convolve_halves() allows. */
static bool
reaches_less (const PetCudaConvKey *key, int axis)
{
  int64_t reach = (int64_t) (key->kernel[axis] - 1) * key->dilation[axis];

  return reach + key->pad[axis] < 1 << 20;
}

PetStatus
pet_cuda_conv_plan (const PetCuda *cuda, const PetCudaConvKey *key,
    PetCudaConv *conv, PetError *error)
{
  const PetCudnn *dnn = &cuda->dnn;
  bool simple_act = key->act == PET_CUDA_ACT_NONE ||
      key->act == PET_CUDA_ACT_RELU || key->act == PET_CUDA_ACT_CLIP ||
      key->act == PET_CUDA_ACT_SIGMOID;

  memset (conv, 0, sizeof *conv);
  conv->key = *key;
  conv->best = -1;
  conv->graph.dnn = dnn;
  for (size_t i = 0; i < sizeof searches / sizeof *searches; i++) {
    if (simple_act)
      try_fusion (dnn, conv, PET_CUDA_FUSED_ALL, &searches[i]);
    if (simple_act && key->residual_last)
      try_fusion (dnn, conv, PET_CUDA_FUSED_ACT, &searches[i]);
    try_fusion (dnn, conv, PET_CUDA_FUSED_BIAS, &searches[i]);
  }
  conv->halves = key->type == PET_CUDA_HALF && cuda->info.compute_major >= 8 &&
      reaches_less (key, 0) && reaches_less (key, 1);
  if (pet_cuda_conv_ways (conv) == 0)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "cuDNN has no engine for a convolution of %d to %d channels", key->in,
        key->out);
  return PET_OK;
}

bool
pet_cuda_conv_suits (const PetCudaConv *conv, int way)
{
  PetCudaWindow window;

  for (int i = 0; i < 2; i++) {
    window.kernel[i] = conv->key.kernel[i];
    window.stride[i] = conv->key.stride[i];
    window.dilation[i] = conv->key.dilation[i];
    window.pad[i] = conv->key.pad[i];
  }
  return way < conv->n_plans ||
      pet_cuda_half_conv_suits (&window, way - conv->n_plans);
}

void
pet_cuda_conv_clear (PetCudaConv *conv)
{
  for (int i = 0; i < conv->n_plans; i++)
    pet_cudnn_clear (&conv->plans[i]);
  pet_cudnn_clear (&conv->graph);
  memset (conv, 0, sizeof *conv);
}

PetStatus
pet_cuda_conv_run (const PetCudnn *dnn, const PetCudaConv *conv, int plan,
    const PetCudaConvData *data, PetError *error)
{
  PetCudnnBuild pack = { .dnn = dnn };
  int64_t uids[5] = { UID_X, UID_W, UID_BIAS, UID_Y, UID_Z };
  void *pointers[5] = { data->x, data->w, data->bias, data->y, data->residual };
  bool z = conv->key.residual && conv->fused == PET_CUDA_FUSED_ALL;
  cudnnBackendDescriptor_t p = pet_cudnn_new (
      &pack, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "the addresses");
  const PetCudnnBuild *chosen = &conv->plans[plan];
  void *workspace = data->workspace;

  pet_cudnn_set (&pack, p, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64,
      z ? 5 : 4, uids);
  pet_cudnn_set (&pack, p, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
      CUDNN_TYPE_VOID_PTR, z ? 5 : 4, pointers);
  pet_cudnn_set (&pack, p, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
      CUDNN_TYPE_VOID_PTR, 1, &workspace);
  pet_cudnn_finalize (&pack, p);
  if (pack.status == CUDNN_STATUS_SUCCESS) {
    pack.what = "a convolution";
    pack.status =
        dnn->cudnnBackendExecute (dnn->handle, chosen->all[chosen->n - 1], p);
  }
  pet_cudnn_clear (&pack);
  return pet_cudnn_check (dnn, pack.status, pack.what, error);
}
