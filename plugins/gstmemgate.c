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
 * above the limit: a limit can slow work down, never stop it. A branch of a tee
 * that ends (EOS) does so alone.
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

#include "gstmemgateadmission.h"
#include "gstmemgatemessages.h"
#include "gstmemgateproperties.h"
#include "gstpetcuda.h"
#include "gstpetenums.h"
#include "gstpetfields.h"
#include "memory/gstpetcost.h"

GST_DEBUG_CATEGORY_STATIC (mem_gate_debug);
#define GST_CAT_DEFAULT mem_gate_debug

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
  GstMemGateSettings settings;
  gchar *label;
  guint watch_flags;
  GstPetBudget *budget; /* never NULL */

  gint canceled; /* atomic: flushing or shutting down */

  GMutex watch_lock;
  GstPetWatch *watch; /* between READY and PAUSED; under watch_lock */

  /* streaming thread */
  GstPetBranch *branch; /* from the first caps or picture on */
  gboolean discont;     /* the picture before was dropped */
  gboolean ended;       /* the branch said EOS */
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
gst_mem_gate_class_init (GstMemGateClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (mem_gate_debug, "memgate", 0, "memory gate");

  object_class->finalize = gst_mem_gate_finalize;
  object_class->set_property = gst_mem_gate_set_property;
  object_class->get_property = gst_mem_gate_get_property;
  gst_mem_gate_install_properties (object_class);

  element_class->change_state = GST_DEBUG_FUNCPTR (gst_mem_gate_change_state);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Memory gate",
      "Generic",
      "Admits, holds or drops the pictures of its branch by a memory budget",
      "gst-plugins-pet");
  gst_type_mark_as_plugin_api (GST_TYPE_PET_WATCH_FLAGS, 0);
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
  budget = gst_pet_budget_get (name);
  GST_OBJECT_LOCK (self);
  before = self->budget;
  self->budget = budget;
  GST_OBJECT_UNLOCK (self);
  gst_clear_object (&before);
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

  self->budget_name = g_strdup (GST_PET_BUDGET_DEFAULT);
  self->limit = DEFAULT_LIMIT;
  self->settings = (GstMemGateSettings){
    .optional = DEFAULT_OPTIONAL,
    .priority = DEFAULT_PRIORITY,
    .cost = DEFAULT_COST,
    .high = DEFAULT_HIGH_WATERMARK,
    .low = DEFAULT_LOW_WATERMARK,
    .max_wait = DEFAULT_MAX_WAIT,
  };
  self->watch_flags = DEFAULT_WATCH;
  g_mutex_init (&self->watch_lock);
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  join_budget (self);
}

static void
gst_mem_gate_finalize (GObject *object)
{
  GstMemGate *self = GST_MEM_GATE (object);

  g_free (self->budget_name);
  g_free (self->label);
  g_mutex_clear (&self->watch_lock);
  gst_clear_object (&self->budget);
  G_OBJECT_CLASS (gst_mem_gate_parent_class)->finalize (object);
}

/* Only a gate that was given a limit sets it: the others of the account must
 * not undo it with their default. And only from READY on, when its account is
 * named: "limit" may be set before "budget". */
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
  GST_PET_FIELD (PROP_OPTIONAL, GstMemGate, settings.optional),
  GST_PET_FIELD (PROP_PRIORITY, GstMemGate, settings.priority),
  GST_PET_FIELD (PROP_LABEL, GstMemGate, label),
  GST_PET_FIELD (PROP_COST, GstMemGate, settings.cost),
  GST_PET_FIELD (PROP_WATCH, GstMemGate, watch_flags),
  GST_PET_FIELD (PROP_HIGH_WATERMARK, GstMemGate, settings.high),
  GST_PET_FIELD (PROP_LOW_WATERMARK, GstMemGate, settings.low),
  GST_PET_FIELD (PROP_MAX_WAIT, GstMemGate, settings.max_wait),
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
  if ((id == PROP_BUDGET || id == PROP_LIMIT) &&
      GST_STATE (self) != GST_STATE_NULL)
    apply_limit (self);
}

static gdouble
watched_pressure (gpointer user)
{
  GstMemGate *self = user;
  gdouble pressure = 0;

  g_mutex_lock (&self->watch_lock);
  if (self->watch != NULL)
    pressure = gst_pet_watch_pressure (self->watch);
  g_mutex_unlock (&self->watch_lock);
  return pressure;
}

static gdouble
get_state (GstMemGate *self, GstPetBudgetState *state)
{
  GstPetBudget *budget = dup_budget (self);
  gdouble watched = watched_pressure (self);

  gst_pet_budget_get_state (budget, state);
  gst_object_unref (budget);
  return MAX (state->pressure, watched);
}

