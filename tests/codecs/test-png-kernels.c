/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every version of the PNG kernels against the plain C one: random sizes,
 * misaligned, guarded; `test-png-kernels --bench` times them. And deflate
 * against zlib's inflate, over bytes of every kind. */

#include <time.h>

#include <zlib.h>

#include "codec/pet-crc.h"
#include "codec/pet-deflate-block.h"
#include "codec/pet-deflate.h"
#include "codec/pet-png-kernels.h"
#include "tap.h"

enum { MAX_BYTES = 4000, GUARD = 64 };

typedef enum { BYTES_NOISE, BYTES_SMOOTH, BYTES_MIN, BYTES_MAX, N_BYTES } Kind;

static void
fill (uint8_t *bytes, size_t size, Kind kind)
{
  int value = 128;

  for (size_t i = 0; i < size; i++) {
    value += tap_random_range (-3, 3);
    bytes[i] = kind == BYTES_NOISE ? (uint8_t) tap_random ()
        : kind == BYTES_SMOOTH     ? (uint8_t) value
        : kind == BYTES_MIN        ? 0
                                   : 255;
  }
}

static void
check_adler (const PetPngKernels *one, const uint8_t *bytes, size_t size)
{
  uint32_t a = tap_random () % 65521, b = tap_random () % 65521;
  uint32_t want_a = a, want_b = b;

  pet_png_kernels_at (0)->adler (&want_a, &want_b, bytes, size);
  one->adler (&a, &b, bytes, size);
  if (a != want_a || b != want_b)
    tap_fail ("%s: adler of %zu bytes", one->name, size);
}

static void
every_version_sums_alike (void)
{
  static uint8_t bytes[300000];

  for (int k = 0; pet_png_kernels_at (k) != NULL; k++)
    for (int kind = 0; kind < N_BYTES; kind++) {
      fill (bytes, sizeof bytes, (Kind) kind);
      check_adler (pet_png_kernels_at (k), bytes, sizeof bytes);
      for (int n = 0; n < 100; n++)
        check_adler (pet_png_kernels_at (k), bytes + n,
            (size_t) tap_random_range (0, MAX_BYTES));
    }
}

static void
crc_is_that_of_zlib (void)
{
  static uint8_t bytes[MAX_BYTES + GUARD];

  for (int n = 0; n < 2000; n++) {
    const uint8_t *start = bytes + tap_random_range (0, GUARD);
    size_t size = (size_t) tap_random_range (0, n < 1000 ? 200 : MAX_BYTES);
    uint32_t crc = n % 2 == 0 ? 0 : (uint32_t) tap_random ();

    if (n % 100 == 0)
      fill (bytes, sizeof bytes, (Kind) (n / 100 % N_BYTES));
    if (pet_crc (crc, start, size) != crc32 (crc, start, (uInt) size))
      tap_fail ("checksum of %zu bytes", size);
  }
}

/* Four guarded rows. */
typedef struct {
  uint8_t bytes[PET_PNG_N_FILTERS][MAX_BYTES + 2 * GUARD];
  uint8_t *out[PET_PNG_N_FILTERS];
} Rows;

static void
rows_init (Rows *rows, int offset)
{
  memset (rows->bytes, 0xa5, sizeof rows->bytes);
  for (int f = 0; f < PET_PNG_N_FILTERS; f++)
    rows->out[f] = rows->bytes[f] + GUARD - offset;
}

static void
check_filter (const PetPngKernels *one, const uint8_t *row,
    const uint8_t *above, size_t size, size_t pixel_bytes)
{
  static Rows want, got;
  int offset = tap_random_range (0, GUARD - 1), best, want_best;

  rows_init (&want, offset);
  rows_init (&got, offset);
  want_best =
      pet_png_kernels_at (0)->filter (row, above, size, pixel_bytes, want.out);
  best = one->filter (row, above, size, pixel_bytes, got.out);
  if (best != want_best ||
      memcmp (want.bytes, got.bytes, sizeof want.bytes) != 0)
    tap_fail (
        "%s: filters of %zu bytes, %zu a pixel", one->name, size, pixel_bytes);
}

