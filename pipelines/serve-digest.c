/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-digest.h"

#include <string.h>

#define ROUNDS 12

static const guint64 iv[8] = {
  0x6a09e667f3bcc908,
  0xbb67ae8584caa73b,
  0x3c6ef372fe94f82b,
  0xa54ff53a5f1d36f1,
  0x510e527fade682d1,
  0x9b05688c2b3e6c1f,
  0x1f83d9abfb41bd6b,
  0x5be0cd19137e2179,
};

/* RFC 7693, table 2.7; rounds 10 and 11 repeat 0 and 1. */
static const guint8 sigma[ROUNDS][16] = {
  { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
  { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
  { 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
  { 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
  { 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
  { 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
  { 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
  { 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
  { 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
  { 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
  { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
  { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
};

static inline guint64
rotate_right (guint64 value, guint bits)
{
  return value >> bits | value << (64 - bits);
}

static inline void
mix (guint64 *v, guint a, guint b, guint c, guint d, guint64 x, guint64 y)
{
  v[a] += v[b] + x;
  v[d] = rotate_right (v[d] ^ v[a], 32);
  v[c] += v[d];
  v[b] = rotate_right (v[b] ^ v[c], 24);
  v[a] += v[b] + y;
  v[d] = rotate_right (v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = rotate_right (v[b] ^ v[c], 63);
}

/* One block; `n_bytes` counts it. */
static void
compress (guint64 *state, const guint8 *block, guint64 n_bytes, gboolean last)
{
  guint64 m[16], v[16];

  memcpy (m, block, sizeof m);
  for (guint i = 0; i < 16; i++)
    m[i] = GUINT64_FROM_LE (m[i]);
  memcpy (v, state, 64);
  memcpy (v + 8, iv, 64);
  v[12] ^= n_bytes;
  if (last)
    v[14] = ~v[14];
  for (guint i = 0; i < ROUNDS; i++) {
    const guint8 *s = sigma[i];

    mix (v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
    mix (v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
    mix (v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
    mix (v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
    mix (v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
    mix (v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
    mix (v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
    mix (v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
  }
  for (guint i = 0; i < 8; i++)
    state[i] ^= v[i] ^ v[i + 8];
}

void
serve_digest_init (ServeDigest *digest, gsize length)
{
  g_return_if_fail (length >= 1 && length <= 64);
  memcpy (digest->state, iv, sizeof iv);
  digest->state[0] ^= 0x01010000 ^ length;
  digest->n_bytes = 0;
  digest->filled = 0;
  digest->length = length;
}

void
serve_digest_update (ServeDigest *digest, const void *bytes, gsize size)
{
  const guint8 *next = bytes;

  /* The last block is compressed by finish(), so a full one stays until more
   * comes. */
  while (size > 0) {
    gsize n;

    if (digest->filled == sizeof digest->block) {
      digest->n_bytes += sizeof digest->block;
      compress (digest->state, digest->block, digest->n_bytes, FALSE);
      digest->filled = 0;
    }
    n = MIN (size, sizeof digest->block - digest->filled);
    memcpy (digest->block + digest->filled, next, n);
    digest->filled += n;
    next += n;
    size -= n;
  }
}

void
serve_digest_finish (ServeDigest *digest, guint8 *out)
{
  guint8 bytes[64];

  memset (
      digest->block + digest->filled, 0, sizeof digest->block - digest->filled);
  digest->n_bytes += digest->filled;
  compress (digest->state, digest->block, digest->n_bytes, TRUE);
  for (guint i = 0; i < 8; i++)
    digest->state[i] = GUINT64_TO_LE (digest->state[i]);
  memcpy (bytes, digest->state, sizeof bytes);
  memcpy (out, bytes, digest->length);
}

void
serve_digest_hex (const guint8 *digest, gchar *hex)
{
  static const gchar digits[] = "0123456789abcdef";

  for (guint i = 0; i < SERVE_DIGEST_BYTES; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  hex[SERVE_DIGEST_HEX] = '\0';
}
