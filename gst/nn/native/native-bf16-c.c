/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/native/native-bf16.h"

static void
narrow (const float *in, int lanes, uint16_t *out, int pixels)
{
  for (int i = 0; i < pixels * PET_BLOCK; i++)
    out[i] = i % PET_BLOCK < lanes ? pet_native_to_bf16 (in[i]) : 0;
}

static float
dot (const PetNativeConv *conv, const uint16_t *in, int column)
{
  const uint16_t *weights = conv->narrow_weights + 2 * column;
  float sum = conv->bias[column];

  for (int s = 0; s < conv->n_segments; s++) {
    const uint16_t *lane = in + conv->segments[s].offset;

    for (int i = 0; i < conv->segments[s].lanes; i += 2) {
      sum += pet_native_from_bf16 (lane[i]) * pet_native_from_bf16 (weights[0]);
      sum += pet_native_from_bf16 (lane[i + 1]) *
          pet_native_from_bf16 (weights[1]);
      weights += 2 * conv->group * PET_BLOCK;
    }
  }
  return sum;
}

static void
conv (const PetNativeConv *conv, const uint16_t *in, const float *residual,
    float *out, int pixels)
{
  for (int p = 0; p < pixels; p++)
    for (int c = 0; c < conv->group * PET_BLOCK; c++) {
      ptrdiff_t at =
          c / PET_BLOCK * conv->out_stride + p * PET_BLOCK + c % PET_BLOCK;

      out[at] = pet_native_finish_one (&conv->finish,
          dot (conv, in + p * PET_BLOCK, c),
          residual != NULL ? residual + at : NULL);
    }
}

const PetNativeBf16 pet_native_bf16_c = {
  .name = "c", .max_group = PET_NATIVE_MAX_GROUP, .narrow = narrow, .conv = conv
};
