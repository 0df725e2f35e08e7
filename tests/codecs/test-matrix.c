/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The matrix of files through the decoder: each after six good pictures of
 * its size over the same memory, twice (strict and not), and compared with
 * what a process of its own makes of it. */

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zlib.h>

#include "data/matrix.h"

#define N_GOOD 6

extern char **environ;

/* Hands the same few blocks out again and again, uncleared. */
#define N_BLOCKS 64

typedef struct {
  PetAllocator allocator;
  struct {
    void *memory;
    size_t size;
    bool used;
  } blocks[N_BLOCKS];
} Recycler;

/* What reading a file gives, in one line: the same from every process. */
typedef struct {
  char text[PET_ERROR_MESSAGE_SIZE + 128];
} Outcome;

static void *
recycle_alloc (void *user, size_t size)
{
  Recycler *self = user;

  for (int i = 0; i < N_BLOCKS; i++)
    if (!self->blocks[i].used && self->blocks[i].memory != NULL &&
        self->blocks[i].size >= size &&
        self->blocks[i].size <= 2 * size + 4096) {
      self->blocks[i].used = true;
      return self->blocks[i].memory;
    }
  for (int i = 0; i < N_BLOCKS; i++)
    if (self->blocks[i].memory == NULL) {
      self->blocks[i].memory = pet_alloc (NULL, size);
      self->blocks[i].size = size;
      self->blocks[i].used = self->blocks[i].memory != NULL;
      return self->blocks[i].memory;
    }
  return pet_alloc (NULL, size);
}

static void
recycle_free (void *user, void *memory, size_t size)
{
  Recycler *self = user;

  for (int i = 0; i < N_BLOCKS; i++)
    if (self->blocks[i].memory == memory) {
      self->blocks[i].used = false;
      return;
    }
  pet_free (NULL, memory, size);
}

static Recycler *
recycler_new (void)
{
  Recycler *self = calloc (1, sizeof *self);

  self->allocator = (PetAllocator){
    .alloc = recycle_alloc, .free = recycle_free, .user = self
  };
  return self;
}

static void
recycler_free (Recycler *self)
{
  for (int i = 0; i < N_BLOCKS; i++)
    free (self->blocks[i].memory);
  free (self);
}

static PetStatus
read_pixels (Recycler *recycler, PetDecoder *decoder, PetPictureInfo *info,
    unsigned long *sum, PetError *error)
{
  size_t stride = (size_t) info->width * (size_t) info->channels;
  size_t size = stride * (size_t) info->height;
  PetImage image = { pet_alloc (&recycler->allocator, size), info->width,
    info->height, info->channels, (ptrdiff_t) stride };
  PetStatus status = pet_decoder_read (decoder, &image, info, error);

  if (status == PET_OK)
    *sum = crc32 (0, image.data, (unsigned) size);
  pet_free (&recycler->allocator, image.data, size);
  return status;
}

static PetStatus
outcome_of (Recycler *recycler, Bytes bytes, bool strict, Outcome *outcome,
    PetPictureInfo *info)
{
  PetDecodeOptions options;
  PetDecoder *decoder = NULL;
  PetError error = { 0 };
  unsigned long sum = 0;
  PetStatus status;

  *info = (PetPictureInfo){ 0 };
  pet_decode_options_init (&options);
  options.strict = strict;
  options.allocator = &recycler->allocator;
  status = pet_decoder_open (
      &options, bytes.data, bytes.size, &decoder, info, &error);
  if (status == PET_OK)
    status = read_pixels (recycler, decoder, info, &sum, &error);
  pet_decoder_free (&decoder);
  snprintf (outcome->text, sizeof outcome->text,
      "%s %dx%dx%d damaged %d sum %08lx %s", pet_status_name (status),
      status == PET_OK ? info->width : 0, status == PET_OK ? info->height : 0,
      status == PET_OK ? info->channels : 0, info->damaged, sum, error.message);
  return status;
}

static const MatrixFile *
find_file (const char *wanted)
{
  const MatrixFile *const lists[] = { matrix_jpeg_files, matrix_png_files };
  char name[MATRIX_NAME_SIZE];

  for (int i = 0; i < 2; i++)
    for (const MatrixFile *file = lists[i]; file->id != NULL; file++)
      if (strcmp (matrix_name (file, name), wanted) == 0)
        return file;
  return NULL;
}

