/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-memgate
 * @title: memgate
 *
 * Stands before a branch's queue and lets a picture in only when the branch's
 * memory fits into a budget that all gates of the same name share. A required
 * branch waits, an optional one is passed over, the one with the lowest
 * priority first; both are reported.
 *
 * A picture that passes takes a ticket for what the branch will cost, and
 * gives it back when its file is on disk. Alone, a required picture passes even
 * above the limit: a limit can slow work down, never stop it.
 *
 * For each picture dropped, each wait above #GstMemGate:max-wait and each
 * picture above the limit one element message "memgate" is posted: {action
 * ("drop", "wait" or "over"), label, reason, source, index, pressure, in-use,
 * limit, priority}.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 petfoldersrc location=photos ! petdec on-error=skip max-size=1024 ! petsegment ! tee name=t  t. ! memgate limit=64000000 label=color ! queue max-size-buffers=1 ! peteffect effect=color ! petpngenc ! petfilesink location=out/{stem}/color.png  t. ! memgate optional=true priority=10 label=popart ! queue max-size-buffers=1 ! peteffect effect=popart ! petpngenc ! petfilesink location=out/{stem}/popart.png
 * ]|
 */

#include "gstmemgate.h"

#include <gst/video/video.h>

#include "gstmemgatemessages.h"
#include "gstpetfields.h"
#include "memory/gstpetbudget.h"

GST_DEBUG_CATEGORY_STATIC (mem_gate_debug);
#define GST_CAT_DEFAULT mem_gate_debug

enum {
  PROP_0,
  PROP_BUDGET,
  PROP_LIMIT,
  PROP_OPTIONAL,
  PROP_PRIORITY,
  PROP_LABEL,
  PROP_COST,
  PROP_HIGH_WATERMARK,
  PROP_LOW_WATERMARK,
  PROP_MAX_WAIT,
  PROP_PRESSURE,
  PROP_PASSED,
  PROP_WAITED,
  PROP_DROPPED,
  PROP_STATS,
};

#define DEFAULT_BUDGET "default"
#define DEFAULT_LIMIT 0
#define DEFAULT_OPTIONAL FALSE
#define DEFAULT_PRIORITY 50
#define DEFAULT_COST 0
#define DEFAULT_HIGH_WATERMARK 0.9
#define DEFAULT_LOW_WATERMARK 0.7
#define DEFAULT_MAX_WAIT (10 * GST_SECOND)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE (
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

struct _GstMemGate {
  GstElement parent;

  GstPad *sinkpad, *srcpad;

  /* properties, under the object lock */
  gchar *budget_name;
  guint64 limit;
  gboolean limit_set;
  gboolean optional;
  guint priority;
  gchar *label;
  guint64 cost;
  gdouble high, low;
  GstClockTime max_wait;
  GstPetBudget *budget; /* never NULL */

  gint canceled; /* atomic: flushing or shutting down */

  /* streaming thread */
  gboolean shedding; /* between the watermarks: still dropping */
  gboolean discont;  /* the picture before was dropped */
  GstSegment segment;

  /* counters, under the object lock */
  guint64 n_passed, n_waited, n_dropped, n_over;
  GstClockTime waited;
};

G_DEFINE_TYPE (GstMemGate, gst_mem_gate, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (
    memgate, "memgate", GST_RANK_NONE, GST_TYPE_MEM_GATE)

static void gst_mem_gate_finalize (GObject *object);
static void gst_mem_gate_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec);
static void gst_mem_gate_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec);
static GstStateChangeReturn gst_mem_gate_change_state (
    GstElement *element, GstStateChange transition);
static gboolean gst_mem_gate_sink_event (
    GstPad *pad, GstObject *parent, GstEvent *event);
static gboolean gst_mem_gate_sink_query (
    GstPad *pad, GstObject *parent, GstQuery *query);
static GstFlowReturn gst_mem_gate_chain (
    GstPad *pad, GstObject *parent, GstBuffer *buffer);

