/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "branches.h"

#include "leaks.h"
#include "pictures.h"

static GstBusSyncReply
note_message (GstBus *bus, GstMessage *message, gpointer data)
{
  Branches *self = data;
  const GstStructure *s = gst_message_get_structure (message);
  const gchar *action;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_QOS)
    g_atomic_int_inc (&self->qos);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
    g_atomic_int_inc (&self->warnings);
  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ELEMENT ||
      !gst_structure_has_name (s, "memgate"))
    return GST_BUS_PASS;
  action = gst_structure_get_string (s, "action");
  if (g_str_equal (action, "drop"))
    g_atomic_int_inc (&self->dropped);
  else if (g_str_equal (action, "over"))
    g_atomic_int_inc (&self->over);
  else
    g_atomic_int_inc (&self->late);
  if (self->on_gate != NULL)
    self->on_gate (self, s);
  return GST_BUS_PASS;
}

static gchar *
insert_name (const gchar *line, const gchar *name)
{
  g_auto (GStrv) parts = g_strsplit (line, "%s", -1);

  return g_strjoinv (name, parts);
}

/* Takes `budget`. */
static Branches *
new_on (GstPetBudget *budget, const gchar *line)
{
  g_autofree gchar *full = insert_name (line, GST_OBJECT_NAME (budget));
  g_autoptr (GError) error = NULL;
  Branches *self = g_new0 (Branches, 1);
  GstBus *bus;

  self->budget = budget;
  self->pipeline = gst_parse_launch (full, &error);
  g_assert_no_error (error);
  bus = gst_element_get_bus (self->pipeline);
  gst_bus_set_sync_handler (bus, note_message, self, NULL);
  gst_object_unref (bus);
  return self;
}

Branches *
branches_new (guint64 limit, const gchar *line)
{
  static gint n;
  g_autofree gchar *name = g_strdup_printf ("branches%d", n++);
  GstPetBudget *budget = gst_pet_budget_get (name);

  gst_pet_budget_set_limit (budget, limit);
  return new_on (budget, line);
}

Branches *
branches_new_beside (Branches *other, const gchar *line)
{
  Branches *self = new_on (gst_object_ref (other->budget), line);

  self->is_beside = TRUE;
  return self;
}

static void
check_account (GstPetBudget *budget)
{
  GstPetBudgetState state;

  gst_pet_budget_get_state (budget, &state);
  g_assert_cmpuint (state.in_use, ==, 0);
  g_assert_cmpuint (state.fixed, ==, 0);
  g_assert_cmpuint (state.tickets, ==, 0);
  g_assert_cmpuint (state.overdrawn, ==, 0);
}

void
branches_free (Branches *self)
{
  gboolean is_last = !self->is_beside;

  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  gst_object_unref (self->pipeline);
  if (is_last)
    check_account (self->budget);
  gst_object_unref (self->budget);
  if (self->folder != NULL)
    remove_tree (self->folder);
  g_free (self->folder);
  g_free (self);
  if (is_last)
    leaks_check ();
}

GstElement *
branches_get (Branches *self, const gchar *name)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (self->pipeline), name);

  g_assert_nonnull (element);
  return element;
}

void
branches_play (Branches *self)
{
  g_assert_cmpint (gst_element_set_state (self->pipeline, GST_STATE_PLAYING),
      !=, GST_STATE_CHANGE_FAILURE);
}

gboolean
branches_finish (Branches *self)
{
  GstBus *bus = gst_element_get_bus (self->pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (
      bus, BRANCHES_HANG, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gboolean finished;

  if (message == NULL)
    g_error ("the pipeline hangs");
  finished = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
  gst_message_unref (message);
  gst_object_unref (bus);
  return finished;
}

guint
branches_rendered (Branches *self, const gchar *sink)
{
  GstElement *element = branches_get (self, sink);
  g_autoptr (GstStructure) stats = NULL;
  guint64 rendered = 0;

  g_object_get (element, "stats", &stats, NULL);
  if (!gst_structure_get_uint64 (stats, "rendered", &rendered))
    gst_structure_get_uint64 (stats, "written", &rendered);
  gst_object_unref (element);
  return (guint) rendered;
}

void
branches_await_rendered (Branches *self, const gchar *sink, guint n)
{
  gint64 end = g_get_monotonic_time () + (gint64) (BRANCHES_HANG / 1000);

  while (branches_rendered (self, sink) < n) {
    if (g_get_monotonic_time () > end)
      g_error ("%s hangs", sink);
    g_usleep (1000);
  }
}

guint64
branches_count (Branches *self, const gchar *gate, const gchar *count)
{
  GstElement *element = branches_get (self, gate);
  guint64 value;

  g_object_get (element, count, &value, NULL);
  gst_object_unref (element);
  return value;
}

GstPetTicket *
branches_fill (Branches *self)
{
  GstPetBudgetState state;
  GstPetTicket *ticket;

  gst_pet_budget_get_state (self->budget, &state);
  ticket = gst_pet_budget_try (self->budget, state.limit - state.in_use);
  g_assert_nonnull (ticket);
  return ticket;
}

gchar *
branches_photos (guint n, gboolean alternate)
{
  gchar *folder = make_folder ();

  for (guint i = 0; i < n; i++) {
    g_autofree gchar *name = g_strdup_printf ("p%03u.png", i);
    gint size = alternate && i % 2 ? 96 : 64;
    GBytes *bytes = picture_png (size, size - 16, 4, i);

    write_file (folder, name, bytes);
    g_bytes_unref (bytes);
  }
  return folder;
}
