/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/pet-cpu.h"
#include "base/pet-resample-rows.h"

static const PetResampleRows *const versions[] = {
  [PET_ISA_C] = &pet_resample_rows_c,
#ifdef PET_HAVE_X86
  [PET_ISA_AVX2] = &pet_resample_rows_avx2,
  [PET_ISA_AVX512] = &pet_resample_rows_avx512,
#endif
};

const PetResampleRows *
pet_resample_rows (void)
{
  return versions[pet_cpu_isa ()];
}
