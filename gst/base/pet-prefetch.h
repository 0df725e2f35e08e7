/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory that another thread has read last and this one will write soon: its
 * cache lines come over meanwhile, which takes 0.4 microseconds a line between
 * processors that share no cache. */

#pragma once

#include <stddef.h>

static inline void
pet_prefetch_to_write (void *memory, size_t bytes)
{
#ifdef __x86_64__
  const size_t line = 64;

  for (size_t i = 0; i < bytes; i += line)
    __asm__ volatile("prefetchw %0" : : "m"(((char *) memory)[i]));
#endif
}
