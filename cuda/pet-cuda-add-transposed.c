/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Transposed convolutions, for a kernel of our own. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/ref/pet-op-util.h"
#include "nn/ref/pet-op-window.h"
#include "pet-cuda-program.h"

#define MOST 65535

/* Beyond MOST, which is far more than pictures have, int arithmetic might
 * wrap. */
static bool
is_small (const PetWindow *window)
{
  for (int i = 1; i < 3; i++)
    if (window->kernel[i] > MOST || window->stride[i] > MOST ||
        window->dilation[i] > MOST || window->pad[i] > MOST ||
        window->pad[i] < -MOST ||
        (window->kernel[i] - 1) * window->dilation[i] > INT32_MAX / 4)
      return false;
  return window->rank == 2;
}

static bool
read_node (
    const PetCudaProgram *program, const PetNode *node, PetCudaConvNode *conv)
{
  return strcmp (node->type, "ConvTranspose") == 0 &&
      pet_cuda_read_weights (program, node, conv) &&
      pet_window_init_transposed (node,
          &pet_node_input (program->graph, node, 0)->shape,
          &conv->weights->shape.dim[2], &conv->window, NULL) == PET_OK &&
      is_small (&conv->window);
}

bool
pet_cuda_transposed_fits (const PetCudaProgram *program, const PetNode *node)
{
  PetCudaConvNode conv;

  return read_node (program, node, &conv);
}

/* From [in][out of a group][tap] to [tap][in of a group][out, padded]. */
static float *
reorder (const PetCudaConvNode *conv, size_t *count)
{
  const float *from = conv->weights->data;
  size_t taps =
      (size_t) conv->window.kernel[1] * (size_t) conv->window.kernel[2];
  size_t padded = (size_t) pet_cuda_pad8 (conv->out);
  size_t group_in = (size_t) (conv->in / conv->groups);
  size_t group_out = (size_t) (conv->out / conv->groups);
  float *to;

  if (!pet_mul3_size (taps, group_in, padded, count))
    return NULL;
  to = calloc (*count, sizeof *to);
  for (size_t i = 0; to != NULL && i < (size_t) conv->in; i++)
    for (size_t o = 0; o < group_out; o++)
      for (size_t t = 0; t < taps; t++, from++)
        to[(t * group_in + i % group_in) * padded + i / group_in * group_out +
            o] = *from;
  return to;
}

PetStatus
pet_cuda_add_transposed (
    PetCudaProgram *program, const PetNode *node, PetError *error)
{
  PetCudaStep *step;
  PetCudaConvNode conv;
  size_t count = 0;
  float *weights;

  (void) read_node (program, node, &conv);
  PET_TRY (pet_cuda_begin_conv (
      program, node, PET_CUDA_STEP_TRANSPOSED, &conv, &step, error));
  weights = reorder (&conv, &count);
  PET_TRY (pet_cuda_add_weights (
      program, step, &conv, weights, count, false, error));
  return pet_cuda_end_conv (program, step, error);
}
