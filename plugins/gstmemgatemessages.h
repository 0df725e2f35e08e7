/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a gate says on the bus. */

#pragma once

#include <gst/gst.h>

#include "memory/gstpetbudget.h"

G_BEGIN_DECLS

typedef struct {
  const gchar *action; /* "drop", "wait", "over" */
  const gchar *reason;
  const gchar *label;
  guint priority;
  gdouble pressure;
  guint64 in_use, limit;
} GstMemGateReport;

/* Element message "memgate" about one picture. */
void gst_mem_gate_post_action (
    GstElement *gate, GstBuffer *buffer, const GstMemGateReport *report);

/* QoS message for a picture that was dropped. */
void gst_mem_gate_post_qos (GstElement *gate, GstBuffer *buffer,
    const GstSegment *segment, guint64 passed, guint64 dropped);

/* WARNING for a picture that passed above the limit. */
void gst_mem_gate_post_over (
    GstElement *gate, GstPetAdmit admit, guint64 bytes);

G_END_DECLS
