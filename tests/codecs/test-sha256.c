/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SHA-256 against the examples of FIPS 180-4, and what the processor has for it
 * against plain C at every length up to a few blocks. */

#include "base/pet-sha256.h"
#include "tap.h"

/* In plain C, in two pieces. */
static void
sha256_plain (const uint8_t *bytes, size_t size, size_t first, uint8_t *digest)
{
  PetSha256 sum;

  pet_sha256_begin_plain (&sum);
  pet_sha256_add (&sum, bytes, first);
  pet_sha256_add (&sum, bytes + first, size - first);
  pet_sha256_end (&sum, digest);
}

static void
check_digest (const char *text, size_t size, const char *want)
{
  uint8_t digest[PET_SHA256_BYTES], plain[PET_SHA256_BYTES];
  char got[2 * PET_SHA256_BYTES + 1];

  pet_sha256 (text, size, digest);
  sha256_plain ((const uint8_t *) text, size, size / 3, plain);
  for (int i = 0; i < PET_SHA256_BYTES; i++)
    snprintf (got + 2 * i, 3, "%02x", digest[i]);
  if (strcmp (got, want) != 0)
    tap_fail ("%zu bytes: %s, not %s", size, got, want);
  tap_check (memcmp (digest, plain, sizeof digest) == 0);
}

static void
examples_of_the_standard (void)
{
  static char million[1000000];

  memset (million, 'a', sizeof million);
  check_digest ("", 0,
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  check_digest ("abc", 3,
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  check_digest ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  check_digest (million, sizeof million,
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void
every_length_and_alignment (void)
{
  uint8_t bytes[400], digest[PET_SHA256_BYTES], plain[PET_SHA256_BYTES];

  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t) tap_random ();
  for (size_t size = 0; size < 300; size++) {
    const uint8_t *start = bytes + tap_random_range (0, 90);

    pet_sha256 (start, size, digest);
    sha256_plain (
        start, size, (size_t) tap_random_range (0, (int) size), plain);
    if (memcmp (digest, plain, sizeof digest) != 0)
      tap_fail ("%zu bytes differ", size);
  }
}

static void
same_in_any_pieces (void)
{
  uint8_t bytes[1000], whole[PET_SHA256_BYTES], pieces[PET_SHA256_BYTES];
  PetSha256 sum;

  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t) tap_random ();
  for (size_t size = 0; size <= sizeof bytes; size += 37) {
    size_t done = 0;

    pet_sha256 (bytes, size, whole);
    pet_sha256_begin (&sum);
    while (done < size) {
      size_t n = (size_t) tap_random_range (0, (int) (size - done));

      n = n > 150 ? 150 : n;
      pet_sha256_add (&sum, bytes + done, n);
      done += n;
    }
    pet_sha256_end (&sum, pieces);
    tap_check (memcmp (whole, pieces, sizeof whole) == 0);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (examples_of_the_standard),
    TAP_TEST (every_length_and_alignment),
    TAP_TEST (same_in_any_pieces),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
