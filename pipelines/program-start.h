/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every program that embeds the elements does first. */

#pragma once

/* Starts GStreamer; run from the build folder, uses the plugin that was built
 * with the program. */
void program_start (void);
