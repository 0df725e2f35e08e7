/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pet-cuda-bench.h"

#include <stdio.h>
#include <stdlib.h>

#define SHOWN 8
#define RUNS 20

typedef struct {
  int step;
  float milliseconds;
} StepTime;

static int
compare_times (const void *a, const void *b)
{
  float x = ((const StepTime *) a)->milliseconds;
  float y = ((const StepTime *) b)->milliseconds;

  return (x < y) - (x > y);
}

/* Started one by one, so what a graph saves at each start is in it. */
static cudaError_t
time_step (PetCudaStep *step, cudaStream_t stream, cudaEvent_t begin,
    cudaEvent_t end, float *milliseconds)
{
  cudaError_t result = cudaEventRecord (begin, stream);

  for (int i = 0; i < RUNS; i++)
    if (pet_cuda_run_step (step, NULL) != PET_OK)
      return cudaErrorUnknown;
  if (result == cudaSuccess)
    result = cudaEventRecord (end, stream);
  if (result == cudaSuccess)
    result = cudaEventSynchronize (end);
  if (result == cudaSuccess)
    result = cudaEventElapsedTime (milliseconds, begin, end);
  *milliseconds /= RUNS;
  return result;
}

static void
print_step (const PetCudaProgram *program, const StepTime *time, double sum)
{
  const PetCudaStep *step = &program->steps[time->step];
  const PetCudaMap y = pet_cuda_value_map (program, step->y);

  printf ("# %5.1f %% %.4f ms, step %d, %s, kind %d: %d to %d channels, %dx%d",
      100 * (double) time->milliseconds / sum, (double) time->milliseconds,
      time->step, step->node->type, step->kind, step->in, step->out, y.width,
      y.height);
  if (step->conv >= 0) {
    const PetCudaConv *conv = &program->convs[step->conv];

    printf (", kernel %d, way %d of %d, engine %d, fused %d",
        conv->key.kernel[0], conv->best, pet_cuda_conv_ways (conv),
        pet_cuda_conv_choice (conv, conv->best), conv->fused);
  }
  printf ("\n");
}

void
bench_steps (PetCudaProgram *program)
{
  cudaStream_t stream = program->cuda->work;
  StepTime *times = calloc ((size_t) program->n_steps, sizeof *times);
  cudaEvent_t begin = NULL, end = NULL;
  double sum = 0;
  bool good = times != NULL && cudaEventCreate (&begin) == cudaSuccess &&
      cudaEventCreate (&end) == cudaSuccess;

  for (int i = 0; good && i < program->n_steps; i++) {
    times[i].step = i;
    good = time_step (&program->steps[i], stream, begin, end,
               &times[i].milliseconds) == cudaSuccess;
    sum += (double) times[i].milliseconds;
  }
  if (good) {
    qsort (times, (size_t) program->n_steps, sizeof *times, compare_times);
    printf ("# %d steps one by one: %.3f ms\n", program->n_steps, sum);
    for (int i = 0; i < SHOWN && i < program->n_steps; i++)
      if (program->steps[times[i].step].y >= 0)
        print_step (program, &times[i], sum);
  } else {
    printf ("# the steps could not be timed\n");
  }
  if (begin != NULL)
    (void) cudaEventDestroy (begin);
  if (end != NULL)
    (void) cudaEventDestroy (end);
  free (times);
}
