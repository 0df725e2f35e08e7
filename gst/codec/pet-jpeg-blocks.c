/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-jpeg-blocks.h"

#include <string.h>

#ifdef PET_HAVE_JPEGINT
#include <jpegint.h>
#endif

#if defined PET_HAVE_JPEGINT && JPEG_LIB_VERSION < 70

static void
set_factors (int16_t *factors, const JQUANT_TBL *table)
{
  for (int i = 0; i < DCTSIZE2; i++)
    factors[pet_jpeg_idct_factor_at (i)] = (int16_t) table->quantval[i];
}

/* Where the blocks of a batch's first MCU go. */
static void
rewind_blocks (PetJpegBlocks *self, j_decompress_ptr cinfo)
{
  int index = 0;

  for (int i = 0; i < cinfo->comps_in_scan; i++) {
    const jpeg_component_info *info = cinfo->cur_comp_info[i];

    for (int y = 0; y < info->MCU_height; y++, index += info->MCU_width)
      for (int x = 0; x < info->MCU_width; x++)
        self->blocks[index + x] = (JBLOCKROW) (void *) (self->is_gathered[i]
                ? self->coefs[index] + 2 * x
                : self->coefs[index + x]);
  }
}

bool
pet_jpeg_blocks_init (PetJpegBlocks *self, j_decompress_ptr cinfo)
{
  int widest = 0, index = 0;

  self->idct = pet_jpeg_idct_for (pet_cpu_isa ());
  if (self->idct == NULL)
    return false;
  for (int i = 0; i < cinfo->comps_in_scan; i++) {
    const jpeg_component_info *info = cinfo->cur_comp_info[i];

    self->is_gathered[i] =
        info->component_needed && info->DCT_scaled_size == PET_JPEG_IDCT_ROWS;
    self->has_others |= !self->is_gathered[i];
    if (self->is_gathered[i]) {
      set_factors (self->factors[i], info->quant_table);
      widest = info->MCU_width > widest ? info->MCU_width : widest;
    }
    for (int n = 0; n < info->MCU_blocks; n++)
      self->steps[index++] = self->is_gathered[i] ? 2 * info->MCU_width : 0;
  }
  if (widest == 0)
    return false;
  self->mcus_at_once = (JDIMENSION) (PET_JPEG_IDCT_BLOCKS / widest);
  rewind_blocks (self, cinfo);
  return true;
}

/* How many of a component's rows of blocks an MCU has in the picture. */
static int
rows_of_blocks (
    j_decompress_ptr cinfo, const jpeg_component_info *info, int mcu_row)
{
  int left = info->last_row_height - mcu_row;

  return cinfo->input_iMCU_row < cinfo->total_iMCU_rows - 1 ||
          left > info->MCU_height
      ? info->MCU_height
      : left;
}

static JSAMPARRAY
rows_of (JSAMPIMAGE rows, const jpeg_component_info *info, int mcu_row)
{
  return rows[info->component_index] + mcu_row * info->DCT_scaled_size;
}

/* A batch's blocks, as far as they are in the picture. */
static void
store (PetJpegBlocks *self, int component, const JCOEF *coefs, int n_blocks,
    JSAMPARRAY rows, JDIMENSION column)
{
  uint8_t room[PET_JPEG_IDCT_ROWS][PET_JPEG_IDCT_ROW_BYTES];
  uint8_t *to[PET_JPEG_IDCT_ROWS];
  bool whole = n_blocks == PET_JPEG_IDCT_BLOCKS;

  for (int y = 0; y < PET_JPEG_IDCT_ROWS; y++)
    to[y] = whole ? rows[y] + column : room[y];
  self->idct (coefs, self->factors[component], to);
  for (int y = 0; y < PET_JPEG_IDCT_ROWS && !whole; y++)
    memcpy (rows[y] + column, room[y], 4 * (size_t) n_blocks);
}

/* The n_mcus MCUs of a batch, the first of which is number `mcu` of its row. */
static void
finish_batch (PetJpegBlocks *self, j_decompress_ptr cinfo, JSAMPIMAGE rows,
    int mcu_row, JDIMENSION mcu, int n_mcus)
{
  bool is_last = mcu + (JDIMENSION) n_mcus == cinfo->MCUs_per_row;
  int index = 0;

  for (int i = 0; i < cinfo->comps_in_scan; i++) {
    const jpeg_component_info *info = cinfo->cur_comp_info[i];
    int height = rows_of_blocks (cinfo, info, mcu_row);
    int n = n_mcus * info->MCU_width -
        (is_last ? info->MCU_width - info->last_col_width : 0);

    for (int y = 0; y < info->MCU_height && self->is_gathered[i]; y++) {
      JCOEF *coefs = self->coefs[index + y * info->MCU_width];

      if (y < height)
        store (self, i, coefs, n,
            rows_of (rows, info, mcu_row) + y * info->DCT_scaled_size,
            mcu * (JDIMENSION) info->MCU_sample_width);
      memset (coefs, 0, PET_JPEG_IDCT_COEFS * sizeof *coefs);
    }
    index += info->MCU_blocks;
  }
  rewind_blocks (self, cinfo);
}

