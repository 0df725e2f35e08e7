/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The gate's properties: their numbers, defaults and descriptions. */

#pragma once

#include <gst/gst.h>

#include "memory/gstpetwatch.h"

G_BEGIN_DECLS

enum {
  PROP_0,
  PROP_BUDGET,
  PROP_LIMIT,
  PROP_OPTIONAL,
  PROP_PRIORITY,
  PROP_LABEL,
  PROP_COST,
  PROP_WATCH,
  PROP_HIGH_WATERMARK,
  PROP_LOW_WATERMARK,
  PROP_MAX_WAIT,
  PROP_PRESSURE,
  PROP_PASSED,
  PROP_WAITED,
  PROP_DROPPED,
  PROP_STATS,
};

#define DEFAULT_LIMIT 0
#define DEFAULT_OPTIONAL FALSE
#define DEFAULT_PRIORITY 50
#define DEFAULT_COST 0
#define DEFAULT_WATCH GST_PET_WATCH_NONE
#define DEFAULT_HIGH_WATERMARK 0.9
#define DEFAULT_LOW_WATERMARK 0.7
#define DEFAULT_MAX_WAIT (10 * GST_SECOND)

void gst_mem_gate_install_properties (GObjectClass *object_class);

G_END_DECLS
