/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The speeds of pet-cuda-check, as rows of a table in Markdown for
 * docs/performance-gpu.md: lines that begin with "|". */

#pragma once

#include "pet-cuda-program.h"

/* `networks`: ONNX files. `small`: pictures and runs for the card of host
 * memory, where the numbers mean nothing. False: something failed, and was told. */
bool bench_all (PetCuda *cuda, char **networks, int n_networks, bool small);

/* Prints the slowest steps of a program, as comments. */
void bench_steps (PetCudaProgram *program);
