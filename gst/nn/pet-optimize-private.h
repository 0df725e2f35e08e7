/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shared by the files of pet_graph_optimize(). `uses` counts, per value, the
 * places where it is read; being an output of the graph is one of them. */

#pragma once

#include "nn/pet-graph.h"

/* Node that makes `value`, if it has a single float output that is read in
 * one place only and has no activation yet; else -1. `weighted`: only Conv,
 * ConvTranspose and Gemm. */
int pet_fusable_producer (
    const PetGraph *graph, const int *uses, int value, bool weighted);

/* Node `target` makes from now on what `fused` made; `fused` is left without
 * outputs, for removal. */
void pet_fuse_into (PetGraph *graph, int target, PetNode *fused);

/* A BatchNormalization at node `index` with constant parameters, behind a
 * Conv with constant weights, goes into weights and bias. Other nodes: does
 * nothing. */
PetStatus pet_fold_batch_norm (
    PetGraph *graph, const int *uses, int index, PetError *error);