static void
every_version_filters_alike (void)
{
  static uint8_t rows[2][MAX_BYTES + 2 * GUARD];

  for (int k = 0; pet_png_kernels_at (k) != NULL; k++)
    for (int n = 0; n < 600; n++) {
      size_t pixel_bytes = (size_t) tap_random_range (1, 4);
      size_t size = (size_t) tap_random_range (1, n < 200 ? 99 : MAX_BYTES);

      fill (rows[0], sizeof rows[0], (Kind) (n % N_BYTES));
      fill (rows[1], sizeof rows[1], (Kind) (n / N_BYTES % N_BYTES));
      check_filter (pet_png_kernels_at (k), rows[0] + 4 + n % 32,
          rows[1] + 4 + n % 29, size, pixel_bytes);
    }
}

/* By the definition, one byte at a time, against what comes out. */
static void
filters_are_those_of_png (void)
{
  static uint8_t rows[2][MAX_BYTES + GUARD];
  static Rows got;

  fill (rows[0], sizeof rows[0], BYTES_NOISE);
  fill (rows[1], sizeof rows[1], BYTES_NOISE);
  rows_init (&got, 0);
  pet_png_kernels_at (0)->filter (
      rows[0] + 4, rows[1] + 4, MAX_BYTES, 4, got.out);
  for (int i = 0; i < MAX_BYTES; i++) {
    int x = rows[0][i + 4], a = rows[0][i], b = rows[1][i + 4], c = rows[1][i];
    int p = a + b - c, pa = abs (p - a), pb = abs (p - b), pc = abs (p - c);
    int paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;

    tap_check (got.out[1][i] == (uint8_t) (x - a));
    tap_check (got.out[2][i] == (uint8_t) (x - b));
    tap_check (got.out[3][i] == (uint8_t) (x - (a + b) / 2));
    tap_check (got.out[4][i] == (uint8_t) (x - paeth));
  }
}

/* With many zeros and few differences between R, G and B. */
static void
fill_sparse (uint8_t *bytes, size_t size, int kind)
{
  for (size_t i = 0; i < size; i++)
    bytes[i] = tap_random_range (0, kind) == 0 ? (uint8_t) tap_random ()
        : kind % 2 == 0                        ? 0
                                               : 77;
}

static void
check_pixels (const PetPngKernels *one, const uint8_t *pixels, int n)
{
  const PetPngKernels *plain = pet_png_kernels_at (0);
  uint8_t got[MAX_BYTES / 2 + 8], want[sizeof got];
  uint32_t got_bits[2] = { 0, 0xffffffffu }, want_bits[2] = { 0, 0xffffffffu };

  memset (got, 0xa5, sizeof got);
  memset (want, 0xa5, sizeof want);
  plain->pick_grey_alpha (pixels, want, n);
  one->pick_grey_alpha (pixels, got, n);
  plain->summarise (pixels, n, want_bits, want_bits + 1);
  one->summarise (pixels, n, got_bits, got_bits + 1);
  if (memcmp (got, want, sizeof got) != 0)
    tap_fail ("%s: grey and alpha of %d pixels", one->name, n);
  if (memcmp (got_bits, want_bits, sizeof got_bits) != 0)
    tap_fail ("%s: summary of %d pixels", one->name, n);
}

static void
check_zeros (const PetPngKernels *one, const uint8_t *bytes, size_t size)
{
  const PetPngKernels *plain = pet_png_kernels_at (0);
  size_t run = (size_t) tap_random_range (4, 16);

  if (one->zeros_ahead (bytes, size) != plain->zeros_ahead (bytes, size) ||
      one->zeros_behind (bytes, size) != plain->zeros_behind (bytes, size))
    tap_fail ("%s: zeros at the ends of %zu bytes", one->name, size);
  for (size_t from = 0; from < size;) {
    size_t want = plain->find_run (bytes, from, size, run);

    if (one->find_run (bytes, from, size, run) != want)
      tap_fail ("%s: a run of %zu from %zu of %zu", one->name, run, from, size);
    from = want + 1 + (size_t) tap_random_range (0, 40);
  }
}

static void
every_version_sees_alike (void)
{
  static uint8_t bytes[MAX_BYTES + GUARD];

  for (int k = 0; pet_png_kernels_at (k) != NULL; k++)
    for (int n = 0; n < 600; n++) {
      size_t size = (size_t) tap_random_range (0, n < 200 ? 99 : MAX_BYTES);
      int zeros = n % 5 == 0 ? tap_random_range (0, (int) size) : 0;

      fill_sparse (bytes, sizeof bytes, n % 12);
      memset (bytes + n % 31, 0, (size_t) zeros);
      check_pixels (pet_png_kernels_at (k), bytes + n % 29, (int) (size / 4));
      check_zeros (pet_png_kernels_at (k), bytes + n % 31, size);
    }
}

