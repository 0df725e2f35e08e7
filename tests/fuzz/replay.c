/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A fuzz target without libFuzzer.
 *
 *   fuzz-NAME-replay                  the seeds, and what a fixed seed makes of
 *                                     them: bytes changed, cut, spliced (TAP)
 *   fuzz-NAME-replay FILE|FOLDER...   these files (TAP)
 *   fuzz-NAME-replay --write FOLDER   writes the seeds, for libFuzzer
 *
 * FUZZ_ROUNDS sets how many files are made of each seed (default 200). */

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "tap.h"

#define MAX_SEEDS 1024
#define DEFAULT_ROUNDS 200

typedef struct {
  char name[96];
  uint8_t *bytes;
  size_t size;
} File;

static File files[MAX_SEEDS];
static size_t n_files;

static void
keep_seed (void *user, const char *name, const uint8_t *bytes, size_t size)
{
  File *file = &files[n_files++];

  if (n_files > MAX_SEEDS)
    abort ();
  snprintf (file->name, sizeof file->name, "%s", name);
  file->bytes = malloc (size + 1);
  memcpy (file->bytes, bytes, size);
  file->size = size;
}

static void
write_seed (void *user, const char *name, const uint8_t *bytes, size_t size)
{
  char path[4096];
  FILE *file;

  snprintf (path, sizeof path, "%s/%s", (const char *) user, name);
  file = fopen (path, "wb");
  if (file == NULL || fwrite (bytes, 1, size, file) != size ||
      fclose (file) != 0) {
    perror (path);
    exit (1);
  }
}

/* On a copy without slack, so that a sanitizer sees every step beyond it. */
static void
run (const uint8_t *bytes, size_t size)
{
  uint8_t *copy = malloc (size > 0 ? size : 1);

  if (size > 0)
    memcpy (copy, bytes, size);
  LLVMFuzzerTestOneInput (copy, size);
  free (copy);
}

static size_t
change (uint8_t *bytes, size_t size, size_t room)
{
  const File *other = &files[tap_random () % n_files];
  size_t at = tap_random () % size;

  switch (tap_random () % 6) {
    case 0:
      return 1 + tap_random () % size;
    case 1: {
      size_t from = tap_random () % other->size;
      size_t length = other->size - from;

      if (length > room - at)
        length = room - at;
      memcpy (bytes + at, other->bytes + from, length);
      return at + length > size ? at + length : size;
    }
    default:
      for (int n = tap_random_range (1, 8); n > 0; n--)
        bytes[tap_random () % size] = (uint8_t) tap_random ();
      return size;
  }
}

static void
replay_seed (const File *file, int n_rounds)
{
  size_t room = file->size + 4096;
  uint8_t *bytes = malloc (room);

  run (file->bytes, file->size);
  for (int i = 0; i < n_rounds; i++) {
    size_t size = file->size;

    memcpy (bytes, file->bytes, size);
    for (int n = tap_random_range (1, 3); n > 0; n--)
      size = change (bytes, size, room);
    if (i % 4 != 0)
      fuzz_repair (bytes, size);
    run (bytes, size);
  }
  free (bytes);
}

static int
replay_seeds (void)
{
  const char *text = getenv ("FUZZ_ROUNDS");
  int n_rounds = text != NULL ? atoi (text) : DEFAULT_ROUNDS;

  fuzz_seeds (keep_seed, NULL);
  tap_state_ = 20261125;
  for (size_t i = 0; i < n_files; i++) {
    replay_seed (&files[i], n_rounds);
    printf ("ok %zu - %s and %d files made of it\n", i + 1, files[i].name,
        n_rounds);
  }
  printf ("1..%zu\n", n_files);
  for (size_t i = 0; i < n_files; i++)
    free (files[i].bytes);
  return n_files == 0;
}

static int
replay_file (const char *path, int number)
{
  FILE *file = fopen (path, "rb");
  uint8_t *bytes;
  size_t size;

  if (file == NULL || fseek (file, 0, SEEK_END) != 0) {
    printf ("not ok %d - %s: %s\n", number, path, strerror (errno));
    return 1;
  }
  size = (size_t) ftell (file);
  rewind (file);
  bytes = malloc (size + 1);
  size = fread (bytes, 1, size, file);
  fclose (file);
  run (bytes, size);
  free (bytes);
  printf ("ok %d - %s\n", number, path);
  return 0;
}

static int
replay_path (const char *path, int *number)
{
  struct dirent *entry;
  struct stat info;
  int failed = 0;
  DIR *folder;

  if (stat (path, &info) != 0 || !S_ISDIR (info.st_mode))
    return replay_file (path, ++*number);
  folder = opendir (path);
  while (folder != NULL && (entry = readdir (folder)) != NULL) {
    char name[4096];

    snprintf (name, sizeof name, "%s/%s", path, entry->d_name);
    if (entry->d_name[0] != '.')
      failed |= replay_file (name, ++*number);
  }
  if (folder != NULL)
    closedir (folder);
  return failed;
}

int
main (int argc, char **argv)
{
  int number = 0, failed = 0;

  setvbuf (stdout, NULL, _IOLBF, 0);
  if (argc < 2)
    return replay_seeds ();
  if (argc == 3 && strcmp (argv[1], "--write") == 0) {
    fuzz_seeds (write_seed, argv[2]);
    return 0;
  }
  for (int i = 1; i < argc; i++)
    failed |= replay_path (argv[i], &number);
  printf ("1..%d\n", number);
  return failed;
}
