/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/native/native-kernels.h"

const PetNativeKernels *const *
pet_native_kernels_all (void)
{
#if defined __x86_64__
  static const PetNativeKernels *const table[] = {
    &pet_native_kernels_avx512,
    &pet_native_kernels_avx2,
    &pet_native_kernels_c,
    NULL,
  };

  if (__builtin_cpu_supports ("avx512f") &&
      __builtin_cpu_supports ("avx512vl") &&
      __builtin_cpu_supports ("avx512dq"))
    return table;
  if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma"))
    return table + 1;
  return table + 2;
#else
  static const PetNativeKernels *const table[] = { &pet_native_kernels_c,
    NULL };

  return table;
#endif
}
