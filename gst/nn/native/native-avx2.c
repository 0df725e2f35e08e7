/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define PET_NATIVE_TABLE pet_native_kernels_avx2
#define PET_NATIVE_NAME "avx2"
#include "nn/native/native-kernels.inc"
