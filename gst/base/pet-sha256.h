/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SHA-256 (FIPS 180-4). GLib's takes 4 ms for a photo of 1.4 MB, the
 * instructions that processors have for it less than 1. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#define PET_SHA256_BYTES 32
#define PET_SHA256_BLOCK_BYTES 64

/* Thread-safety: safe. */
void pet_sha256 (
    const void *bytes, size_t size, uint8_t digest[PET_SHA256_BYTES]);

/* The same of bytes that come in pieces. Its members are its own. Thread-safety:
 * one thread at a time. */
typedef void (*PetSha256Compress) (
    uint32_t *state, const uint8_t *blocks, size_t n_blocks);
typedef struct {
  uint32_t state[8];
  uint64_t n_bytes;
  uint8_t block[PET_SHA256_BLOCK_BYTES];
  PetSha256Compress compress;
} PetSha256;

void pet_sha256_begin (PetSha256 *sum);
/* For tests: in plain C whatever the machine has. */
void pet_sha256_begin_plain (PetSha256 *sum);
void pet_sha256_add (PetSha256 *sum, const void *bytes, size_t size);
/* Once. */
void pet_sha256_end (PetSha256 *sum, uint8_t digest[PET_SHA256_BYTES]);
