/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* make-files FOLDER: writes every file of the test matrix into FOLDER, which is
 * made if it is missing, and expected.csv, which says what reading each one
 * gives. */

#include <errno.h>
#include <sys/stat.h>

#include "data/matrix.h"

static void
write_file (const char *folder, const char *name, Bytes bytes)
{
  char path[4096];
  FILE *file;

  snprintf (path, sizeof path, "%s/%s", folder, name);
  file = fopen (path, "wb");
  if (file == NULL || fwrite (bytes.data, 1, bytes.size, file) != bytes.size ||
      fclose (file) != 0) {
    fprintf (stderr, "make-files: %s: %s\n", path, strerror (errno));
    exit (1);
  }
}

static void
write_all (const char *folder, const MatrixFile *files, FILE *list)
{
  for (; files->id != NULL; files++) {
    char name[MATRIX_NAME_SIZE];
    Bytes bytes = matrix_make (files);

    matrix_name (files, name);
    write_file (folder, name, bytes);
    fprintf (list, "%s,%s,%zu,%s,%s,%s\n", name, files->id, bytes.size,
        files->any ? "any" : pet_status_name (files->strict),
        files->any ? "any" : pet_status_name (files->lenient),
        files->damaged ? "damaged" : "");
    bytes_free (&bytes);
  }
}

int
main (int argc, char **argv)
{
  char path[4096];
  FILE *list;

  if (argc != 2) {
    fprintf (stderr, "usage: make-files FOLDER\n");
    return 1;
  }
  (void) mkdir (argv[1], 0777); /* that it failed is seen at the file */
  snprintf (path, sizeof path, "%s/expected.csv", argv[1]);
  list = fopen (path, "w");
  if (list == NULL) {
    fprintf (stderr, "make-files: %s: %s\n", path, strerror (errno));
    return 1;
  }
  fprintf (list, "file,case,bytes,strict,lenient,flag\n");
  write_all (argv[1], matrix_jpeg_files, list);
  write_all (argv[1], matrix_png_files, list);
  return fclose (list) != 0;
}
