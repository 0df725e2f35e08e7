/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For LD_PRELOAD: a disk that hangs. fsync() of a file whose path contains
 * "hang" never returns. */

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__ ((visibility ("default"))) int
fsync (int fd)
{
  char link[64], path[4096] = "";
  ssize_t length;

  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink (link, path, sizeof path - 1);
  if (length > 0 && strstr (path, "hang") != NULL)
    for (;;)
      pause ();
  return (int) syscall (SYS_fsync, fd);
}
