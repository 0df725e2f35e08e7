/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a file that is not read here looks like, for the message. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/pet-status.h"

/* PET_ERROR_FORMAT with a sentence that fits `bytes`. */
PetStatus pet_sniff_refuse (const uint8_t *bytes, size_t size, PetError *error);
