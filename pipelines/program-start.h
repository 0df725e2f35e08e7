/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every program that embeds the elements does first. */

#pragma once

/* Starts GStreamer. Run from the build folder, uses the plugin that was built
 * with the program; installed, the one that was installed with it, unless
 * GStreamer has found another. */
void program_start (void);
