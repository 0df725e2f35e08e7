/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Internal to cuda/: what the kernels do. Every function only starts work on
 * `stream`; pointers are of the card (const tables too). Nothing is allocated.
 * The value is that of the launch: cudaSuccess, or why it could not start. */

#pragma once

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the network (pet-kernels-net.cu, pet-kernels-conv.cu) ---- */

typedef enum { PET_CUDA_HALF, PET_CUDA_FLOAT } PetCudaType;

/* A value of the network: batch x height x width pixels of `channels` numbers
 * (a multiple of 8; those beyond the value's own are padding, finite, and
 * multiplied by zeros), `pitch` numbers (a multiple of 8) from one pixel to the
 * next. `data` is aligned to 16 bytes. */
typedef struct {
  void *data;
  PetCudaType type;
  int batch, height, width, channels, pitch;
} PetCudaMap;

typedef enum {
  PET_CUDA_ACT_NONE,
  PET_CUDA_ACT_RELU,
  PET_CUDA_ACT_CLIP, /* to [low, high] */
  PET_CUDA_ACT_SIGMOID,
  PET_CUDA_ACT_HARDSWISH,
  PET_CUDA_ACT_TANH,
  PET_CUDA_ACT_LEAKY, /* low * x below 0 */
} PetCudaAct;

/* act (x + bias + residual), or act (x + bias) + residual. */
typedef struct {
  const float *bias;   /* one per channel, or NULL */
  PetCudaMap residual; /* of the result's size; data NULL: none */
  PetCudaAct act;
  float low, high;
  bool residual_last;
} PetCudaEpilogue;

/* Windows over height and width, in this order. */
typedef struct {
  int kernel[2], stride[2], dilation[2], pad[2];
} PetCudaWindow;

typedef enum {
  PET_CUDA_ADD,
  PET_CUDA_SUB,
  PET_CUDA_MUL,
  PET_CUDA_DIV,
  PET_CUDA_MAX,
  PET_CUDA_MIN,
} PetCudaBinary;

/* Dense float32 NCHW of `channels` channels <-> the card's layout; what is
 * beyond `channels` becomes 0. */
cudaError_t pet_cuda_from_dense (const float *dense, int channels,
    const PetCudaMap *to, cudaStream_t stream);
cudaError_t pet_cuda_to_dense (
    const PetCudaMap *from, int channels, float *dense, cudaStream_t stream);

/* `channels` channels of `from` to channel `at` on of `to`; any numbers. With
 * `last` what follows in `to` becomes 0. */
cudaError_t pet_cuda_copy_channels (const PetCudaMap *from, int channels,
    const PetCudaMap *to, int at, bool last, cudaStream_t stream);

cudaError_t pet_cuda_pointwise (const PetCudaMap *x,
    const PetCudaEpilogue *epilogue, const PetCudaMap *y, cudaStream_t stream);

typedef struct {
  PetCudaBinary op;
  bool swapped; /* b op a */
  bool spread;  /* b's first channel stands for all */
  int channels; /* without padding; what is beyond becomes 0 */
} PetCudaBinaryHow;

/* a op b. What of b's batch, height and width is 1 stands for all. */
cudaError_t pet_cuda_binary (const PetCudaMap *a, const PetCudaMap *b,
    const PetCudaBinaryHow *how, const PetCudaMap *y, cudaStream_t stream);

/* One filter per channel. Weights float [height][width][channels]. */
cudaError_t pet_cuda_depthwise (const PetCudaMap *x, const float *weights,
    const PetCudaWindow *window, const PetCudaEpilogue *epilogue,
    const PetCudaMap *y, cudaStream_t stream);

/* A dense one of halves, on tensor cores of compute capability 8.0 and more. Weights
 * and bias are halves, [out][height][width][in] and [out]; `in` and `out` as x and
 * y have them, multiples of 8. Sums are float32, rounded once. Windows reach 2^20 pixels at
 * most. */
typedef struct {
  const void *weights, *bias;
  int in, out;
  PetCudaWindow window;
  PetCudaEpilogue epilogue; /* its bias is not looked at */
} PetCudaHalfConv;

/* Variants: how large a part a block makes. The first ones suit all windows. */
#define PET_CUDA_HALF_CONVS 17

bool pet_cuda_half_conv_suits (const PetCudaWindow *window, int variant);

