/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetcardmemory.h"

#include <string.h>

#include "memory/gstpetmemory.h"

#define MEMORY_TYPE "GstPetCardMemory"

/* Frames that are kept for the next pictures. */
#define MAX_KEPT 4

typedef struct {
  GstAllocator parent;
  const PetCudaApi *api;
  gint device;

  GstPetCard *card;
  GMutex fetching; /* held by whoever brings a frame down with `card` */

  GMutex lock; /* not held while the card works: takers would wait for it */
  PetCudaFrame *kept[MAX_KEPT];
  guint n_kept;
} GstPetCardAllocator;

typedef GstAllocatorClass GstPetCardAllocatorClass;

static GType gst_pet_card_allocator_get_type (void);
G_DEFINE_TYPE (GstPetCardAllocator, gst_pet_card_allocator, GST_TYPE_ALLOCATOR)

/* Of a shared part only `memory` is filled; the rest is its parent's. */
typedef struct {
  GstMemory memory;
  gint width, height;
  GstPetBudget *budget;
  GstPetTicket *ticket; /* NULL: loose */

  GMutex mapping; /* while it comes down, too */
  guint8 *block;  /* NULL: not brought down yet */

  GMutex lock;         /* inside of `mapping`; never held for long */
  PetCudaFrame *frame; /* written under both; NULL: given up for `block` */
} CardMemory;

static CardMemory *
whole (GstMemory *memory)
{
  return (CardMemory *) (memory->parent != NULL ? memory->parent : memory);
}

/* Keeps it, and returns the one that is too many: the smallest, which fits the
 * fewest of the photos to come. */
static PetCudaFrame *
keep_locked (GstPetCardAllocator *self, PetCudaFrame *frame)
{
  PetCudaFrame **least = &frame, *other;

  if (self->n_kept < MAX_KEPT) {
    self->kept[self->n_kept++] = frame;
    return NULL;
  }
  for (guint i = 0; i < MAX_KEPT; i++)
    if (self->api->frame_bytes (self->kept[i]) <
        self->api->frame_bytes (*least))
      least = &self->kept[i];
  other = *least;
  *least = frame;
  return other;
}

void
gst_pet_card_allocator_give_back (GstAllocator *allocator, PetCudaFrame *frame)
{
  GstPetCardAllocator *self = (GstPetCardAllocator *) allocator;

  g_mutex_lock (&self->lock);
  frame = keep_locked (self, frame);
  g_mutex_unlock (&self->lock);
  if (frame != NULL)
    self->api->frame_free (&frame);
}

static void
drop_kept (GstPetCardAllocator *self)
{
  PetCudaFrame *kept[MAX_KEPT];
  guint n;

  g_mutex_lock (&self->lock);
  n = self->n_kept;
  memcpy (kept, self->kept, n * sizeof *kept);
  self->n_kept = 0;
  g_mutex_unlock (&self->lock);
  while (n > 0)
    self->api->frame_free (&kept[--n]);
}

/* The smallest kept one that has room. */
static PetCudaFrame *
take_kept_locked (GstPetCardAllocator *self, gint width, gint height)
{
  PetCudaFrame *frame;
  guint best = MAX_KEPT;
  gsize least = G_MAXSIZE;

  for (guint i = 0; i < self->n_kept; i++) {
    gsize bytes = self->api->frame_bytes (self->kept[i]);

    if (bytes < least &&
        self->api->frame_fit (self->kept[i], width, height, 4)) {
      least = bytes;
      best = i;
    }
  }
  if (best == MAX_KEPT)
    return NULL;
  frame = self->kept[best];
  self->kept[best] = self->kept[--self->n_kept];
  return frame;
}

