/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What memgate says on the bus. */

#pragma once

#include <gst/gst.h>

#include "memory/gstpetbudget.h"

G_BEGIN_DECLS

/* The element message "memgate"; `action`: "drop", "wait" or "over". */
void gst_mem_gate_post_action (GstElement *gate, GstBuffer *buffer,
    const gchar *action, const gchar *reason, const gchar *label,
    guint priority, const GstPetBudgetState *state);

/* The QoS message of a drop. */
void gst_mem_gate_post_qos (GstElement *gate, GstBuffer *buffer,
    const GstSegment *segment, guint64 passed, guint64 dropped);

G_END_DECLS
