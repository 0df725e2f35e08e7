/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define _GNU_SOURCE
#include "base/pet-folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/* The folders between the root and the one being read, to notice links that
 * lead back up. */
typedef struct Ancestor {
  dev_t device;
  ino_t inode;
  int depth;
  const struct Ancestor *parent;
} Ancestor;

typedef struct {
  PetFolder *list;
  size_t capacity, max_files;
  bool recursive;
  const Ancestor *above; /* of the top */
  PetError *error;
} Walk;

static PetStatus walk_folder (Walk *walk, int parent_fd, const char *name,
    const char *prefix, const Ancestor *parent);

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

static PetStatus
append_path (Walk *walk, const char *prefix, const char *name)
{
  PetFolder *list = walk->list;
  char *path;

  if (list->count == walk->max_files)
    return pet_fail (walk->error, PET_ERROR_LIMIT,
        "the folder holds more than %zu photos", walk->max_files);
  if (list->count == walk->capacity) {
    size_t capacity = walk->capacity == 0 ? 64 : walk->capacity * 2;
    char **paths = realloc (list->paths, capacity * sizeof *paths);

    if (paths == NULL)
      return pet_fail (walk->error, PET_ERROR_MEMORY, "no memory");
    list->paths = paths;
    walk->capacity = capacity;
  }
  if (asprintf (&path, "%s%s", prefix, name) < 0)
    return pet_fail (walk->error, PET_ERROR_MEMORY, "no memory");
  list->paths[list->count++] = path;
  return PET_OK;
}

static PetStatus
walk_entry (Walk *walk, int fd, const char *prefix, const char *name,
    const Ancestor *self)
{
  struct stat status;
  bool known = fstatat (fd, name, &status, 0) == 0;

  if (known && S_ISDIR (status.st_mode)) {
    if (!walk->recursive)
      return PET_OK;
    for (const Ancestor *a = self; a != NULL; a = a->parent)
      if (a->device == status.st_dev && a->inode == status.st_ino)
        return PET_OK;
    return walk_folder (walk, fd, name, prefix, self);
  }
  if (has_picture_suffix (name) ||
      (known && S_ISREG (status.st_mode) && begins_like_picture (fd, name)))
    return append_path (walk, prefix, name);
  return PET_OK;
}

static PetStatus
walk_entries (Walk *walk, DIR *folder, const char *prefix, const Ancestor *self)
{
  struct dirent *entry;

  while ((entry = readdir (folder)) != NULL) {
    if (entry->d_name[0] == '.')
      continue;
    PET_TRY (walk_entry (walk, dirfd (folder), prefix, entry->d_name, self));
  }
  return PET_OK;
}

static PetStatus
walk_folder (Walk *walk, int parent_fd, const char *name, const char *prefix,
    const Ancestor *parent)
{
  Ancestor self = { .parent = parent != NULL ? parent : walk->above,
    .depth = parent != NULL ? parent->depth + 1 : 0 };
  struct stat status;
  char *path = NULL;
  DIR *folder;
  PetStatus result;
  int fd;

  if (self.depth > MAX_DEPTH)
    return pet_fail (walk->error, PET_ERROR_LIMIT,
        "folders are nested deeper than %d: %s", MAX_DEPTH, prefix);
  fd = openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &status) != 0) {
    result = pet_fail (walk->error, PET_ERROR_IO, "cannot read folder %s%s: %s",
        prefix, name, strerror (errno));
    if (fd >= 0)
      close (fd);
    return result;
  }
  folder = fdopendir (fd);
  if (folder == NULL) {
    close (fd);
    return pet_fail (walk->error, PET_ERROR_MEMORY, "no memory");
  }

  self.device = status.st_dev;
  self.inode = status.st_ino;
  if (asprintf (&path, "%s%s%s", prefix, parent != NULL ? name : "",
          parent != NULL ? "/" : "") < 0)
    result = pet_fail (walk->error, PET_ERROR_MEMORY, "no memory");
  else
    result = walk_entries (walk, folder, path, &self);
  if (path != NULL)
    free (path);
  closedir (folder);
  return result;
}

static int
compare_paths (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* The folders above `folder` up to the root, the nearest first, at most
 * MAX_ABOVE; one that cannot be read ends them. Returns their number. */
static int
find_above (const char *folder, Ancestor *above)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
  struct stat self, up;

  while (fd >= 0 && n < MAX_ABOVE && fstat (fd, &self) == 0) {
    int parent = openat (fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    close (fd);
    fd = parent;
    if (fd < 0 || fstat (fd, &up) != 0 ||
        (up.st_dev == self.st_dev && up.st_ino == self.st_ino))
      break;
    above[n++] = (Ancestor){ .device = up.st_dev, .inode = up.st_ino };
  }
  if (fd >= 0)
    close (fd);
  for (int i = 0; i + 1 < n; i++)
    above[i].parent = &above[i + 1];
  return n;
}

PetStatus
pet_folder_list (const char *folder, bool recursive, size_t max_files,
    PetFolder *list, PetError *error)
{
  Walk walk = {
    .list = list, .max_files = max_files, .recursive = recursive, .error = error
  };
  Ancestor above[MAX_ABOVE];
  PetStatus result;

  *list = (PetFolder){ NULL, 0 };
  walk.above = find_above (folder, above) > 0 ? &above[0] : NULL;
  result = walk_folder (&walk, AT_FDCWD, folder, "", NULL);
  if (result != PET_OK) {
    pet_folder_clear (list);
    return result;
  }
  if (list->count > 0)
    qsort (list->paths, list->count, sizeof *list->paths, compare_paths);
  return PET_OK;
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
