/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inner loops of the native back end. They are written once, in
 * native-kernels.inc and the files that it includes, on vectors of 16, 8 or 4
 * floats, and compiled once per instruction set (native-avx512.c,
 * native-avx2.c, native-c.c); the table in native-isa.c says which are used.
 *
 * A *blocked* picture has its channels in blocks of 16: block, row, column,
 * channel within the block ("nChw16c"). Channels behind the last one have no
 * meaning and may hold anything. All lengths and strides count floats.
 * Nothing needs more alignment than a float has. Thread-safety: safe. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PET_BLOCK 16
/* Output blocks that one run over the input can make. */
#define PET_NATIVE_MAX_GROUP 4
/* A convolution may read so many floats behind the last pixel it needs. */
#define PET_NATIVE_OVERREAD (32 * 16)

/* Consecutive input lanes that meet consecutive rows of the weights. */
typedef struct {
  ptrdiff_t offset; /* from the pixel's place in the input */
  int lanes;        /* 1..16 */
} PetNativeSegment;

/* What becomes of sums: out = clamp (sum + bias + residual), or clamp (sum +
 * bias) + residual where the residual comes last. */
typedef struct {
  float low, high; /* -INFINITY and INFINITY: none */
  bool residual_last;
} PetNativeFinish;

/* Of a single sum, bias included; `residual` NULL = none. */
static inline float
pet_native_finish_one (
    const PetNativeFinish *finish, float sum, const float *residual)
{
  if (residual != NULL && !finish->residual_last)
    sum += *residual;
  sum = sum < finish->low ? finish->low : sum;
  sum = sum > finish->high ? finish->high : sum;
  if (residual != NULL && finish->residual_last)
    sum += *residual;
  return sum;
}

/* A row of output pixels of `group` blocks as a matrix product: rows of the
 * matrix are pixels, its columns the lanes of all segments. */
typedef struct {
  const PetNativeSegment *segments;
  int n_segments;
  int group;            /* output blocks, 1..max_group of the kernels */
  int pixel_step;       /* floats between input pixels: 1, 2, 16 or 32; the
                           steps other than 16 with group 1 or 2 only */
  const float *weights; /* lane of all segments, then group * 16 */
  /* Of native-bf16.h: two lanes of all segments (the last of an odd number
   * with 0), then group * 16, then those two. NULL elsewhere. */
  const uint16_t *narrow_weights;
  const float *bias;    /* group * 16 */
  ptrdiff_t out_stride; /* between output blocks, and the residual's */
  PetNativeFinish finish;
} PetNativeConv;

/* A depthwise row of one block. Row i of `rows` meets weights [i][kernel_w]
 * [16]; rows outside the picture are left out by the caller. */
typedef struct {
  int in_width, out_width;
  int kernel_w, stride, dilation, pad;
  const float *bias; /* 16 */
  PetNativeFinish finish;
} PetNativeDepthwise;

/* A row of pooling windows of one block. `scale` has one number per output
 * pixel (one over the taps counted) for averages, NULL for the maximum. */
typedef struct {
  int in_width, out_width;
  int kernel_w, stride, dilation, pad;
  const float *scale;
} PetNativePool;

/* Winograd's F(4x4, 3x3) for one block of channels: 6x6 pixels make 36
 * numbers, of which 36 products make 4x4 pixels. */
typedef struct {
  ptrdiff_t row_stride;      /* of the picture */
  ptrdiff_t position_stride; /* between the 36 */
} PetNativeWinograd;

typedef enum {
  PET_NATIVE_ADD,
  PET_NATIVE_SUB,
  PET_NATIVE_MUL,
  PET_NATIVE_MAX,
  PET_NATIVE_MIN,
} PetNativeBinary;

typedef struct {
  const char *name;
  int max_group;

  /* `pixels` pixels from `in` to `out` (16 floats a pixel). `residual` NULL =
   * none; it may be `out`. Reads up to PET_NATIVE_OVERREAD floats behind. */
  void (*conv) (const PetNativeConv *conv, const float *in,
      const float *residual, float *out, int pixels);
  /* One channel out, dense; weights are 16 per segment, lanes beyond those of
   * the segment are ignored. `group` and `out_stride` are not used; the step
   * must be a multiple of 16. */
  void (*conv_one) (const PetNativeConv *conv, const float *in,
      const float *residual, float *out, int pixels);
  void (*depthwise) (const PetNativeDepthwise *depthwise,
      const float *const *rows, int n_rows, const float *weights,
      const float *residual, float *out);
  void (*pool) (const PetNativePool *pool, const float *const *rows, int n_rows,
      float *out);

  /* The 6x6 pixels from `in` on to 36 vectors; and back, to `rows` x
   * `columns` (at most 4 x 4) pixels. */
  void (*winograd_in) (
      const PetNativeWinograd *winograd, const float *in, float *out);
  void (*winograd_out) (const PetNativeWinograd *winograd, const float *in,
      const float *bias, const PetNativeFinish *finish, const float *residual,
      float *out, int rows, int columns);

  /* out[i] = a[i] + (b[i] - a[i]) * weight */
  void (*blend) (
      const float *a, const float *b, float weight, float *out, size_t count);
  /* Pixel x of a blocked row from pixels index[x] and index[x] + next[x]. */
  void (*stretch) (const float *in, const int32_t *index, const int32_t *next,
      const float *weight, float *out, int out_width);

  void (*clamp) (const float *in, float low, float high, float *out, size_t n);
  void (*sigmoid) (const float *in, float *out, size_t n);
  void (*hardswish) (const float *in, float *out, size_t n);
  void (*binary) (PetNativeBinary operation, const float *a, const float *b,
      float *out, size_t n);
  /* Softmax over `channels` of pixels in blocks that are `stride` apart. */
  void (*softmax) (
      const float *in, float *out, int channels, ptrdiff_t stride, int pixels);
} PetNativeKernels;

/* Best first, NULL-ended: those that this machine can run. */
const PetNativeKernels *const *pet_native_kernels_all (void);

extern const PetNativeKernels pet_native_kernels_c;
#if defined __x86_64__
extern const PetNativeKernels pet_native_kernels_avx2;
extern const PetNativeKernels pet_native_kernels_avx512;
#endif
