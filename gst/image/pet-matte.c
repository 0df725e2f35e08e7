/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/pet-matte.h"

#include <string.h>

#include "base/pet-prefetch.h"
#include "image/pet-matte-private.h"

/* The mask is a few hundred pixels wide, so its edge is uncertain by about
 * three of them, a hundredth of the longer side; the pet's and the
 * background's colours are looked for within a 28th. Four cells span the
 * filter's radius. Of a panorama, which the network sees in pieces, the longer
 * side counts up to twice the shorter one. */
#define LONGEST 2
#define REFINE_PART 100
#define FRINGE_PART 28
#define STEP_PART 400

/* Smaller photos are not worth a second thread. */
#define WORTH_A_THREAD (256 * 1024)

static int
clamp (int value, int low, int high)
{
  return value < low ? low : value > high ? high : value;
}

static int
part_in_cells (int side, int part, int step, int most)
{
  return clamp ((side / part + step / 2) / step, 1, most);
}

static int
longer_side (int width, int height)
{
  int64_t most = (int64_t) LONGEST * (width > height ? height : width);
  int side = width > height ? width : height;

  return side > most ? (int) most : side;
}

void
pet_matte_set_sizes (PetMatte *m)
{
  int width = m->photo->width, height = m->photo->height;
  int side = longer_side (width, height);

  m->part = m->options->part;
  if (m->part.width == 0)
    m->part = (PetPart){ .width = width, .height = height };
  m->step = clamp ((side + STEP_PART / 2) / STEP_PART, 1, PET_MATTE_MAX_STEP);
  m->width = (width - 1) / m->step + 1;
  m->height = (height - 1) / m->step + 1;
  side = longer_side (m->part.width, m->part.height);
  m->radius = part_in_cells (side, REFINE_PART, m->step, PET_MATTE_MAX_RADIUS);
  m->reach = part_in_cells (side, FRINGE_PART, m->step, PET_MATTE_MAX_REACH);
  side = (2 * m->reach + 1) * m->step;
  m->trust_scale = 1.0f / (float) (8 * side * side);
  m->far_scale[0] = (float) PET_FAR_TILES / (float) m->part.width;
  m->far_scale[1] = (float) PET_FAR_TILES / (float) m->part.height;
  m->two_threads =
      m->options->threads > 1 && (int64_t) width * height >= WORTH_A_THREAD;
}

static bool
is_part (const PetPart *part, const PetImage *photo)
{
  return part->width == 0 ||
      (part->x >= 0 && part->y >= 0 && part->width > 0 && part->height > 0 &&
          part->width <= photo->width - part->x &&
          part->height <= photo->height - part->y);
}

bool
pet_matte_is_valid (const PetImage *mask, const PetImage *photo,
    const PetImage *target, const PetMatteOptions *options)
{
  return mask->channels == 1 && mask->width > 0 && mask->height > 0 &&
      (photo->channels == 3 || photo->channels == 4) && photo->width > 0 &&
      photo->height > 0 && photo->width == target->width &&
      photo->height == target->height &&
      (target->channels == 4 || target->channels == 1) && options->low >= 0 &&
      options->low < options->high && options->high <= 255 &&
      is_part (&options->part, photo);
}

static void
take_scratch (PetScratch *scratch, PetMatte *m)
{
  pet_matte_take_alpha (scratch, m);
  if (m->options->decontaminate)
    pet_matte_take_fringe (scratch, m);
}

static inline bool
are_zero (const uint8_t *eight)
{
  uint64_t word;

  memcpy (&word, eight, sizeof word);
  return word == 0;
}

/* The first that is not 0, and the last; there is one. */
static void
find_ends (const uint8_t *alpha, int width, int *first, int *last)
{
  int from = 0, to = width;

  while (from + 8 <= width && are_zero (alpha + from))
    from += 8;
  while (alpha[from] == 0)
    from++;
  while (to >= from + 8 && are_zero (alpha + to - 8))
    to -= 8;
  while (alpha[to - 1] == 0)
    to--;
  *first = from;
  *last = to - 1;
}

static void
add_to_stats (const PetMatte *m, const uint8_t *alpha, int y, uint64_t *sum,
    PetMaskStats *stats)
{
  int first, last, right, largest;

  *sum += m->rows->measure (alpha, m->photo->width, &largest);
  if (largest == 0)
    return;
  find_ends (alpha, m->photo->width, &first, &last);
  if (stats->outline.width > 0)
    pet_outline_add (&stats->outline, y, first, last + 1);
  if (largest < 128)
    return;
  while (alpha[first] < 128)
    first++;
  while (alpha[last] < 128)
    last--;
  if (stats->height == 0) {
    stats->x = first;
    stats->y = y;
    stats->width = 0;
  }
  right =
      stats->x + stats->width > last + 1 ? stats->x + stats->width : last + 1;
  stats->x = first < stats->x ? first : stats->x;
  stats->width = right - stats->x;
  stats->height = y - stats->y + 1;
}

