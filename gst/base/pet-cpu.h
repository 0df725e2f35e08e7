/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What this process may use of the machine. */

#pragma once

/* Cores this process may run on (affinity mask and cgroup CPU quota, rounded
 * up), at least 1. Read anew at each call. Thread-safety: safe. */
int pet_cpu_count (void);
