/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/pet-matte-rows.h"

#include <stddef.h>

extern const PetMatteRows pet_matte_rows_c;
#ifdef PET_MATTE_ROWS_X86
extern const PetMatteRows pet_matte_rows_avx2, pet_matte_rows_avx512;
#endif

const PetMatteRows *
pet_matte_rows_nth (int n)
{
  const PetMatteRows *usable[4] = { NULL };
  int count = 0;

#ifdef PET_MATTE_ROWS_X86
  __builtin_cpu_init ();
  if (__builtin_cpu_supports ("avx512bw") &&
      __builtin_cpu_supports ("avx512vl") &&
      __builtin_cpu_supports ("avx512dq"))
    usable[count++] = &pet_matte_rows_avx512;
  if (__builtin_cpu_supports ("avx2"))
    usable[count++] = &pet_matte_rows_avx2;
#endif
  usable[count++] = &pet_matte_rows_c;
  return n < count ? usable[n] : NULL;
}

const PetMatteRows *
pet_matte_rows (void)
{
  return pet_matte_rows_nth (0);
}
