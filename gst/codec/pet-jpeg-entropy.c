/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The library's modules are structs of functions that a decompressor points to,
 * and this is one of them. Far from the end of the file bits are taken from a
 * register that is filled with eight bytes at once, or with zeros at a marker. If
 * one of these zeros is wanted, and near the end, the library's ways are followed
 * step by step: bytes behind a marker are zeros, the first that is wanted is warned
 * of, and blocks from then on stay empty until the next restart marker. */

#include "codec/pet-jpeg-entropy.h"

#include <limits.h>
#include <string.h>

#include "codec/pet-jpeg-blocks.h"
#include "codec/pet-jpeg-codes.h"

#ifdef PET_HAVE_JPEGINT
#include <jpegint.h>
#endif

#if defined PET_HAVE_JPEGINT && JPEG_LIB_VERSION < 70

#include <jerror.h>

#define N_PLACES (DCTSIZE2 + 16)

/* The library fills its register up to this many bits, and with as many zeros
 * behind a marker. */
#define FULL_BITS 57

/* What a block takes at most: 64 codes of 16 bits and values of 15, each byte
 * escaped; and what is read ahead of it. */
#define BLOCK_BYTES 512
#define AHEAD_BYTES 64

/* Of a component. */
typedef struct {
  PetJpegCodes dc, ac;
} Tables;

/* The next bit is the highest; those behind the last are 0 between blocks of
 * work, and whatever comes next while next_fast() is at work. */
typedef struct {
  uint64_t bits;
  int n_bits;
  int n_zeros; /* of those: behind a marker, where nothing is */
  const uint8_t *next;
  size_t n_bytes;
} Input;

struct PetJpegEntropy {
  struct jpeg_entropy_decoder base; /* the first: the library's view */
  uint64_t bits;
  int n_bits;
  unsigned restarts_to_go;
  int last_dc[MAX_COMPS_IN_SCAN];
  bool needs_dc[D_MAX_BLOCKS_IN_MCU], needs_ac[D_MAX_BLOCKS_IN_MCU];
  const Tables *tables_of[D_MAX_BLOCKS_IN_MCU];
  const uint16_t *places_of[D_MAX_BLOCKS_IN_MCU];
  Tables tables[MAX_COMPS_IN_SCAN];
  uint16_t gathered[N_PLACES]; /* as natural_order, in a batch */
  PetJpegBlocks blocks;
};

/* Where the coefficient at a place of the zigzag goes, counted from 1; places
 * behind the last are the last, as only damaged files have them. */
static const uint16_t natural_order[N_PLACES] = { 0, 1, 8, 16, 9, 2, 3, 10, 17,
  24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
  58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63, 63, 63, 63,
  63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63 };

