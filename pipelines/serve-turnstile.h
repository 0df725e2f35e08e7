/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looks that are ready to be made go through here, few at a time: on two
 * processors five at once would all be finished together, as late as the last.
 * Those of the photo that came first go first, and among these the one of the
 * lowest rank. Any thread. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _ServeTurnstile ServeTurnstile;

/* Of one branch; begins as all zero. Its fields are the turnstile's. */
typedef struct {
  guint64 photo;
  guint rank;
  gboolean waiting, inside, closed;
} ServeTurn;

/* `places`: how many may be inside. */
ServeTurnstile *serve_turnstile_new (guint places);
ServeTurnstile *serve_turnstile_ref (ServeTurnstile *turnstile);
void serve_turnstile_unref (ServeTurnstile *turnstile);

/* A picture is on its way to this branch: from here on none that is to be made
 * later gets in before it. */
void serve_turnstile_announce (
    ServeTurnstile *turnstile, ServeTurn *turn, guint64 photo, guint rank);

/* Waits until it is the turn of what was announced. FALSE: nothing was, or the
 * turn is closed. */
gboolean serve_turnstile_enter (ServeTurnstile *turnstile, ServeTurn *turn);

/* Makes room, or takes back what was announced; does nothing else. */
void serve_turnstile_leave (ServeTurnstile *turnstile, ServeTurn *turn);

/* The same for good: who waits with this turn, or comes with it later, is sent
 * away. */
void serve_turnstile_close (ServeTurnstile *turnstile, ServeTurn *turn);

G_END_DECLS
