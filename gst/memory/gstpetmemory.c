/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory/gstpetmemory.h"

#include <gst/video/video.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/pet-alloc.h"
#include "base/pet-checked.h"
#include "memory/gstpetspares.h"

#define MAPPED_BYTES ((gsize) 64 * 1024)

/* From here on a block is worth pages of 2 MB where the system has them: taking
 * it costs a few faults instead of 1500. */
#define HUGE_BYTES ((gsize) 4 * 1024 * 1024)
#define HUGE_PAGE_BYTES ((gsize) 2 * 1024 * 1024)
#define MEMORY_TYPE "GstPetMemory"

/* Stands before a block's bytes and says whom they are charged to. */
typedef struct {
  GstPetBudget *budget;
  GstPetTicket *ticket; /* kept by its draw */
  gsize bytes;          /* with the header */
} Header;

#define HEADER_BYTES PET_ALIGNMENT

G_STATIC_ASSERT (sizeof (Header) <= HEADER_BYTES);

/* What mappings are made and cut in. */
static gsize
page_bytes (void)
{
  static gsize bytes;

  if (g_once_init_enter (&bytes)) {
    long found = sysconf (_SC_PAGESIZE);

    g_once_init_leave (&bytes, found > 0 ? (gsize) found : 4096);
  }
  return bytes;
}

/* FALSE: too large. */
static gboolean
total_bytes (gsize size, gsize *total)
{
  gsize unit;

  if (!pet_add_size (size, HEADER_BYTES, total) ||
      *total > G_MAXSIZE - page_bytes ())
    return FALSE;
  unit = *total >= MAPPED_BYTES ? page_bytes () : PET_ALIGNMENT;
  *total = (*total + unit - 1) / unit * unit;
  return TRUE;
}

guint64
gst_pet_block_bytes (gsize size)
{
  gsize total;

  return total_bytes (size, &total) ? total : G_MAXUINT64;
}

/* Where pages of 2 MB begin, of which a block without them would miss one. */
static gpointer
map_huge (gsize total)
{
  guint8 *start, *block, *end;
  gsize whole;

  if (!pet_add_size (total, HUGE_PAGE_BYTES, &whole))
    return NULL;
  start = mmap (
      NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED)
    return NULL;
  block = start +
      (HUGE_PAGE_BYTES - (guintptr) start % HUGE_PAGE_BYTES) % HUGE_PAGE_BYTES;
  end = start + whole;
  if (block > start)
    munmap (start, (gsize) (block - start));
  munmap (block + total, (gsize) (end - block) - total);
  madvise (block, total, MADV_HUGEPAGE);
  return block;
}

