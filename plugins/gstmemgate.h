/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_MEM_GATE (gst_mem_gate_get_type ())
G_DECLARE_FINAL_TYPE (GstMemGate, gst_mem_gate, GST, MEM_GATE, GstElement)

GST_ELEMENT_REGISTER_DECLARE (memgate);

G_END_DECLS
