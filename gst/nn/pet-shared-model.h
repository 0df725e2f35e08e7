/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Models with what they say of themselves. One of several shapes is kept while
 * networks are made of it, and there once for all who open the same bytes: its
 * weights are as large as theirs. Thread-safety: safe. */

#pragma once

#include "base/pet-sha256.h"
#include "nn/pet-segmenter.h"

typedef struct PetSharedModel PetSharedModel;

struct PetSharedModel {
  PetModelInfo info;
  /* Of several shapes: settled (pet_model_settle()), for reading only. Of one:
   * as loaded; who opened it may free it before the end. */
  PetModel *model;

  /* The store's own. */
  uint8_t digest[PET_SHA256_BYTES];
  int n_users; /* 0: not in the store */
  PetSharedModel *next;
};

/* `sidecar`: text of the file beside the model, or NULL. */
PetStatus pet_shared_model_open (const void *bytes, size_t size,
    const char *sidecar, PetSharedModel **shared, PetError *error);
/* NULL allowed; it is NULL afterwards. */
void pet_shared_model_close (PetSharedModel **shared);
