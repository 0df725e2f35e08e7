/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The matte's inner loops: every version that this machine can run gives the
 * same bytes as the plain one, for odd sizes, at odd addresses, and writes
 * nowhere else. `test-matte-rows --bench` times them and the whole matte. */

#include <time.h>

#include "image/pet-matte-rows.h"
#include "image/pet-matte.h"
#include "picture.h"

#define MOST 700 /* of anything in a row */

typedef union {
  uint8_t bytes[4 * MOST];
  float floats[MOST];
  uint32_t words[MOST];
  uint16_t shorts[2 * MOST];
} Row;

/* Inputs, and a row to change for the reference and for the version. */
typedef struct {
  int count, radius, channels, from;
  Row in[4], lines[2];
  int32_t left[MOST], start[MOST];
  float share[MOST], pixels[MOST];
  PetMattePlaces places;
  struct {
    char before[64];
    Row row, second;
    char after[64];
    uint64_t number;
    int largest;
  } out[2];
} Case;

static void
fill (Row *row, int kind)
{
  for (int i = 0; i < MOST; i++)
    if (kind == 0)
      row->words[i] = tap_random ();
    else if (kind == 1)
      row->floats[i] = (float) tap_random_range (-4000, 4000) / 1024.0f;
    else
      row->words[i] = (uint32_t) tap_random_range (0, 1 << 20);
}

static void
prepare (Case *c, int kind)
{
  memset (c, 0x5a, sizeof *c);
  c->count = tap_random_range (1, 150);
  c->radius = tap_random_range (1, 10);
  c->channels = tap_random_range (3, 4);
  c->from = tap_random_range (0, c->count - 1);
  for (int i = 0; i < 4; i++)
    fill (&c->in[i], kind);
  fill (&c->lines[0], 1);
  fill (&c->lines[1], 1);
  for (int i = 0; i < MOST; i++) {
    c->left[i] = i * c->channels / 6;
    c->share[i] = (float) tap_random_range (0, 1000) / 1000.0f;
    c->pixels[i] = (float) tap_random_range (1, 441);
  }
  c->places = (PetMattePlaces){ .width = MOST,
    .cells = MOST / 2,
    .left = c->left,
    .share = c->share,
    .start = c->start };
  fill (&c->out[0].row, kind);
  fill (&c->out[0].second, kind);
  c->out[0].number = 0;
  c->out[0].largest = 0;
  c->out[1] = c->out[0];
}

static void
run_add_bytes (const PetMatteRows *rows, Case *c, int k)
{
  rows->add_bytes (c->out[k].row.shorts + 1, c->in[0].bytes + 3, c->count);
}

static void
run_slide (const PetMatteRows *rows, Case *c, int k)
{
  const uint32_t *enters = c->count % 4 ? c->in[0].words + 1 : NULL;
  const uint32_t *leaves = c->count % 7 ? c->in[1].words : NULL;

  rows->slide (c->out[k].row.words + 1, enters, leaves, c->count);
}

static void
run_solve (const PetMatteRows *rows, Case *c, int k)
{
  const uint32_t *columns[4];

  for (int i = 0; i < 4; i++)
    columns[i] = c->in[i].words;
  /* the mask all pet, then none */
  for (int i = 0; i < 60; i++)
    c->in[1].words[i] = i < 30 ? 255 * 7 : 0;
  for (int i = 0; i < 30; i++)
    c->pixels[i] = (float) (7 * (2 * c->radius + 1));
  rows->solve (c->out[k].row.floats + 1, c->out[k].second.floats, columns,
      c->pixels, 4000.0f, c->radius, c->count);
}

static void
run_average (const PetMatteRows *rows, Case *c, int k)
{
  rows->average (c->out[k].row.floats + 1, c->lines[0].floats, c->pixels,
      c->radius, c->count);
}

static void
run_add_floats (const PetMatteRows *rows, Case *c, int k)
{
  memcpy (c->out[k].row.floats, c->lines[1].floats, sizeof (Row));
  rows->add_floats (c->out[k].row.floats + 1, c->lines[0].floats, c->count);
}

