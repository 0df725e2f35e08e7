/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Arithmetic on sizes that come from input. Each function returns false on
 * overflow and leaves *result unspecified then. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

static inline bool
pet_add_size (size_t a, size_t b, size_t *result)
{
  return !__builtin_add_overflow (a, b, result);
}

static inline bool
pet_mul_size (size_t a, size_t b, size_t *result)
{
  return !__builtin_mul_overflow (a, b, result);
}

static inline bool
pet_mul3_size (size_t a, size_t b, size_t c, size_t *result)
{
  size_t ab;

  return pet_mul_size (a, b, &ab) && pet_mul_size (ab, c, result);
}
