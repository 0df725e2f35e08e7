/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Between which columns a picture is not 0 throughout, band of rows by band of
 * rows: a cut-out is empty mostly, and who knows where need not look. Of a fixed
 * size, whatever the picture's. Thread-safety: reading is safe. */

#pragma once

#define PET_OUTLINE_BANDS 64

typedef struct {
  int width, height; /* of the picture; 0: nothing is known */
  int band_rows;
  struct {
    int first, end;
  } bands[PET_OUTLINE_BANDS]; /* end = 0: empty */
} PetOutline;

/* A picture of which all is 0, and to which rows will be added. */
static inline void
pet_outline_begin (PetOutline *outline, int width, int height)
{
  *outline = (PetOutline){ .width = width,
    .height = height,
    .band_rows = (height - 1) / PET_OUTLINE_BANDS + 1 };
}

/* Pixels first..end-1 of row `y` may be other than 0; first < end. */
static inline void
pet_outline_add (PetOutline *outline, int y, int first, int end)
{
  int band = y / outline->band_rows;

  if (outline->bands[band].end == 0 || first < outline->bands[band].first)
    outline->bands[band].first = first;
  if (end > outline->bands[band].end)
    outline->bands[band].end = end;
}

/* Outside of first..end-1 row `y` is 0; NULL or nothing known: the whole row. */
static inline void
pet_outline_row (
    const PetOutline *outline, int y, int width, int *first, int *end)
{
  *first = 0;
  *end = width;
  if (outline == 0 || outline->width == 0)
    return;
  *first = outline->bands[y / outline->band_rows].first;
  *end = outline->bands[y / outline->band_rows].end;
}
