/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What belongs around a network: keys, sidecar, scaling, ranges, errors. The
 * network of most tests hands its input through: its output are the three
 * normalised channels. */

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "nn/pet-segmenter.h"
#include "account.h"
#include "net-util.h"

typedef struct {
  const char *input, *output; /* NULL: "x" and "y" */
  int64_t channels, height, width;
  const char *meta[8]; /* key, value, ... */
  float gain, offset;  /* 0: 1 */
} Spec;

static Bytes
build (const Spec *spec)
{
  OnnxWriter w = onnx_writer (13);
  const char *input = spec->input != NULL ? spec->input : "x";
  const char *output = spec->output != NULL ? spec->output : "y";
  float gain = spec->gain != 0 ? spec->gain : 1;
  char inputs[64];

  onnx_input (&w, input, 1, 4,
      (int64_t[]){ 1, spec->channels, spec->height, spec->width });
  onnx_floats (&w, "g", 0, NULL, &gain);
  onnx_floats (&w, "o", 0, NULL, &spec->offset);
  snprintf (inputs, sizeof inputs, "%s g", input);
  onnx_node (&w, "Mul", inputs, "scaled");
  onnx_node (&w, "Add", "scaled o", output);
  onnx_output (&w, output);
  for (int i = 0; i + 1 < 8 && spec->meta[i] != NULL; i += 2)
    onnx_meta (&w, spec->meta[i], spec->meta[i + 1]);
  return onnx_finish (&w);
}

static PetSegmenter *
open_spec (const Spec *spec, PetError *error)
{
  PetSegmenterOptions options = { .threads = 1 };
  PetSegmenter *segmenter = NULL;
  Bytes bytes = build (spec);

  pet_segmenter_new (bytes.data, bytes.size, &options, &segmenter, error);
  free (bytes.data);
  return segmenter;
}

/* Opens the spec, which must work, and runs it on a photo. */
static void
run_spec (const Spec *spec, const PetImage *photo, uint8_t *mask)
{
  PetError error = { .status = PET_OK };
  PetSegmenter *segmenter = open_spec (spec, &error);
  PetImage to = { .data = mask, .channels = 1 };

  if (segmenter == NULL) {
    tap_fail ("%s", error.message);
    return;
  }
  pet_segmenter_mask_size (
      segmenter, photo->width, photo->height, &to.width, &to.height);
  to.stride_bytes = to.width;
  if (pet_segmenter_run (segmenter, photo, &to, &error) != PET_OK)
    tap_fail ("%s", error.message);
  pet_segmenter_free (&segmenter);
}

static PetImage
random_photo (uint8_t *data, int width, int height, int channels)
{
  PetImage image = { .data = data,
    .width = width,
    .height = height,
    .channels = channels,
    .stride_bytes = (ptrdiff_t) width * channels };

  for (int i = 0; i < width * height * channels; i++)
    data[i] = (uint8_t) tap_random ();
  return image;
}

static PetStatus
read_info (
    const Spec *spec, const char *sidecar, PetModelInfo *info, PetError *error)
{
  Bytes bytes = build (spec);
  PetModel *model = load_bytes (&bytes);
  PetStatus status = pet_model_info_read (model, sidecar, info, error);

  pet_model_free (&model);
  return status;
}

static void
an_unknown_network_gets_the_default (void)
{
  Spec spec = { .channels = 3, .height = 5, .width = 7 };
  PetModelInfo info;

  tap_check (read_info (&spec, NULL, &info, NULL) == PET_OK);
  tap_check (info.width == 7 && info.height == 5);
  tap_check (info.divisor == 255 && info.mean[0] == 0 && info.std[2] == 1);
  tap_check (info.range == PET_RANGE_UNIT && info.output[0] == '\0');
  spec.height = spec.width = -1;
  tap_check (read_info (&spec, NULL, &info, NULL) == PET_OK);
  tap_check (info.width == 320 && info.height == 320);
}

