/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of operators; its rows are in ref/pet-op-list.inc. */

#include <string.h>

#include "nn/ref/pet-op-util.h"

#define PET_OP(name) &pet_op_##name,
const PetOp *const pet_ops[] = {
#include "nn/ref/pet-op-list.inc"
  NULL,
};
#undef PET_OP

const PetOp *
pet_op_find (const char *type)
{
  for (int i = 0; pet_ops[i] != NULL; i++)
    if (strcmp (pet_ops[i]->type, type) == 0)
      return pet_ops[i];
  return NULL;
}
