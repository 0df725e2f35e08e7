/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetwork.h"

#include "memory/gstpetframe.h"
#include "memory/gstpetmemory.h"

/* The cut-out's memory, from the card; or some that the CPU is to fill. */
static PetStatus
add_memory (const GstPetWork *work, GstPetMatte *matte, GstBuffer *out,
    GstPetMatteResult *result, gboolean *done, PetError *error)
{
  GstMemory *memory = gst_pet_matte_cut_on_card (matte, result);

  *done = memory != NULL;
  if (memory == NULL)
    memory = gst_pet_account_memory (
        work->account, GST_VIDEO_INFO_SIZE (work->out_info));
  if (memory == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the cut-out");
  gst_buffer_append_memory (out, memory);
  return PET_OK;
}

/* In CUDA memory, by the card; FALSE: the CPU must. */
static gboolean
write_on_card (const GstPetWork *work, GstPetMatte *matte, GstBuffer *out,
    GstPetMatteResult *result)
{
  GstPetCudaView view;
  gboolean done;

  if (!work->cuda->out || !matte->on_card ||
      gst_pet_cuda_view_begin (
          work->cuda->link, out, work->out_info, TRUE, &view, NULL) != PET_OK)
    return FALSE;
  done = gst_pet_matte_cut_into (matte, view.frame, result);
  gst_pet_cuda_view_end (work->cuda->link, &view);
  return done;
}

static PetStatus
write_result (const GstPetWork *work, GstPetMatte *matte, GstBuffer *in,
    GstBuffer *out, GstPetMatteResult *result, PetError *error)
{
  gboolean done = FALSE;
  GstVideoFrame frame;
  PetImage target;
  PetStatus status;

  if (work->output == GST_PET_OUTPUT_META)
    return gst_pet_matte_to_meta (matte, out, result, error);
  if (in == out)
    return gst_pet_matte_cut (matte, matte->photo, result, error);
  if (gst_buffer_n_memory (out) == 0)
    PET_TRY (add_memory (work, matte, out, result, &done, error));
  if (done || write_on_card (work, matte, out, result))
    return PET_OK;
  if (!gst_video_frame_map (&frame, work->out_info, out, GST_MAP_WRITE))
    return pet_fail (
        error, PET_ERROR_MEMORY, "the result's frame cannot be written");
  gst_pet_frame_clear_padding (&frame);
  target = gst_pet_frame_image (&frame);
  status = gst_pet_matte_cut (matte, &target, result, error);
  gst_video_frame_unmap (&frame);
  return status;
}

static PetStatus
segment_photo (const GstPetWork *work, const PetImage *photo,
    const PetCudaFrame *frame, GstBuffer *in, GstBuffer *out,
    GstPetMatteResult *result, PetError *error)
{
  GstPetMatte matte;
  PetStatus status;

  PET_TRY (gst_pet_matte_begin (&matte, work->network, work->account,
      work->options, photo, frame, error));
  result->second = matte.found.second;
  result->unasked = matte.unasked;
  result->by_cpu = matte.by_cpu;
  gst_pet_matte_note_recipe (result, out);
  status = write_result (work, &matte, in, out, result, error);
  gst_pet_matte_end (&matte);
  return status;
}

PetStatus
gst_pet_work_on_photo (const GstPetWork *work, GstBuffer *in, GstBuffer *out,
    GstPetMatteResult *result, PetError *error)
{
  GstMapFlags access = in == out ? GST_MAP_READWRITE : GST_MAP_READ;
  GstPetCudaPhoto there;
  GstVideoFrame frame;
  PetImage photo;
  PetStatus status;

  if (!work->network->lost &&
      gst_pet_cuda_part_open_photo (
          work->cuda, work->account, in, work->in_info, &there)) {
    status = segment_photo (
        work, &there.room, there.view.frame, in, out, result, error);
    gst_pet_cuda_part_close_photo (work->cuda, &there);
    return status;
  }
  if (!gst_video_frame_map (&frame, work->in_info, in, access))
    return pet_fail (error, PET_ERROR_MEMORY, "the frame cannot be read");
  photo = gst_pet_frame_image (&frame);
  status = segment_photo (work, &photo, NULL, in, out, result, error);
  gst_video_frame_unmap (&frame);
  return status;
}