static gpointer
take (GstPetBudget *budget, gsize total, gboolean zeroed)
{
  gpointer memory;

  if (total < MAPPED_BYTES)
    return zeroed ? pet_alloc_zeroed (NULL, total) : pet_alloc (NULL, total);
  memory = gst_pet_spares_take (budget, total);
  if (memory != NULL) {
    if (zeroed)
      memset (memory, 0, total);
    return memory;
  }
  if (total >= HUGE_BYTES)
    return map_huge (total);
  memory = mmap (
      NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

gpointer
gst_pet_block_new (
    GstPetBudget *budget, GstPetTicket *ticket, gsize size, gboolean zeroed)
{
  Header *header;
  gsize total;

  if (!total_bytes (size, &total))
    return NULL;
  gst_pet_budget_draw (budget, ticket, total);
  header = take (budget, total, zeroed);
  if (header == NULL) {
    gst_pet_budget_give_back (budget, ticket, total);
    return NULL;
  }
  *header = (Header){ budget, ticket, total };
  return (guint8 *) header + HEADER_BYTES;
}

void
gst_pet_block_free (gpointer block)
{
  Header *header, copy;

  if (block == NULL)
    return;
  header = (Header *) ((guint8 *) block - HEADER_BYTES);
  copy = *header;
  if (copy.bytes < MAPPED_BYTES)
    pet_free (NULL, header, copy.bytes);
  else if (!gst_pet_spares_keep (copy.budget, header, copy.bytes))
    munmap (header, copy.bytes);
  gst_pet_budget_give_back (copy.budget, copy.ticket, copy.bytes);
}

typedef struct {
  GstMemory memory;
  guint8 *block;
  PetOutline outline;
} PetMemory;

typedef struct {
  GstAllocator parent;
  GstPetBudget *budget;
} GstPetAllocator;

typedef GstAllocatorClass GstPetAllocatorClass;

static GType gst_pet_allocator_get_type (void);
G_DEFINE_TYPE (GstPetAllocator, gst_pet_allocator, GST_TYPE_ALLOCATOR)

static PetMemory *
wrap (GstAllocator *allocator, guint8 *block, GstMemory *parent,
    GstMemoryFlags flags, gsize maxsize, gsize align, gsize offset, gsize size)
{
  PetMemory *self = g_new0 (PetMemory, 1);

  gst_memory_init (GST_MEMORY_CAST (self), flags, allocator, parent, maxsize,
      align, offset, size);
  self->block = block;
  return self;
}

static GstMemory *
allocator_alloc (
    GstAllocator *allocator, gsize size, GstAllocationParams *params)
{
  GstPetBudget *budget = ((GstPetAllocator *) allocator)->budget;
  gsize align = params->align, maxsize;
  guint8 *block;

  if (align >= PET_ALIGNMENT ||
      !pet_add_size (size, params->prefix, &maxsize) ||
      !pet_add_size (maxsize, params->padding, &maxsize))
    return NULL;
  block = gst_pet_block_new (budget, NULL, maxsize, TRUE);
  if (block == NULL)
    return NULL;
  return GST_MEMORY_CAST (wrap (allocator, block, NULL, params->flags, maxsize,
      PET_ALIGNMENT - 1, params->prefix, size));
}

static void
allocator_free (GstAllocator *allocator, GstMemory *memory)
{
  if (memory->parent == NULL)
    gst_pet_block_free (((PetMemory *) memory)->block);
  g_free (memory);
}

static gpointer
memory_map (GstMemory *memory, gsize maxsize, GstMapFlags flags)
{
  if ((flags & GST_MAP_WRITE) != 0)
    ((PetMemory *) memory)->outline.width = 0;
  return ((PetMemory *) memory)->block;
}

static void
memory_unmap (GstMemory *memory)
{
}

static GstMemory *
memory_copy (GstMemory *memory, gssize offset, gssize size)
{
  PetMemory *self = (PetMemory *) memory;
  const Header *header = (const Header *) (self->block - HEADER_BYTES);
  gsize bytes = size >= 0             ? (gsize) size
      : memory->size > (gsize) offset ? memory->size - (gsize) offset
                                      : 0;
  GstMemory *copy =
      gst_pet_allocator_take (memory->allocator, header->ticket, bytes, FALSE);

  if (copy != NULL)
    memcpy (((PetMemory *) copy)->block,
        self->block + memory->offset + (gsize) offset, bytes);
  return copy;
}

static GstMemory *
memory_share (GstMemory *memory, gssize offset, gssize size)
{
  GstMemory *parent = memory->parent != NULL ? memory->parent : memory;
  gsize bytes = size >= 0 ? (gsize) size : memory->size - (gsize) offset;

  return GST_MEMORY_CAST (wrap (memory->allocator,
      ((PetMemory *) memory)->block, parent,
      (GstMemoryFlags) GST_MINI_OBJECT_FLAGS (parent) |
          (GstMemoryFlags) GST_MINI_OBJECT_FLAG_LOCK_READONLY,
      memory->maxsize, memory->align, memory->offset + (gsize) offset, bytes));
}

static gboolean
memory_is_span (GstMemory *first, GstMemory *second, gsize *offset)
{
  if (offset != NULL)
    *offset = first->offset - first->parent->offset;
  return ((PetMemory *) first)->block == ((PetMemory *) second)->block &&
      first->offset + first->size == second->offset;
}

static void
gst_pet_allocator_init (GstPetAllocator *self)
{
  GstAllocator *allocator = GST_ALLOCATOR_CAST (self);

  allocator->mem_type = MEMORY_TYPE;
  allocator->mem_map = memory_map;
  allocator->mem_unmap = memory_unmap;
  allocator->mem_copy = memory_copy;
  allocator->mem_share = memory_share;
  allocator->mem_is_span = memory_is_span;
}

static void
gst_pet_allocator_finalize (GObject *object)
{
  gst_object_unref (((GstPetAllocator *) object)->budget);
  G_OBJECT_CLASS (gst_pet_allocator_parent_class)->finalize (object);
}

static void
gst_pet_allocator_class_init (GstPetAllocatorClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gst_pet_allocator_finalize;
  klass->alloc = allocator_alloc;
  klass->free = allocator_free;
}

GstAllocator *
gst_pet_allocator_new (GstPetBudget *budget)
{
  GstPetAllocator *self = g_object_new (gst_pet_allocator_get_type (), NULL);

  self->budget = gst_object_ref (budget);
  return gst_object_ref_sink (GST_ALLOCATOR_CAST (self));
}

GstMemory *
gst_pet_allocator_take (
    GstAllocator *allocator, GstPetTicket *ticket, gsize size, gboolean zeroed)
{
  guint8 *block = gst_pet_block_new (
      ((GstPetAllocator *) allocator)->budget, ticket, size, zeroed);

  if (block == NULL)
    return NULL;
  return GST_MEMORY_CAST (
      wrap (allocator, block, NULL, 0, size, PET_ALIGNMENT - 1, 0, size));
}

gsize
gst_pet_memory_discard (GstMemory *memory, gsize from, gsize to)
{
  guintptr start, begin, end;
  gsize bytes, page;
  const Header *header;
  guint8 *block;

  if (!gst_memory_is_type (memory, MEMORY_TYPE) || memory->parent != NULL)
    return from;
  block = ((PetMemory *) memory)->block;
  header = (const Header *) (block - HEADER_BYTES);
  bytes = header->bytes;
  if (bytes < MAPPED_BYTES || gst_pet_spares_have_room (header->budget, bytes))
    return from;
  page = bytes >= HUGE_BYTES ? HUGE_PAGE_BYTES : page_bytes ();
  start = (guintptr) (block + memory->offset);
  begin = (start + from + page - 1) / page * page;
  end = (start + MIN (to, memory->size)) / page * page;
  if (begin >= end)
    return from;
  madvise ((gpointer) begin, end - begin, MADV_DONTNEED);
  return end - start;
}

/* Of a buffer whose bytes are where its caps say; else NULL. */
static PetMemory *
find_whole (GstBuffer *buffer)
{
  GstMemory *memory;

  if (gst_buffer_n_memory (buffer) != 1 ||
      gst_buffer_get_video_meta (buffer) != NULL)
    return NULL;
  memory = gst_buffer_peek_memory (buffer, 0);
  if (!gst_memory_is_type (memory, MEMORY_TYPE) || memory->parent != NULL ||
      memory->offset != 0)
    return NULL;
  return (PetMemory *) memory;
}

void
gst_pet_buffer_set_outline (GstBuffer *buffer, const PetOutline *outline)
{
  PetMemory *self = find_whole (buffer);

  if (self != NULL)
    self->outline = *outline;
}

const PetOutline *
gst_pet_buffer_get_outline (GstBuffer *buffer, gint width, gint height)
{
  const PetMemory *self = find_whole (buffer);

  if (self == NULL || self->outline.width != width ||
      self->outline.height != height || width == 0)
    return NULL;
  return &self->outline;
}