static void
known_networks_are_recognised (void)
{
  Spec spec = { .input = "input",
    .output = "mask",
    .channels = 3,
    .height = 257,
    .width = 257 };
  PetModelInfo info;
  OnnxWriter w = onnx_writer (11);
  PetModel *model;
  Bytes bytes;

  tap_check (read_info (&spec, NULL, &info, NULL) == PET_OK);
  tap_check (info.divisor == 127.5f && info.mean[1] == 1);
  tap_check (strcmp (info.output, "mask") == 0);
  onnx_input (&w, "input.1", 1, 4, (int64_t[]){ 1, 3, 320, 320 });
  for (int i = 0; i < 7; i++) {
    char name[8];

    snprintf (name, sizeof name, "d%d", i);
    onnx_node (&w, "Relu", "input.1", name);
    onnx_output (&w, name);
  }
  bytes = onnx_finish (&w);
  model = load_bytes (&bytes);
  tap_check (pet_model_info_read (model, NULL, &info, NULL) == PET_OK);
  tap_check (info.divisor == 0 && info.mean[0] == 0.485f &&
      info.std[2] == 0.225f && info.range == PET_RANGE_MINMAX);
  pet_model_free (&model);
}

static void
metadata_beats_the_table_and_the_sidecar_beats_both (void)
{
  Spec spec = { .input = "input",
    .output = "mask",
    .channels = 3,
    .height = 9,
    .width = 9,
    .meta = { "pet.divisor", "max", "pet.mean", "0.5", "pet.name", "mine" } };
  static const char sidecar[] =
      "# comment\r\n[input]\nmean = 9\n\n[modelinfo]\nversion=1.0\n"
      "group-id=x\n mean = 0.25, 0.5,7.5e-1 \r\nstd=2\n[other]\nstd=3\n";
  PetModelInfo info;

  tap_check (read_info (&spec, NULL, &info, NULL) == PET_OK);
  tap_check (info.divisor == 0 && info.mean[2] == 0.5f && info.std[0] == 1);
  tap_check (strcmp (info.name, "mine") == 0);
  tap_check (read_info (&spec, sidecar, &info, NULL) == PET_OK);
  tap_check (
      info.mean[0] == 0.25f && info.mean[1] == 0.5f && info.mean[2] == 0.75f);
  tap_check (info.std[1] == 2 && info.divisor == 0);
}

static void
bad_values_name_their_key (void)
{
  static const char *const bad[] = { "mean=1,2", "mean=", "mean=1,2,3,4",
    "mean=nan", "std=0", "std=a", "divisor=-1", "divisor=maximum",
    "divisor=1e999", "output-range=0..1", "channel=-1", "channel=0.5",
    "channel=1x", "input-size=5", "input-size=0x4", "input-size=3x3x3",
    "name=", "output= ", "precision=fp16" };
  Spec spec = { .channels = 3, .height = -1, .width = -1 };
  char text[128], key[32];

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    PetError error = { .status = PET_OK };
    PetModelInfo info;

    snprintf (text, sizeof text, "[modelinfo]\n%s\n", bad[i]);
    snprintf (key, sizeof key, "'%.*s'", (int) strcspn (bad[i], "="), bad[i]);
    if (read_info (&spec, text, &info, &error) != PET_ERROR_FORMAT ||
        strstr (error.message, key) == NULL)
      tap_fail ("%s: %s", bad[i], error.message);
  }
}

static void
input_size_is_for_open_models_only (void)
{
  Spec spec = { .channels = 3, .height = -1, .width = -1 };
  PetModelInfo info;
  const char *sidecar = "[modelinfo]\ninput-size=31x17";

  tap_check (read_info (&spec, sidecar, &info, NULL) == PET_OK);
  tap_check (info.width == 31 && info.height == 17);
  spec.width = 30;
  tap_check (read_info (&spec, sidecar, &info, NULL) == PET_ERROR_ARGUMENT);
}

static void
other_networks_are_refused (void)
{
  Spec spec = { .channels = 4, .height = 8, .width = 8 };
  PetError error = { .status = PET_OK };

  tap_check (open_spec (&spec, &error) == NULL);
  tap_check (error.status == PET_ERROR_UNSUPPORTED);
  spec.channels = 3;
  spec.meta[0] = "pet.channel";
  spec.meta[1] = "3";
  tap_check (open_spec (&spec, &error) == NULL);
  tap_check (error.status == PET_ERROR_ARGUMENT);
  spec.meta[0] = "pet.output";
  spec.meta[1] = "nowhere";
  tap_check (open_spec (&spec, &error) == NULL);
  tap_check (strstr (error.message, "nowhere") != NULL);
}

