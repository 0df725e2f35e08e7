/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/onednn/onednn-private.h"

/* Whichever OpenMP runtime libdnnl was linked with brings these; absent ones
 * (a build of oneDNN with TBB or without threads) resolve to NULL. Declared
 * here so that no second runtime gets linked beside that one. */
extern int omp_get_max_threads (void) __attribute__ ((weak));
extern void omp_set_num_threads (int threads) __attribute__ ((weak));

int
pet_dnn_threads_enter (int threads)
{
  int previous = 0;

  if (omp_get_max_threads != NULL && omp_set_num_threads != NULL) {
    previous = omp_get_max_threads ();
    omp_set_num_threads (threads);
  }
  return previous;
}

void
pet_dnn_threads_leave (int previous)
{
  if (previous > 0)
    omp_set_num_threads (previous);
}