static void
run_mix (const PetMatteRows *rows, Case *c, int k)
{
  rows->mix (c->out[k].row.floats + 1, c->lines[0].floats,
      c->lines[1].floats + 2, c->share[0], c->count);
}

static void
run_expand (const PetMatteRows *rows, Case *c, int k)
{
  rows->expand (c->out[k].row.bytes + 1, c->lines[0].floats, c->lines[1].floats,
      &c->places, c->in[0].bytes + 1, c->channels, 0.5f, -12.0f, c->from,
      c->count);
}

static void
run_join (const PetMatteRows *rows, Case *c, int k)
{
  for (int i = 0; i < c->count; i++)
    if (i % 3)
      c->in[1].bytes[i] = i % 3 == 1 ? 0 : 255;
  rows->join (c->out[k].row.bytes + 1, c->in[0].bytes + 1, c->channels,
      c->in[1].bytes, c->count % 2, c->count);
}

static void
run_join_in_place (const PetMatteRows *rows, Case *c, int k)
{
  uint8_t *row = c->out[k].row.bytes + 1;

  rows->join (row, row, 4, c->in[1].bytes, c->count % 2, c->count);
}

static void
run_extremes (const PetMatteRows *rows, Case *c, int k)
{
  rows->extremes (c->out[k].row.bytes + 1, c->out[k].second.bytes,
      c->in[0].bytes + 1, c->count);
}

static void
run_clean (const PetMatteRows *rows, Case *c, int k)
{
  for (int i = 0; i < MOST; i++)
    c->in[3].floats[i] = (float) (i * 37 % 256);
  rows->clean (
      c->out[k].row.bytes, c->in[3].floats, 100, &c->places, c->from, c->count);
}

static void
run_classify (const PetMatteRows *rows, Case *c, int k)
{
  for (int i = 0; i < MOST; i++) {
    c->lines[0].floats[i] *= i % 4 == 0;
    c->lines[1].floats[i] = i % 8 ? c->lines[1].floats[i] : (float) (i % 3);
  }
  rows->classify (c->out[k].row.bytes + 1, c->lines[0].floats,
      c->lines[1].floats, c->count);
}

static void
run_window (const PetMatteRows *rows, Case *c, int k)
{
  rows->window (c->out[k].row.words + 1, c->in[0].words + 1, 1 + c->count % 30);
}

static void
run_measure (const PetMatteRows *rows, Case *c, int k)
{
  c->out[k].number =
      rows->measure (c->in[0].bytes + 1, c->count * 4, &c->out[k].largest);
}

typedef struct {
  const char *name;
  void (*run) (const PetMatteRows *rows, Case *c, int k);
  int kind; /* of the inputs: bits, floats, sums */
} Kernel;

static const Kernel kernels[] = {
  { "add_bytes", run_add_bytes, 0 },
  { "slide", run_slide, 0 },
  { "solve", run_solve, 2 },
  { "average", run_average, 1 },
  { "add_floats", run_add_floats, 1 },
  { "mix", run_mix, 1 },
  { "expand", run_expand, 0 },
  { "join", run_join, 0 },
  { "join in place", run_join_in_place, 0 },
  { "extremes", run_extremes, 0 },
  { "clean", run_clean, 0 },
  { "classify", run_classify, 0 },
  { "window", run_window, 0 },
  { "measure", run_measure, 0 },
};

static void
each_version_gives_the_plain_one_s_bytes (void)
{
  static Case c;
  const PetMatteRows *rows, *reference = NULL;

  for (int n = 0; (rows = pet_matte_rows_nth (n)) != NULL; n++)
    reference = rows;
  tap_check (reference != NULL && strcmp (reference->name, "c") == 0);
  for (int n = 0; (rows = pet_matte_rows_nth (n)) != NULL; n++) {
    printf ("# %s\n", rows->name);
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
      for (int round = 0; round < 40; round++) {
        prepare (&c, kernels[k].kind);
        kernels[k].run (reference, &c, 0);
        kernels[k].run (rows, &c, 1);
        if (memcmp (&c.out[0], &c.out[1], sizeof c.out[0]) != 0)
          tap_fail ("%s of %s: count %d, radius %d, channels %d",
              kernels[k].name, rows->name, c.count, c.radius, c.channels);
      }
  }
}

