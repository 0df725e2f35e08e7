/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What this process may use of the machine. */

#pragma once

/* Cores this process may run on (affinity mask and cgroup CPU quota, rounded
 * up), at least 1. Read anew at each call. Thread-safety: safe. */
int pet_cpu_count (void);

/* What of the processor the SIMD versions of a kernel may use. A version's
 * place in this order is its rank: of those that the machine can run, the last
 * is taken. */
typedef enum {
  PET_ISA_C,      /* what the compiler's own target has */
  PET_ISA_AVX2,   /* x86-64-v3 */
  PET_ISA_AVX512, /* x86-64-v4 with VBMI, VBMI2 and VNNI */
} PetIsa;

/* What the machine has. Thread-safety: safe. */
PetIsa pet_cpu_isa_found (void);

/* What is used: what the machine has, or less where the environment variable
 * PET_ISA names it ("c", "avx2", "avx512"), read once. Thread-safety: safe. */
PetIsa pet_cpu_isa (void);

/* The same for versions that do without these: PET_ISA_AVX512 is x86-64-v4 here,
 * which older processors have too. */
PetIsa pet_cpu_isa_v4 (void);

/* Never NULL. */
const char *pet_isa_name (PetIsa isa);
