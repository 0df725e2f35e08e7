/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For LD_PRELOAD: a disk that hangs. fsync() of a file whose path contains
 * "hang" never returns; where it contains "sick", popart's never returns and
 * those of other looks fail a second later. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__ ((visibility ("default"))) int
fsync (int fd)
{
  char link[64], path[4096] = "";

  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink (link, path, sizeof path - 1) < 0)
    path[0] = '\0';
  if (strstr (path, "hang") != NULL ||
      (strstr (path, "sick") != NULL && strstr (path, "popart") != NULL))
    for (;;)
      pause ();
  if (strstr (path, "sick") != NULL) {
    sleep (1);
    errno = EIO;
    return -1;
  }
  return (int) syscall (SYS_fsync, fd);
}
