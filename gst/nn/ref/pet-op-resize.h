/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The positions of a Resize or Upsample, for back ends that do it themselves. */

#pragma once

#include "nn/pet-graph.h"

/* Output place x of `axis` is the sum over t < *taps of weight[x * *taps + t]
 * times input place index[x * *taps + t]; *taps 0: the axis passes through.
 * `index` and `weight` hold two entries per output place; NULL: only *taps is
 * wanted. False where more
 * than two taps are wanted, or places outside the picture have a value of
 * their own. */
bool pet_resize_taps (const PetGraph *graph, const PetNode *node, int axis,
    int *taps, int32_t *index, double *weight);