/* Channel c of a photo of the network's size comes out unchanged. */
static void
same_size_is_passed_through (void)
{
  static const char *const channels[] = { "0", "1", "2" };
  uint8_t data[12 * 10 * 3], mask[12 * 10];
  PetImage photo = random_photo (data, 12, 10, 3);

  for (int c = 0; c < 3; c++) {
    Spec spec = { .channels = 3,
      .height = 10,
      .width = 12,
      .meta = { "pet.channel", channels[c] } };

    run_spec (&spec, &photo, mask);
    for (int i = 0; i < 120; i++)
      if (mask[i] != data[3 * i + c]) {
        tap_fail ("pixel %d is %d, not %d", i, mask[i], data[3 * i + c]);
        return;
      }
  }
}

static void
normalisation_is_as_written (void)
{
  Spec spec = { .channels = 3,
    .height = 1,
    .width = 2,
    .meta = { "pet.divisor", "100", "pet.mean", "0.5", "pet.std", "2" } };
  uint8_t data[6] = { 200, 0, 0, 120, 0, 0 }, mask[2];
  PetImage photo = { data, 2, 1, 3, 6 };

  run_spec (&spec, &photo, mask);
  tap_check (mask[0] == 191); /* (2 - 0.5) / 2 = 0.75 */
  tap_check (mask[1] == 89);  /* (1.2 - 0.5) / 2 = 0.35 */
  spec.meta[1] = "max";
  run_spec (&spec, &photo, mask);
  tap_check (mask[0] == 64); /* (1 - 0.5) / 2 */
}

static void
ranges_end_in_a_mask (void)
{
  Spec spec = { .channels = 3,
    .height = 1,
    .width = 2,
    .gain = 0.5f,
    .offset = 0.25f,
    .meta = { "pet.output-range", "minmax" } };
  uint8_t data[6] = { 0, 0, 0, 255, 0, 0 }, mask[2];
  PetImage photo = { data, 2, 1, 3, 6 };

  run_spec (&spec, &photo, mask);
  tap_check (mask[0] == 0 && mask[1] == 255);
  /* Nothing is found: stays so. */
  spec.gain = 0.1f;
  spec.offset = 0.01f;
  run_spec (&spec, &photo, mask);
  tap_check (mask[0] == 3 && mask[1] == 28);
  spec.meta[1] = "logit";
  spec.gain = 100;
  spec.offset = 0;
  run_spec (&spec, &photo, mask);
  tap_check (mask[0] == 128 && mask[1] == 255);
  spec.meta[1] = "unit";
  spec.offset = -200;
  run_spec (&spec, &photo, mask);
  tap_check (mask[0] == 0 && mask[1] == 0);
}

static void
what_is_not_a_number_is_an_error (void)
{
  uint8_t data[12] = { 255, 255, 255 }, mask[4];
  PetImage photo = { data, 2, 2, 3, 6 }, to = { mask, 2, 2, 1, 2 };
  PetSegmenterOptions options = { .threads = 1 };
  PetSegmenter *segmenter = NULL;
  OnnxWriter w = onnx_writer (13);
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, 2, 2 });
  onnx_floats (&w, "huge", 0, NULL, (float[]){ 3e38f });
  onnx_node (&w, "Mul", "x huge", "a");
  onnx_node (&w, "Mul", "a huge", "infinite");
  onnx_node (&w, "Sub", "infinite infinite", "y");
  onnx_output (&w, "y");
  bytes = onnx_finish (&w);
  tap_check (pet_segmenter_new (
                 bytes.data, bytes.size, &options, &segmenter, NULL) == PET_OK);
  tap_check (segmenter != NULL &&
      pet_segmenter_run (segmenter, &photo, &to, NULL) == PET_ERROR_LIBRARY);
  free (bytes.data);
  pet_segmenter_free (&segmenter);
}

static void
wrong_pictures_are_refused (void)
{
  Spec spec = { .channels = 3, .height = 2, .width = 2 };
  uint8_t data[12] = { 0 }, mask[4];
  PetImage grey = { data, 2, 2, 1, 2 }, photo = { data, 2, 2, 3, 6 };
  PetImage to = { mask, 2, 2, 1, 2 }, small = { mask, 2, 1, 1, 2 };
  PetSegmenter *segmenter = open_spec (&spec, NULL);

  tap_check (
      pet_segmenter_run (segmenter, &grey, &to, NULL) == PET_ERROR_ARGUMENT);
  tap_check (pet_segmenter_run (segmenter, &photo, &small, NULL) ==
      PET_ERROR_ARGUMENT);
  pet_segmenter_free (&segmenter);
}

