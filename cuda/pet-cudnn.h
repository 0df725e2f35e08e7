/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cuDNN, opened at run time so that its absence is a message, and what makes
 * building its descriptors bearable in C. Only this header and the files that
 * include it know cuDNN. */

#pragma once

#include <cudnn_graph.h>

#include "base/pet-status.h"

#define PET_CUDNN_CALLS(call)                                                  \
  call (cudnnGetVersion) call (cudnnGetErrorString) call (cudnnCreate) call (  \
      cudnnDestroy) call (cudnnSetStream) call (cudnnBackendCreateDescriptor)  \
      call (cudnnBackendDestroyDescriptor) call (cudnnBackendSetAttribute)     \
          call (cudnnBackendGetAttribute) call (cudnnBackendFinalize)          \
              call (cudnnBackendExecute)

typedef struct {
  void *library;
  cudnnHandle_t handle;
  /* In place of a handle, for plans that are made without a card (tests). */
  cudnnBackendDescriptor_t device;
  size_t version;
#define PET_CUDNN_MEMBER(name) __typeof__ (&name) name;
  PET_CUDNN_CALLS (PET_CUDNN_MEMBER)
#undef PET_CUDNN_MEMBER
} PetCudnn;

/* Finds the library ($PET_CUDNN_LIBRARY, else libcudnn.so.9 where the loader
 * looks) and its functions. DEVICE with the reason. */
PetStatus pet_cudnn_load (PetCudnn *dnn, PetError *error);
/* The same, and a handle for the current card that works on `stream`. */
PetStatus pet_cudnn_open (PetCudnn *dnn, cudaStream_t stream, PetError *error);
void pet_cudnn_close (PetCudnn *dnn);

PetStatus pet_cudnn_check (const PetCudnn *dnn, cudnnStatus_t result,
    const char *what, PetError *error);

/* Descriptors that are made one after the other and freed together; after the
 * first failure all else does nothing. */
#define PET_CUDNN_MAX_DESCRIPTORS 48

typedef struct {
  const PetCudnn *dnn;
  cudnnBackendDescriptor_t all[PET_CUDNN_MAX_DESCRIPTORS];
  int n;
  cudnnStatus_t status;
  const char *what; /* was being done when it failed */
} PetCudnnBuild;

cudnnBackendDescriptor_t pet_cudnn_new (
    PetCudnnBuild *build, cudnnBackendDescriptorType_t type, const char *what);
void pet_cudnn_set (PetCudnnBuild *build, cudnnBackendDescriptor_t descriptor,
    cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
    int64_t count, const void *values);
void pet_cudnn_finalize (
    PetCudnnBuild *build, cudnnBackendDescriptor_t descriptor);
void pet_cudnn_clear (PetCudnnBuild *build);
