/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Thresholds that look like even grain at every level: 64 rows of 64, each of
 * 0..255 sixteen times, to be repeated in both directions. */

#pragma once

#include <stdint.h>

extern const uint8_t pet_blue_noise[64 * 64];
