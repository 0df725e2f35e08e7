/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolutions for cuDNN's graph API. What is fused onto a convolution (bias,
 * residual, activation) goes into one graph as far as cuDNN has an engine for
 * it; what it has none for is left to pet_cuda_pointwise(). Which engine runs is
 * decided once per shape, by its own heuristics and then by time, of halves among
 * cuDNN's and pet_cuda_convolve_halves(), which does all at once. */

#pragma once

#include "pet-cuda-private.h"

/* Everything that tells one convolution from another; compared as bytes, so
 * zeroed first. Channels, sizes and pitches as in PetCudaMap. */
typedef struct {
  int type, act, residual, residual_last;
  int batch, in, out; /* channels, multiples of 8 */
  int height, width, out_height, out_width;
  int kernel[2], stride[2], dilation[2], pad[2], pad_end[2];
  int x_pitch, y_pitch, z_pitch;
  float low, high;
} PetCudaConvKey;

/* How much of what is wanted cuDNN does. */
typedef enum {
  PET_CUDA_FUSED_ALL,
  PET_CUDA_FUSED_ACT,  /* bias and activation; the residual comes after */
  PET_CUDA_FUSED_BIAS, /* activation and residual come after */
} PetCudaFused;

#define PET_CUDA_MAX_PLANS 8

typedef struct {
  PetCudaConvKey key;
  PetCudaFused fused;
  PetCudnnBuild graph;
  PetCudnnBuild
      plans[PET_CUDA_MAX_PLANS];  /* the plan is the last one of each */
  int choice[PET_CUDA_MAX_PLANS]; /* place in the list of the heuristics */
  size_t workspace[PET_CUDA_MAX_PLANS];
  int n_plans;
  bool halves; /* pet_cuda_convolve_halves() can do it */
  int best;    /* way; -1: not decided */
} PetCudaConv;

/* Ways: the plans, then the variants of pet_cuda_convolve_halves(). */
static inline int
pet_cuda_conv_ways (const PetCudaConv *conv)
{
  return conv->n_plans + (conv->halves ? PET_CUDA_HALF_CONVS : 0);
}

bool pet_cuda_conv_suits (const PetCudaConv *conv, int way);

/* What the cache calls a way. */
#define PET_CUDA_HALVES_CHOICE 1000

static inline int
pet_cuda_conv_choice (const PetCudaConv *conv, int way)
{
  return way < conv->n_plans ? conv->choice[way]
                             : PET_CUDA_HALVES_CHOICE + way - conv->n_plans;
}

/* Makes the plans that may be used, best first by heuristics. At least one way,
 * or UNSUPPORTED: there is no engine for it. `conv` is cleared by
 * pet_cuda_conv_clear() in every case. */
PetStatus pet_cuda_conv_plan (const PetCuda *cuda, const PetCudaConvKey *key,
    PetCudaConv *conv, PetError *error);
void pet_cuda_conv_clear (PetCudaConv *conv);

typedef struct {
  void *x, *w, *bias, *residual, *y; /* residual NULL unless FUSED_ALL has it */
  void *workspace;
} PetCudaConvData;

PetStatus pet_cuda_conv_run (const PetCudnn *dnn, const PetCudaConv *conv,
    int plan, const PetCudaConvData *data, PetError *error);

/* Runs a convolution, and what comes after it, in one of its ways. */
typedef PetStatus (*PetCudaConvRun) (void *user, int way, PetError *error);

/* Times the ways on the work stream and keeps the fastest. */
PetStatus pet_cuda_conv_choose (PetCuda *cuda, PetCudaConv *conv,
    PetCudaConvRun run, void *user, PetError *error);

/* Choices of earlier runs: lines of "KEY-HASH PLACE" in a file named by card and
 * cuDNN version below $XDG_CACHE_HOME/gst-plugins-pet. Without a folder that can
 * be written there is no timing either: the heuristics' first plan is used, so
 * that two runs choose alike. */
typedef struct {
  char path[512]; /* "" = none */
  struct {
    uint64_t hash;
    int choice;
  } * entries;
  int n, max;
  bool changed;
} PetCudaCache;

void pet_cuda_cache_open (const PetCuda *cuda, PetCudaCache *cache);
/* The place, or -1. */
int pet_cuda_cache_find (const PetCudaCache *cache, const PetCudaConvKey *key);
void pet_cuda_cache_add (
    PetCudaCache *cache, const PetCudaConvKey *key, int choice);
/* Writes what is new, as a whole file or not at all, and frees. */
void pet_cuda_cache_close (PetCudaCache *cache);