PetStatus
gst_pet_card_allocator_take (GstAllocator *allocator, gint width, gint height,
    PetCudaFrame **frame, PetError *error)
{
  GstPetCardAllocator *self = (GstPetCardAllocator *) allocator;
  PetCuda *cuda = gst_pet_card_cuda (self->card);
  PetStatus status;
  gboolean more;

  g_mutex_lock (&self->lock);
  *frame = take_kept_locked (self, width, height);
  more = self->n_kept > 0;
  g_mutex_unlock (&self->lock);
  if (*frame != NULL)
    return PET_OK;
  status = self->api->frame_new (cuda, width, height, 4, frame, error);
  if (status != PET_ERROR_MEMORY || !more)
    return status;
  drop_kept (self);
  return self->api->frame_new (cuda, width, height, 4, frame, error);
}

GstMemory *
gst_pet_card_memory_new (GstAllocator *allocator, PetCudaFrame *frame,
    gint width, gint height, GstPetAccount *account)
{
  CardMemory *self = g_new0 (CardMemory, 1);
  gsize size = (gsize) width * (gsize) height * 4;

  gst_memory_init (
      GST_MEMORY_CAST (self), 0, allocator, NULL, size, 0, 0, size);
  g_mutex_init (&self->mapping);
  g_mutex_init (&self->lock);
  self->width = width;
  self->height = height;
  self->budget = gst_object_ref (account->budget);
  if (account->ticket != NULL)
    self->ticket = gst_pet_ticket_ref (account->ticket);
  self->frame = frame;
  return GST_MEMORY_CAST (self);
}

const PetCudaFrame *
gst_pet_card_memory_peek (GstBuffer *buffer, gint device)
{
  const PetCudaFrame *frame = NULL;
  GstMemory *memory;
  CardMemory *self;

  if (gst_buffer_n_memory (buffer) != 1)
    return NULL;
  memory = gst_buffer_peek_memory (buffer, 0);
  if (!gst_memory_is_type (memory, MEMORY_TYPE) ||
      ((GstPetCardAllocator *) memory->allocator)->device != device)
    return NULL;
  self = whole (memory);
  g_mutex_lock (&self->lock);
  if (memory->offset == 0 && memory->size == self->memory.maxsize)
    frame = self->frame;
  g_mutex_unlock (&self->lock);
  return frame;
}

/* The picture's bytes on the host; FALSE: no memory, or the card is lost. */
static gboolean
bring_down (CardMemory *self)
{
  GstPetCardAllocator *allocator =
      (GstPetCardAllocator *) self->memory.allocator;
  PetImage image = { .width = self->width,
    .height = self->height,
    .channels = 4,
    .stride_bytes = (ptrdiff_t) self->width * 4 };
  PetStatus status;
  PetError error;

  image.data = gst_pet_block_new (
      self->budget, self->ticket, self->memory.maxsize, FALSE);
  if (image.data == NULL)
    return FALSE;
  g_mutex_lock (&allocator->fetching);
  status = allocator->api->frame_read (
      gst_pet_card_cuda (allocator->card), self->frame, &image, &error);
  g_mutex_unlock (&allocator->fetching);
  if (status != PET_OK) {
    GST_ERROR ("a picture cannot be fetched: %s", error.message);
    gst_pet_block_free (image.data);
    return FALSE;
  }
  self->block = image.data;
  return TRUE;
}

static void
give_up_frame (CardMemory *self)
{
  PetCudaFrame *frame = self->frame;

  if (frame == NULL)
    return;
  g_mutex_lock (&self->lock);
  self->frame = NULL;
  g_mutex_unlock (&self->lock);
  gst_pet_card_allocator_give_back (self->memory.allocator, frame);
}

static gpointer
memory_map (GstMemory *memory, gsize maxsize, GstMapFlags flags)
{
  CardMemory *self = whole (memory);
  gpointer data = NULL;

  g_mutex_lock (&self->mapping);
  if (self->block != NULL || bring_down (self)) {
    if ((flags & GST_MAP_WRITE) != 0)
      give_up_frame (self);
    data = self->block;
  }
  g_mutex_unlock (&self->mapping);
  return data;
}

static void
memory_unmap (GstMemory *memory)
{
}

