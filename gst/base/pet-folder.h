/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The photos below a folder, in an order that depends on their names only. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pet-status.h"

/* Paths below the folder, '/' separated, sorted byte by byte. One that ends with
 * '/' is a folder that was not read: pet_folder_problem (). */
typedef struct {
  char **paths;
  size_t count;
} PetFolder;

/* A photo is every entry whose name ends like a picture's (jpg, jpeg, jpe,
 * jfif, png, and also webp, heic, ... so that they are reported, not passed
 * over), whatever it holds, and every other regular file that begins like a
 * JPEG or a PNG. Names that begin with a dot are passed over. Symbolic links
 * are followed, but each folder is read once: at its own path if it lies below
 * `folder`, else at the first link to it (links within linked folders come after
 * all others). A link to a folder above `folder` is not followed. At most
 * `max_files` are listed (LIMIT beyond), from as many folders. A sub-folder that
 * cannot be read, or lies deeper than 64, is listed itself. */
PetStatus pet_folder_list (const char *folder, bool recursive, size_t max_files,
    PetFolder *list, PetError *error);

/* Why a folder of the list was not read; NULL: `path`, which must come from a
 * list, is a photo. */
const char *pet_folder_problem (const char *path);

/* Frees the contents and clears *list. */
void pet_folder_clear (PetFolder *list);

/* Shard of a path: FNV-1a of its bytes modulo `shards`; the same on every
 * machine, whatever else the folder holds. */
unsigned pet_folder_shard (const char *path, unsigned shards);

/* "i/n" with i < n, in digits; false: it is none. */
bool pet_folder_parse_shard (
    const char *text, unsigned *shard, unsigned *shards);

/* Reads a whole regular file of at most `max_bytes` (0 = no limit). `bytes`
 * is free()d by the caller. IO (with the reason: not a regular file, ...),
 * LIMIT, MEMORY. */
PetStatus pet_file_read (const char *path, uint64_t max_bytes, uint8_t **bytes,
    size_t *size, PetError *error);
