/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A row of a convolution with everything that belongs to it, for the tests of its
 * kernels. */

#pragma once

#include "float-buffer.h"
#include "nn/native/native-kernels.h"

static inline PetNativeFinish
random_finish (void)
{
  PetNativeFinish finish = { -INFINITY, INFINITY, tap_random () % 2 == 0 };

  if (tap_random () % 2 == 0)
    finish.low = -0.5f;
  if (tap_random () % 2 == 0)
    finish.high = 0.75f;
  return finish;
}

static inline double
finished (const PetNativeFinish *f, double sum, const float *residual)
{
  if (residual != NULL && !f->residual_last)
    sum += (double) *residual;
  sum = fmin ((double) f->high, fmax ((double) f->low, sum));
  return residual != NULL && f->residual_last ? sum + (double) *residual : sum;
}

/* A convolution row with everything that belongs to it. */
typedef struct {
  PetNativeConv conv;
  PetNativeSegment segments[9];
  int lanes, pixels;
  Buffer in, weights, bias, residual, out;
  bool has_residual;
} Row;

static inline void
row_end (Row *row, const char *name)
{
  buffer_end (&row->in, name);
  buffer_end (&row->weights, name);
  buffer_end (&row->bias, name);
  buffer_end (&row->residual, name);
  buffer_end (&row->out, name);
}
