/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* BLAKE2b (RFC 7693) without a key: the name of a photo's bytes. It is several
 * times as fast as the SHA-256 of GLib, and no customer can make two photos
 * that share a name. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SERVE_DIGEST_BYTES 20
#define SERVE_DIGEST_HEX (2 * SERVE_DIGEST_BYTES)

typedef struct {
  guint64 state[8];
  guint64 n_bytes;
  guint8 block[128];
  gsize filled;
  gsize length; /* of the digest */
} ServeDigest;

/* `length`: 1 to 64 bytes. */
void serve_digest_init (ServeDigest *digest, gsize length);
void serve_digest_update (ServeDigest *digest, const void *bytes, gsize size);
/* Writes `length` bytes; the digest must be initialised again. */
void serve_digest_finish (ServeDigest *digest, guint8 *out);

/* SERVE_DIGEST_HEX lower-case digits and a NUL. */
void serve_digest_hex (const guint8 *digest, gchar *hex);

G_END_DECLS
