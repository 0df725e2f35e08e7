/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define _GNU_SOURCE
#include "base/pet-cpu.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
affinity_count (void)
{
  cpu_set_t set;
  long online;

  if (sched_getaffinity (0, sizeof set, &set) == 0)
    return CPU_COUNT (&set);
  online = sysconf (_SC_NPROCESSORS_ONLN);
  return online < 1 ? 1 : (int) online;
}

/* A container's share: cgroup v2 "max 100000" or "150000 100000", v1 in two
 * files. 0 = no quota. Only the process's own root is looked at, which is what
 * a container sees. */
static double
quota_cores (void)
{
  FILE *file = fopen ("/sys/fs/cgroup/cpu.max", "r");
  double quota = 0, period = 0;

  if (file != NULL) {
    if (fscanf (file, "%lf %lf", &quota, &period) != 2)
      quota = 0;
    fclose (file);
  } else if ((file = fopen ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r"))) {
    if (fscanf (file, "%lf", &quota) != 1)
      quota = 0;
    fclose (file);
    if ((file = fopen ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r"))) {
      if (fscanf (file, "%lf", &period) != 1)
        period = 0;
      fclose (file);
    }
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

int
pet_cpu_count (void)
{
  int count = affinity_count ();
  double quota = quota_cores ();

  if (quota > 0 && quota < count)
    count = (int) (quota + 0.999);
  return count < 1 ? 1 : count;
}

static PetIsa
v4_found (void)
{
#ifdef PET_HAVE_X86
  __builtin_cpu_init ();
  if (!__builtin_cpu_supports ("avx2") || !__builtin_cpu_supports ("bmi2") ||
      !__builtin_cpu_supports ("fma"))
    return PET_ISA_C;
  if (__builtin_cpu_supports ("avx512bw") &&
      __builtin_cpu_supports ("avx512dq") &&
      __builtin_cpu_supports ("avx512cd") &&
      __builtin_cpu_supports ("avx512vl"))
    return PET_ISA_AVX512;
  return PET_ISA_AVX2;
#else
  return PET_ISA_C;
#endif
}

PetIsa
pet_cpu_isa_found (void)
{
  PetIsa isa = v4_found ();

#ifdef PET_HAVE_X86
  if (isa == PET_ISA_AVX512 &&
      (!__builtin_cpu_supports ("avx512vbmi") ||
          !__builtin_cpu_supports ("avx512vbmi2") ||
          !__builtin_cpu_supports ("avx512vnni")))
    return PET_ISA_AVX2;
#endif
  return isa;
}

const char *
pet_isa_name (PetIsa isa)
{
  static const char *const names[] = { "c", "avx2", "avx512" };

  return names[isa];
}

/* *known: -1 at first, then what is used. */
static PetIsa
look_once (atomic_int *known, PetIsa (*found) (void))
{
  int isa = atomic_load_explicit (known, memory_order_relaxed);
  const char *wish;

  if (isa >= 0)
    return (PetIsa) isa;
  isa = (int) found ();
  wish = getenv ("PET_ISA");
  for (int i = 0; wish != NULL && i < isa; i++)
    if (strcmp (wish, pet_isa_name ((PetIsa) i)) == 0)
      isa = i;
  atomic_store_explicit (known, isa, memory_order_relaxed);
  return (PetIsa) isa;
}

PetIsa
pet_cpu_isa (void)
{
  static atomic_int known = -1;

  return look_once (&known, pet_cpu_isa_found);
}

PetIsa
pet_cpu_isa_v4 (void)
{
  static atomic_int known = -1;

  return look_once (&known, v4_found);
}