cudaError_t pet_cuda_convolve_halves (const PetCudaMap *x,
    const PetCudaHalfConv *conv, const PetCudaMap *y, int variant,
    cudaStream_t stream);

/* Any convolution, slowly. Weights float [out][height][width][in of a group];
 * `in` and `out`: the channels without padding. */
cudaError_t pet_cuda_convolve (const PetCudaMap *x, int in, int out, int groups,
    const float *weights, const PetCudaWindow *window,
    const PetCudaEpilogue *epilogue, const PetCudaMap *y, cudaStream_t stream);

/* The transposed one: x is the smaller side of the window. Weights float
 * [height][width][in of a group][y's channels, padded]. */
cudaError_t pet_cuda_convolve_transposed (const PetCudaMap *x, int in, int out,
    int groups, const float *weights, const PetCudaWindow *window,
    const PetCudaEpilogue *epilogue, const PetCudaMap *y, cudaStream_t stream);

/* Largest, or mean over what lies inside. */
cudaError_t pet_cuda_pool (const PetCudaMap *x, const PetCudaWindow *window,
    bool average, const PetCudaMap *y, cudaStream_t stream);
cudaError_t pet_cuda_global_pool (const PetCudaMap *x, bool average,
    const PetCudaMap *y, cudaStream_t stream);

/* Two source places and weights per output row, and per output column. */
typedef struct {
  const int32_t *row, *column;
  const float *row_weight, *column_weight;
} PetCudaTaps;

cudaError_t pet_cuda_resize (const PetCudaMap *x, const PetCudaTaps *taps,
    const PetCudaMap *y, cudaStream_t stream);

/* Over the first `channels` channels of each pixel. */
cudaError_t pet_cuda_softmax (const PetCudaMap *x, int channels,
    const PetCudaMap *y, cudaStream_t stream);

/* ---- the photo (pet-kernels-photo.cu) ---- */

/* As PetImage, on the card; rows as pet_cuda_stride() says. */
typedef struct {
  uint8_t *data;
  int width, height, channels;
  ptrdiff_t stride_bytes;
} PetCudaImage;

/* Weights of the antialiased triangle of base/pet-resample.h along one axis:
 * output i is the sum of weight[first_weight[i] + k] * in[first[i] + k]. */
typedef struct {
  const int32_t *first, *first_weight; /* n + 1 of the latter */
  const float *weight;
} PetCudaScale;

/* The photo (4 channels: over white) in `width` columns: floats 0..255,
 * [photo's height][width][3]. */
cudaError_t pet_cuda_scale_columns (const PetCudaImage *photo,
    const PetCudaScale *scale, int width, float *out, cudaStream_t stream);
/* ... and in `height` rows. `largest`: its largest value, as the bits of a
 * float, at least what it holds already. */
cudaError_t pet_cuda_scale_rows (const float *in, int width,
    const PetCudaScale *scale, int height, float *out, uint32_t *largest,
    cudaStream_t stream);

typedef struct {
  float mean[3], std[3];
  float divisor; /* 0: *largest */
} PetCudaNormal;

/* Picture `index` of the network's input. */
cudaError_t pet_cuda_normalise (const float *in, const PetCudaNormal *normal,
    const uint32_t *largest, const PetCudaMap *to, int index,
    cudaStream_t stream);

/* What is found about a plane of the output, on the card. Set to 0 before. */
typedef struct {
  uint32_t low, high; /* order-preserving bits of ~low, and of high */
  uint32_t nan;       /* how many are not numbers */
} PetCudaRange;

cudaError_t pet_cuda_find_range (const PetCudaMap *from, int index, int channel,
    PetCudaRange *range, cudaStream_t stream);

typedef enum {
  PET_CUDA_RANGE_UNIT,
  PET_CUDA_RANGE_LOGIT,
  PET_CUDA_RANGE_MINMAX,
} PetCudaOutputRange;

cudaError_t pet_cuda_to_mask (const PetCudaMap *from, int index, int channel,
    PetCudaOutputRange kind, const PetCudaRange *range, uint8_t *mask,
    cudaStream_t stream);

/* ---- the matte (pet-kernels-matte.cu, -fringe.cu) ---- */

/* Where pixels (or cells) look on a line of values: between value first[i] and
 * the next, whose share is share[i] (0 where there is none). */
