/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stddef.h>

#include "base/pet-cpu.h"
#include "image/pet-matte-rows.h"

extern const PetMatteRows pet_matte_rows_c;
#ifdef PET_MATTE_ROWS_X86
extern const PetMatteRows pet_matte_rows_avx2, pet_matte_rows_avx512;
#endif

static const PetMatteRows *const versions[] = {
  [PET_ISA_C] = &pet_matte_rows_c,
#ifdef PET_MATTE_ROWS_X86
  [PET_ISA_AVX2] = &pet_matte_rows_avx2,
  [PET_ISA_AVX512] = &pet_matte_rows_avx512,
#endif
};

const PetMatteRows *
pet_matte_rows_nth (int n)
{
  int isa = (int) pet_cpu_isa_v4 () - n;

  return isa >= 0 ? versions[isa] : NULL;
}

const PetMatteRows *
pet_matte_rows (void)
{
  return pet_matte_rows_nth (0);
}