static void
write_row (PetMatte *m, int y, const uint8_t *alpha)
{
  const PetImage *photo = m->photo, *target = m->target;

  if (target->channels == 1) {
    memcpy (pet_image_row (target, y), alpha, (size_t) photo->width);
    return;
  }
  if (m->options->decontaminate)
    pet_matte_need_colors (m, y);
  m->rows->join (pet_image_row (target, y), pet_image_row (photo, y),
      photo->channels, alpha, m->options->scrub, photo->width);
  if (m->options->decontaminate)
    pet_matte_clean_row (m, y);
}

void
pet_matte_need_alpha (PetMatte *m, int y)
{
  int last = y < m->photo->height ? y : m->photo->height - 1;

  if (!m->two_threads)
    while (m->n_alpha <= last)
      pet_matte_make_alpha (m);
  else if (m->n_seen <= last)
    m->n_seen = pet_relay_wait (&m->relay, last);
}

/* In the other thread. */
static void
make_alpha (void *data)
{
  PetMatte *m = data;

  while (m->n_alpha < m->photo->height) {
    pet_matte_make_alpha (m);
    if (m->n_alpha % PET_MATTE_BATCH == 0 &&
        !pet_relay_set_made (&m->relay, m->n_alpha, PET_MATTE_BATCH))
      return;
  }
  pet_relay_end (&m->relay, m->n_alpha);
}

static void
cut (PetMatte *m, PetMaskStats *stats)
{
  uint64_t sum = 0;
  /* The other thread has read what is written then. */
  bool in_place = m->target->data == m->photo->data;

  pet_matte_begin_alpha (m);
  if (m->options->decontaminate)
    pet_matte_begin_fringe (m);
  memset (stats, 0, sizeof *stats);
  if (m->options->scrub && m->target->channels == 4)
    pet_outline_begin (&stats->outline, m->photo->width, m->photo->height);
  m->two_threads = m->two_threads &&
      pet_relay_start (&m->relay, m->alpha.count, make_alpha, m);
  for (int y = 0; y < m->photo->height; y++) {
    const uint8_t *alpha;

    if (m->two_threads && y % PET_MATTE_BATCH == 0)
      pet_relay_set_taken (&m->relay, y);
    pet_matte_need_alpha (m, y);
    if (in_place && m->n_seen > y + 1)
      pet_prefetch_to_write (pet_image_row (m->target, y + 1),
          (size_t) m->target->width * (size_t) m->target->channels);
    alpha = pet_ring_row (&m->alpha, y);
    write_row (m, y, alpha);
    add_to_stats (m, alpha, y, &sum, stats);
  }
  if (m->two_threads)
    pet_relay_stop (&m->relay);
  stats->coverage = (double) sum /
      (255.0 * (double) m->photo->width * (double) m->photo->height);
}

size_t
pet_matte_bytes (
    int mask_width, int width, int height, const PetMatteOptions *options)
{
  const PetImage mask = { .width = mask_width },
                 photo = { .width = width, .height = height, .channels = 4 };
  PetMatte m = { .mask = &mask, .photo = &photo, .options = options };
  PetScratch scratch = { 0 };

  pet_matte_set_sizes (&m);
  take_scratch (&scratch, &m);
  return pet_scratch_size (&scratch);
}

PetStatus
pet_matte_cut (const PetImage *mask, const PetImage *photo,
    const PetImage *target, const PetMatteOptions *options, PetMaskStats *stats,
    const PetAllocator *allocator, PetError *error)
{
  PetMatteOptions used = *options;
  PetMaskStats unwanted;
  PetScratch scratch = { 0 };
  PetMatte m = { .mask = mask,
    .photo = photo,
    .target = target,
    .options = &used,
    .rows = pet_matte_rows () };
  size_t size;

  if (!pet_matte_is_valid (mask, photo, target, options))
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "the matte got sizes or numbers that do not fit");
  used.decontaminate = options->decontaminate && target->channels == 4;
  pet_matte_set_sizes (&m);
  take_scratch (&scratch, &m);
  size = pet_scratch_size (&scratch);
  if (scratch.overflow)
    return pet_fail (error, PET_ERROR_LIMIT,
        "a picture of %dx%d is too large to be cut out", photo->width,
        photo->height);
  scratch = (PetScratch){ .base = pet_alloc (allocator, size) };
  if (scratch.base == NULL)
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory for %zu bytes of the matte", size);
  take_scratch (&scratch, &m);
  cut (&m, stats != NULL ? stats : &unwanted);
  pet_free (allocator, scratch.base, size);
  return PET_OK;
}
