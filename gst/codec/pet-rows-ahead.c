/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-rows-ahead.h"

#include "base/pet-prefetch.h"
#include "base/pet-relay.h"

/* Rows that change hands at a time. */
#define BATCH (PET_ROWS_AHEAD / 4)

struct PetRowsAhead {
  const PetAllocator *allocator;
  PetReader *reader;
  uint8_t *rows; /* a ring */
  size_t row_bytes;
  int n_rows;
  PetRelay relay;

  /* of the reading thread, until it has ended */
  PetStatus status;
  PetError error;

  /* of the taking thread */
  int next, seen; /* rows before `seen` are there */
};

static uint8_t *
row_at (const PetRowsAhead *self, int y)
{
  return self->rows + (size_t) (y % PET_ROWS_AHEAD) * self->row_bytes;
}

static void
read_rows (void *data)
{
  PetRowsAhead *self = data;
  PetReader *reader = self->reader;
  int y = 0;

  while (y < self->n_rows) {
    if ((y + 1) % BATCH != 0)
      pet_prefetch_to_write (row_at (self, y + 1), self->row_bytes);
    self->status =
        reader->ops->read_row (reader, row_at (self, y), &self->error);
    if (self->status != PET_OK)
      break;
    y++;
    if (y % BATCH == 0 && !pet_relay_set_made (&self->relay, y, BATCH))
      return;
  }
  pet_relay_end (&self->relay, y);
}

size_t
pet_rows_ahead_bytes (size_t row_bytes)
{
  return sizeof (PetRowsAhead) + PET_ROWS_AHEAD * row_bytes;
}

static void
release (PetRowsAhead *self)
{
  const PetAllocator *allocator = self->allocator;

  pet_free (allocator, self->rows, PET_ROWS_AHEAD * self->row_bytes);
  pet_free (allocator, self, sizeof *self);
}

PetStatus
pet_rows_ahead_new (const PetAllocator *allocator, PetReader *reader,
    size_t row_bytes, int n_rows, PetRowsAhead **ahead, PetError *error)
{
  PetRowsAhead *self = pet_alloc_zeroed (allocator, sizeof *self);

  *ahead = NULL;
  if (self == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory to read ahead");
  self->allocator = allocator;
  self->reader = reader;
  self->row_bytes = row_bytes;
  self->n_rows = n_rows;
  self->rows = pet_alloc (allocator, PET_ROWS_AHEAD * row_bytes);
  if (self->rows == NULL ||
      !pet_relay_start (&self->relay, PET_ROWS_AHEAD, read_rows, self)) {
    release (self);
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory or no thread to read ahead");
  }
  *ahead = self;
  return PET_OK;
}

PetStatus
pet_rows_ahead_next (PetRowsAhead *self, const uint8_t **row, PetError *error)
{
  if (self->next % BATCH == 0 || self->next >= self->seen)
    pet_relay_set_taken (&self->relay, self->next);
  if (self->next >= self->seen) {
    self->seen = pet_relay_wait (&self->relay, self->next);
    if (self->next >= self->seen) {
      if (error != NULL)
        *error = self->error;
      return self->status;
    }
  }
  *row = row_at (self, self->next++);
  return PET_OK;
}

void
pet_rows_ahead_free (PetRowsAhead **ahead)
{
  PetRowsAhead *self = *ahead;

  *ahead = NULL;
  if (self == NULL)
    return;
  pet_relay_stop (&self->relay);
  release (self);
}