static void
transparent_pixels_are_white (void)
{
  Spec spec = { .channels = 3, .height = 4, .width = 4 };
  uint8_t data[8 * 8 * 4], mask[16];
  PetImage photo = random_photo (data, 8, 8, 4);

  for (int i = 0; i < 64; i++)
    data[4 * i + 3] = 0;
  run_spec (&spec, &photo, mask);
  for (int i = 0; i < 16; i++)
    tap_check (mask[i] == 255);
}

static void
any_size_and_stride_is_scaled (void)
{
  uint8_t *data = malloc (70 * 90 * 4), mask[13 * 11];
  Spec spec = { .channels = 3, .height = 11, .width = 13 };

  for (int round = 0; round < 50; round++) {
    int channels = tap_random_range (3, 4);
    PetImage photo = { .data = data,
      .width = tap_random_range (1, 64),
      .height = tap_random_range (1, 90),
      .channels = channels,
      .stride_bytes = 70 * channels };

    memset (data, 77, 70 * 90 * 4);
    for (int i = 3; i < 70 * 90 * 4 && channels == 4; i += 4)
      data[i] = 255;
    run_spec (&spec, &photo, mask);
    for (int i = 0; i < 13 * 11; i++)
      tap_check (mask[i] == 77);
  }
  free (data);
}

static void
write_file (const char *path, const void *data, size_t size)
{
  FILE *file = fopen (path, "wb");

  tap_check (file != NULL && fwrite (data, 1, size, file) == size);
  if (file != NULL)
    fclose (file);
}

/* Two convolutions and a sum, so that weights are packed. */
static Bytes
build_convolutions (int64_t side)
{
  OnnxWriter w = onnx_writer (13);

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, side, side });
  onnx_random (&w, "w1", 4, (int64_t[]){ 3, 3, 3, 3 }, 0.3f);
  onnx_random (&w, "w2", 4, (int64_t[]){ 3, 3, 1, 1 }, 0.3f);
  onnx_attr_ints (&w, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
  onnx_node (&w, "Conv", "x w1", "a");
  onnx_node (&w, "Conv", "a w2", "b");
  onnx_node (&w, "Add", "a b", "c");
  onnx_node (&w, "Floor", "c", "d");
  onnx_node (&w, "Add", "c d", "y");
  onnx_output (&w, "y");
  return onnx_finish (&w);
}

static PetStatus
run_with_account (const Bytes *model, Account *account)
{
  PetAllocator allocator = account_allocator (account);
  PetSegmenterOptions options = { .threads = 1, .allocator = &allocator };
  uint8_t data[30 * 20 * 3] = { 1 }, mask[24 * 24];
  PetImage photo = { data, 30, 20, 3, 90 }, to = { mask, 24, 24, 1, 24 };
  PetSegmenter *segmenter = NULL;
  PetError error = { .status = PET_OK };
  PetStatus status = pet_segmenter_new (
      model->data, model->size, &options, &segmenter, &error);

  if (status == PET_OK)
    status = pet_segmenter_run (segmenter, &photo, &to, &error);
  tap_check (error.status == status);
  pet_segmenter_free (&segmenter);
  tap_check (account->bytes == 0);
  return status;
}

static void
any_allocation_may_fail (void)
{
  Bytes model = build_convolutions (24);
  Account whole = { .refused = -1 };

  tap_check (run_with_account (&model, &whole) == PET_OK);
  tap_check (whole.calls > 3);
  for (int i = 0; i < whole.calls; i++) {
    Account account = { .refused = i };

    tap_check (run_with_account (&model, &account) == PET_ERROR_MEMORY);
  }
  free (model.data);
}

/* Keeps the largest block in sight. */
static void *
watched_alloc (void *user, size_t size)
{
  struct iovec *largest = user;
  void *memory = pet_alloc (NULL, size);

  if (memory != NULL && size > largest->iov_len)
    *largest = (struct iovec){ memory, size };
  return memory;
}

static void
watched_free (void *user, void *memory, size_t size)
{
  pet_free (NULL, memory, size);
}

