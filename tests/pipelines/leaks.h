/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GStreamer's leaks tracer inside a test: everything that a test makes is gone
 * when it ends. */

#pragma once

/* Before gst_init(). */
void leaks_prepare (void);

/* After the elements were registered: what is alive now may stay. */
void leaks_begin (void);

/* Fails with the names of what is alive. Threads of GStreamer's own may take a
 * moment to let go of their last objects. */
void leaks_check (void);