/* Blocks of an MCU that are not gathered, by the library. */
static void
transform_others (PetJpegBlocks *self, j_decompress_ptr cinfo, JSAMPIMAGE rows,
    int mcu_row, JDIMENSION mcu)
{
  bool is_last = mcu + 1 == cinfo->MCUs_per_row;
  int index = 0;

  for (int i = 0; i < cinfo->comps_in_scan;
       index += cinfo->cur_comp_info[i]->MCU_blocks, i++) {
    jpeg_component_info *info = cinfo->cur_comp_info[i];
    int height = rows_of_blocks (cinfo, info, mcu_row);
    int width = is_last ? info->last_col_width : info->MCU_width;
    JSAMPARRAY to = rows_of (rows, info, mcu_row);

    if (self->is_gathered[i] || !info->component_needed)
      continue;
    for (int y = 0; y < height; y++, to += info->DCT_scaled_size)
      for (int x = 0; x < width; x++)
        cinfo->idct->inverse_DCT[info->component_index](cinfo, info,
            self->coefs[index + y * info->MCU_width + x], to,
            mcu * (JDIMENSION) info->MCU_sample_width +
                (JDIMENSION) (x * info->DCT_scaled_size));
  }
}

static void
clear_others (PetJpegBlocks *self, j_decompress_ptr cinfo)
{
  for (int i = 0; i < cinfo->blocks_in_MCU; i++)
    if (self->steps[i] == 0)
      memset (self->coefs[i], 0, DCTSIZE2 * sizeof (JCOEF));
}

static bool
read_mcu (PetJpegBlocks *self, j_decompress_ptr cinfo, JSAMPIMAGE rows,
    int mcu_row, JDIMENSION mcu)
{
  if (self->has_others)
    clear_others (self, cinfo);
  if (!cinfo->entropy->decode_mcu (cinfo, self->blocks))
    return false;
  if (self->has_others)
    transform_others (self, cinfo, rows, mcu_row, mcu);
  for (int i = 0; i < cinfo->blocks_in_MCU; i++)
    self->blocks[i] =
        (JBLOCKROW) (void *) (self->blocks[i][0] + self->steps[i]);
  return true;
}

static bool
read_mcu_row (
    PetJpegBlocks *self, j_decompress_ptr cinfo, JSAMPIMAGE rows, int mcu_row)
{
  JDIMENSION n;

  for (JDIMENSION mcu = 0; mcu < cinfo->MCUs_per_row; mcu += n) {
    n = cinfo->MCUs_per_row - mcu;
    n = n < self->mcus_at_once ? n : self->mcus_at_once;
    for (JDIMENSION i = 0; i < n; i++)
      if (!read_mcu (self, cinfo, rows, mcu_row, mcu + i))
        return false;
    finish_batch (self, cinfo, rows, mcu_row, mcu, (int) n);
  }
  return true;
}

/* With one component an MCU is a block, and a row of the library's units as many
 * rows of them as its sampling factor says. */
static int
mcu_rows (j_decompress_ptr cinfo)
{
  const jpeg_component_info *info = cinfo->cur_comp_info[0];

  if (cinfo->comps_in_scan > 1)
    return 1;
  return cinfo->input_iMCU_row < cinfo->total_iMCU_rows - 1
      ? info->v_samp_factor
      : info->last_row_height;
}

int
pet_jpeg_blocks_read (
    PetJpegBlocks *self, j_decompress_ptr cinfo, JSAMPIMAGE rows)
{
  int n_rows = mcu_rows (cinfo);

  for (int row = 0; row < n_rows; row++)
    if (!read_mcu_row (self, cinfo, rows, row))
      return JPEG_SUSPENDED;
  cinfo->output_iMCU_row++;
  if (++cinfo->input_iMCU_row < cinfo->total_iMCU_rows)
    return JPEG_ROW_COMPLETED;
  cinfo->inputctl->finish_input_pass (cinfo);
  return JPEG_SCAN_COMPLETED;
}

#endif
