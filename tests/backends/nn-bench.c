/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nn-bench MODEL [--threads N] [--backend B] [--runs N] [--output NAME]
 * [--size WxH] [--bf16]
 *
 * Median milliseconds per inference, by the clock and of processor time (on a
 * busy machine only the latter tells anything), and the memory that the net
 * holds. The input is a fixed pattern. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nn/pet-nn.h"

typedef struct {
  const char *model, *size;
  PetNetOptions net;
  int runs;
} Options;

static int
usage (void)
{
  fprintf (stderr,
      "usage: nn-bench MODEL [--threads N] [--backend NAME] [--runs N]\n"
      "                [--output NAME] [--size WxH] [--bf16]\n");
  return 1;
}

static bool
parse (int argc, char **argv, Options *options)
{
  pet_net_options_init (&options->net);
  options->net.threads = 1;
  options->runs = 20;
  for (int i = 1; i < argc; i++) {
    bool has_value = i + 1 < argc;

    if (argv[i][0] != '-' && options->model == NULL)
      options->model = argv[i];
    else if (strcmp (argv[i], "--bf16") == 0)
      options->net.bf16 = true;
    else if (!has_value)
      return false;
    else if (strcmp (argv[i], "--threads") == 0)
      options->net.threads = atoi (argv[++i]);
    else if (strcmp (argv[i], "--backend") == 0)
      options->net.backend = argv[++i];
    else if (strcmp (argv[i], "--runs") == 0)
      options->runs = atoi (argv[++i]);
    else if (strcmp (argv[i], "--output") == 0)
      options->net.output = argv[++i];
    else if (strcmp (argv[i], "--size") == 0)
      options->size = argv[++i];
    else
      return false;
  }
  return options->model != NULL && options->runs > 0;
}

static double
clock_ms (clockid_t clock)
{
  struct timespec time;

  clock_gettime (clock, &time);
  return (double) time.tv_sec * 1e3 + (double) time.tv_nsec / 1e6;
}

static double
now_ms (void)
{
  return clock_ms (CLOCK_MONOTONIC);
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static void
fill (PetTensor *input)
{
  float *data = input->data;
  size_t count;

  if (input->type != PET_TYPE_F32 ||
      !pet_shape_elements (&input->shape, &count))
    return;
  for (size_t i = 0; i < count; i++)
    data[i] = (float) (i * 2654435761u % 1000) / 500.0f - 1.0f;
}

static PetStatus
measure (const PetModel *model, const Options *options, PetNet *net,
    double *times, double *cpu_times, PetError *error)
{
  double start, cpu_start;

  for (int run = -1; run < options->runs; run++) {
    for (int i = 0; i < pet_model_n_inputs (model); i++)
      fill (pet_net_input (net, i));
    start = now_ms ();
    cpu_start = clock_ms (CLOCK_PROCESS_CPUTIME_ID);
    PET_TRY (pet_net_run (net, error));
    times[run < 0 ? 0 : run] = now_ms () - start;
    cpu_times[run < 0 ? 0 : run] =
        clock_ms (CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
  }
  qsort (times, (size_t) options->runs, sizeof *times, compare);
  qsort (cpu_times, (size_t) options->runs, sizeof *cpu_times, compare);
  return PET_OK;
}

static PetStatus
bench (const Options *options, PetModel **model, PetNet **net, double *times,
    double *cpu_times, PetError *error)
{
  PetNetOptions net_options = options->net;
  PetNetInfo info;
  PetShape shape;
  double start = now_ms (), loaded;
  int w, h;

  PET_TRY (pet_model_load_file (options->model, NULL, model, error));
  if (options->size != NULL && sscanf (options->size, "%dx%d", &w, &h) == 2) {
    shape = (PetShape){ .rank = 4, .dim = { 1, 3, h, w } };
    net_options.input_shapes = &shape;
  }
  loaded = now_ms ();
  PET_TRY (pet_net_new (*model, &net_options, net, error));
  printf (
      "load %.1f ms, compile %.1f ms\n", loaded - start, now_ms () - loaded);
  PET_TRY (measure (*model, options, *net, times, cpu_times, error));
  pet_net_info (*net, &info);
  printf ("%s: backend %s, threads %d, median %.2f ms, best %.2f ms, "
          "processor %.2f ms, arena %zu bytes, weights %zu bytes, %d nodes\n",
      options->model, info.backend, options->net.threads,
      times[options->runs / 2], times[0], cpu_times[options->runs / 2],
      info.activation_bytes, info.weight_bytes, info.nodes);
  return PET_OK;
}

int
main (int argc, char **argv)
{
  Options options = { .model = NULL };
  PetError error = { .status = PET_OK };
  PetModel *model = NULL;
  PetNet *net = NULL;
  double *times, *cpu_times;
  PetStatus status;

  if (!parse (argc, argv, &options))
    return usage ();
  times = calloc (2 * (size_t) options.runs, sizeof *times);
  if (times == NULL)
    return 1;
  cpu_times = times + options.runs;
  status = bench (&options, &model, &net, times, cpu_times, &error);
  if (status != PET_OK)
    fprintf (stderr, "nn-bench: %s\n", error.message);
  pet_net_free (&net);
  pet_model_free (&model);
  free (times);
  return status != PET_OK;
}
