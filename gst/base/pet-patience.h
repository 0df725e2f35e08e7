/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* To wait awake for a moment before going to sleep: a sleeper takes longer to
 * wake up, on a virtual machine whose processor was given back above all.
 *
 *   PetPatience patience = { 0 };
 *
 *   while (!is_there () && pet_patience_lasts (&patience))
 *     ;
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define PET_PATIENCE_NS 100000
#define PET_PATIENCE_LOOKS 64 /* from one look at the clock to the next */

typedef struct {
  int looks;
  int64_t end_ns;
} PetPatience;

static inline int64_t
pet_patience_now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* False when it is over. */
static inline bool
pet_patience_lasts (PetPatience *patience)
{
  int64_t now_ns;

#ifdef __x86_64__
  __builtin_ia32_pause ();
#endif
  if (++patience->looks % PET_PATIENCE_LOOKS != 0)
    return true;
  now_ns = pet_patience_now_ns ();
  if (patience->end_ns == 0)
    patience->end_ns = now_ns + PET_PATIENCE_NS;
  return now_ns < patience->end_ns;
}
