/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define _GNU_SOURCE
#include "base/pet-folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH 64
#define MAX_ABOVE 64

static const char *const picture_suffixes[] = { "jpg", "jpeg", "jpe", "jfif",
  "png", "webp", "heic", "heif", "avif", "gif", "bmp", "tif", "tiff" };

typedef struct {
  PetFolder list;
  size_t capacity;
} Paths;

typedef struct {
  dev_t device;
  ino_t inode;
} FolderId;

/* What is still to be read: folders and links to folders, by their paths below
 * the top, which end in "/" (the top's own is ""). */
typedef struct {
  int top; /* descriptor */
  bool recursive;
  size_t max_files;
  Paths photos, folders, links;
  void *seen; /* FolderIds, a tree (tsearch ()) */
  PetError *error;
} Walk;

static bool
has_picture_suffix (const char *name)
{
  const char *dot = strrchr (name, '.');

  if (dot == NULL)
    return false;
  for (size_t i = 0; i < sizeof picture_suffixes / sizeof *picture_suffixes;
       i++)
    if (strcasecmp (dot + 1, picture_suffixes[i]) == 0)
      return true;
  return false;
}

static bool
begins_like_picture (int folder_fd, const char *name)
{
  static const uint8_t jpeg[] = { 0xff, 0xd8, 0xff };
  static const uint8_t png[] = { 0x89, 'P', 'N', 'G', '\r', '\n' };
  uint8_t head[8] = { 0 };
  int fd = openat (folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  ssize_t got;

  if (fd < 0)
    return false;
  got = read (fd, head, sizeof head);
  close (fd);
  return got == sizeof head &&
      (memcmp (head, jpeg, sizeof jpeg) == 0 ||
          memcmp (head, png, sizeof png) == 0);
}

/* Takes `path`; NULL: there was no memory for it. */
static PetStatus
append (Walk *walk, Paths *to, char *path)
{
  PetFolder *list = &to->list;

  if (path != NULL && list->count == to->capacity) {
    size_t capacity = to->capacity == 0 ? 64 : to->capacity * 2;
    char **paths = realloc (list->paths, capacity * sizeof *paths);

    if (paths != NULL) {
      list->paths = paths;
      to->capacity = capacity;
    }
  }
  if (path != NULL && list->count < walk->max_files &&
      list->count < to->capacity) {
    list->paths[list->count++] = path;
    return PET_OK;
  }
  free (path);
  if (list->count == walk->max_files)
    return pet_fail (walk->error, PET_ERROR_LIMIT,
        "the folder holds more than %zu photos or folders", walk->max_files);
  return pet_fail (walk->error, PET_ERROR_MEMORY, "no memory");
}

static PetStatus
append_path (Walk *walk, Paths *to, const char *prefix, const char *name,
    const char *suffix)
{
  char *path;

  return append (walk, to,
      asprintf (&path, "%s%s%s", prefix, name, suffix) < 0 ? NULL : path);
}

/* Behind the path's end there is why the folder was not read. */
static PetStatus
append_problem (Walk *walk, const char *path, const char *problem)
{
  char *both;

  return append (walk, &walk->photos,
      asprintf (&both, "%s%c%s", path, '\0', problem) < 0 ? NULL : both);
}

static PetStatus
add_entry (Walk *walk, int fd, const char *prefix, const char *name)
{
  struct stat status;
  bool known = fstatat (fd, name, &status, 0) == 0;

  if (known && S_ISDIR (status.st_mode)) {
    if (!walk->recursive)
      return PET_OK;
    if (fstatat (fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK (status.st_mode))
      return append_path (walk, &walk->links, prefix, name, "/");
    return append_path (walk, &walk->folders, prefix, name, "/");
  }
  if (has_picture_suffix (name) ||
      (known && S_ISREG (status.st_mode) && begins_like_picture (fd, name)))
    return append_path (walk, &walk->photos, prefix, name, "");
  return PET_OK;
}

static PetStatus
add_entries (Walk *walk, DIR *folder, const char *prefix)
{
  struct dirent *entry;

  while ((entry = readdir (folder)) != NULL) {
    if (entry->d_name[0] == '.')
      continue;
    PET_TRY (add_entry (walk, dirfd (folder), prefix, entry->d_name));
  }
  return PET_OK;
}

static int
compare_ids (const void *a, const void *b)
{
  const FolderId *x = a, *y = b;

  if (x->device != y->device)
    return x->device < y->device ? -1 : 1;
  return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* *first: not seen before. */
static PetStatus
see (Walk *walk, const struct stat *status, bool *first)
{
  FolderId *id = malloc (sizeof *id), **found = NULL;

  if (id != NULL) {
    *id = (FolderId){ status->st_dev, status->st_ino };
    found = tsearch (id, &walk->seen, compare_ids);
  }
  *first = found != NULL && *found == id;
  if (!*first)
    free (id);
  return found != NULL ? PET_OK
                       : pet_fail (walk->error, PET_ERROR_MEMORY, "no memory");
}

static int
depth_of (const char *path)
{
  int depth = 0;

  for (; *path != '\0'; path++)
    depth += *path == '/';
  return depth;
}

/* By errno. Only at the top there is nothing else to be done. */
static PetStatus
fail_read (Walk *walk, const char *path)
{
  PetError problem;
  PetStatus status = pet_fail (&problem, PET_ERROR_IO,
      "the folder cannot be read: %s", strerror (errno));

  if (*path != '\0')
    return append_problem (walk, path, problem.message);
  if (walk->error != NULL)
    *walk->error = problem;
  return status;
}

static PetStatus
read_folder (Walk *walk, const char *path)
{
  const char *name = *path != '\0' ? path : ".";
  struct stat status;
  PetStatus result;
  bool first;
  DIR *folder;
  int fd;

  if (fstatat (walk->top, name, &status, 0) != 0)
    return fail_read (walk, path);
  PET_TRY (see (walk, &status, &first));
  if (!first)
    return PET_OK;
  if (depth_of (path) > MAX_DEPTH)
    return append_problem (
        walk, path, "the folder is not read: it is nested too deep");
  fd = openat (walk->top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return fail_read (walk, path);
  folder = fdopendir (fd);
  if (folder == NULL) {
    close (fd);
    return pet_fail (walk->error, PET_ERROR_MEMORY, "no memory");
  }
  result = add_entries (walk, folder, path);
  closedir (folder);
  return result;
}

static int
compare_paths (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
sort (PetFolder *list)
{
  if (list->count > 0)
    qsort (list->paths, list->count, sizeof *list->paths, compare_paths);
}

/* What is in those folders comes into the lists. */
static PetStatus
read_folders (Walk *walk, Paths *from)
{
  PetFolder round = from->list;
  PetStatus result = PET_OK;

  *from = (Paths){ .capacity = 0 };
  sort (&round);
  for (size_t i = 0; i < round.count && result == PET_OK; i++)
    result = read_folder (walk, round.paths[i]);
  pet_folder_clear (&round);
  return result;
}

/* So that links to the folders above the top, up to the root but MAX_ABOVE at
 * most, are not followed; one that cannot be read ends them. */
static PetStatus
see_above (Walk *walk)
{
  int fd = fcntl (walk->top, F_DUPFD_CLOEXEC, 0), n = 0;
  PetStatus result = PET_OK;
  struct stat self, up;
  bool first;

  while (fd >= 0 && n++ < MAX_ABOVE && result == PET_OK &&
      fstat (fd, &self) == 0) {
    int parent = openat (fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    close (fd);
    fd = parent;
    if (fd < 0 || fstat (fd, &up) != 0 ||
        (up.st_dev == self.st_dev && up.st_ino == self.st_ino))
      break;
    result = see (walk, &up, &first);
  }
  if (fd >= 0)
    close (fd);
  return result;
}

/* Links last: a folder is read at its own path where it has one below the top,
 * whatever links to it. */
static PetStatus
read_all_folders (Walk *walk)
{
  PET_TRY (see_above (walk));
  PET_TRY (append_path (walk, &walk->folders, "", "", ""));
  while (walk->folders.list.count > 0 || walk->links.list.count > 0)
    PET_TRY (read_folders (
        walk, walk->folders.list.count > 0 ? &walk->folders : &walk->links));
  return PET_OK;
}

PetStatus
pet_folder_list (const char *folder, bool recursive, size_t max_files,
    PetFolder *list, PetError *error)
{
  Walk walk = { .top = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
    .recursive = recursive,
    .max_files = max_files,
    .error = error };
  PetStatus result;

  *list = (PetFolder){ NULL, 0 };
  if (walk.top < 0)
    return fail_read (&walk, "");
  result = read_all_folders (&walk);
  close (walk.top);
  tdestroy (walk.seen, free);
  pet_folder_clear (&walk.folders.list);
  pet_folder_clear (&walk.links.list);
  if (result != PET_OK) {
    pet_folder_clear (&walk.photos.list);
    return result;
  }
  sort (&walk.photos.list);
  *list = walk.photos.list;
  return PET_OK;
}

const char *
pet_folder_problem (const char *path)
{
  size_t length = strlen (path);

  return length > 0 && path[length - 1] == '/' ? path + length + 1 : NULL;
}

void
pet_folder_clear (PetFolder *list)
{
  for (size_t i = 0; i < list->count; i++)
    free (list->paths[i]);
  free (list->paths);
  *list = (PetFolder){ NULL, 0 };
}

unsigned
pet_folder_shard (const char *path, unsigned shards)
{
  uint64_t hash = 14695981039346656037ull;

  for (; *path != '\0'; path++)
    hash = (hash ^ (uint8_t) *path) * 1099511628211ull;
  /* FNV's low bits are weak for short names. */
  return (unsigned) ((hash >> 32 ^ hash) % shards);
}

/* Returns what follows it, NULL: there is none. */
static const char *
parse_number (const char *text, unsigned *number)
{
  unsigned long value;
  char *end;

  if (*text < '0' || *text > '9')
    return NULL;
  errno = 0;
  value = strtoul (text, &end, 10);
  if (errno != 0 || value > UINT_MAX)
    return NULL;
  *number = (unsigned) value;
  return end;
}

bool
pet_folder_parse_shard (const char *text, unsigned *shard, unsigned *shards)
{
  const char *rest = parse_number (text, shard);

  if (rest == NULL || *rest != '/')
    return false;
  rest = parse_number (rest + 1, shards);
  return rest != NULL && *rest == '\0' && *shard < *shards;
}

static PetStatus
read_all (int fd, uint8_t *bytes, size_t size, size_t *got, PetError *error)
{
  *got = 0;
  while (*got < size) {
    ssize_t n = read (fd, bytes + *got, size - *got);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return pet_fail (
          error, PET_ERROR_IO, "cannot be read: %s", strerror (errno));
    if (n == 0)
      break;
    *got += (size_t) n;
  }
  return PET_OK;
}

/* The whole pages among `size` bytes that will be written: taken at once they
 * cost a tenth of what one fault each does. Where this is not to be had they
 * come one by one. */
static void
take_pages (uint8_t *bytes, size_t size)
{
#ifdef MADV_POPULATE_WRITE
  long page = sysconf (_SC_PAGESIZE);
  uintptr_t start = (uintptr_t) bytes, end = start + size;

  if (page <= 0 || size < 16 * (size_t) page)
    return;
  start = (start + (uintptr_t) page - 1) / (uintptr_t) page * (uintptr_t) page;
  end = end / (uintptr_t) page * (uintptr_t) page;
  madvise ((void *) start, end - start, MADV_POPULATE_WRITE);
#endif
}

static PetStatus
read_open_file (
    int fd, uint64_t max_bytes, uint8_t **bytes, size_t *size, PetError *error)
{
  struct stat status;
  PetStatus result;

  if (fstat (fd, &status) != 0)
    return pet_fail (
        error, PET_ERROR_IO, "cannot be read: %s", strerror (errno));
  if (!S_ISREG (status.st_mode))
    return pet_fail (error, PET_ERROR_IO, "is not a regular file");
  if (max_bytes != 0 && (uint64_t) status.st_size > max_bytes)
    return pet_fail (error, PET_ERROR_LIMIT,
        "has %.1f MB, above the limit of %.1f MB",
        (double) status.st_size / 1e6, (double) max_bytes / 1e6);

  /* One byte more, so that an empty file has a buffer too. */
  *bytes = malloc ((size_t) status.st_size + 1);
  if (*bytes == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory to read it");
  take_pages (*bytes, (size_t) status.st_size);
  result = read_all (fd, *bytes, (size_t) status.st_size, size, error);
  if (result != PET_OK) {
    free (*bytes);
    *bytes = NULL;
  }
  return result;
}

PetStatus
pet_file_read (const char *path, uint64_t max_bytes, uint8_t **bytes,
    size_t *size, PetError *error)
{
  /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  PetStatus result;

  if (fd < 0)
    return pet_fail (
        error, PET_ERROR_IO, "cannot be opened: %s", strerror (errno));
  result = read_open_file (fd, max_bytes, bytes, size, error);
  close (fd);
  return result;
}
