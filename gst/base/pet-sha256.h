/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SHA-256 (FIPS 180-4) of bytes in memory. GLib's takes 4 ms for a photo of
 * 1.4 MB, the instructions that processors have for it less than 1. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#define PET_SHA256_BYTES 32

/* Thread-safety: safe. */
void pet_sha256 (
    const void *bytes, size_t size, uint8_t digest[PET_SHA256_BYTES]);

/* For tests: in plain C whatever the machine has. */
void pet_sha256_plain (
    const void *bytes, size_t size, uint8_t digest[PET_SHA256_BYTES]);
