/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstmemgateproperties.h"

#include "gstpetenums.h"
#include "gstpetfields.h"

static void
install_settings (GObjectClass *object_class)
{
  const GParamFlags flags =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  gst_pet_install_budget_property (object_class, PROP_BUDGET);
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
  g_object_class_install_property (object_class, PROP_WATCH,
      g_param_spec_flags ("watch", "Watch",
          "What counts as pressure beside the account",
          GST_TYPE_PET_WATCH_FLAGS, DEFAULT_WATCH,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_READY));
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
          "The largest of: share of the limit in use, fill of our pools, and "
          "what is watched; 1 is full",
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
          "in-use, peak, allocated, allocated-peak, overdrawn, fixed, limit "
          "(all uint64), tickets, waiting (uint), pressure (double)",
          GST_TYPE_STRUCTURE, flags));
}

void
gst_mem_gate_install_properties (GObjectClass *object_class)
{
  install_settings (object_class);
  install_readings (object_class);
}
