/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Networks that are shown photos in the photos' own shape, and the memory of one
 * shape after another. */

#include "account.h"
#include "net-util.h"
#include "nn/pet-room.h"
#include "nn/pet-shapes.h"

#define STEP 8
#define SUM 64
#define SIDE 24 /* of the file */
#define N_SHAPES 3

/* A stride of 2 and back. `shapes`: it says that it bears others. */
static Bytes
build (int width, int height, bool shapes)
{
  OnnxWriter w = onnx_writer (13);
  float first[8 * 3 * 9], second[8];
  const float scales[] = { 1, 1, 2, 2 };

  for (int i = 0; i < 8 * 3 * 9; i++)
    first[i] = (float) (i * 37 % 101 - 50) / 100;
  for (int i = 0; i < 8; i++)
    second[i] = (float) (i * 5 % 8 - 3) / 3;
  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, height, width });
  onnx_floats (&w, "w1", 4, (int64_t[]){ 8, 3, 3, 3 }, first);
  onnx_floats (&w, "w2", 4, (int64_t[]){ 1, 8, 1, 1 }, second);
  onnx_floats (&w, "s", 1, (int64_t[]){ 4 }, scales);
  onnx_attr_ints (&w, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
  onnx_attr_ints (&w, "strides", 2, (int64_t[]){ 2, 2 });
  onnx_node (&w, "Conv", "x w1", "a");
  onnx_node (&w, "Relu", "a", "b");
  onnx_node (&w, "Conv", "b w2", "c");
  onnx_attr_text (&w, "mode", "linear");
  onnx_node (&w, "Resize", "c - s", "d");
  onnx_node (&w, "Sigmoid", "d", "y");
  onnx_output (&w, "y");
  if (shapes) {
    onnx_meta (&w, "pet.shape-sum", "64");
    onnx_meta (&w, "pet.shape-step", "8");
  }
  return onnx_finish (&w);
}

static PetSegmenter *
open_network (int width, int height, bool shapes, const char *backend,
    const PetAllocator *allocator)
{
  PetSegmenterOptions options = {
    .backend = backend, .threads = 1, .allocator = allocator
  };
  Bytes bytes = build (width, height, shapes);
  PetSegmenter *segmenter = NULL;
  PetError error = { .status = PET_OK };

  if (pet_segmenter_new (
          bytes.data, bytes.size, &options, &segmenter, &error) != PET_OK)
    printf ("# %s\n", error.message);
  free (bytes.data);
  return segmenter;
}

static PetImage
new_image (int width, int height, int channels)
{
  PetImage image = { .width = width,
    .height = height,
    .channels = channels,
    .stride_bytes = (ptrdiff_t) width * channels };

  image.data = malloc ((size_t) image.stride_bytes * (size_t) height);
  return image;
}

static PetImage
new_photo (int width, int height)
{
  PetImage photo = new_image (width, height, 3);

  for (int i = 0; i < 3 * width * height; i++)
    photo.data[i] = (uint8_t) tap_random ();
  return photo;
}

/* A mask of 0 where it fails. */
static PetImage
ask (PetSegmenter *segmenter, const PetImage *photo, PetStatus wanted)
{
  PetError error = { .status = PET_OK };
  int width, height;
  PetImage mask;

  pet_segmenter_mask_size (
      segmenter, photo->width, photo->height, &width, &height);
  mask = new_image (width, height, 1);
  memset (mask.data, 0, (size_t) (width * height));
  if (pet_segmenter_run (segmenter, photo, &mask, &error) != wanted)
    tap_fail ("status %d: %s", error.status, error.message);
  tap_check ((wanted == PET_OK) == (error.message[0] == '\0'));
  return mask;
}

/* Sizes of photos, and of what the network sees of them. */
static const int sizes[][4] = { { 100, 100, 32, 32 }, { 40, 30, 40, 24 },
  { 300, 410, 24, 40 }, { 35, 31, 32, 32 }, { 9, 1000, 24, 40 },
  { 1, 1, 32, 32 }, { 8000, 2, 40, 24 }, { 97, 103, 32, 32 },
  { 400, 300, 40, 24 } };

#define N_SIZES ((int) (sizeof sizes / sizeof *sizes))

static void
a_photo_is_seen_in_about_its_shape (void)
{
  PetSegmenter *segmenter = open_network (SIDE, SIDE, true, NULL, NULL);
  PetSegmenterShape shape;
  int width, height, n = 0;

  for (int i = 0; i < N_SIZES; i++) {
    pet_segmenter_mask_size (
        segmenter, sizes[i][0], sizes[i][1], &width, &height);
    tap_check (width == sizes[i][2] && height == sizes[i][3]);
    pet_segmenter_mask_size (segmenter, width, height, &width, &height);
    tap_check (width == sizes[i][2] && height == sizes[i][3]);
    pet_segmenter_view_size (segmenter, 40, 24, &width, &height);
    tap_check (width == 40 && height == 24);
  }
  for (; pet_segmenter_shape (segmenter, n, &shape); n++)
    tap_check (shape.width + shape.height == SUM && shape.width % STEP == 0 &&
        shape.mask_width == shape.width && shape.mask_height == shape.height);
  tap_check (n == N_SHAPES);
  pet_segmenter_free (&segmenter);
}