static void
nothing_is_written_beside_the_row (void)
{
  static Case c;
  const PetMatteRows *rows;

  for (int n = 0; (rows = pet_matte_rows_nth (n)) != NULL; n++)
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
      for (int round = 0; round < 10; round++) {
        size_t end;

        prepare (&c, kernels[k].kind);
        kernels[k].run (rows, &c, 1);
        /* A row's elements have at most 4 bytes; window writes 8 of them. */
        end = 4 * (size_t) (c.count > 8 ? c.count : 8) + 4;
        if (strcmp (kernels[k].name, "add_floats") != 0 &&
            memcmp (c.out[0].row.bytes + end, c.out[1].row.bytes + end,
                sizeof (Row) - end) != 0)
          tap_fail ("%s of %s", kernels[k].name, rows->name);
        tap_check (memcmp (c.out[0].before, c.out[1].before, 64) == 0 &&
            memcmp (c.out[0].after, c.out[1].after, 64) == 0);
      }
}

static double
cpu_milliseconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

static void
bench_kernels (void)
{
  static Case c;
  const PetMatteRows *rows;

  for (int n = 0; (rows = pet_matte_rows_nth (n)) != NULL; n++)
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
      double begin;

      prepare (&c, kernels[k].kind);
      c.count = 150;
      c.from = 0;
      c.radius = 4;
      begin = cpu_milliseconds ();
      for (int round = 0; round < 20000; round++)
        kernels[k].run (rows, &c, 1);
      printf ("%-8s %-14s %8.2f ns an element\n", rows->name, kernels[k].name,
          (cpu_milliseconds () - begin) * 1e6 / 20000 / 150);
    }
}

/* A pet of two thirds of a 1536 x 1152 photo. */
static void
bench_matte (int channels, const PetMatteOptions *options, const char *what)
{
  Picture photo = picture_new (1536, 1152, channels, 0);
  Picture target = picture_new (1536, 1152, 4, 0);
  Picture mask = picture_new (320, 320, 1, 0);
  double times[31];

  picture_fill (&photo.image, CONTENT_WAVES, ALPHA_OPAQUE);
  for (int y = 0; y < 320; y++)
    for (int x = 0; x < 320; x++)
      pet_image_row (&mask.image, y)[x] =
          picture_clamp ((120 + 20 * sin (atan2 (y - 160, x - 160) * 9) -
                             hypot (x - 160, y - 160)) *
                  60 +
              128);
  for (int i = 0; i < 31; i++) {
    double begin = cpu_milliseconds ();

    if (pet_matte_cut (&mask.image, &photo.image, &target.image, options, NULL,
            NULL, NULL) != PET_OK)
      abort ();
    times[i] = cpu_milliseconds () - begin;
  }
  qsort (times, 31, sizeof *times, compare_doubles);
  printf ("%-40s median %6.2f ms, least %6.2f ms\n", what, times[15], times[0]);
  picture_free (&photo);
  picture_free (&target);
  picture_free (&mask);
}

static int
bench (void)
{
  PetMatteOptions options = { .low = 12, .high = 243, .scrub = true };

  tap_state_ = 1;
  bench_kernels ();
  bench_matte (3, &options, "1536 x 1152 RGB: enlarge, scrub");
  options.refine = true;
  bench_matte (3, &options, "1536 x 1152 RGB: refine, scrub");
  options.decontaminate = true;
  bench_matte (3, &options, "1536 x 1152 RGB: all");
  bench_matte (4, &options, "1536 x 1152 RGBA: all");
  options.threads = 2;
  bench_matte (4, &options, "1536 x 1152 RGBA: all, two threads");
  return 0;
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (each_version_gives_the_plain_one_s_bytes),
    TAP_TEST (nothing_is_written_beside_the_row),
  };

  if (argc == 2 && strcmp (argv[1], "--bench") == 0)
    return bench ();
  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