/* `n_colors` colours of which all pixels are but one, if `strange` is not -1. */
static void
check_colors (int n_colors, int n, int strange)
{
  static uint8_t pixels[4 * MAX_BYTES], want[MAX_BYTES], got[MAX_BYTES + GUARD];
  uint8_t colors[PET_COLOR_MAP_MOST][4];
  PetColorMap map;

  pet_color_map_clear (&map);
  for (int k = 0; k < n_colors; k++) {
    uint32_t color = tap_random () << 5 | (uint32_t) k;

    memcpy (colors[k], &color, 4);
    tap_check (pet_color_map_add (&map, colors[k]));
    map.values[k] = (uint8_t) (k * 7);
  }
  for (int i = 0; i < n; i++) {
    int k = tap_random_range (0, n_colors - 1);

    memcpy (pixels + 4 * i, colors[k], 4);
    want[i] = (uint8_t) (k * 7);
  }
  if (strange >= 0)
    pixels[4 * strange] ^= 32;
  for (int v = 0; pet_png_kernels_at (v) != NULL; v++) {
    const PetPngKernels *one = pet_png_kernels_at (v);
    bool known;

    memset (got, 0xa5, sizeof got);
    known = one->map_colors (&map, pixels, n, got);
    if (known != (strange < 0) ||
        (known && memcmp (got, want, (size_t) n) != 0))
      tap_fail ("%s: %d colours, %d pixels", one->name, n_colors, n);
    for (int i = n; i < n + GUARD; i++)
      tap_check (got[i] == 0xa5);
  }
}

static void
every_version_maps_alike (void)
{
  PetColorMap map;

  for (int round = 0; round < 400; round++) {
    int n = tap_random_range (1, round < 200 ? 70 : MAX_BYTES);
    int n_colors = tap_random_range (1, PET_COLOR_MAP_MOST);

    check_colors (n_colors, n, -1);
    if (n_colors > 1)
      check_colors (n_colors, n, tap_random_range (0, n - 1));
  }
  pet_color_map_clear (&map);
  for (uint32_t k = 0; k <= PET_COLOR_MAP_MOST; k++)
    tap_check (pet_color_map_add (&map, (const uint8_t *) &k) ==
        (k < PET_COLOR_MAP_MOST));
}

/* Codes of lengths as they come of counts that grow by `skew` percent from one
 * symbol to the next: with 50 the rare ones have all the bits there are. */
static void
make_codes (PetLiteralCodes *literals, int skew, bool in_pairs)
{
  uint32_t counts[256];
  uint8_t lengths[256];
  PetHuffmanCode codes[256];
  double count = 1;

  for (int i = 0; i < 256; i++) {
    counts[(i * 37 + skew) % 256] = (uint32_t) count;
    count *= count < 1e7 ? 1 + skew / 100.0 : 1;
  }
  pet_huffman_lengths (counts, 256, PET_LITERAL_MAX_BITS, lengths);
  pet_huffman_codes (lengths, 256, codes);
  pet_literal_codes_set (literals, codes, in_pairs);
}

static void
check_literals (const PetPngKernels *one, const PetLiteralCodes *codes,
    const uint8_t *literals, size_t n)
{
  static uint8_t want[2 * MAX_BYTES + GUARD], got[sizeof want];
  PetBits want_bits = { tap_random () & 127, 7 }, bits = want_bits;
  size_t n_want = pet_png_kernels_at (0)->put_literals (
      codes, literals, n, &want_bits, want);
  size_t n_got;

  memset (got, 0xa5, sizeof got);
  n_got = one->put_literals (codes, literals, n, &bits, got);
  if (n_got != n_want || memcmp (got, want, n_want) != 0 ||
      bits.n != want_bits.n || bits.bits != want_bits.bits)
    tap_fail ("%s: codes of %zu literals", one->name, n);
  for (size_t i = n_got + GUARD; i < sizeof got; i++)
    tap_check (got[i] == 0xa5);
}

