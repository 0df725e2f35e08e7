/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Named sets of colours, 0xRRGGBB. Thread-safety: safe. */

#pragma once

#include <stdint.h>

#define PET_PALETTE_MAX 32

enum { PET_PALETTE_AUTO, PET_PALETTE_POP };

/* Values of the parameter `palette`, "auto" first: NULL-ended. */
extern const char *const pet_palette_names[];
#define PET_PALETTE_LAST 12.0

/* The colours of a palette other than auto, dark ones first; the result is
 * their number. */
int pet_palette_colors (int palette, uint32_t colors[PET_PALETTE_MAX]);