static void
install_settings (GObjectClass *object_class)
{
  const GParamFlags flags =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (object_class, PROP_BUDGET,
      g_param_spec_string ("budget", "Budget",
          "Name of the account of bytes that gates of this process share",
          DEFAULT_BUDGET,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (object_class, PROP_LIMIT,
      g_param_spec_uint64 ("limit", "Limit",
          "Bytes of the account (0 = half of what is free at start)", 0,
          G_MAXUINT64, DEFAULT_LIMIT, flags));
  g_object_class_install_property (object_class, PROP_OPTIONAL,
      g_param_spec_boolean ("optional", "Optional", "Drop instead of waiting",
          DEFAULT_OPTIONAL, flags));
  g_object_class_install_property (object_class, PROP_PRIORITY,
      g_param_spec_uint ("priority", "Priority",
          "Of an optional branch: the lower, the earlier it is dropped", 0, 100,
          DEFAULT_PRIORITY, flags));
  g_object_class_install_property (object_class, PROP_LABEL,
      g_param_spec_string ("label", "Label",
          "Name of the branch in messages (NULL = the element's name)", NULL,
          flags));
  g_object_class_install_property (object_class, PROP_COST,
      g_param_spec_uint64 ("cost", "Cost",
          "Bytes the branch needs for a picture (0 = ask it, or thrice the "
          "frame)",
          0, G_MAXUINT64, DEFAULT_COST, flags));
  g_object_class_install_property (object_class, PROP_HIGH_WATERMARK,
      g_param_spec_double ("high-watermark", "High watermark",
          "Share of the limit above which priority 100 drops; lower earlier", 0,
          1, DEFAULT_HIGH_WATERMARK, flags));
  g_object_class_install_property (object_class, PROP_LOW_WATERMARK,
      g_param_spec_double ("low-watermark", "Low watermark",
          "Share of the limit below which a branch that dropped takes again", 0,
          1, DEFAULT_LOW_WATERMARK, flags));
  g_object_class_install_property (object_class, PROP_MAX_WAIT,
      g_param_spec_uint64 ("max-wait", "Max wait",
          "Report a required picture that waits longer (nanoseconds)", 0,
          G_MAXUINT64, DEFAULT_MAX_WAIT, flags));
}

static void
install_count (
    GObjectClass *object_class, guint id, const gchar *name, const gchar *blurb)
{
  g_object_class_install_property (object_class, id,
      g_param_spec_uint64 (name, name, blurb, 0, G_MAXUINT64, 0,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
install_readings (GObjectClass *object_class)
{
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  g_object_class_install_property (object_class, PROP_PRESSURE,
      g_param_spec_double ("pressure", "Pressure",
          "Share of the limit in use; above 1 when a picture passed above it",
          0, G_MAXDOUBLE, 0, flags));
  install_count (
      object_class, PROP_PASSED, "passed", "Pictures that were let through");
  install_count (object_class, PROP_WAITED, "waited",
      "Pictures that had to wait before they were let through");
  install_count (
      object_class, PROP_DROPPED, "dropped", "Pictures that were dropped");
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "passed, waited, dropped, over, wait-time (ns), and of the budget: "
          "in-use, peak, limit (all uint64), pressure (double)",
          GST_TYPE_STRUCTURE, flags));
}

static void
gst_mem_gate_class_init (GstMemGateClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (mem_gate_debug, "memgate", 0, "memory gate");

  object_class->finalize = gst_mem_gate_finalize;
  object_class->set_property = gst_mem_gate_set_property;
  object_class->get_property = gst_mem_gate_get_property;
  install_settings (object_class);
  install_readings (object_class);

  element_class->change_state = GST_DEBUG_FUNCPTR (gst_mem_gate_change_state);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Memory gate",
      "Generic",
      "Admits, holds or drops the pictures of its branch by a memory budget",
      "gst-plugins-pet");
}

/* Transfer full. */
static GstPetBudget *
dup_budget (GstMemGate *self)
{
  GstPetBudget *budget;

  GST_OBJECT_LOCK (self);
  budget = gst_object_ref (self->budget);
  GST_OBJECT_UNLOCK (self);
  return budget;
}

static void
join_budget (GstMemGate *self)
{
  g_autofree gchar *name = NULL;
  GstPetBudget *budget, *before;

  GST_OBJECT_LOCK (self);
  name = g_strdup (self->budget_name);
  GST_OBJECT_UNLOCK (self);
  budget = gst_pet_budget_get (name != NULL ? name : DEFAULT_BUDGET);
  GST_OBJECT_LOCK (self);
  before = self->budget;
  self->budget = budget;
  GST_OBJECT_UNLOCK (self);
  g_clear_object (&before);
}

static void
gst_mem_gate_init (GstMemGate *self)
{
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_event_function (self->sinkpad, gst_mem_gate_sink_event);
  gst_pad_set_query_function (self->sinkpad, gst_mem_gate_sink_query);
  gst_pad_set_chain_function (self->sinkpad, gst_mem_gate_chain);
  GST_PAD_SET_PROXY_CAPS (self->sinkpad);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  GST_PAD_SET_PROXY_CAPS (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);

  self->budget_name = g_strdup (DEFAULT_BUDGET);
  self->limit = DEFAULT_LIMIT;
  self->optional = DEFAULT_OPTIONAL;
  self->priority = DEFAULT_PRIORITY;
  self->cost = DEFAULT_COST;
  self->high = DEFAULT_HIGH_WATERMARK;
  self->low = DEFAULT_LOW_WATERMARK;
  self->max_wait = DEFAULT_MAX_WAIT;
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  join_budget (self);
}

static void
gst_mem_gate_finalize (GObject *object)
{
  GstMemGate *self = GST_MEM_GATE (object);

  g_free (self->budget_name);
  g_free (self->label);
  gst_clear_object (&self->budget);
  G_OBJECT_CLASS (gst_mem_gate_parent_class)->finalize (object);
}

/* Only a gate that was given a limit sets it: the others of the account must
 * not undo it with their default. */
static void
apply_limit (GstMemGate *self)
{
  GstPetBudget *budget = dup_budget (self);
  gboolean set;
  guint64 limit;

  GST_OBJECT_LOCK (self);
  set = self->limit_set;
  limit = self->limit;
  GST_OBJECT_UNLOCK (self);
  if (set)
    gst_pet_budget_set_limit (budget, limit);
  gst_object_unref (budget);
}

static const GstPetField fields[] = {
  GST_PET_FIELD (PROP_BUDGET, GstMemGate, budget_name),
  GST_PET_FIELD (PROP_LIMIT, GstMemGate, limit),
  GST_PET_FIELD (PROP_OPTIONAL, GstMemGate, optional),
  GST_PET_FIELD (PROP_PRIORITY, GstMemGate, priority),
  GST_PET_FIELD (PROP_LABEL, GstMemGate, label),
  GST_PET_FIELD (PROP_COST, GstMemGate, cost),
  GST_PET_FIELD (PROP_HIGH_WATERMARK, GstMemGate, high),
  GST_PET_FIELD (PROP_LOW_WATERMARK, GstMemGate, low),
  GST_PET_FIELD (PROP_MAX_WAIT, GstMemGate, max_wait),
  GST_PET_FIELD (PROP_PASSED, GstMemGate, n_passed),
  GST_PET_FIELD (PROP_WAITED, GstMemGate, n_waited),
  GST_PET_FIELD (PROP_DROPPED, GstMemGate, n_dropped),
};

static void
gst_mem_gate_set_property (
    GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstMemGate *self = GST_MEM_GATE (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_pet_fields_set_locked (
      self, fields, G_N_ELEMENTS (fields), id, value);
  self->limit_set |= id == PROP_LIMIT;
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  if (id == PROP_BUDGET)
    join_budget (self);
  if (id == PROP_BUDGET || id == PROP_LIMIT)
    apply_limit (self);
}

static GstStructure *
make_stats (GstMemGate *self, const GstPetBudgetState *state)
{
  return gst_structure_new ("application/x-memgate-stats", "passed",
      G_TYPE_UINT64, self->n_passed, "waited", G_TYPE_UINT64, self->n_waited,
      "dropped", G_TYPE_UINT64, self->n_dropped, "over", G_TYPE_UINT64,
      self->n_over, "wait-time", G_TYPE_UINT64, self->waited, "in-use",
      G_TYPE_UINT64, state->in_use, "peak", G_TYPE_UINT64, state->peak, "limit",
      G_TYPE_UINT64, state->limit, "pressure", G_TYPE_DOUBLE, state->pressure,
      NULL);
}

static void
gst_mem_gate_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMemGate *self = GST_MEM_GATE (object);
  GstPetBudget *budget = dup_budget (self);
  GstPetBudgetState state;
  gboolean known = TRUE;

  gst_pet_budget_get_state (budget, &state);
  gst_object_unref (budget);
  GST_OBJECT_LOCK (self);
  if (id == PROP_PRESSURE)
    g_value_set_double (value, state.pressure);
  else if (id == PROP_STATS)
    g_value_take_boxed (value, make_stats (self, &state));
  else
    known = gst_pet_fields_get_locked (
        self, fields, G_N_ELEMENTS (fields), id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
cancel_wait (GstMemGate *self)
{
  GstPetBudget *budget = dup_budget (self);

  g_atomic_int_set (&self->canceled, TRUE);
  gst_pet_budget_wake (budget);
  gst_object_unref (budget);
}

static void
start_stream (GstMemGate *self)
{
  self->shedding = self->discont = FALSE;
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  GST_OBJECT_LOCK (self);
  self->n_passed = self->n_waited = self->n_dropped = self->n_over = 0;
  self->waited = 0;
  GST_OBJECT_UNLOCK (self);
  g_atomic_int_set (&self->canceled, FALSE);
}

static GstStateChangeReturn
gst_mem_gate_change_state (GstElement *element, GstStateChange transition)
{
  GstMemGate *self = GST_MEM_GATE (element);

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    start_stream (self);
  else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    cancel_wait (self);
  return GST_ELEMENT_CLASS (gst_mem_gate_parent_class)
      ->change_state (element, transition);
}

static gboolean
gst_mem_gate_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstMemGate *self = GST_MEM_GATE (parent);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      cancel_wait (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      g_atomic_int_set (&self->canceled, FALSE);
      self->shedding = self->discont = FALSE;
      gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* Sent on through a queue, the ALLOCATION query would wait until the queue is
 * empty, at each change of picture size, in every branch of the tee. What
 * comes behind the gate brings its own memory. */
static gboolean
gst_mem_gate_sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) == GST_QUERY_ALLOCATION) {
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
    return TRUE;
  }
  return gst_pad_query_default (pad, parent, query);
}

static guint64
cost_of (GstMemGate *self, GstBuffer *buffer)
{
  guint64 fixed;

  GST_OBJECT_LOCK (self);
  fixed = self->cost;
  GST_OBJECT_UNLOCK (self);
  return fixed != 0 ? fixed
                    : gst_pet_branch_cost (self->sinkpad, self->srcpad,
                          3 * (guint64) gst_buffer_get_size (buffer));
}

static void
post_action (GstMemGate *self, GstPetBudget *budget, GstBuffer *buffer,
    const gchar *action, const gchar *reason)
{
  g_autofree gchar *label = NULL;
  GstPetBudgetState state;
  guint priority;

  gst_pet_budget_get_state (budget, &state);
  GST_OBJECT_LOCK (self);
  label = g_strdup (self->label != NULL ? self->label : GST_OBJECT_NAME (self));
  priority = self->priority;
  GST_OBJECT_UNLOCK (self);
  gst_mem_gate_post_action (
      GST_ELEMENT (self), buffer, action, reason, label, priority, &state);
}

static GstFlowReturn
drop (GstMemGate *self, GstPetBudget *budget, GstBuffer *buffer,
    const gchar *reason)
{
  guint64 passed, dropped;

  GST_OBJECT_LOCK (self);
  passed = self->n_passed;
  dropped = ++self->n_dropped;
  GST_OBJECT_UNLOCK (self);
  self->discont = TRUE;

  post_action (self, budget, buffer, "drop", reason);
  gst_mem_gate_post_qos (
      GST_ELEMENT (self), buffer, &self->segment, passed, dropped);
  if (self->segment.format == GST_FORMAT_TIME &&
      GST_BUFFER_PTS_IS_VALID (buffer))
    gst_pad_push_event (self->srcpad,
        gst_event_new_gap (
            GST_BUFFER_PTS (buffer), GST_BUFFER_DURATION (buffer)));
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* NULL with a reason: the picture is to be dropped. */
static GstPetTicket *
admit_optional (
    GstMemGate *self, GstPetBudget *budget, guint64 cost, const gchar **reason)
{
  gdouble low, high;
  guint priority;

  GST_OBJECT_LOCK (self);
  low = self->low;
  high = self->high;
  priority = self->priority;
  GST_OBJECT_UNLOCK (self);
  return gst_pet_budget_try_optional (
      budget, cost, low, high, priority, &self->shedding, reason);
}

/* NULL: the wait was interrupted. */
static GstPetTicket *
admit_required (
    GstMemGate *self, GstPetBudget *budget, guint64 cost, GstBuffer *buffer)
{
  GstPetTicket *ticket = NULL;
  GstClockTime max_wait, begin = gst_util_get_timestamp ();
  GstPetAdmit result;
  gboolean had_to_wait = FALSE;

  GST_OBJECT_LOCK (self);
  max_wait = self->max_wait;
  GST_OBJECT_UNLOCK (self);

  result = gst_pet_budget_try (budget, cost, 1, &ticket);
  if (result == GST_PET_ADMIT_FULL) {
    result =
        gst_pet_budget_wait (budget, cost, max_wait, &self->canceled, &ticket);
    had_to_wait = result != GST_PET_ADMIT_OVER;
  }
  if (result == GST_PET_ADMIT_TIMEOUT) {
    post_action (self, budget, buffer, "wait", "waits longer than max-wait");
    result = gst_pet_budget_wait (
        budget, cost, GST_CLOCK_TIME_NONE, &self->canceled, &ticket);
  }
  if (result == GST_PET_ADMIT_OVER) {
    post_action (self, budget, buffer, "over",
        "needs more than the limit; passed because it is alone");
    GST_ELEMENT_WARNING (self, RESOURCE, NO_SPACE_LEFT,
        ("A picture needs %" G_GUINT64_FORMAT
         " bytes, more than the limit; it passes because it is alone.",
            cost),
        (NULL));
  }
  GST_OBJECT_LOCK (self);
  self->n_over += result == GST_PET_ADMIT_OVER;
  if (had_to_wait) {
    self->n_waited++;
    self->waited += gst_util_get_timestamp () - begin;
  }
  GST_OBJECT_UNLOCK (self);
  return ticket;
}

static GstFlowReturn
pass (GstMemGate *self, GstBuffer *buffer, GstPetTicket *ticket)
{
  buffer = gst_buffer_make_writable (buffer);
  gst_pet_buffer_add_ticket (buffer, ticket);
  gst_pet_ticket_unref (ticket);
  if (self->discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->discont = FALSE;
  GST_OBJECT_LOCK (self);
  self->n_passed++;
  GST_OBJECT_UNLOCK (self);
  return gst_pad_push (self->srcpad, buffer);
}

static GstFlowReturn
gst_mem_gate_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstMemGate *self = GST_MEM_GATE (parent);
  GstPetBudget *budget = dup_budget (self);
  guint64 cost = cost_of (self, buffer);
  const gchar *reason = NULL;
  GstPetTicket *ticket;
  GstFlowReturn flow;
  gboolean optional;

  GST_OBJECT_LOCK (self);
  optional = self->optional;
  GST_OBJECT_UNLOCK (self);
  ticket = optional ? admit_optional (self, budget, cost, &reason)
                    : admit_required (self, budget, cost, buffer);
  if (ticket != NULL) {
    flow = pass (self, buffer, ticket);
  } else if (optional) {
    flow = drop (self, budget, buffer, reason);
  } else {
    gst_buffer_unref (buffer);
    flow = GST_FLOW_FLUSHING;
  }
  gst_object_unref (budget);
  return flow;
}
