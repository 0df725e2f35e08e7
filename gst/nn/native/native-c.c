/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define PET_NATIVE_TABLE pet_native_kernels_c
#define PET_NATIVE_NAME "c"
#include "nn/native/native-kernels.inc"
