/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/pet-cpu.h"
#include "nn/native/native-bf16.h"
#include "nn/native/native-kernels.h"

static const PetNativeKernels *const table[] = {
#if defined __x86_64__
  &pet_native_kernels_avx512,
  &pet_native_kernels_avx2,
#else
  NULL,
  NULL,
#endif
  &pet_native_kernels_c,
  NULL,
};

const PetNativeKernels *const *
pet_native_kernels_all (void)
{
  return table + (PET_ISA_AVX512 - pet_cpu_isa_v4 ());
}

const PetNativeBf16 *
pet_native_bf16 (void)
{
#ifdef PET_HAVE_BF16
  if (pet_cpu_isa_v4 () == PET_ISA_AVX512 &&
      __builtin_cpu_supports ("avx512bf16"))
    return &pet_native_bf16_avx512;
#endif
  return NULL;
}
