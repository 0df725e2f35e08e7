/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* --contact-sheet: small pictures of all results in one PNG. */

#pragma once

#include "batch-plan.h"
#include "batch-options.h"

G_BEGIN_DECLS

/* Reads the results back from their files, one at a time, and writes the sheet
 * in strips of one row of cells: memory does not grow with the number of
 * photos. `made`, per index of an item: bit i:
 * result i is there; one must be. The sheet
 * appears whole or not at all. */
gboolean batch_sheet_write (const BatchOptions *options, GPtrArray *items,
    const guint32 *made, GError **error);

G_END_DECLS
