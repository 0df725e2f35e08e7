/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* --contact-sheet: small pictures of all results in one PNG. */

#pragma once

#include "batch-plan.h"
#include "batch-options.h"

G_BEGIN_DECLS

/* FALSE and `error` when it is plain that the sheet cannot be written, or when
 * something that is no regular file is there. */
gboolean batch_sheet_check (const BatchOptions *options, GError **error);

/* Reads the results back from their files, one at a time, and writes the sheet
 * in strips of one row of cells: memory does not grow with the number of
 * photos. `made`, per index of an item: bit i:
 * result i is there; one must be. The sheet appears whole or not at all; where a link
 * to a file has its name, in place of that file. */
gboolean batch_sheet_write (const BatchOptions *options, GPtrArray *items,
    const guint32 *made, GError **error);

G_END_DECLS
