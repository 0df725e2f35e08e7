/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one door into libgstpet-cuda.so, which carries everything CUDA and is
 * opened at run time: nothing else links against CUDA, so the plugin loads on
 * any machine. */

#pragma once

#include "base/pet-status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PET_CUDA_EXPORT __attribute__ ((visibility ("default")))

typedef struct {
  int devices;        /* GPUs that this process may use, at least 1 */
  int driver_version; /* as cudaDriverGetVersion: 13000 = 13.0 */
  int runtime_version;
  char name[128]; /* of the device asked for */
  int compute_major, compute_minor;
} PetCudaInfo;

/* Whether `device` (-1 = the first) can be used. Otherwise PET_ERROR_DEVICE
 * with the reason in words: no driver, driver too old, no GPU, no such device.
 * Thread-safety: safe. */
PET_CUDA_EXPORT PetStatus pet_cuda_probe (
    int device, PetCudaInfo *info, PetError *error);

#ifdef __cplusplus
}
#endif
