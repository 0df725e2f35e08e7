/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files that fuzzing starts from, made from a fixed seed. Small ones: a
 * fuzzer gets through them fast. */

#pragma once

#include <stddef.h>
#include <stdint.h>

/* `bytes` are valid during the call. */
typedef void (*FuzzSeed) (
    void *user, const char *name, const uint8_t *bytes, size_t size);

void seeds_jpeg (FuzzSeed seed, void *user);
void seeds_png (FuzzSeed seed, void *user);
void seeds_exif (FuzzSeed seed, void *user); /* bare TIFF blocks */
void seeds_icc (FuzzSeed seed, void *user);
void seeds_onnx (FuzzSeed seed, void *user);
