/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How every function of the plain C core (base, codec, image, nn) reports
 * failure: it returns a PetStatus and, where the caller passed a PetError,
 * leaves one sentence for the user in it. The core never prints, never exits
 * and never logs. */

#pragma once

#ifdef __cplusplus /* the CUDA module is C++ */
extern "C" {
#endif

typedef enum {
  PET_OK = 0,
  PET_ERROR_ARGUMENT,    /* the caller broke the function's contract */
  PET_ERROR_MEMORY,      /* an allocation failed or was refused by a budget */
  PET_ERROR_LIMIT,       /* well formed, but above a configured limit */
  PET_ERROR_FORMAT,      /* not a file of the kinds that are read here */
  PET_ERROR_UNSUPPORTED, /* a known kind of file, with a feature not read */
  PET_ERROR_CORRUPT,     /* breaks its own format */
  PET_ERROR_TRUNCATED,   /* ends too early */
  PET_ERROR_IO,          /* the source or the sink of the bytes failed */
  PET_ERROR_LIBRARY,     /* a library call failed for no reason of the input */
  PET_ERROR_DEVICE,      /* the device asked for is not there */
} PetStatus;

#define PET_ERROR_MESSAGE_SIZE 320

/* Filled on failure, untouched on success. `message` is one line without a
 * final full stop or newline, fit for a user. Plain data: copy it freely. */
typedef struct {
  PetStatus status;
  char message[PET_ERROR_MESSAGE_SIZE];
} PetError;

/* Short lower-case name of a status ("truncated"); never NULL. */
const char *pet_status_name (PetStatus status);

/* Sets `error` (NULL allowed) and returns `status`, so that a failing
 * function ends in `return pet_fail (error, PET_ERROR_..., "...")`. Bytes of
 * the message that are not printable ASCII are replaced by
 * '?': names come from hostile files. */
PetStatus pet_fail (PetError *error, PetStatus status, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/* Returns from the calling function when `expression` fails. */
#define PET_TRY(expression)                                                    \
  do {                                                                         \
    PetStatus pet_try_status_ = (expression);                                  \
    if (pet_try_status_ != PET_OK)                                             \
      return pet_try_status_;                                                  \
  } while (0)

#ifdef __cplusplus
}
#endif
