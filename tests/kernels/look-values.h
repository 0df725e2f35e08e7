/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What tests of looks set. */

#pragma once

#include "image/pet-effect.h"

/* Of looks that have such a parameter. */
static inline void
set_value (const PetEffect *effect, double *values, const char *name, double v)
{
  int index = pet_effect_param_index (effect, name);

  if (index >= 0)
    values[index] = v;
}
