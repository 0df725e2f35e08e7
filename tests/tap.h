/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tests of the plain C core: a table of named functions, TAP on stdout.
 *
 *   static void flips_twice_is_identity (void) { tap_check (a == b); }
 *   int main (int argc, char **argv)
 *   {
 *     static const TapTest tests[] = { TAP_TEST (flips_twice_is_identity) };
 *     return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
 *   }
 *
 * A test fails when any check in it fails, and is skipped when it calls
 * tap_skip() first. `program NAME...` runs only the named tests; TAP_SEED sets
 * the seed of tap_random(), which is printed. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *name;
  void (*run) (void);
} TapTest;

#define TAP_TEST(function)                                                     \
  {                                                                            \
#function, function                                                        \
  }

static int tap_failures_;
static const char *tap_skipped_;
static uint64_t tap_state_;

#define tap_check(condition)                                                   \
  ((condition) ? (void) 0 : tap_fail_at (__FILE__, __LINE__, "%s", #condition))
#define tap_fail(...) tap_fail_at (__FILE__, __LINE__, __VA_ARGS__)
#define tap_fail_at(file, line, ...)                                           \
  (printf ("# %s:%d: ", file, line), printf (__VA_ARGS__), printf ("\n"),      \
      (void) tap_failures_++)

static inline void
tap_skip (const char *why)
{
  tap_skipped_ = why;
}

/* xorshift64*: the same numbers on every machine for one seed. */
static inline uint32_t
tap_random (void)
{
  tap_state_ ^= tap_state_ >> 12;
  tap_state_ ^= tap_state_ << 25;
  tap_state_ ^= tap_state_ >> 27;
  return (uint32_t) ((tap_state_ * 0x2545F4914F6CDD1Dull) >> 32);
}

static inline int
tap_random_range (int low, int high)
{
  return low + (int) (tap_random () % (uint32_t) (high - low + 1));
}

static inline bool
tap_selected_ (const char *name, int argc, char **argv)
{
  if (argc < 2)
    return true;
  for (int i = 1; i < argc; i++)
    if (strcmp (argv[i], name) == 0)
      return true;
  return false;
}

static inline int
tap_run (const TapTest *tests, size_t n_tests, int argc, char **argv)
{
  const char *seed_text = getenv ("TAP_SEED");
  uint64_t seed = seed_text != NULL ? strtoull (seed_text, NULL, 0) : 20261124;
  int number = 0, failed = 0;

  setvbuf (stdout, NULL, _IOLBF, 0);
  printf ("# TAP_SEED=%llu\n", (unsigned long long) seed);
  for (size_t i = 0; i < n_tests; i++) {
    if (!tap_selected_ (tests[i].name, argc, argv))
      continue;
    tap_failures_ = 0;
    tap_skipped_ = NULL;
    tap_state_ = seed * 2 + 1;
    tests[i].run ();
    number++;
    if (tap_failures_ > 0)
      failed++;
    if (tap_skipped_ != NULL && tap_failures_ == 0)
      printf ("ok %d - %s # SKIP %s\n", number, tests[i].name, tap_skipped_);
    else
      printf ("%sok %d - %s\n", tap_failures_ > 0 ? "not " : "", number,
          tests[i].name);
  }
  printf ("1..%d\n", number);
  return failed > 0;
}
