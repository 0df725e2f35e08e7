/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any of the files of the other targets, while the n-th allocation fails: what
 * happens is told as such, and nothing is lost. The last two bytes are n. The
 * decoder's memory fails in its allocator, libraries included; the network
 * engine's by wrapped functions of the C library (ld --wrap). */

#include "codecs/codec-files.h"
#include "fuzz-decode.h"
#include "fuzz-model.h"
#include "fuzz.h"

/* Allocations of the C library until one fails; -1: none does. */
static long until_failure = -1;

static bool
fails_now (void)
{
  return until_failure >= 0 && until_failure-- == 0;
}

void *__real_malloc (size_t size);
void *__real_calloc (size_t count, size_t size);
void *__real_aligned_alloc (size_t alignment, size_t size);
char *__real_strdup (const char *text);
void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t count, size_t size);
void *__wrap_aligned_alloc (size_t alignment, size_t size);
char *__wrap_strdup (const char *text);

void *
__wrap_malloc (size_t size)
{
  return fails_now () ? NULL : __real_malloc (size);
}

void *
__wrap_calloc (size_t count, size_t size)
{
  return fails_now () ? NULL : __real_calloc (count, size);
}

void *
__wrap_aligned_alloc (size_t alignment, size_t size)
{
  return fails_now () ? NULL : __real_aligned_alloc (alignment, size);
}

char *
__wrap_strdup (const char *text)
{
  return fails_now () ? NULL : __real_strdup (text);
}

static void
decode_failing (const uint8_t *bytes, size_t size, int n)
{
  PetDecodeOptions options = fuzz_options (bytes, size);
  PetPictureInfo info;
  PetDecoder *decoder;
  PetError error = { 0 };
  TestAllocator memory;
  PetStatus status;

  test_allocator_init (&memory, 0x99);
  memory.fail_at = n;
  options.allocator = &memory.allocator;
  status = pet_decoder_open (&options, bytes, size, &decoder, &info, &error);
  if (status == PET_OK) {
    size_t stride = (size_t) info.width * (size_t) info.channels;
    PetImage image = { malloc (stride * (size_t) info.height), info.width,
      info.height, info.channels, (ptrdiff_t) stride };

    status = pet_decoder_read (decoder, &image, NULL, &error);
    free (image.data);
  }
  pet_decoder_free (&decoder);
  if (memory.used != 0)
    abort ();
  if (memory.n_allocations >= n && n > 0 && status != PET_ERROR_MEMORY)
    abort ();
  if (status != PET_OK && error.message[0] == '\0')
    abort ();
}

static void
compile_failing (const uint8_t *bytes, size_t size, int n)
{
  PetModelLimits limits = fuzz_model_limits ();
  PetModel *model = NULL;
  PetNet *net = NULL;
  PetNetOptions options;
  PetError error;
  PetStatus status;
  bool failed;

  pet_net_options_init (&options);
  options.threads = 1;
  options.backend = "ref";
  until_failure = n;
  status = pet_model_load (bytes, size, &limits, &model, &error);
  if (status == PET_OK)
    status = pet_net_new (model, &options, &net, &error);
  failed = until_failure < 0;
  until_failure = -1;
  pet_net_free (&net);
  pet_model_free (&model);
  if (failed && status != PET_ERROR_MEMORY)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  PetPictureFormat format;
  int n;

  if (size < 2)
    return 0;
  n = bytes[size - 2] | (bytes[size - 1] & 3) << 8;
  if (pet_picture_sniff (bytes, size, &format))
    decode_failing (bytes, size, n);
  else
    compile_failing (bytes, size, n);
  return 0;
}

/* Passes each file on with several n behind it. */
typedef struct {
  FuzzSeed seed;
  void *user;
} Numbered;

static void
give_numbered (void *user, const char *name, const uint8_t *bytes, size_t size)
{
  static const int numbers[] = { 1, 13, 55 };
  const Numbered *self = user;
  uint8_t *copy = malloc (size + 2);

  memcpy (copy, bytes, size);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    char text[64];

    snprintf (text, sizeof text, "%s-%d", name, numbers[i]);
    copy[size] = (uint8_t) numbers[i];
    copy[size + 1] = (uint8_t) (numbers[i] >> 8);
    self->seed (self->user, text, copy, size + 2);
  }
  free (copy);
}

void
fuzz_seeds (FuzzSeed seed, void *user)
{
  Numbered numbered = { seed, user };

  seeds_jpeg (give_numbered, &numbered);
  seeds_png (give_numbered, &numbered);
  seeds_onnx (give_numbered, &numbered);
}

void
fuzz_repair (uint8_t *bytes, size_t size)
{
}
