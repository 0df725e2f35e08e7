/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-rows-ahead.h"

#include <pthread.h>
#include <stdbool.h>

/* Rows that change hands at a time. */
#define BATCH (PET_ROWS_AHEAD / 4)

struct PetRowsAhead {
  const PetAllocator *allocator;
  PetReader *reader;
  uint8_t *rows; /* a ring */
  size_t row_bytes;
  int n_rows;

  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t moved;
  /* under the mutex */
  int made, taken;   /* rows so far */
  bool failed, stop; /* no more are made; no more are wanted */
  PetError error;

  /* of the taking thread */
  int next, seen; /* rows before `seen` are there */
};

static uint8_t *
row_at (const PetRowsAhead *self, int y)
{
  return self->rows + (size_t) (y % PET_ROWS_AHEAD) * self->row_bytes;
}

/* Tells of the rows before `made` and waits for room. False: stop. */
static bool
publish (PetRowsAhead *self, int made)
{
  bool go_on;

  pthread_mutex_lock (&self->mutex);
  self->made = made;
  pthread_cond_signal (&self->moved);
  while (!self->stop && made - self->taken > PET_ROWS_AHEAD - BATCH)
    pthread_cond_wait (&self->moved, &self->mutex);
  go_on = !self->stop;
  pthread_mutex_unlock (&self->mutex);
  return go_on;
}

static void *
read_rows (void *data)
{
  PetRowsAhead *self = data;
  PetReader *reader = self->reader;
  PetStatus status = PET_OK;
  PetError error;
  int y = 0;

  while (y < self->n_rows && status == PET_OK) {
    status = reader->ops->read_row (reader, row_at (self, y), &error);
    if (status != PET_OK)
      break;
    y++;
    if (y % BATCH == 0 && !publish (self, y))
      return NULL;
  }
  pthread_mutex_lock (&self->mutex);
  self->made = y;
  self->failed = status != PET_OK;
  if (self->failed)
    self->error = error;
  pthread_cond_signal (&self->moved);
  pthread_mutex_unlock (&self->mutex);
  return NULL;
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

  pthread_cond_destroy (&self->moved);
  pthread_mutex_destroy (&self->mutex);
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
  pthread_mutex_init (&self->mutex, NULL);
  pthread_cond_init (&self->moved, NULL);
  self->rows = pet_alloc (allocator, PET_ROWS_AHEAD * row_bytes);
  if (self->rows == NULL ||
      pthread_create (&self->thread, NULL, read_rows, self) != 0) {
    release (self);
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory or no thread to read ahead");
  }
  *ahead = self;
  return PET_OK;
}

/* Gives back the rows before `next`; waits for that one if `wait`. */
static PetStatus
exchange (PetRowsAhead *self, bool wait, PetError *error)
{
  PetStatus status = PET_OK;

  pthread_mutex_lock (&self->mutex);
  self->taken = self->next;
  pthread_cond_signal (&self->moved);
  while (wait && self->made <= self->next && !self->failed)
    pthread_cond_wait (&self->moved, &self->mutex);
  self->seen = self->made;
  if (wait && self->seen <= self->next) {
    status = self->error.status;
    if (error != NULL)
      *error = self->error;
  }
  pthread_mutex_unlock (&self->mutex);
  return status;
}

PetStatus
pet_rows_ahead_next (PetRowsAhead *self, const uint8_t **row, PetError *error)
{
  bool wait = self->next >= self->seen;

  if (wait || self->next % BATCH == 0)
    PET_TRY (exchange (self, wait, error));
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
  pthread_mutex_lock (&self->mutex);
  self->stop = true;
  pthread_cond_signal (&self->moved);
  pthread_mutex_unlock (&self->mutex);
  pthread_join (self->thread, NULL);
  release (self);
}
