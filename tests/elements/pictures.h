/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small pictures and harness helpers for the element tests. */

#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/* A smooth coloured pattern that differs by seed, as JPEG or PNG. `channels`
 * of the PNG: 1, 3 or 4. */
GBytes *picture_jpeg (gint width, gint height, guint seed);
GBytes *picture_png (gint width, gint height, gint channels, guint seed);

/* RGBA pixels of such a pattern with a soft disc as alpha, in a buffer of the
 * default stride. */
GstBuffer *picture_cutout (gint width, gint height, guint seed);
GstCaps *picture_caps (const gchar *format, gint width, gint height);

GstBuffer *buffer_from_bytes (GBytes *bytes);

/* A harness whose element posts to a bus that picture_pop_message() reads. */
GstHarness *harness_with_bus (const gchar *element);
void harness_with_bus_free (GstHarness *harness);

/* Next element message of that name, NULL if there is none. */
GstMessage *harness_pop_message (GstHarness *harness, const gchar *name);
/* How many messages of that type are waiting; they are taken. */
guint harness_count_messages (GstHarness *harness, GstMessageType type);

/* A new folder below the test's temporary one; removed by remove_tree(). */
gchar *make_folder (void);
void remove_tree (const gchar *folder);
void write_file (const gchar *folder, const gchar *name, GBytes *bytes);

/* Plays it until EOS or an error; the other of them, or 20 s without either, fails
 * the test. */
void run_until (GstElement *pipeline, GstMessageType end);

/* Registers the elements that are linked in, then runs the tests. */
int run_tests (int argc, char **argv, void (*add_tests) (void));

G_END_DECLS
