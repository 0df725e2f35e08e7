/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the first bytes of an upload say, before the rest has come: whether it
 * is a photo that can be read at all, and whether it is too large. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  SERVE_PICTURE_UNKNOWN, /* more bytes are needed */
  SERVE_PICTURE_GOOD,
  SERVE_PICTURE_TOO_LARGE,
  SERVE_PICTURE_NOT_READ, /* not a kind of file that is read here */
} ServePicture;

/* Looks at the first `size` bytes, of which `complete` says that no more will
 * come. `max_pixels` 0: no limit. On TOO_LARGE and NOT_READ, `reason` (free
 * with g_free()) is one sentence for the user. What is GOOD here may still be
 * refused by the decoder. */
ServePicture serve_picture_look (const guint8 *bytes, gsize size,
    gboolean complete, guint64 max_pixels, gchar **reason);

G_END_DECLS