static void
check_backend (const char *backend)
{
  PetSegmenter *many = open_network (SIDE, SIDE, true, backend, NULL);

  for (int i = 0; i < N_SIZES; i++) {
    PetImage photo = new_photo (sizes[i][0], sizes[i][1]);
    PetSegmenter *one =
        open_network (sizes[i][2], sizes[i][3], false, backend, NULL);
    PetImage want = ask (one, &photo, PET_OK);
    PetImage got = ask (many, &photo, PET_OK);

    tap_check (got.width == want.width && got.height == want.height);
    tap_check (
        memcmp (got.data, want.data, (size_t) (want.width * want.height)) == 0);
    pet_segmenter_free (&one);
    free (photo.data);
    free (want.data);
    free (got.data);
  }
  pet_segmenter_free (&many);
}

static void
each_shape_gives_what_a_network_of_it_gives (void)
{
  for (int i = 0; pet_backend_names ()[i] != NULL; i++)
    check_backend (pet_backend_names ()[i]);
}

static void
the_shape_of_the_file_is_one_of_them (void)
{
  PetSegmenter *many = open_network (SIDE, SIDE, true, NULL, NULL);
  PetSegmenter *one = open_network (SIDE, SIDE, false, NULL, NULL);
  PetImage photo = new_photo (50, 30), want = ask (one, &photo, PET_OK);
  PetImage got = new_image (SIDE, SIDE, 1), other = new_image (40, 32, 1);

  tap_check (pet_segmenter_run (many, &photo, &got, NULL) == PET_OK);
  tap_check (memcmp (got.data, want.data, SIDE * SIDE) == 0);
  tap_check (
      pet_segmenter_run (many, &photo, &other, NULL) == PET_ERROR_ARGUMENT);
  free (photo.data);
  free (want.data);
  free (got.data);
  free (other.data);
  pet_segmenter_free (&many);
  pet_segmenter_free (&one);
}

/* A constant of 28 columns is added, which the narrow shape has not. */
static PetSegmenter *
open_without_narrow (void)
{
  OnnxWriter w = onnx_writer (13);
  PetSegmenterOptions options = { .threads = 1 };
  PetSegmenter *segmenter = NULL;
  PetError error = { .status = PET_OK };
  float columns[28] = { 0 };
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, 32, 32 });
  onnx_floats (&w, "c", 4, (int64_t[]){ 1, 1, 1, 28 }, columns);
  onnx_ints (&w, "from", 1, (int64_t[]){ 0 });
  onnx_ints (&w, "to", 1, (int64_t[]){ 28 });
  onnx_ints (&w, "axis", 1, (int64_t[]){ 3 });
  onnx_node (&w, "Slice", "x from to axis", "part");
  onnx_node (&w, "Add", "part c", "sum");
  onnx_attr_ints (&w, "axes", 1, (int64_t[]){ 3 });
  onnx_node (&w, "ReduceMean", "sum", "mean");
  onnx_node (&w, "Add", "x mean", "y");
  onnx_output (&w, "y");
  onnx_meta (&w, "pet.shape-sum", "64");
  onnx_meta (&w, "pet.shape-step", "8");
  bytes = onnx_finish (&w);
  if (pet_segmenter_new (
          bytes.data, bytes.size, &options, &segmenter, &error) != PET_OK)
    tap_fail ("%s", error.message);
  free (bytes.data);
  return segmenter;
}

static void
a_shape_that_cannot_be_made_is_told (void)
{
  PetSegmenter *segmenter = open_without_narrow ();
  PetImage narrow = new_photo (24, 40), square = new_photo (32, 32);
  PetImage mask = new_image (24, 40, 1), first, again;

  if (segmenter == NULL)
    return;
  first = ask (segmenter, &square, PET_OK);
  for (int i = 0; i < 2; i++) {
    PetError error = { .status = PET_OK };

    tap_check (pet_segmenter_run (segmenter, &narrow, &mask, &error) != PET_OK);
    tap_check (strstr (error.message, "Add") != NULL);
  }
  pet_segmenter_rest (segmenter);
  again = ask (segmenter, &square, PET_OK);
  tap_check (memcmp (first.data, again.data, 32 * 32) == 0);
  pet_segmenter_free (&segmenter);
  free (narrow.data);
  free (square.data);
  free (mask.data);
  free (first.data);
  free (again.data);
}