typedef struct {
  const int32_t *first;
  const float *share;
} PetCudaPlaces;

/* What is found about an alpha; all 0 before. */
typedef struct {
  unsigned long long sum;
  uint32_t left, top;     /* ~ of the first column and row of at least 128 */
  uint32_t right, bottom; /* behind the last ones */
} PetCudaExtent;

typedef struct {
  PetCudaPlaces x, y;           /* the photo's columns and rows on cells */
  PetCudaPlaces mask_x, mask_y; /* on the mask: the cells' if `refine`, else
                                   the photo's */
  const uint2 *weights;         /* 256: of pet and background, by alpha */
} PetCudaMatteTables;

/* As those of image/pet-matte-private.h. */
#define PET_CUDA_FAR_SAMPLES 64
#define PET_CUDA_FAR_TILES 8

/* The stages of image/pet-matte-private.h, each on the whole picture. Planes
 * have one element per cell unless they say otherwise. */
typedef struct {
  PetCudaImage photo; /* 3 or 4 channels */
  PetCudaImage mask;
  PetCudaImage alpha;      /* of the photo's size */
  int step, width, height; /* of the cells */
  int radius, reach;
  bool refine, scrub, decontaminate;
  float epsilon, gain, bias, leak_margin, keep;
  int part_x, part_y, part_width, part_height, low, high; /* as the options' */
  float far_scale_x, far_scale_y, trust_scale;
  uint32_t sure_weight;
  PetCudaMatteTables tables;

  uint4 *colors;          /* sums of R, G, B */
  uint4 *cells, *columns; /* guide, mask, guide^2, guide * mask */
  float2 *coefficients;   /* slope and offset */
  float2 *down, *means;
  uint4 *fringe, *fringe_columns; /* two: weight, R, G, B of the pet and of the
                                     background */
  uint8_t *soft;
  float4 *pure; /* two: R, G, B of the pet and of the background */
  /* PET_CUDA_FAR_TILES^2 of the pet, and of the background: R, G, B and 1,
   * or 0. */
  float4 *far;
  PetCudaExtent *extent;
} PetCudaMatteData;

/* Alpha and its extent. */
cudaError_t pet_cuda_matte_alpha (
    const PetCudaMatteData *matte, cudaStream_t stream);
/* The cut-out, with `decontaminate` in the pet's own colours; alpha is there. */
cudaError_t pet_cuda_matte_compose (const PetCudaMatteData *matte,
    const PetCudaImage *cutout, cudaStream_t stream);

/* ---- the looks (pet-kernels-looks.cu); src and dst RGBA, apart ---- */

/* `colors`: 27 of R | G << 8 | B << 16. */
cudaError_t pet_cuda_popart (const PetCudaImage *src, const uint32_t *colors,
    const PetCudaImage *dst, cudaStream_t stream);

typedef struct {
  const float *curve; /* PET_FILM_CURVE_SIZE */
  const float *edge_taps, *wide_taps, *tight_taps, *grain_taps;
  const float *normal; /* of the grain */
  uint32_t seed;       /* mixed: pet_cuda_film_seed() */
  float edge_strength, halation, grain;
  int coarse_width, coarse_height;
  float *edge; /* a float per pixel, packed */
} PetCudaFilm;

uint32_t pet_cuda_film_seed (uint32_t seed);
cudaError_t pet_cuda_film (const PetCudaImage *src, const PetCudaFilm *film,
    const PetCudaImage *dst, cudaStream_t stream);

typedef struct {
  const int32_t *palette; /* 3 x 32 */
  int threshold2;
  int columns[2], rows[2]; /* coarse, fine */
  uint8_t *cells[2];       /* palette indices */
} PetCudaRetro;

cudaError_t pet_cuda_retro (const PetCudaImage *src, const PetCudaRetro *retro,
    const PetCudaImage *dst, cudaStream_t stream);

typedef struct {
  const void *curve; /* PetDitherCurve */
  int spacing, dot_size, columns, rows;
  double edge_strength;
  bool adaptive;
  double *grey, *sharp;      /* one per pixel, packed */
  double *threshold, *error; /* one per lattice point */
  uint8_t *black;            /* one per lattice point */
} PetCudaDither;

cudaError_t pet_cuda_dither (const PetCudaImage *src,
    const PetCudaDither *dither, const PetCudaImage *dst, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
