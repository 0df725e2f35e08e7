/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An allocator that counts what is out, and refuses the n-th allocation. */

#pragma once

#include "base/pet-alloc.h"

typedef struct {
  int calls, refused; /* -1: none */
  size_t bytes;
} Account;

static inline void *
account_alloc (void *user, size_t size)
{
  Account *account = user;

  if (account->calls++ == account->refused)
    return NULL;
  account->bytes += size;
  return pet_alloc (NULL, size);
}

static inline void
account_free (void *user, void *memory, size_t size)
{
  Account *account = user;

  account->bytes -= size;
  pet_free (NULL, memory, size);
}

static inline PetAllocator
account_allocator (Account *account)
{
  return (PetAllocator){
    .alloc = account_alloc, .free = account_free, .user = account
  };
}
