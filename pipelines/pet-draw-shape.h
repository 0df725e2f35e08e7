/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sitting cat as a solid: signed distances in a world whose floor is
 * y = 0, whose x points right and whose z points at the viewer. The cat is
 * about 2.2 units high. */
#pragma once

#include "pet-draw-math.h"

typedef enum {
  PART_BODY,
  PART_LEG,
  PART_TAIL,
  PART_HEAD,
  PART_EAR,
  PART_COUNT
} Part;

/* An origin and three unit axes. */
typedef struct {
  Vec origin, x, y, z;
} Frame;

typedef struct {
  Frame body, head;
} Pose;

/* What is where on the cat, for the coat and the fur. */
typedef struct {
  Part part;
  Vec local;    /* in the head's frame for head and ears, else the body's */
  float along;  /* tail: 0 root .. 1 tip; ear: 0 base .. 1 tip */
  float inside; /* ear: 1 in the hollow of the ear */
  Vec tangent;  /* tail: towards the tip, in the world */
} Place;

Pose shape_pose (void);

Vec frame_to_local (const Frame *frame, Vec world);
Vec frame_to_world (const Frame *frame, Vec local);
Vec frame_turn (const Frame *frame, Vec local_direction);

/* Distance from `world` to the cat, negative inside. Slightly too short near
 * the ears. */
float shape_distance (const Pose *pose, Vec world);

/* The cat's outward direction at `world`. */
Vec shape_normal (const Pose *pose, Vec world);

Place shape_place (const Pose *pose, Vec world, Vec normal);

/* The point of the face's surface at `x`, `y` of the head's frame, seen from
 * the front, in that frame. */
Vec shape_face (float x, float y);
