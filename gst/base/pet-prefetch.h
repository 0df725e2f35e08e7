/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory that is needed soon, whose cache lines come meanwhile. */

#pragma once

#include <stddef.h>

static inline void
pet_prefetch_to_read (const void *memory, size_t bytes)
{
  const size_t line = 64;

  for (size_t i = 0; i < bytes; i += line)
    __builtin_prefetch ((const char *) memory + i);
}

/* Of what another thread has read last and this one will write, lines take 0.4
 * microseconds each between processors that share no cache. */
static inline void
pet_prefetch_to_write (void *memory, size_t bytes)
{
#ifdef __x86_64__
  const size_t line = 64;

  for (size_t i = 0; i < bytes; i += line)
    __asm__ volatile("prefetchw %0" : : "m"(((char *) memory)[i]));
#endif
}

/* Where memory will be read and written soon, by steps beside what is at work. */
typedef struct {
  const unsigned char *read;
  unsigned char *write;
} PetAhead;

/* The `bytes` from `at` on of both come to the caches. */
static inline void
pet_prefetch_ahead (PetAhead ahead, size_t at, size_t bytes)
{
  pet_prefetch_to_read (ahead.read + at, bytes);
  pet_prefetch_to_write (ahead.write + at, bytes);
}
