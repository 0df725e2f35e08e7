/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A fuzz target is one file fuzz-<name>.c with the three functions below. With
 * libFuzzer (-Dfuzz=true, clang) it becomes the program fuzz-<name>, without
 * it a test that replays the seeds and files derived from them (replay.c).
 * A target aborts when something that must hold does not. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "seeds.h"

/* What libFuzzer calls for each input. Returns 0. */
int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size);

/* Calls `seed` for each file that fuzzing starts from. */
void fuzz_seeds (FuzzSeed seed, void *user);

/* Makes checksums fit again after bytes were changed, so that what lies behind
 * them is reached. Keeps the size. */
void fuzz_repair (uint8_t *bytes, size_t size);
