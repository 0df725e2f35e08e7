/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The coat of the cat: a ginger tabby with a white bib, socks and muzzle, or
 * the same in black, white or grey. */
#pragma once

#include "pet-draw-shape.h"

typedef struct {
  Vec color;
  Vec flow;     /* where the hairs point, in the world, of length 1 */
  float length; /* of the hairs */
} Coat;

typedef enum { COAT_GINGER, COAT_BLACK, COAT_WHITE, COAT_GREY } CoatKind;

/* Of all cats from then on; ginger if never called. */
void coat_choose (CoatKind kind);

Coat coat_at (const Pose *pose, const Place *place, Vec world, Vec normal);
