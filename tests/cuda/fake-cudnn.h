/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cuDNN's graph API in plain C: records every graph in words, and executes
 * convolutions from nothing but the descriptors, so that a wrong size, stride or
 * address is a wrong picture. Its heuristics name four engines: one with tensor
 * cores, a plain one, one that is not deterministic, and one that is compiled at
 * run time, which fails.
 *
 * $PET_FAKE_CUDNN takes words that are refused: "last" (a residual after the
 * activation), and any word of the recorded text, like "clip", "sigmoid",
 * "relu", or "conv" (everything). */

#pragma once

#include <cudnn_graph.h>

#include "fake-cuda.h"

/* The graphs that were finalized since the start, oldest first; NULL behind
 * the last. */
FAKE_EXPORT const char *fake_cudnn_graph (int index);
/* Which engine (0..3) the last plan that was executed is of. */
FAKE_EXPORT int fake_cudnn_last_engine (void);
/* Descriptors and handles that were not destroyed. */
FAKE_EXPORT int fake_cudnn_alive (void);
