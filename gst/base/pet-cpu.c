/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define _GNU_SOURCE
#include "base/pet-cpu.h"

#include <sched.h>
#include <stdio.h>
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
