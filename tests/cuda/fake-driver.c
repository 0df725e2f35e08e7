/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The driver under the card of host memory, as far as GStreamer's library for
 * CUDA memory looks for it (as libcuda.so.1) and cuda/ asks the runtime for it:
 * contexts, and memory that belongs to them. The primary context's memory is the
 * runtime's. That of another one cannot be touched by anybody: its pages are only
 * opened for the copies of the driver that name that context. So a kernel, or a
 * copy of the runtime, that is given such a pointer crashes here, as it fails on a
 * card. */

#include <cuda.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fake-cuda.h"

#define MAX_DEPTH 64
#define MAX_FOREIGN 64
#define PITCH 512

struct CUctx_st {
  int device;
};

typedef struct {
  char *data;
  size_t bytes;
  CUcontext owner;
} Foreign;

static struct CUctx_st primary;
static Foreign foreign[MAX_FOREIGN];
static __thread CUcontext stack[MAX_DEPTH];
static __thread int depth;

static CUcontext
current (void)
{
  return depth > 0 ? stack[depth - 1] : NULL;
}

void
fake_driver_use_primary (void)
{
  depth += depth == 0;
  stack[depth - 1] = &primary;
}

/* Only known by other names, below. */
#define ALIASED static __attribute__ ((used)) CUresult

/* Every call that may fail is counted with those of the runtime. */
static CUresult
count (const char *call)
{
  cudaError_t error;

  fake_cuda_enter ();
  error = fake_cuda_count (call);
  fake_cuda_leave (cudaSuccess);
  return error == cudaSuccess ? CUDA_SUCCESS : CUDA_ERROR_LAUNCH_FAILED;
}

static CUresult
fault (CUresult result)
{
  (void) fake_cuda_fail (cudaSuccess);
  return result;
}

CUresult
cuInit (unsigned int flags)
{
  int version = 0;

  (void) cudaDriverGetVersion (&version);
  return version == 0 ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
}

CUresult
cuDriverGetVersion (int *version)
{
  return cudaDriverGetVersion (version) == cudaSuccess ? CUDA_SUCCESS
                                                       : CUDA_ERROR_UNKNOWN;
}

CUresult
cuGetErrorName (CUresult error, const char **text)
{
  *text = "an error";
  return CUDA_SUCCESS;
}

CUresult
cuGetErrorString (CUresult error, const char **text)
{
  *text = "an error (fake)";
  return CUDA_SUCCESS;
}

CUresult
cuDeviceGetCount (int *n)
{
  (void) cudaGetDeviceCount (n);
  return CUDA_SUCCESS;
}

CUresult
cuDeviceGet (CUdevice *device, int ordinal)
{
  *device = ordinal;
  return CUDA_SUCCESS;
}

CUresult
cuDeviceGetName (char *name, int length, CUdevice device)
{
  strncpy (name, "Fake card", (size_t) length);
  return CUDA_SUCCESS;
}

CUresult
cuDeviceGetAttribute (int *value, CUdevice_attribute attribute, CUdevice device)
{
  *value = attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR ? 9
      : attribute == CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT           ? PITCH
                                                                     : 0;
  return CUDA_SUCCESS;
}

/* A card is no peer of itself. */
CUresult
cuDeviceCanAccessPeer (int *can, CUdevice device, CUdevice peer)
{
  *can = 0;
  return CUDA_SUCCESS;
}

static CUresult
push (CUcontext context)
{
  if (depth == MAX_DEPTH)
    return fault (CUDA_ERROR_INVALID_VALUE);
  stack[depth++] = context;
  return CUDA_SUCCESS;
}

ALIASED
fake_driver_create (CUcontext *context, unsigned int flags, CUdevice device)
{
  *context = calloc (1, sizeof **context);
  return push (*context);
}

CUresult
cuCtxDestroy (CUcontext context)
{
  for (int i = 0; i < MAX_FOREIGN; i++)
    if (foreign[i].data != NULL && foreign[i].owner == context)
      return fault (CUDA_ERROR_INVALID_CONTEXT);
  if (context == &primary)
    return fault (CUDA_ERROR_INVALID_CONTEXT);
  free (context);
  return CUDA_SUCCESS;
}

CUresult
cuCtxPushCurrent (CUcontext context)
{
  return push (context);
}

CUresult
cuCtxPopCurrent (CUcontext *context)
{
  if (depth == 0)
    return fault (CUDA_ERROR_INVALID_CONTEXT);
  depth--;
  if (context != NULL)
    *context = stack[depth];
  return CUDA_SUCCESS;
}

CUresult
cuCtxGetCurrent (CUcontext *context)
{
  *context = current ();
  return count ("cuCtxGetCurrent");
}

static Foreign *
find_foreign (const char *at, size_t bytes)
{
  for (int i = 0; i < MAX_FOREIGN; i++)
    if (foreign[i].data != NULL && at >= foreign[i].data &&
        at + bytes <= foreign[i].data + foreign[i].bytes)
      return &foreign[i];
  return NULL;
}

