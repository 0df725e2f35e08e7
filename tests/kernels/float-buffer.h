/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Random floats at odd places, with canaries around them. */

#pragma once

#include <math.h>

#include "tap.h"

#define CANARY 12345.5f
#define GUARD 32

typedef struct {
  float *base, *data;
  size_t floats;
} Buffer;

static inline float
random_float (void)
{
  return (float) ((double) tap_random () / 2147483648.0 - 1.0);
}

/* Random contents at an address that is odd in floats, canaries around. */
static inline Buffer
buffer_new (size_t floats, size_t behind)
{
  size_t skew = (size_t) tap_random_range (0, 15);
  size_t all = floats + behind + 2 * GUARD + 16;
  Buffer b = { .base = malloc (all * sizeof (float)), .floats = floats };

  for (size_t i = 0; i < all; i++)
    b.base[i] = CANARY;
  b.data = b.base + GUARD + skew;
  for (size_t i = 0; i < floats; i++)
    b.data[i] = random_float ();
  return b;
}

static inline void
buffer_end (Buffer *b, const char *name)
{
  for (int i = 1; i <= GUARD; i++)
    if (b->data[-i] != CANARY || b->data[b->floats + (size_t) i - 1] != CANARY)
      tap_fail ("%s: wrote outside", name);
  free (b->base);
}

static inline void
compare (const char *name, const char *what, const float *got,
    const float *expected, size_t floats, double tolerance)
{
  for (size_t i = 0; i < floats; i++)
    if (!(fabs ((double) got[i] - (double) expected[i]) <= tolerance)) {
      tap_fail ("%s: %s: %zu of %zu is %g, not %g", name, what, i, floats,
          (double) got[i], (double) expected[i]);
      return;
    }
}