static void
check_counts (const PetPngKernels *one, const uint8_t *literals, size_t n)
{
  uint32_t want[258] = { [0] = 3, [256] = 77, [257] = 77 }, got[258];
  bool in_pairs = n % 2 == 0;

  memcpy (got, want, sizeof got);
  for (size_t i = 0; i < n; i++)
    want[literals[i]]++;
  one->count_literals (literals, n, in_pairs, got);
  if (memcmp (got, want, sizeof got) != 0)
    tap_fail ("%s: how often %zu literals occur", one->name, n);
}

static void
every_version_writes_alike (void)
{
  static uint8_t literals[MAX_BYTES + GUARD];
  static PetLiteralCodes codes;

  for (int k = 0; pet_png_kernels_at (k) != NULL; k++)
    for (int n = 0; n < 600; n++) {
      size_t size;

      make_codes (&codes, n % 60, n % 7 < 3);
      if (n % 3 == 0)
        fill (literals, sizeof literals, (Kind) (n % N_BYTES));
      else
        fill_sparse (literals, sizeof literals, n % 12);
      size = (size_t) tap_random_range (0, n < 300 ? 140 : MAX_BYTES);
      check_counts (pet_png_kernels_at (k), literals + n % 31, size);
      check_literals (pet_png_kernels_at (k), &codes, literals + n % 31, size);
    }
}

typedef struct {
  uint8_t *bytes;
  size_t size, n_calls, fail_at;
} Stream;

static PetStatus
take (void *user, const uint8_t *bytes, size_t size, PetError *error)
{
  Stream *stream = user;

  if (++stream->n_calls == stream->fail_at)
    return pet_fail (error, PET_ERROR_IO, "full");
  stream->bytes = realloc (stream->bytes, stream->size + size);
  memcpy (stream->bytes + stream->size, bytes, size);
  stream->size += size;
  return PET_OK;
}

/* Bytes with runs, repeats and noise in turn, as `kind` says how many. */
static void
fill_mixed (uint8_t *bytes, size_t size, int kind)
{
  for (size_t i = 0; i < size;) {
    size_t n = (size_t) tap_random_range (1, kind % 3 == 0 ? 20 : 3000);
    int what = tap_random_range (0, kind);
    size_t back = (size_t) tap_random_range (1, 50000);

    for (; n > 0 && i < size; n--, i++)
      bytes[i] = what == 0        ? 0
          : what == 1             ? (uint8_t) (tap_random () & 7)
          : what == 2 || i < back ? (uint8_t) tap_random ()
                                  : bytes[i - back];
  }
}

static Stream
compress_in_pieces (
    const uint8_t *bytes, size_t size, int level, size_t pitch, bool packed)
{
  Stream stream = { 0 };
  PetDeflate *deflate;

  tap_check (pet_deflate_new (NULL, level, pitch, packed, take, &stream,
                 &deflate, NULL) == PET_OK);
  for (size_t i = 0; i < size;) {
    size_t zeros = 0, n = (size_t) tap_random_range (1, 5000);

    while (i + zeros < size && bytes[i + zeros] == 0)
      zeros++;
    if (zeros > 0 && tap_random_range (0, 1) == 0)
      tap_check (pet_deflate_add_zeros (deflate, n = zeros, NULL) == PET_OK);
    else
      tap_check (pet_deflate_add (deflate, bytes + i,
                     n = n < size - i ? n : size - i, NULL) == PET_OK);
    i += n;
  }
  tap_check (pet_deflate_finish (deflate, NULL) == PET_OK);
  pet_deflate_free (&deflate);
  return stream;
}

/* Most rows of `pitch` bytes are the one above with a few others, in runs. */
static void
repeat_rows (uint8_t *bytes, size_t size, size_t pitch)
{
  for (size_t i = pitch; pitch > 0 && i < size; i++)
    if (i / pitch % 5 != 0 && bytes[i] % 64 != 0)
      bytes[i] = i % 9 < 5 ? bytes[i - pitch] : bytes[i - 1];
}