static uint64_t
eight_bytes (const uint8_t *bytes)
{
  uint64_t word;

  memcpy (&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  word = __builtin_bswap64 (word);
#endif
  return word;
}

static inline bool
has_0xff (uint64_t word)
{
  return ((~word - 0x0101010101010101u) & word & 0x8080808080808080u) != 0;
}

/* At a marker, or something like it, with zeros. */
static void
fill_by_bytes (Input *in)
{
  while (in->n_bits < 56) {
    uint64_t byte = in->next[0];

    if (byte == 0xff && in->next[1] != 0) {
      in->n_zeros += 8;
    } else {
      in->next += byte == 0xff ? 2 : 1;
      in->bits |= byte << (56 - in->n_bits);
    }
    in->n_bits += 8;
  }
}

/* Of the last byte, which is not counted yet, some bits are there already; they
 * come again. */
static inline void
fill_fast (Input *in)
{
  uint64_t word = eight_bytes (in->next);
  int n = (63 - in->n_bits) / 8;

  if (has_0xff (word)) {
    fill_by_bytes (in);
    return;
  }
  in->bits |= word >> in->n_bits;
  in->next += n;
  in->n_bits += 8 * n;
}

static inline void
drop (Input *in, uint32_t n)
{
  in->bits <<= n;
  in->n_bits -= (int) n;
}

/* False: there is no such code. */
static bool
find_long (Input *in, const PetJpegCodes *table, bool is_ac, uint32_t *entry)
{
  uint32_t length = PET_JPEG_LOOK_BITS + 1, n, run;
  int symbol;

  while ((int32_t) (in->bits >> (64 - length)) > table->max_code[length])
    length++;
  if (length > PET_JPEG_MAX_CODE_BITS)
    return false;
  symbol = table->symbols[((int32_t) (in->bits >> (64 - length)) +
                              table->offset[length]) &
      255];
  drop (in, length);
  n = (uint32_t) symbol & 15;
  run = is_ac ? (uint32_t) symbol >> 4 : 0;
  *entry = (is_ac && n == 0 && run != 15 ? PET_JPEG_END_OF_BLOCK : run + 1)
          << 8 |
      n << 16;
  return true;
}

/* Of 31 bits, which a code and its value have at most: an entry with the value,
 * and the bits are dropped. */
static inline bool
next_fast (Input *in, const PetJpegCodes *table, bool is_ac, uint32_t *entry)
{
  uint32_t n;

  *entry = table->look[in->bits >> (64 - PET_JPEG_LOOK_BITS)];
  drop (in, PET_JPEG_LENGTH (*entry));
  if ((*entry & PET_JPEG_UNFINISHED) == 0)
    return true;
  if (PET_JPEG_LENGTH (*entry) == 0 && !find_long (in, table, is_ac, entry))
    return false;
  n = *entry >> 16;
  if (n > 0) {
    *entry = PET_JPEG_ADVANCE (*entry) << 8 |
        (uint32_t) pet_jpeg_extend ((int) (in->bits >> (64 - n)), (int) n)
            << 16;
    drop (in, n);
  }
  return true;
}

/* A block of which the last coefficient is there has no code that ends it: what
 * looked like one belongs to the next. */
static inline void
give_back_end (Input *in, uint64_t bits, uint32_t entry, const PetJpegCodes *ac)
{
  in->bits = bits << (PET_JPEG_LENGTH (entry) - (uint32_t) ac->end_bits);
  in->n_bits += ac->end_bits;
}

static inline bool
coefficients_fast (
    Input *in, const PetJpegCodes *ac, JCOEF *to, const uint16_t *places)
{
  for (int k = 0; k < DCTSIZE2 - 1;) {
    uint64_t bits;
    uint32_t entry;

    if (in->n_bits < 32)
      fill_fast (in);
    bits = in->bits;
    if (!next_fast (in, ac, true, &entry))
      return false;
    if (PET_JPEG_ADVANCE (entry) == PET_JPEG_END_OF_BLOCK)
      break;
    k += (int) PET_JPEG_ADVANCE (entry);
    to[places[k]] = (JCOEF) PET_JPEG_VALUE (entry);
    if ((entry & PET_JPEG_WITH_END) == 0)
      continue;
    if (k >= DCTSIZE2 - 1)
      give_back_end (in, bits, entry, ac);
    break;
  }
  return true;
}

static inline bool
block_fast (const PetJpegEntropy *self, Input *in, int index, int *last_dc,
    JCOEF *block)
{
  const Tables *tables = self->tables_of[index];
  bool is_needed = self->needs_ac[index];
  JCOEF nowhere[DCTSIZE2];
  uint32_t entry;

  fill_fast (in);
  if (!next_fast (in, &tables->dc, false, &entry))
    return false;
  if (self->needs_dc[index]) {
    if (__builtin_add_overflow (*last_dc, PET_JPEG_VALUE (entry), last_dc))
      return false;
    block[0] = (JCOEF) *last_dc;
  }
  return (entry & PET_JPEG_WITH_END) != 0 ||
      coefficients_fast (in, &tables->ac, is_needed ? block : nowhere,
          is_needed ? self->places_of[index] : natural_order);
}

/* False, and nothing has changed but coefficients: better go step by step. */
static bool
mcu_fast (PetJpegEntropy *self, j_decompress_ptr cinfo, JBLOCKROW *blocks)
{
  struct jpeg_source_mgr *source = cinfo->src;
  Input in = { self->bits, self->n_bits, 0, source->next_input_byte, 0 };
  int last_dc[MAX_COMPS_IN_SCAN];

  memcpy (last_dc, self->last_dc, sizeof last_dc);
  for (int i = 0; i < cinfo->blocks_in_MCU; i++)
    if (!block_fast (
            self, &in, i, &last_dc[cinfo->MCU_membership[i]], blocks[i][0]))
      return false;
  in.n_bits -= in.n_zeros;
  if (in.n_bits < 0)
    return false;
  memcpy (self->last_dc, last_dc, sizeof last_dc);
  self->n_bits = in.n_bits;
  self->bits = in.n_bits > 0 ? in.bits & ~(uint64_t) 0 << (64 - in.n_bits) : 0;
  source->bytes_in_buffer -= (size_t) (in.next - source->next_input_byte);
  source->next_input_byte = in.next;
  return true;
}

static int
read_byte (j_decompress_ptr cinfo, Input *in)
{
  if (in->n_bytes == 0) {
    cinfo->src->fill_input_buffer (cinfo);
    in->next = cinfo->src->next_input_byte;
    in->n_bytes = cinfo->src->bytes_in_buffer;
  }
  in->n_bytes--;
  return *in->next++;
}

/* Of the coded data; -1: a marker, which was noted. */
static int
read_data_byte (j_decompress_ptr cinfo, Input *in)
{
  int byte = read_byte (cinfo, in);

  if (byte != 0xff)
    return byte;
  do
    byte = read_byte (cinfo, in);
  while (byte == 0xff);
  if (byte == 0)
    return 0xff;
  cinfo->unread_marker = byte;
  return -1;
}

/* `wanted` 0: as many as there are. */
static void
fill_slowly (j_decompress_ptr cinfo, Input *in, int wanted)
{
  while (cinfo->unread_marker == 0 && in->n_bits < FULL_BITS) {
    int byte = read_data_byte (cinfo, in);

    if (byte < 0)
      break;
    in->bits |= (uint64_t) byte << (56 - in->n_bits);
    in->n_bits += 8;
  }
  if (in->n_bits >= wanted)
    return;
  if (!cinfo->entropy->insufficient_data) {
    WARNMS (cinfo, JWRN_HIT_MARKER);
    cinfo->entropy->insufficient_data = TRUE;
  }
  in->n_bits = FULL_BITS;
}

static int
take (j_decompress_ptr cinfo, Input *in, int n)
{
  int value;

  if (n == 0)
    return 0;
  if (in->n_bits < n)
    fill_slowly (cinfo, in, n);
  value = (int) (in->bits >> (64 - n));
  drop (in, (uint32_t) n);
  return value;
}

static int
take_symbol (j_decompress_ptr cinfo, Input *in, const PetJpegCodes *table)
{
  int length = 1, code;

  if (in->n_bits < 8)
    fill_slowly (cinfo, in, 0);
  code = take (cinfo, in, 1);
  while (code > table->max_code[length]) {
    code = 2 * code | take (cinfo, in, 1);
    length++;
  }
  if (length > PET_JPEG_MAX_CODE_BITS) {
    WARNMS (cinfo, JWRN_HUFF_BAD_CODE);
    return 0;
  }
  return table->symbols[(code + table->offset[length]) & 255];
}

static void
block_slowly (PetJpegEntropy *self, j_decompress_ptr cinfo, Input *in,
    int index, JCOEF *block)
{
  const Tables *tables = self->tables_of[index];
  int *last_dc = &self->last_dc[cinfo->MCU_membership[index]];
  bool is_needed = self->needs_ac[index];
  JCOEF nowhere[DCTSIZE2], *to = is_needed ? block : nowhere;
  const uint16_t *places = is_needed ? self->places_of[index] : natural_order;
  int n = take_symbol (cinfo, in, &tables->dc);
  int difference = pet_jpeg_extend (take (cinfo, in, n), n);

  if (self->needs_dc[index]) {
    if (__builtin_add_overflow (*last_dc, difference, last_dc))
      ERREXIT (cinfo, JERR_BAD_DCT_COEF);
    block[0] = (JCOEF) *last_dc;
  }
  for (int k = 0; k < DCTSIZE2 - 1;) {
    int symbol = take_symbol (cinfo, in, &tables->ac);

    n = symbol & 15;
    if (n == 0 && symbol >> 4 != 15)
      break;
    k += (symbol >> 4) + 1;
    to[places[k]] = (JCOEF) pet_jpeg_extend (take (cinfo, in, n), n);
  }
}

static void
mcu_slowly (PetJpegEntropy *self, j_decompress_ptr cinfo, JBLOCKROW *blocks)
{
  Input in = { self->bits, self->n_bits, 0, cinfo->src->next_input_byte,
    cinfo->src->bytes_in_buffer };

  for (int i = 0; i < cinfo->blocks_in_MCU; i++)
    block_slowly (self, cinfo, &in, i, blocks[i][0]);
  self->bits = in.bits;
  self->n_bits = in.n_bits;
  cinfo->src->next_input_byte = in.next;
  cinfo->src->bytes_in_buffer = in.n_bytes;
}

/* Whole bytes that are left count as passed over. */
static bool
restart (PetJpegEntropy *self, j_decompress_ptr cinfo)
{
  cinfo->marker->discarded_bytes += (unsigned) self->n_bits / 8;
  self->n_bits = 0;
  self->bits = 0;
  if (!cinfo->marker->read_restart_marker (cinfo))
    return false;
  memset (self->last_dc, 0, sizeof self->last_dc);
  self->restarts_to_go = cinfo->restart_interval;
  if (cinfo->unread_marker == 0)
    self->base.insufficient_data = FALSE;
  return true;
}

static void
clear (const PetJpegEntropy *self, j_decompress_ptr cinfo, JBLOCKROW *blocks)
{
  for (int i = 0; i < cinfo->blocks_in_MCU; i++) {
    JCOEF *block = blocks[i][0];

    for (int k = 0; k < DCTSIZE2; k++)
      block[self->places_of[i][k]] = 0;
  }
}

static boolean
decode_mcu (j_decompress_ptr cinfo, JBLOCKROW *blocks)
{
  PetJpegEntropy *self = (PetJpegEntropy *) cinfo->entropy;
  size_t room = (size_t) cinfo->blocks_in_MCU * BLOCK_BYTES + AHEAD_BYTES;

  if (cinfo->restart_interval > 0 && self->restarts_to_go == 0 &&
      !restart (self, cinfo))
    return FALSE;
  self->restarts_to_go--;
  if (self->base.insufficient_data)
    return TRUE;
  if (cinfo->unread_marker == 0 && cinfo->src->bytes_in_buffer >= room) {
    if (mcu_fast (self, cinfo, blocks))
      return TRUE;
    clear (self, cinfo, blocks);
  }
  mcu_slowly (self, cinfo, blocks);
  return TRUE;
}

static bool
is_for_us (j_decompress_ptr cinfo)
{
  return !jpeg_has_multiple_scans (cinfo) && !cinfo->progressive_mode &&
      !cinfo->arith_code && cinfo->data_precision == 8 &&
      cinfo->entropy != NULL;
}

/* Components with the same tables share them, so that they stay in the first
 * cache. They are of the scan, and the library has checked that their codes are
 * trees. */
static const Tables *
tables_of (PetJpegEntropy *self, j_decompress_ptr cinfo, int component)
{
  const jpeg_component_info *info = cinfo->cur_comp_info[component];
  Tables *tables = &self->tables[component];
  const JHUFF_TBL *dc = cinfo->dc_huff_tbl_ptrs[info->dc_tbl_no];
  const JHUFF_TBL *ac = cinfo->ac_huff_tbl_ptrs[info->ac_tbl_no];

  for (int i = 0; i < component; i++)
    if (cinfo->cur_comp_info[i]->dc_tbl_no == info->dc_tbl_no &&
        cinfo->cur_comp_info[i]->ac_tbl_no == info->ac_tbl_no)
      return &self->tables[i];
  if (tables->dc.max_code[PET_JPEG_MAX_CODE_BITS + 1] == 0) {
    pet_jpeg_codes_set (&tables->dc, dc);
    pet_jpeg_codes_set (&tables->ac, ac);
    pet_jpeg_codes_set_look (&tables->dc, dc, false, &tables->ac);
    pet_jpeg_codes_set_look (&tables->ac, ac, true, &tables->ac);
  }
  return tables;
}

static void
set_tables (PetJpegEntropy *self, j_decompress_ptr cinfo)
{
  for (int i = 0; i < cinfo->blocks_in_MCU; i++) {
    int component = cinfo->MCU_membership[i];
    const jpeg_component_info *info = cinfo->cur_comp_info[component];

    self->tables_of[i] = tables_of (self, cinfo, component);
    self->places_of[i] =
        self->blocks.is_gathered[component] ? self->gathered : natural_order;
    self->needs_dc[i] = info->component_needed;
    self->needs_ac[i] = info->component_needed && info->DCT_scaled_size > 1;
  }
}

static int
decompress_data (j_decompress_ptr cinfo, JSAMPIMAGE rows)
{
  return pet_jpeg_blocks_read (
      &((PetJpegEntropy *) cinfo->entropy)->blocks, cinfo, rows);
}

/* Before set_tables(). */
static void
set_blocks (PetJpegEntropy *self, j_decompress_ptr cinfo)
{
  if (!pet_jpeg_blocks_init (&self->blocks, cinfo))
    return;
  for (int i = 0; i < N_PLACES; i++)
    self->gathered[i] = (uint16_t) pet_jpeg_idct_coef_at (natural_order[i]);
  cinfo->coef->decompress_data = decompress_data;
}

size_t
pet_jpeg_entropy_bytes (void)
{
  return sizeof (PetJpegEntropy);
}

PetStatus
pet_jpeg_entropy_new (const PetAllocator *allocator, j_decompress_ptr cinfo,
    PetJpegEntropy **entropy, PetError *error)
{
  PetJpegEntropy *self;

  *entropy = NULL;
  if (!is_for_us (cinfo))
    return PET_OK;
  self = pet_alloc_zeroed (allocator, sizeof *self);
  if (self == NULL)
    return pet_fail (error, PET_ERROR_MEMORY,
        "no memory for %zu bytes of tables", sizeof *self);
  self->base = *cinfo->entropy;
  self->base.decode_mcu = decode_mcu;
  self->restarts_to_go = cinfo->restart_interval;
  set_blocks (self, cinfo);
  set_tables (self, cinfo);
  cinfo->entropy = &self->base;
  *entropy = self;
  return PET_OK;
}

void
pet_jpeg_entropy_free (const PetAllocator *allocator, PetJpegEntropy *entropy)
{
  pet_free (allocator, entropy, sizeof *entropy);
}

#else

size_t
pet_jpeg_entropy_bytes (void)
{
  return 0;
}

PetStatus
pet_jpeg_entropy_new (const PetAllocator *allocator, j_decompress_ptr cinfo,
    PetJpegEntropy **entropy, PetError *error)
{
  *entropy = NULL;
  return PET_OK;
}

void
pet_jpeg_entropy_free (const PetAllocator *allocator, PetJpegEntropy *entropy)
{
}

#endif
