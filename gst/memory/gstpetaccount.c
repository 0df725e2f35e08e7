/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory/gstpetaccount.h"

#include "memory/gstpetmemory.h"

static void *
account_alloc (void *user, size_t size)
{
  GstPetAccount *account = user;

  return gst_pet_block_new (account->budget, account->ticket, size, FALSE);
}

static void *
account_alloc_zeroed (void *user, size_t size)
{
  GstPetAccount *account = user;

  return gst_pet_block_new (account->budget, account->ticket, size, TRUE);
}

static void
account_free (void *user, void *memory, size_t size)
{
  gst_pet_block_free (memory);
}

void
gst_pet_account_open (GstPetAccount *account, const gchar *name)
{
  gst_pet_account_close (account);
  account->core = (PetAllocator){ account_alloc, account_free, account,
    account_alloc_zeroed };
  account->budget = gst_pet_budget_get (name);
  account->allocator = gst_pet_allocator_new (account->budget);
  account->pool =
      gst_pet_pool_new (account->budget, GST_PET_ACCOUNT_MAX_FRAMES);
}

void
gst_pet_account_close (GstPetAccount *account)
{
  gst_pet_account_end (account);
  if (account->pool != NULL)
    gst_buffer_pool_set_active (GST_BUFFER_POOL (account->pool), FALSE);
  gst_clear_object (&account->pool);
  gst_clear_object (&account->allocator);
  gst_clear_object (&account->budget);
}

void
gst_pet_account_begin_ticket (GstPetAccount *account, GstPetTicket *ticket)
{
  if (ticket != NULL)
    gst_pet_ticket_ref (ticket);
  gst_pet_account_end (account);
  account->ticket = ticket;
}

void
gst_pet_account_begin (GstPetAccount *account, GstBuffer *buffer)
{
  gst_pet_account_begin_ticket (
      account, gst_pet_buffer_get_ticket (buffer, account->budget));
}

void
gst_pet_account_begin_fixed (GstPetAccount *account)
{
  gst_pet_account_end (account);
  account->ticket = GST_PET_TICKET_FIXED;
}

void
gst_pet_account_end (GstPetAccount *account)
{
  if (account->ticket != NULL && account->ticket != GST_PET_TICKET_FIXED)
    gst_pet_ticket_unref (account->ticket);
  account->ticket = NULL;
}

GstMemory *
gst_pet_account_memory (GstPetAccount *account, gsize size)
{
  return gst_pet_allocator_take (
      account->allocator, account->ticket, size, FALSE);
}

GstBuffer *
gst_pet_account_frame (GstPetAccount *account, const GstVideoInfo *info)
{
  return gst_pet_pool_take (
      account->pool, account->ticket, GST_VIDEO_INFO_SIZE (info));
}

gboolean
gst_pet_account_propose (GstPetAccount *account, GstQuery *query)
{
  GstPetPool *pool;
  gboolean need_pool;
  GstVideoInfo info;
  GstCaps *caps;

  gst_query_parse_allocation (query, &caps, &need_pool);
  if (account->budget == NULL || caps == NULL ||
      !gst_video_info_from_caps (&info, caps))
    return FALSE;
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_param (query, account->allocator, NULL);
  pool = gst_pet_pool_new_for_caps (account->budget, caps, 0);
  if (pool == NULL)
    return FALSE;
  gst_query_add_allocation_pool (
      query, GST_BUFFER_POOL (pool), (guint) info.size, 0, 0);
  gst_object_unref (pool);
  return TRUE;
}