static GstStructure *
make_stats (GstMemGate *self, const GstPetBudgetState *state, gdouble pressure)
{
  return gst_structure_new ("application/x-memgate-stats", "passed",
      G_TYPE_UINT64, self->n_passed, "waited", G_TYPE_UINT64, self->n_waited,
      "dropped", G_TYPE_UINT64, self->n_dropped, "over", G_TYPE_UINT64,
      self->n_over, "wait-time", G_TYPE_UINT64, self->waited, "in-use",
      G_TYPE_UINT64, state->in_use, "peak", G_TYPE_UINT64, state->peak,
      "allocated", G_TYPE_UINT64, state->allocated, "allocated-peak",
      G_TYPE_UINT64, state->allocated_peak, "overdrawn", G_TYPE_UINT64,
      state->overdrawn, "fixed", G_TYPE_UINT64, state->fixed, "limit",
      G_TYPE_UINT64, state->limit, "tickets", G_TYPE_UINT, state->tickets,
      "waiting", G_TYPE_UINT, state->waiting, "pressure", G_TYPE_DOUBLE,
      pressure, NULL);
}

static void
gst_mem_gate_get_property (
    GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMemGate *self = GST_MEM_GATE (object);
  GstPetBudgetState state;
  gdouble pressure = get_state (self, &state);
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_PRESSURE)
    g_value_set_double (value, pressure);
  else if (id == PROP_STATS)
    g_value_take_boxed (value, make_stats (self, &state, pressure));
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
forget_stream (GstMemGate *self)
{
  self->discont = self->ended = FALSE;
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  g_atomic_int_set (&self->canceled, FALSE);
}

static void
start (GstMemGate *self)
{
  PetError error;
  guint flags;

  forget_stream (self);
  GST_OBJECT_LOCK (self);
  self->n_passed = self->n_waited = self->n_dropped = self->n_over = 0;
  self->waited = 0;
  flags = self->watch_flags;
  GST_OBJECT_UNLOCK (self);
  if ((flags & GST_PET_WATCH_CUDA) && gst_pet_cuda_watch (&error) != PET_OK)
    GST_ELEMENT_WARNING (self, LIBRARY, INIT,
        ("watch=cuda sees nothing: %s.", error.message), (NULL));
  g_mutex_lock (&self->watch_lock);
  self->watch = gst_pet_watch_new ((GstPetWatchFlags) flags, NULL);
  g_mutex_unlock (&self->watch_lock);
}

static void
stop (GstMemGate *self)
{
  gst_pet_branch_free (&self->branch);
  g_mutex_lock (&self->watch_lock);
  gst_pet_watch_free (&self->watch);
  g_mutex_unlock (&self->watch_lock);
}

static GstStateChangeReturn
gst_mem_gate_change_state (GstElement *element, GstStateChange transition)
{
  GstMemGate *self = GST_MEM_GATE (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_NULL_TO_READY)
    apply_limit (self);
  else if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    start (self);
  else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    cancel_wait (self);
  result = GST_ELEMENT_CLASS (gst_mem_gate_parent_class)
               ->change_state (element, transition);
  /* Nothing streams any more. */
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    stop (self);
  return result;
}

static GstMemGateSettings
get_settings (GstMemGate *self)
{
  GstMemGateSettings settings;

  GST_OBJECT_LOCK (self);
  settings = self->settings;
  GST_OBJECT_UNLOCK (self);
  return settings;
}

/* The first gate of a tee that sees a picture decides for all of them: they say
 * what they cost as soon as they know the caps, which come to all before. */
static void
join_tee (GstMemGate *self, GstCaps *caps)
{
  GstMemGateSettings settings = get_settings (self);
  GstPetBudget *budget = dup_budget (self);

  gst_mem_gate_join (
      &self->branch, budget, &settings, self->sinkpad, self->srcpad, caps);
  gst_object_unref (budget);
}

static gboolean
gst_mem_gate_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstMemGate *self = GST_MEM_GATE (parent);
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      cancel_wait (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      forget_stream (self);
      break;
    case GST_EVENT_STREAM_START:
      self->ended = FALSE;
      break;
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      join_tee (self, caps);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      break;
    default:
      break;
  }
  if (self->branch != NULL)
    gst_mem_gate_tell_branch (self->branch, event);
  return gst_pad_event_default (pad, parent, event);
}

/* Beyond its branch a gate costs nothing; an optional one takes what is over. */
static void
add_cost (GstMemGate *self, GstQuery *query)
{
  GstMemGateSettings settings = get_settings (self);
  guint64 bytes = 0;

  if (!settings.optional)
    bytes = gst_mem_gate_cost (
        &settings, self->srcpad, gst_pet_query_get_cost_caps (query), 0);
  gst_pet_query_add_gated_cost (query, bytes);
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
  if (gst_pet_query_is_cost (query)) {
    add_cost (GST_MEM_GATE (parent), query);
    return FALSE;
  }
  return gst_pad_query_default (pad, parent, query);
}

