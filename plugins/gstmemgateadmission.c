/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstmemgateadmission.h"

#include <gst/video/video.h>

#include "gstpetsinks.h"
#include "memory/gstpetcost.h"
#include "memory/gstpetspares.h"

/* Elements between a tee and its gate. */
#define MAX_STEPS 32
/* From this share of a watched limit on, spare blocks are given back. */
#define SPARE_PRESSURE 0.5

/* The source pad that is one element further up; transfer full. */
static GstPad *
step_up (GstObject *parent)
{
  GstPad *sink = NULL, *peer = NULL;

  if (GST_IS_PAD (parent)) /* of a bin: `parent` is its ghost pad */
    return gst_pad_get_peer (GST_PAD (parent));
  GST_OBJECT_LOCK (parent);
  if (GST_ELEMENT (parent)->numsinkpads == 1)
    sink = gst_object_ref (GST_ELEMENT (parent)->sinkpads->data);
  GST_OBJECT_UNLOCK (parent);
  if (sink != NULL)
    peer = gst_pad_get_peer (sink);
  gst_clear_object (&sink);
  return peer;
}

static gboolean
has_thread (GstPad *pad)
{
  gboolean has;

  GST_OBJECT_LOCK (pad);
  has = GST_PAD_TASK (pad) != NULL;
  GST_OBJECT_UNLOCK (pad);
  return has;
}

/* The tee that feeds `sinkpad`, through elements of one pad each way and bins;
 * NULL if there is none. Only an address: nothing is kept alive. `lags`: a thread
 * begins between the two. */
static gconstpointer
find_tee (GstPad *sinkpad, gboolean *lags)
{
  GstPad *pad = gst_pad_get_peer (sinkpad);
  gconstpointer tee = NULL;

  *lags = FALSE;
  for (guint i = 0; i < MAX_STEPS && pad != NULL; i++) {
    GstPad *next = NULL;
    GstObject *parent;

    if (GST_IS_GHOST_PAD (pad)) {
      next = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));
    } else if ((parent = gst_pad_get_parent (pad)) != NULL) {
      if (g_str_equal (G_OBJECT_TYPE_NAME (parent), "GstTee"))
        tee = parent;
      else
        next = step_up (parent);
      *lags |= tee == NULL && has_thread (pad);
      gst_object_unref (parent);
    }
    gst_object_unref (pad);
    pad = next;
  }
  gst_clear_object (&pad);
  return tee;
}

void
gst_mem_gate_tell_branch (GstPetBranch *branch, GstEvent *event)
{
  GstClockTime pts;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_STOP:
      gst_pet_branch_reset (branch);
      break;
    case GST_EVENT_GAP:
      gst_event_parse_gap (event, &pts, NULL);
      gst_pet_branch_skip (branch, pts);
      break;
    case GST_EVENT_EOS:
      gst_pet_branch_end (branch);
      break;
    default:
      break;
  }
}

guint64
gst_mem_gate_cost (const GstMemGateSettings *settings, GstPad *srcpad,
    GstCaps *caps, guint64 frame_bytes)
{
  GstVideoInfo info;
  GstPetCost cost;

  if (settings->cost != 0)
    return settings->cost;
  if (gst_pet_pad_ask_cost (srcpad, caps, &cost))
    return gst_pet_cost_sum (&cost);
  if (caps != NULL && gst_video_info_from_caps (&info, caps))
    frame_bytes = MAX (frame_bytes, GST_VIDEO_INFO_SIZE (&info));
  return 3 * frame_bytes;
}

static GstPetBranchRules
rules_of (const GstMemGateSettings *settings)
{
  return (GstPetBranchRules){ settings->optional, settings->priority,
    settings->low, settings->high };
}

void
gst_mem_gate_join (GstPetBranch **branch, GstPetBudget *budget,
    const GstMemGateSettings *settings, GstPad *sinkpad, GstPad *srcpad,
    GstCaps *caps)
{
  const GstPetBranchRules rules = rules_of (settings);
  gboolean lags;
  gconstpointer tee = find_tee (sinkpad, &lags);

  gst_pet_sinks_show (GST_ELEMENT (GST_PAD_PARENT (sinkpad)));
  if (*branch != NULL && gst_pet_branch_get_tee (*branch) != tee)
    gst_pet_branch_free (branch);
  if (*branch == NULL)
    *branch = gst_pet_branch_new (budget, tee, lags);
  gst_pet_branch_set (
      *branch, &rules, gst_mem_gate_cost (settings, srcpad, caps, 0));
}

/* What is spare goes before anything has to wait or is dropped. */
static gdouble
watched_pressure (const GstMemGatePicture *picture)
{
  gdouble pressure = picture->watched (picture->gate);

  if (pressure < SPARE_PRESSURE || gst_pet_spares_bytes (picture->budget) == 0)
    return pressure;
  gst_pet_spares_drop (picture->budget);
  return picture->watched (picture->gate);
}

/* A required picture waits while the pressure is full, whatever fills it. */
static gboolean
is_held (gpointer user)
{
  const GstMemGatePicture *picture = user;
  GstPetBudgetState state;

  gst_pet_budget_get_state (picture->budget, &state);
  return state.fullness >= 1 || watched_pressure (picture) >= 1;
}

static void
tell_late (gpointer user)
{
  const GstMemGatePicture *picture = user;

  picture->late (picture);
}

static gboolean
settle (gpointer user)
{
  const GstMemGatePicture *picture = user;

  return gst_pet_sinks_settle (picture->gate, picture->budget,
      gst_pet_buffer_get_ticket (picture->buffer, picture->budget));
}

GstPetTicket *
gst_mem_gate_admit (
    const GstMemGateSettings *settings, GstMemGatePicture *picture)
{
  const GstPetBranchRules rules = rules_of (settings);
  GstPetTicket *from =
      gst_pet_buffer_get_ticket (picture->buffer, picture->budget);
  const GstPetDemand demand = {
    .bytes = picture->cost,
    .from = from,
    .clip = from != NULL,
    .canceled = picture->canceled,
    .held = is_held,
    .settle = settle,
    .late_ns = settings->max_wait,
    .late = tell_late,
    .user = picture,
  };
  GstClockTime pts = GST_BUFFER_PTS (picture->buffer);
  GstPetTicket *ticket;

  gst_pet_branch_set (picture->branch, &rules, picture->cost);
  if (settings->optional) {
    settle (picture);
    return gst_pet_branch_decide (picture->branch, from, pts,
        watched_pressure (picture), &picture->reason);
  }
  gst_pet_branch_count (picture->branch, from, pts);
  picture->was_admitted = from != NULL;
  picture->admit = gst_pet_budget_admit (
      picture->budget, &demand, &ticket, &picture->waited_ns);
  return ticket;
}
