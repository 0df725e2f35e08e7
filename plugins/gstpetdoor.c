/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetdoor.h"

#include "gstpetpicture.h"
#include "gstpetsinks.h"
#include "memory/gstpetcost.h"
#include "memory/gstpetmemory.h"

/* Reading a header takes less, an unusual colour profile aside. */
#define LOOK_BYTES ((guint64) 512 * 1024)

/* What the decoder's blocks are charged beyond their sizes. */
#define BLOCK_WASTE ((guint64) 128 * 1024)

void
gst_pet_door_open (GstPetDoor *door, GstElement *element, GstPad *srcpad,
    const gchar *budget_name)
{
  door->element = element;
  door->srcpad = srcpad;
  gst_pet_account_open (&door->account, budget_name);
  gst_pet_sinks_show (element);
  g_atomic_int_set (&door->canceled, FALSE);
}

void
gst_pet_door_close (GstPetDoor *door)
{
  if (door->account.budget != NULL)
    gst_pet_door_leave (door);
  gst_pet_account_close (&door->account);
}

void
gst_pet_door_cancel (GstPetDoor *door, gboolean cancel)
{
  g_atomic_int_set (&door->canceled, cancel);
  if (cancel && door->account.budget != NULL)
    gst_pet_budget_wake (door->account.budget);
}

gboolean
gst_pet_door_is_canceled (const GstPetDoor *door)
{
  return g_atomic_int_get (&door->canceled);
}

static gboolean
settle (gpointer user)
{
  const GstPetDoor *door = user;

  return gst_pet_sinks_settle (door->element, door->account.budget, NULL);
}

static GstPetAdmit
wait_for (GstPetDoor *door, guint64 bytes, GstPetTicket *from, gboolean clip)
{
  const GstPetDemand demand = { .bytes = bytes,
    .from = from,
    .clip = clip,
    .stalled = door->stalled,
    .canceled = &door->canceled,
    .settle = settle,
    .user = door };
  GstPetTicket *ticket;
  GstPetAdmit admit =
      gst_pet_budget_admit (door->account.budget, &demand, &ticket, NULL);

  gst_pet_account_begin_ticket (&door->account, ticket);
  g_clear_pointer (&ticket, gst_pet_ticket_unref);
  return admit;
}

PetStatus
gst_pet_door_look (GstPetDoor *door, const PetDecodeOptions *options,
    GstBuffer *file, const guint8 *bytes, gsize size, GstPetPhoto *photo,
    PetError *error)
{
  GstPetTicket *from = gst_pet_buffer_get_ticket (file, door->account.budget);
  PetDecodeOptions charged = *options;
  PetDecoder *decoder = NULL;
  PetStatus status;
  GstPetAdmit admit;

  door->stalled = FALSE;
  admit = wait_for (door, LOOK_BYTES, from, TRUE);
  door->stalled = admit == GST_PET_ADMIT_STALLED;
  if (admit == GST_PET_ADMIT_CANCELED)
    return pet_fail (
        error, PET_ERROR_LIMIT, "interrupted before it was decoded");
  charged.allocator = &door->account.core;
  status =
      pet_decoder_open (&charged, bytes, size, &decoder, &photo->info, error);
  if (status == PET_OK)
    photo->working_bytes = pet_decoder_working_bytes (decoder);
  pet_decoder_free (&decoder);
  gst_pet_account_end (&door->account);
  return status == PET_OK ? gst_pet_picture_check (&photo->info, error)
                          : status;
}

/* Of the elements behind the door for one frame; nothing where none of them
 * says: then no gate is there to promise anything to. */
static guint64
cost_behind (GstPetDoor *door, const GstVideoInfo *info)
{
  GstCaps *caps = gst_video_info_to_caps (info);
  GstPetCost cost;
  gboolean known = gst_pet_pad_ask_cost (door->srcpad, caps, &cost);

  gst_caps_unref (caps);
  return known ? gst_pet_cost_sum (&cost) : 0;
}

GstPetAdmit
gst_pet_door_admit (GstPetDoor *door, const GstPetPhoto *photo,
    const GstVideoInfo *info, GstBuffer *file, guint64 *bytes)
{
  GstPetBudget *budget = door->account.budget;
  GstPetTicket *from = gst_pet_buffer_get_ticket (file, budget);
  guint64 file_bytes = gst_buffer_get_size (file);
  guint64 frame = gst_pet_block_bytes (GST_VIDEO_INFO_SIZE (info));
  guint64 decoding = file_bytes + photo->working_bytes + BLOCK_WASTE;
  guint64 behind = cost_behind (door, info);
  GstPetAdmit admit;

  *bytes = frame + MIN (MAX (decoding, behind), G_MAXUINT64 - frame);
  admit = wait_for (door, *bytes, from, TRUE);
  if (admit == GST_PET_ADMIT_CANCELED)
    return admit;
  door->file_bytes = file_bytes;
  gst_pet_budget_draw (budget, door->account.ticket, file_bytes);
  return admit;
}

void
gst_pet_door_leave (GstPetDoor *door)
{
  if (door->file_bytes > 0)
    gst_pet_budget_give_back (
        door->account.budget, door->account.ticket, door->file_bytes);
  door->file_bytes = 0;
  gst_pet_account_end (&door->account);
}