/* Whichever fails, in the first photo: the next one is served. */
static bool
is_served_after (int refused)
{
  Account account = { .refused = refused };
  PetAllocator allocator = account_allocator (&account);
  PetSegmenter *segmenter = open_network (SIDE, SIDE, true, NULL, &allocator);
  PetImage wide = new_photo (100, 60), square = new_photo (32, 32);
  PetImage mask = new_image (40, 24, 1), after;
  bool whole = false;

  if (segmenter != NULL) {
    whole = pet_segmenter_run (segmenter, &wide, &mask, NULL) == PET_OK;
    account.refused = -1;
    after = ask (segmenter, &square, PET_OK);
    free (after.data);
  }
  pet_segmenter_free (&segmenter);
  tap_check (account.bytes == 0);
  free (wide.data);
  free (square.data);
  free (mask.data);
  return whole;
}

static void
any_allocation_may_fail (void)
{
  int refused = 0;

  while (refused < 100 && !is_served_after (refused))
    refused++;
  printf ("# %d allocations\n", refused);
  tap_check (refused > 5 && refused < 100);
}

static void
wrong_shapes_are_refused (void)
{
  static const char *const texts[] = { "shape-sum=704\n", "shape-step=32\n",
    "shape-sum=700\nshape-step=32\n", "shape-sum=64\nshape-step=32\n",
    "shape-sum=704\nshape-step=8\n", "shape-sum=0\nshape-step=32\n",
    "shape-sum=wide\nshape-step=32\n", "shape-sum=99999\nshape-step=32\n" };
  Bytes bytes = build (SIDE, SIDE, false);
  PetModel *model = load_bytes (&bytes);

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char text[80];
    PetModelInfo info;
    PetError error = { .status = PET_OK };
    PetStatus status;

    snprintf (text, sizeof text, "[modelinfo]\n%s", texts[i]);
    status = pet_model_info_read (model, text, &info, &error);
    tap_check (status == PET_ERROR_ARGUMENT || status == PET_ERROR_FORMAT);
    tap_check (strstr (error.message, "shape-s") != NULL);
  }
  pet_model_free (&model);
}

/* A network that gives masks of a constant size. */
static void
masks_are_of_the_photo_s_shape (void)
{
  OnnxWriter w = onnx_writer (13);
  PetSegmenterOptions options = { .threads = 1 };
  const int64_t sides[] = { 1, 3, SIDE, SIDE };
  PetSegmenter *segmenter = NULL;
  PetError error = { .status = PET_OK };
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, sides);
  onnx_ints (&w, "s", 4, sides);
  onnx_attr_text (&w, "mode", "linear");
  onnx_node (&w, "Resize", "x - - s", "y");
  onnx_output (&w, "y");
  onnx_meta (&w, "pet.shape-sum", "64");
  onnx_meta (&w, "pet.shape-step", "8");
  bytes = onnx_finish (&w);
  tap_check (pet_segmenter_new (bytes.data, bytes.size, &options, &segmenter,
                 &error) == PET_ERROR_UNSUPPORTED);
  tap_check (strstr (error.message, "shapes") != NULL);
  free (bytes.data);
}

static void
a_room_serves_what_it_had_before (void)
{
  Account account = { .refused = -1 };
  PetAllocator host = account_allocator (&account);
  PetRoom room;
  uint8_t *large, *small, *again;

  pet_room_init (&room, &host);
  large = pet_alloc (&room.allocator, 1000);
  small = pet_alloc (&room.allocator, 100);
  tap_check (large != NULL && small != NULL && account.bytes == 1100);
  memset (large, 7, 1000);
  pet_free (&room.allocator, large, 1000);
  pet_free (&room.allocator, small, 100);
  tap_check (account.bytes == 1100);
  again = pet_alloc_zeroed (&room.allocator, 900);
  tap_check (again == large && again[0] == 0 && again[899] == 0);
  tap_check (pet_alloc (&room.allocator, 50) == small);
  tap_check (account.calls == 2);
  pet_free (&room.allocator, again, 900);
  pet_free (&room.allocator, small, 50);
  account.refused = 2;
  tap_check (pet_alloc (&room.allocator, 2000) == NULL);
  account.refused = -1;
  again = pet_alloc (&room.allocator, 3000);
  tap_check (again != NULL);
  pet_free (&room.allocator, again, 3000);
  pet_room_clear (&room);
  tap_check (account.bytes == 0);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (a_photo_is_seen_in_about_its_shape),
    TAP_TEST (each_shape_gives_what_a_network_of_it_gives),
    TAP_TEST (the_shape_of_the_file_is_one_of_them),
    TAP_TEST (a_shape_that_cannot_be_made_is_told),
    TAP_TEST (any_allocation_may_fail),
    TAP_TEST (wrong_shapes_are_refused),
    TAP_TEST (masks_are_of_the_photo_s_shape),
    TAP_TEST (a_room_serves_what_it_had_before),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