static void
post_action (GstMemGate *self, GstBuffer *buffer, const gchar *action,
    const gchar *reason)
{
  g_autofree gchar *label = NULL;
  GstPetBudgetState state;
  GstMemGateReport report = { .action = action, .reason = reason };

  report.pressure = get_state (self, &state);
  report.in_use = state.in_use;
  report.limit = state.limit;
  GST_OBJECT_LOCK (self);
  label = g_strdup (self->label != NULL ? self->label : GST_OBJECT_NAME (self));
  report.priority = self->settings.priority;
  GST_OBJECT_UNLOCK (self);
  report.label = label;
  gst_mem_gate_post_action (GST_ELEMENT (self), buffer, &report);
}

/* A branch that said EOS has ended for itself; told to a tee, it would end all
 * others. */
static GstFlowReturn
end_flow (GstMemGate *self)
{
  return gst_pet_branch_get_tee (self->branch) != NULL ? GST_FLOW_OK
                                                       : GST_FLOW_EOS;
}

/* Takes `buffer`. */
static GstFlowReturn
drop (GstMemGate *self, GstBuffer *buffer, const gchar *reason)
{
  guint64 passed, dropped;

  GST_OBJECT_LOCK (self);
  passed = self->n_passed;
  dropped = ++self->n_dropped;
  GST_OBJECT_UNLOCK (self);
  self->discont = TRUE;

  post_action (self, buffer, "drop", reason);
  gst_mem_gate_post_qos (
      GST_ELEMENT (self), buffer, &self->segment, passed, dropped);
  if (self->segment.format == GST_FORMAT_TIME &&
      GST_BUFFER_PTS_IS_VALID (buffer))
    gst_pad_push_event (self->srcpad,
        gst_event_new_gap (
            GST_BUFFER_PTS (buffer), GST_BUFFER_DURATION (buffer)));
  gst_buffer_unref (buffer);
  return self->ended ? end_flow (self) : GST_FLOW_OK;
}

static void
post_late (const GstMemGatePicture *picture)
{
  post_action (
      picture->gate, picture->buffer, "wait", "waits longer than max-wait");
}

static void
report_admission (GstMemGate *self, const GstMemGatePicture *picture)
{
  gboolean over = picture->admit == GST_PET_ADMIT_OVER ||
      picture->admit == GST_PET_ADMIT_STALLED;

  if (over) {
    post_action (self, picture->buffer, "over",
        picture->admit == GST_PET_ADMIT_OVER
            ? "needs more than the limit; passed because it is alone"
            : "stalled; passed because nothing was given back for long");
    if (!picture->was_admitted)
      gst_mem_gate_post_over (
          GST_ELEMENT (self), picture->admit, picture->cost);
  }
  GST_OBJECT_LOCK (self);
  self->n_over += over;
  self->n_waited += picture->waited_ns > 0;
  self->waited += picture->waited_ns;
  GST_OBJECT_UNLOCK (self);
}

/* Takes `buffer` and `ticket`. */
static GstFlowReturn
pass (GstMemGate *self, GstBuffer *buffer, GstPetTicket *ticket)
{
  GstFlowReturn flow;

  buffer = gst_buffer_make_writable (buffer);
  gst_pet_buffer_set_ticket (buffer, ticket);
  gst_pet_ticket_unref (ticket);
  if (self->discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->discont = FALSE;
  GST_OBJECT_LOCK (self);
  self->n_passed++;
  GST_OBJECT_UNLOCK (self);
  flow = gst_pad_push (self->srcpad, buffer);
  self->ended = flow == GST_FLOW_EOS;
  return self->ended ? end_flow (self) : flow;
}

static GstFlowReturn
gst_mem_gate_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstMemGate *self = GST_MEM_GATE (parent);
  GstMemGateSettings settings = get_settings (self);
  GstMemGatePicture picture = { .gate = self,
    .buffer = buffer,
    .canceled = &self->canceled,
    .watched = watched_pressure,
    .late = post_late };
  GstPetTicket *ticket;
  GstFlowReturn flow;
  GstCaps *caps;

  if (self->ended)
    return drop (self, buffer, "the branch has ended");
  caps = gst_pad_get_current_caps (pad);
  if (self->branch == NULL)
    join_tee (self, caps);
  picture.budget = dup_budget (self);
  picture.branch = self->branch;
  picture.cost = gst_mem_gate_cost (
      &settings, self->srcpad, caps, gst_buffer_get_size (buffer));
  gst_clear_caps (&caps);

  ticket = gst_mem_gate_admit (&settings, &picture);
  if (!settings.optional)
    report_admission (self, &picture);
  if (ticket != NULL) {
    flow = pass (self, buffer, ticket);
  } else if (settings.optional) {
    flow = drop (self, buffer, picture.reason);
  } else {
    gst_buffer_unref (buffer);
    flow = GST_FLOW_FLUSHING;
  }
  gst_object_unref (picture.budget);
  return flow;
}
