/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs of zeros, which is what filters leave where nothing changes; all other
 * bytes become literals. Thread-safety: one thread at a time. */

#pragma once

#include "codec/pet-deflate-block.h"

PetStatus pet_runs_add (
    PetBlock *block, const uint8_t *bytes, size_t size, PetError *error);

/* `size` >= 1 zeros. */
PetStatus pet_runs_add_zeros (PetBlock *block, size_t size, PetError *error);
