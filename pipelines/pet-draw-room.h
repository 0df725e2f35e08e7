/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The room behind the cat: a sunlit wall with a plant, and a floor of oak
 * boards, all the more out of focus the farther away it is. */
#pragma once

#include "pet-draw-view.h"

/* What a ray from the eye sees of the wall. It varies slowly. */
Vec room_wall (const View *view, Vec ray);

/* What it sees of the floor and the foot of the wall. `wall` is the result of
 * room_wall(), `light` 0 .. 1 what the cat lets through. */
Vec room_floor (const View *view, Vec ray, Vec wall, float light);
