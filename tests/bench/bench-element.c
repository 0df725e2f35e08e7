/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-element FILE WIDTH HEIGHT ROUNDS LAUNCH
 *
 * Pushes one RGBA picture through LAUNCH (elements between exclamation marks)
 * ROUNDS times after one that is not counted, in this thread, and prints the
 * median CPU milliseconds and the bytes that came out. */

#include <gst/check/gstharness.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double
cpu_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

/* Milliseconds of one picture; -1 on failure. */
static double
push_once (GstHarness *harness, const gchar *pixels, gsize size, gsize *n_out)
{
  GstBuffer *in = gst_buffer_new_memdup (pixels, size), *out;
  double start = cpu_ms (), end;

  GST_BUFFER_PTS (in) = 0;
  if (gst_harness_push (harness, in) != GST_FLOW_OK)
    return -1;
  end = cpu_ms ();
  out = gst_harness_pull (harness);
  *n_out = gst_buffer_get_size (out);
  gst_buffer_unref (out);
  return end - start;
}

int
main (int argc, char **argv)
{
  g_autofree gchar *pixels = NULL, *caps = NULL;
  GstHarness *harness;
  double *times;
  gsize size, n_out = 0;
  int rounds;

  gst_init (&argc, &argv);
  if (argc != 6 || (rounds = atoi (argv[4])) < 1 ||
      !g_file_get_contents (argv[1], &pixels, &size, NULL)) {
    fprintf (stderr, "usage: bench-element FILE WIDTH HEIGHT ROUNDS LAUNCH\n");
    return 1;
  }
  harness = gst_harness_new_parse (argv[5]);
  caps = g_strdup_printf (
      "video/x-raw,format=RGBA,width=%s,height=%s,framerate=1/1", argv[2],
      argv[3]);
  gst_harness_set_src_caps_str (harness, caps);
  times = g_new (double, rounds);
  push_once (harness, pixels, size, &n_out);
  for (int i = 0; i < rounds; i++)
    if ((times[i] = push_once (harness, pixels, size, &n_out)) < 0)
      return 1;
  qsort (times, (size_t) rounds, sizeof *times, compare);
  printf ("%.3f %zu\n", times[rounds / 2], n_out);
  gst_harness_teardown (harness);
  g_free (times);
  return 0;
}