static void
zlib_reads_every_level (void)
{
  static uint8_t bytes[700000], back[sizeof bytes];

  for (int kind = 0; kind < 10; kind++)
    for (int level = 0; level <= 9; level++) {
      size_t pitch = kind < 6 ? 0 : (size_t) tap_random_range (1, 40000);
      size_t size = kind == 5 ? (size_t) tap_random_range (0, 70)
                              : sizeof bytes - (size_t) (level * 777);
      uLongf n_back = sizeof back;
      Stream stream;

      fill_mixed (bytes, size, kind % 6);
      repeat_rows (bytes, size, pitch);
      stream = compress_in_pieces (bytes, size, level, pitch, kind % 2 > 0);
      if (uncompress (back, &n_back, stream.bytes, stream.size) != Z_OK ||
          n_back != size || memcmp (back, bytes, size) != 0)
        tap_fail ("level %d, kind %d: not what went in", level, kind);
      tap_check (
          level > 0 || stream.size <= size + 11 + 5 * (size / 32768 + 1));
      free (stream.bytes);
    }
}

static void
failing_writes_end_it (void)
{
  static uint8_t bytes[300000];

  fill_mixed (bytes, sizeof bytes, 3);
  for (int level = 0; level <= 9; level += 3)
    for (size_t n = 1; n < 4; n++) {
      Stream stream = { .fail_at = n };
      PetDeflate *deflate;
      PetStatus status;

      tap_check (pet_deflate_new (NULL, level, 0, false, take, &stream,
                     &deflate, NULL) == PET_OK);
      status = pet_deflate_add (deflate, bytes, sizeof bytes, NULL);
      if (status == PET_OK)
        status = pet_deflate_finish (deflate, NULL);
      tap_check (status == PET_ERROR_IO);
      pet_deflate_free (&deflate);
      free (stream.bytes);
    }
}

static double
cpu_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

/* Rows of a cut-out whose alpha does not change, after the filters. */
static double
count_ms (const PetPngKernels *one)
{
  static uint8_t literals[PET_BLOCK_LITERALS];
  uint32_t counts[256] = { 0 };
  double start;

  fill_sparse (literals, sizeof literals, 2);
  start = cpu_ms ();
  for (int n = 0; n < 600; n++)
    one->count_literals (literals, sizeof literals, true, counts);
  return cpu_ms () - start;
}

static int
bench (void)
{
  static uint8_t rows[2][4608 + 64];
  static Rows got;
  static PetLiteralCodes codes;
  static uint8_t bytes[2 * MAX_BYTES + GUARD];
  uint32_t a = 1, b = 0;

  make_codes (&codes, 5, false);
  fill (rows[0], sizeof rows[0], BYTES_SMOOTH);
  fill (rows[1], sizeof rows[1], BYTES_SMOOTH);
  rows_init (&got, 0);
  for (int k = 0; pet_png_kernels_at (k) != NULL; k++) {
    const PetPngKernels *one = pet_png_kernels_at (k);
    double start = cpu_ms (), middle, end;

    for (int n = 0; n < 10000; n++)
      one->filter (rows[0] + 4, rows[1] + 4, MAX_BYTES, 4, got.out);
    middle = cpu_ms ();
    for (int n = 0; n < 10000; n++)
      one->adler (&a, &b, rows[0], MAX_BYTES);
    end = cpu_ms ();
    for (int n = 0; n < 10000; n++) {
      PetBits bits = { 0, 0 };

      one->put_literals (&codes, rows[0], MAX_BYTES, &bits, bytes);
    }
    printf ("%-8s filter %7.2f GB/s   adler %7.2f GB/s   codes %7.2f GB/s   ",
        one->name, MAX_BYTES * 1e-2 / (middle - start),
        MAX_BYTES * 1e-2 / (end - middle),
        MAX_BYTES * 1e-2 / (cpu_ms () - end));
    printf (
        "counts %7.2f GB/s\n", 600e-6 * PET_BLOCK_LITERALS / count_ms (one));
  }
  return 0;
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (every_version_sums_alike),
    TAP_TEST (crc_is_that_of_zlib),
    TAP_TEST (every_version_filters_alike),
    TAP_TEST (filters_are_those_of_png),
    TAP_TEST (every_version_sees_alike),
    TAP_TEST (every_version_maps_alike),
    TAP_TEST (every_version_writes_alike),
    TAP_TEST (zlib_reads_every_level),
    TAP_TEST (failing_writes_end_it),
  };

  if (argc == 2 && strcmp (argv[1], "--bench") == 0)
    return bench ();
  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