static CUresult
allocate_foreign (CUdeviceptr *data, size_t bytes)
{
  void *pages;

  for (int i = 0; i < MAX_FOREIGN; i++) {
    if (foreign[i].data != NULL)
      continue;
    pages = mmap (NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
      break;
    foreign[i] = (Foreign){ pages, bytes, current () };
    *data = (CUdeviceptr) pages;
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult
cuMemAllocPitch (CUdeviceptr *data, size_t *pitch, size_t width, size_t height,
    unsigned int element)
{
  void *block = NULL;

  if (current () == NULL)
    return fault (CUDA_ERROR_INVALID_CONTEXT);
  *pitch = (width + PITCH - 1) / PITCH * PITCH;
  if (current () != &primary)
    return allocate_foreign (data, *pitch * height);
  if (fake_cuda_allocate ("cuMemAllocPitch", &block, *pitch * height, 0) !=
      cudaSuccess)
    return CUDA_ERROR_OUT_OF_MEMORY;
  *data = (CUdeviceptr) block;
  return CUDA_SUCCESS;
}

CUresult
cuMemFree (CUdeviceptr data)
{
  Foreign *f = find_foreign ((const char *) data, 1);

  if (f == NULL)
    return fake_cuda_release ("cuMemFree", (void *) data, 0) == cudaSuccess
        ? CUDA_SUCCESS
        : CUDA_ERROR_INVALID_VALUE;
  if (current () != f->owner)
    return fault (CUDA_ERROR_INVALID_CONTEXT);
  munmap (f->data, f->bytes);
  f->data = NULL;
  return CUDA_SUCCESS;
}

CUresult
cuMemAllocHost (void **data, size_t bytes)
{
  return fake_cuda_allocate ("cuMemAllocHost", data, bytes, 1) == cudaSuccess
      ? CUDA_SUCCESS
      : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult
cuMemFreeHost (void *data)
{
  return fake_cuda_release ("cuMemFreeHost", data, 1) == cudaSuccess
      ? CUDA_SUCCESS
      : CUDA_ERROR_INVALID_VALUE;
}

/* Rows of one side of a copy. */
typedef struct {
  char *data;
  size_t pitch;
  bool card;
  CUcontext context; /* that it must be of */
} Side;

/* Whether the side may be touched from its context; opens the pages. */
static bool
open_side (const Side *side, size_t width, size_t height, int access)
{
  size_t bytes = side->pitch * (height - 1) + width;
  Foreign *f;

  if (!side->card)
    return true;
  if (side->context == &primary)
    return fake_cuda_is_card (side->data, bytes);
  f = find_foreign (side->data, bytes);
  return f != NULL && f->owner == side->context &&
      mprotect (f->data, f->bytes, access) == 0;
}

static void
close_side (const Side *side)
{
  Foreign *f = side->card ? find_foreign (side->data, 1) : NULL;

  if (f != NULL)
    mprotect (f->data, f->bytes, PROT_NONE);
}

static CUresult
copy_rows (const Side *from, const Side *to, size_t width, size_t height)
{
  bool open;

  fake_cuda_enter ();
  open = open_side (from, width, height, PROT_READ) &&
      open_side (to, width, height, PROT_READ | PROT_WRITE);
  for (size_t y = 0; open && y < height; y++)
    memcpy (to->data + y * to->pitch, from->data + y * from->pitch, width);
  close_side (from);
  close_side (to);
  fake_cuda_leave (cudaSuccess);
  return open ? CUDA_SUCCESS : fault (CUDA_ERROR_INVALID_VALUE);
}

/* At once, behind nothing: what streams that do not block still have to do is
 * not waited for. */
CUresult
cuMemcpy2D (const CUDA_MEMCPY2D *copy)
{
  bool from_card = copy->srcMemoryType == CU_MEMORYTYPE_DEVICE;
  bool to_card = copy->dstMemoryType == CU_MEMORYTYPE_DEVICE;
  Side from = { from_card ? (char *) copy->srcDevice
                          : (char *) (intptr_t) copy->srcHost,
    copy->srcPitch, from_card, current () };
  Side to = { to_card ? (char *) copy->dstDevice : copy->dstHost,
    copy->dstPitch, to_card, current () };
  size_t bytes = copy->WidthInBytes * copy->Height;
  CUresult result = count ("cuMemcpy2D");

  if (result != CUDA_SUCCESS)
    return result;
  fake_cuda_enter ();
  fake_cuda_count_bytes (
      to_card && !from_card ? bytes : 0, from_card && !to_card ? bytes : 0);
  fake_cuda_leave (cudaSuccess);
  return copy_rows (&from, &to, copy->WidthInBytes, copy->Height);
}

CUresult
cuMemcpy2DAsync (const CUDA_MEMCPY2D *copy, CUstream stream)
{
  return cuMemcpy2D (copy);
}

typedef struct {
  Side from, to;
  size_t width, height;
} PeerCopy;

static void
run_peer_copy (void *data)
{
  const PeerCopy *copy = data;

  (void) copy_rows (&copy->from, &copy->to, copy->width, copy->height);
}

CUresult
cuMemcpy3DPeerAsync (const CUDA_MEMCPY3D_PEER *copy, CUstream stream)
{
  PeerCopy *kept = malloc (sizeof *kept);

  *kept = (PeerCopy){ .from = { (char *) copy->srcDevice, copy->srcPitch, true,
                          copy->srcContext },
    .to = { (char *) copy->dstDevice, copy->dstPitch, true, copy->dstContext },
    .width = copy->WidthInBytes,
    .height = copy->Height };
  if (current () != &primary || copy->Depth != 1) {
    free (kept);
    return fault (CUDA_ERROR_INVALID_CONTEXT);
  }
  return fake_cuda_enqueue ("cuMemcpy3DPeerAsync", (cudaStream_t) stream,
             run_peer_copy, free, kept) == cudaSuccess
      ? CUDA_SUCCESS
      : CUDA_ERROR_LAUNCH_FAILED;
}

CUresult
cuStreamCreate (CUstream *stream, unsigned int flags)
{
  *stream = calloc (1, 1);
  return CUDA_SUCCESS;
}

ALIASED
fake_driver_destroy_stream (CUstream stream)
{
  free (stream);
  return CUDA_SUCCESS;
}

CUresult
cuStreamSynchronize (CUstream stream)
{
  return CUDA_SUCCESS;
}

ALIASED
fake_driver_refuse (void)
{
  return CUDA_ERROR_NOT_SUPPORTED;
}

/* What is looked for, and not used here. cuda.h has other types for the first
 * two's names. */
#define SAME(name, as) __asm__(".globl " #name "\n.set " #name ", " #as "\n")
SAME (cuCtxCreate_v2, fake_driver_create);
SAME (cuStreamDestroy, fake_driver_destroy_stream);
SAME (cuStreamDestroy_v2, fake_driver_destroy_stream);
#define NOTHING(name) SAME (name, fake_driver_refuse)
NOTHING (cuCtxEnablePeerAccess);
NOTHING (cuCtxDisablePeerAccess);
NOTHING (cuGraphicsMapResources);
NOTHING (cuGraphicsUnmapResources);
NOTHING (cuGraphicsUnregisterResource);
NOTHING (cuGraphicsGLRegisterImage);
NOTHING (cuGraphicsGLRegisterBuffer);
NOTHING (cuGraphicsResourceSetMapFlags_v2);
NOTHING (cuGraphicsSubResourceGetMappedArray);
NOTHING (cuGraphicsResourceGetMappedPointer_v2);
NOTHING (cuGLGetDevices_v2);
NOTHING (cuMemAlloc_v2);
NOTHING (cuModuleLoadData);
NOTHING (cuModuleUnload);
NOTHING (cuModuleGetFunction);
NOTHING (cuTexObjectCreate);
NOTHING (cuTexObjectDestroy);
NOTHING (cuLaunchKernel);

/* As libnvcuvid.so.1, without which nvcodec has no cudaupload; it decodes
 * nothing. */
NOTHING (cuvidCtxLockCreate);
NOTHING (cuvidCtxLockDestroy);
NOTHING (cuvidCtxLock);
NOTHING (cuvidCtxUnlock);
NOTHING (cuvidCreateDecoder);
NOTHING (cuvidReconfigureDecoder);
NOTHING (cuvidDestroyDecoder);
NOTHING (cuvidDecodePicture);
NOTHING (cuvidCreateVideoParser);
NOTHING (cuvidParseVideoData);
NOTHING (cuvidDestroyVideoParser);
NOTHING (cuvidMapVideoFrame64);
NOTHING (cuvidUnmapVideoFrame64);
NOTHING (cuvidMapVideoFrame);
NOTHING (cuvidUnmapVideoFrame);
NOTHING (cuvidGetDecoderCaps);

/* The runtime's door to it. */
cudaError_t
cudaGetDriverEntryPointByVersion (const char *symbol, void **function,
    unsigned int version, unsigned long long flags,
    enum cudaDriverEntryPointQueryResult *found)
{
  *function = strcmp (symbol, "cuCtxGetCurrent") == 0 ? (void *) cuCtxGetCurrent
      : strcmp (symbol, "cuMemcpy3DPeerAsync") == 0
      ? (void *) cuMemcpy3DPeerAsync
      : NULL;
  *found = *function != NULL ? cudaDriverEntryPointSuccess
                             : cudaDriverEntryPointSymbolNotFound;
  return fake_cuda_answer ("cudaGetDriverEntryPointByVersion");
}