/* Pages of a block that lie wholly in it and are in memory. */
static size_t
resident_pages (const struct iovec *block, size_t *n_pages)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE), resident = 0;
  uintptr_t begin = ((uintptr_t) block->iov_base + page - 1) / page;
  uintptr_t end = ((uintptr_t) block->iov_base + block->iov_len) / page;
  unsigned char *pages = calloc (end - begin, 1);

  *n_pages = end - begin;
  tap_check (mincore ((void *) (begin * page), *n_pages * page, pages) == 0);
  for (size_t i = 0; i < *n_pages; i++)
    resident += pages[i] & 1;
  free (pages);
  return resident;
}

static void
rest_gives_memory_back_and_changes_nothing (void)
{
  Bytes model = build_convolutions (400);
  struct iovec largest = { NULL, 0 };
  PetAllocator allocator = {
    .alloc = watched_alloc, .free = watched_free, .user = &largest
  };
  PetSegmenterOptions options = {
    .backend = "native", .threads = 2, .allocator = &allocator
  };
  uint8_t *data = malloc (300 * 200 * 3);
  PetImage photo = random_photo (data, 300, 200, 3);
  uint8_t *before = malloc (400 * 400), *after = malloc (400 * 400);
  PetImage to = { before, 400, 400, 1, 400 };
  PetSegmenter *segmenter = NULL;
  size_t n_pages;

  tap_check (pet_segmenter_new (
                 model.data, model.size, &options, &segmenter, NULL) == PET_OK);
  tap_check (pet_segmenter_run (segmenter, &photo, &to, NULL) == PET_OK);
  tap_check (resident_pages (&largest, &n_pages) == n_pages && n_pages > 250);
  pet_segmenter_rest (segmenter);
  tap_check (resident_pages (&largest, &n_pages) == 0);
  to.data = after;
  tap_check (pet_segmenter_run (segmenter, &photo, &to, NULL) == PET_OK);
  tap_check (memcmp (before, after, 400 * 400) == 0);
  pet_segmenter_free (&segmenter);
  free (model.data);
  free (data);
  free (before);
  free (after);
}

static void
files_are_read_with_their_sidecar (void)
{
  Spec spec = { .channels = 3, .height = 3, .width = 3 };
  PetSegmenterOptions options = { .threads = 1 };
  char folder[] = "/tmp/pet-segmenter-XXXXXX", model[64], sidecar[80];
  static const char text[] = "[modelinfo]\nname=beside\n";
  static const char bad[] = "[modelinfo]\nchannel=many\n";
  PetSegmenter *segmenter = NULL;
  Bytes bytes = build (&spec);

  tap_check (mkdtemp (folder) != NULL);
  snprintf (model, sizeof model, "%s/n.onnx", folder);
  snprintf (sidecar, sizeof sidecar, "%s.modelinfo", model);
  write_file (model, bytes.data, bytes.size);
  tap_check (
      pet_segmenter_new_file (model, &options, &segmenter, NULL) == PET_OK);
  pet_segmenter_free (&segmenter);
  write_file (sidecar, text, strlen (text));
  tap_check (
      pet_segmenter_new_file (model, &options, &segmenter, NULL) == PET_OK);
  tap_check (segmenter != NULL &&
      strcmp (pet_segmenter_info (segmenter)->name, "beside") == 0);
  pet_segmenter_free (&segmenter);
  write_file (sidecar, bad, strlen (bad));
  tap_check (pet_segmenter_new_file (model, &options, &segmenter, NULL) ==
      PET_ERROR_FORMAT);
  unlink (sidecar);
  unlink (model);
  tap_check (pet_segmenter_new_file (model, &options, &segmenter, NULL) ==
      PET_ERROR_IO);
  rmdir (folder);
  free (bytes.data);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (an_unknown_network_gets_the_default),
    TAP_TEST (known_networks_are_recognised),
    TAP_TEST (metadata_beats_the_table_and_the_sidecar_beats_both),
    TAP_TEST (bad_values_name_their_key),
    TAP_TEST (input_size_is_for_open_models_only),
    TAP_TEST (other_networks_are_refused),
    TAP_TEST (same_size_is_passed_through),
    TAP_TEST (normalisation_is_as_written),
    TAP_TEST (ranges_end_in_a_mask),
    TAP_TEST (what_is_not_a_number_is_an_error),
    TAP_TEST (wrong_pictures_are_refused),
    TAP_TEST (transparent_pixels_are_white),
    TAP_TEST (any_size_and_stride_is_scaled),
    TAP_TEST (any_allocation_may_fail),
    TAP_TEST (rest_gives_memory_back_and_changes_nothing),
    TAP_TEST (files_are_read_with_their_sidecar),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
