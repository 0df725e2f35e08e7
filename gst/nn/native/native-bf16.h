/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolutions of bfloat16 numbers (a float without the lower half of its
 * bits), two products at once and summed in floats: processors with AVX512_BF16
 * do them twice as fast as those of floats. All lengths count numbers.
 * Thread-safety: safe. */

#pragma once

#include <string.h>

#include "nn/native/native-kernels.h"

typedef struct {
  const char *name;
  int max_group; /* at most PET_NATIVE_MAX_GROUP */

  /* `pixels` pixels of a block; its lanes from `lanes` on become 0. */
  void (*narrow) (const float *in, int lanes, uint16_t *out, int pixels);
  /* As PetNativeKernels.conv with steps of 16, but of `narrow_weights`, and
   * offsets of segments count numbers of `in`. */
  void (*conv) (const PetNativeConv *conv, const uint16_t *in,
      const float *residual, float *out, int pixels);
} PetNativeBf16;

/* NULL: this processor has nothing of the kind, or PET_ISA names less. */
const PetNativeBf16 *pet_native_bf16 (void);

/* What the others are tested against. */
extern const PetNativeBf16 pet_native_bf16_c;
#ifdef PET_HAVE_BF16
extern const PetNativeBf16 pet_native_bf16_avx512;
#endif

/* To the nearest, of two as near ones to the even one. Numbers too small for a
 * normal float become 0, as the instruction makes them. */
static inline uint16_t
pet_native_to_bf16 (float x)
{
  uint32_t bits, rounded;
  bool is_tiny, is_number;

  memcpy (&bits, &x, sizeof bits);
  rounded = bits + 0x7fff + (bits >> 16 & 1);
  is_tiny = (bits & 0x7f800000) == 0;
  is_number = (bits & 0x7fffffff) <= 0x7f800000;
  bits = is_tiny ? bits & 0x80000000 : is_number ? rounded : bits | 0x00400000;
  return (uint16_t) (bits >> 16);
}

static inline float
pet_native_from_bf16 (uint16_t x)
{
  uint32_t bits = (uint32_t) x << 16;
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}