/* The other end of run_fresh(): two lines, strict and not. */
static int
be_fresh (const char *name)
{
  const MatrixFile *file = find_file (name);
  Recycler *recycler = recycler_new ();
  PetPictureInfo info;
  Outcome outcome;
  Bytes bytes;

  if (file == NULL)
    return 1;
  bytes = matrix_make (file);
  for (int strict = 1; strict >= 0; strict--) {
    outcome_of (recycler, bytes, strict, &outcome, &info);
    printf ("%s\n", outcome.text);
  }
  bytes_free (&bytes);
  recycler_free (recycler);
  return 0;
}

static bool
run_fresh (const char *name, Outcome outcomes[2])
{
  char *arguments[] = { (char *) "/proc/self/exe", (char *) "--fresh",
    (char *) name, NULL };
  posix_spawn_file_actions_t actions;
  int ends[2], status = -1;
  FILE *pipe_end;
  bool read = true;
  pid_t child;

  if (pipe (ends) != 0)
    return false;
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, ends[1], 1);
  posix_spawn_file_actions_addclose (&actions, ends[0]);
  read = posix_spawn (
             &child, arguments[0], &actions, NULL, arguments, environ) == 0;
  posix_spawn_file_actions_destroy (&actions);
  close (ends[1]);
  pipe_end = fdopen (ends[0], "r");
  for (int i = 1; i >= 0; i--) {
    read = read &&
        fgets (outcomes[i].text, sizeof outcomes[i].text, pipe_end) != NULL;
    if (read)
      outcomes[i].text[strcspn (outcomes[i].text, "\n")] = '\0';
  }
  fclose (pipe_end);
  return read && waitpid (child, &status, 0) == child && status == 0;
}

static void
read_good_pictures (Recycler *recycler, int width, int height, int channels)
{
  for (int n = 0; n < N_GOOD; n++) {
    Bytes bytes = matrix_good (n, width, height, channels);
    PetPictureInfo info;
    Outcome outcome;

    if (outcome_of (recycler, bytes, true, &outcome, &info) != PET_OK)
      tap_fail ("good picture %d: %s", n, outcome.text);
    bytes_free (&bytes);
  }
}

static void
check_promise (
    const MatrixFile *file, bool strict, PetStatus status, const char *text)
{
  PetStatus promised = strict ? file->strict : file->lenient;

  if (file->any)
    return;
  if (status != promised)
    tap_fail ("%s: %s, wanted %s", strict ? "strict" : "lenient", text,
        pet_status_name (promised));
  if (!strict && file->damaged != (strstr (text, "damaged 1") != NULL))
    tap_fail ("lenient: %s", text);
  if (status != PET_OK && file->words != NULL &&
      strstr (text, file->words) == NULL)
    tap_fail ("'%s' is not in: %s", file->words, text);
}

static void
check_file (const MatrixFile *file, const char *name)
{
  Bytes bytes = matrix_make (file);
  Outcome fresh[2] = { 0 }, outcome;
  PetPictureInfo info;

  if (!run_fresh (name, fresh))
    tap_fail ("a process of its own failed: %s", fresh[0].text);
  for (int strict = 1; strict >= 0; strict--) {
    Recycler *recycler = recycler_new ();
    PetStatus status;

    outcome_of (recycler, bytes, false, &outcome, &info);
    if (info.width == 0 || info.width > 1000 || info.height > 1000) {
      info.width = MATRIX_WIDTH;
      info.height = MATRIX_HEIGHT;
      info.channels = 3;
    }
    read_good_pictures (recycler, info.width, info.height, info.channels);
    status = outcome_of (recycler, bytes, strict, &outcome, &info);
    check_promise (file, strict, status, outcome.text);
    if (strcmp (outcome.text, fresh[strict].text) != 0)
      tap_fail (
          "after others: %s\n# alone: %s", outcome.text, fresh[strict].text);
    recycler_free (recycler);
  }
  bytes_free (&bytes);
}

static int
run_list (const MatrixFile *file, int *number, const char *only)
{
  int failed = 0;

  for (; file->id != NULL; file++) {
    char name[MATRIX_NAME_SIZE];

    matrix_name (file, name);
    if (only != NULL && strstr (name, only) == NULL)
      continue;
    tap_failures_ = 0;
    check_file (file, name);
    failed += tap_failures_ > 0;
    printf ("%sok %d - %s %s\n", tap_failures_ > 0 ? "not " : "", ++*number,
        file->id, name);
  }
  return failed;
}

int
main (int argc, char **argv)
{
  int number = 0, failed = 0;

  if (argc == 3 && strcmp (argv[1], "--fresh") == 0)
    return be_fresh (argv[2]);
  setvbuf (stdout, NULL, _IOLBF, 0);
  failed += run_list (matrix_jpeg_files, &number, argv[1]);
  failed += run_list (matrix_png_files, &number, argv[1]);
  printf ("1..%d\n", number);
  return failed > 0;
}
