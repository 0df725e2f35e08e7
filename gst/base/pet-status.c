/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/pet-status.h"

#include <stdarg.h>
#include <stdio.h>

const char *
pet_status_name (PetStatus status)
{
  static const char *const names[] = {
    [PET_OK] = "ok",
    [PET_ERROR_ARGUMENT] = "argument",
    [PET_ERROR_MEMORY] = "memory",
    [PET_ERROR_LIMIT] = "limit",
    [PET_ERROR_FORMAT] = "format",
    [PET_ERROR_UNSUPPORTED] = "unsupported",
    [PET_ERROR_CORRUPT] = "corrupt",
    [PET_ERROR_TRUNCATED] = "truncated",
    [PET_ERROR_IO] = "io",
    [PET_ERROR_LIBRARY] = "library",
    [PET_ERROR_DEVICE] = "device",
  };

  if ((unsigned) status >= sizeof names / sizeof *names)
    return "unknown";
  return names[status];
}

/* Messages end up in GStreamer's bus, in JSON and on terminals, all of which
 * want valid UTF-8 without control characters; a name out of a hostile file
 * need not be either. Non-ASCII is rare enough in them to be given up. */
static void
make_printable (char *text)
{
  for (; *text != '\0'; text++)
    if ((unsigned char) *text < 0x20 || (unsigned char) *text > 0x7e)
      *text = '?';
}

PetStatus
pet_fail (PetError *error, PetStatus status, const char *format, ...)
{
  va_list args;

  if (error == NULL)
    return status;

  error->status = status;
  va_start (args, format);
  vsnprintf (error->message, sizeof error->message, format, args);
  va_end (args);
  make_printable (error->message);
  return status;
}