static GstMemory *
memory_copy (GstMemory *memory, gssize offset, gssize size)
{
  CardMemory *self = whole (memory);
  g_autoptr (GstAllocator) host = gst_pet_allocator_new (self->budget);
  gsize bytes = size >= 0 ? (gsize) size : memory->size - (gsize) offset;
  const guint8 *from = memory_map (memory, memory->maxsize, GST_MAP_READ);
  GstMemory *copy = from != NULL
      ? gst_pet_allocator_take (host, self->ticket, bytes, FALSE)
      : NULL;
  GstMapInfo map;

  if (copy != NULL && gst_memory_map (copy, &map, GST_MAP_WRITE)) {
    memcpy (map.data, from + memory->offset + (gsize) offset, bytes);
    gst_memory_unmap (copy, &map);
  }
  return copy;
}

static GstMemory *
memory_share (GstMemory *memory, gssize offset, gssize size)
{
  GstMemory *parent = GST_MEMORY_CAST (whole (memory));
  CardMemory *part = g_new0 (CardMemory, 1);
  gsize bytes = size >= 0 ? (gsize) size : memory->size - (gsize) offset;

  gst_memory_init (GST_MEMORY_CAST (part),
      (GstMemoryFlags) GST_MINI_OBJECT_FLAGS (parent) |
          (GstMemoryFlags) GST_MINI_OBJECT_FLAG_LOCK_READONLY,
      memory->allocator, parent, memory->maxsize, memory->align,
      memory->offset + (gsize) offset, bytes);
  return GST_MEMORY_CAST (part);
}

static GstMemory *
allocator_alloc (
    GstAllocator *allocator, gsize size, GstAllocationParams *params)
{
  /* Only pictures of a known size can be there. */
  return NULL;
}

static void
allocator_free (GstAllocator *allocator, GstMemory *memory)
{
  CardMemory *self = (CardMemory *) memory;

  if (memory->parent == NULL) {
    if (self->frame != NULL)
      gst_pet_card_allocator_give_back (allocator, self->frame);
    gst_pet_block_free (self->block);
    if (self->ticket != NULL)
      gst_pet_ticket_unref (self->ticket);
    gst_object_unref (self->budget);
    g_mutex_clear (&self->mapping);
    g_mutex_clear (&self->lock);
  }
  g_free (self);
}

static void
gst_pet_card_allocator_init (GstPetCardAllocator *self)
{
  GstAllocator *allocator = GST_ALLOCATOR_CAST (self);

  g_mutex_init (&self->fetching);
  g_mutex_init (&self->lock);
  allocator->mem_type = MEMORY_TYPE;
  allocator->mem_map = memory_map;
  allocator->mem_unmap = memory_unmap;
  allocator->mem_copy = memory_copy;
  allocator->mem_share = memory_share;
  GST_OBJECT_FLAG_SET (self, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

static void
gst_pet_card_allocator_finalize (GObject *object)
{
  GstPetCardAllocator *self = (GstPetCardAllocator *) object;

  if (self->api != NULL)
    drop_kept (self);
  gst_pet_card_close (&self->card);
  g_mutex_clear (&self->fetching);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_pet_card_allocator_parent_class)->finalize (object);
}

static void
gst_pet_card_allocator_class_init (GstPetCardAllocatorClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gst_pet_card_allocator_finalize;
  klass->alloc = allocator_alloc;
  klass->free = allocator_free;
}

PetStatus
gst_pet_card_allocator_new (
    gint device, GstAllocator **allocator, PetError *error)
{
  GstPetCardAllocator *self;
  GstPetCard *card;
  PetCudaInfo info;

  PET_TRY (gst_pet_card_open (device, &card, error));
  self = g_object_new (gst_pet_card_allocator_get_type (), NULL);
  self->api = gst_pet_cuda_api (NULL);
  self->card = card;
  self->api->info (gst_pet_card_cuda (card), &info);
  self->device = info.device;
  *allocator = gst_object_ref_sink (GST_ALLOCATOR_CAST (self));
  return PET_OK;
}
