/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For LD_PRELOAD: to decode a PNG takes a second more. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

__attribute__ ((visibility ("default"))) void png_read_end (
    void *png, void *info);

void
png_read_end (void *png, void *info)
{
  void (*next) (void *, void *) =
      (void (*) (void *, void *)) dlsym (RTLD_NEXT, "png_read_end");

  sleep (1);
  next (png, info);
}
