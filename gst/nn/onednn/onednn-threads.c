/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/onednn/onednn-private.h"

int
pet_dnn_threads_enter (int threads)
{
  int previous = 0;

  if (pet_dnn.omp_get_max_threads != NULL) {
    previous = pet_dnn.omp_get_max_threads ();
    pet_dnn.omp_set_num_threads (threads);
  }
  return previous;
}

void
pet_dnn_threads_leave (int previous)
{
  if (previous > 0)
    pet_dnn.omp_set_num_threads (previous);
}
