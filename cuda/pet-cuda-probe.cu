/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pet-cuda.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <string.h>

/* The runtime's own words for these say little about what to do. */
static PetStatus
fail_no_devices (cudaError_t result, const PetCudaInfo *info, PetError *error)
{
  if (info->driver_version == 0)
    return pet_fail (error, PET_ERROR_DEVICE, "there is no NVIDIA driver");
  if (result == cudaErrorInsufficientDriver)
    return pet_fail (error, PET_ERROR_DEVICE,
        "the NVIDIA driver is too old: it knows CUDA %d.%d, this build needs "
        "%d.%d",
        info->driver_version / 1000, info->driver_version % 1000 / 10,
        info->runtime_version / 1000, info->runtime_version % 1000 / 10);
  if (result == cudaErrorNoDevice || result == cudaSuccess)
    return pet_fail (error, PET_ERROR_DEVICE, "there is no GPU");
  return pet_fail (error, PET_ERROR_DEVICE, "CUDA cannot be started: %s",
      cudaGetErrorString (result));
}

static PetStatus
read_properties (int device, PetCudaInfo *info, PetError *error)
{
  cudaDeviceProp properties;
  cudaError_t result = cudaGetDeviceProperties (&properties, device);

  if (result != cudaSuccess)
    return pet_fail (error, PET_ERROR_DEVICE, "GPU %d cannot be used: %s",
        device, cudaGetErrorString (result));
  snprintf (info->name, sizeof info->name, "%.127s", properties.name);
  info->compute_major = properties.major;
  info->compute_minor = properties.minor;
  return PET_OK;
}

PetStatus
pet_cuda_probe (int device, PetCudaInfo *info, PetError *error)
{
  cudaError_t result;

  memset (info, 0, sizeof *info);
  result = cudaDriverGetVersion (&info->driver_version);
  if (result == cudaSuccess)
    result = cudaRuntimeGetVersion (&info->runtime_version);
  if (result == cudaSuccess)
    result = cudaGetDeviceCount (&info->devices);
  if (result != cudaSuccess || info->devices == 0)
    return fail_no_devices (result, info, error);
  if (device >= info->devices)
    return pet_fail (error, PET_ERROR_DEVICE,
        "there is no GPU %d; there are %d, counted from 0", device,
        info->devices);
  return read_properties (device < 0 ? 0 : device, info, error);
}
