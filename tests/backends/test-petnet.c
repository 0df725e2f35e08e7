/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Our networks, one or two of them (accuracy-networks.h), through our own decoder,
 * engine and matte: on photos with true masks, so that their accuracy cannot fall
 * unnoticed, and on what people will send in besides. */

#include <sys/mman.h>
#include <sys/resource.h>

#include "base/pet-resample.h"
#include "bench/accuracy-networks.h"
#include "bench/accuracy-photo.h"
#include "bench/accuracy-score.h"
#include "image/pet-matte.h"
#include "tap.h"

/* Mean IoU, worst IoU and boundary F: what the model card says, less what
 * another machine's arithmetic may do. */
typedef struct {
  double mean, worst, boundary;
} Floors;

static bool
read_floors (Floors *floors)
{
  const char *text = getenv ("PET_NETWORK_FLOORS");

  return text != NULL &&
      sscanf (text, "%lf,%lf,%lf", &floors->mean, &floors->worst,
          &floors->boundary) == 3;
}

static PetSegmenter *
open_in (PetPrecision precision)
{
  PetSegmenterOptions options = { .threads = 1, .precision = precision };
  PetSegmenter *segmenter = NULL;
  PetError error;

  if (pet_segmenter_new_file (
          getenv ("PET_NETWORK"), &options, &segmenter, &error) != PET_OK)
    tap_fail ("%s", error.message);
  return segmenter;
}

static bool
open_networks (AccuracyNetworks *networks)
{
  PetError error;

  if (accuracy_open (getenv ("PET_NETWORK"), networks, &error) == PET_OK)
    return true;
  tap_fail ("%s", error.message);
  return false;
}

/* At the photo's size; outside the part that the mask shows its edge goes on. */
static PetImage
enlarge (const PetImage *mask, const PetPart *part, const PetImage *photo)
{
  PetMatteOptions plain = { .part = *part, .low = 0, .high = 255 };
  PetImage alpha = accuracy_image (photo->width, photo->height, 1);
  PetError error;

  if (pet_matte_cut (mask, photo, &alpha, &plain, NULL, NULL, &error) != PET_OK)
    tap_fail ("%s", error.message);
  return alpha;
}

/* The network's mask. */
static PetImage
ask_network (PetSegmenter *segmenter, const PetImage *photo)
{
  PetPart all = { 0 };
  PetImage mask, alpha;
  int width, height;
  PetError error;

  pet_segmenter_mask_size (
      segmenter, photo->width, photo->height, &width, &height);
  mask = accuracy_image (width, height, 1);
  if (pet_segmenter_run (segmenter, photo, &mask, &error) != PET_OK)
    tap_fail ("%s", error.message);
  alpha = enlarge (&mask, &all, photo);
  free (mask.data);
  return alpha;
}

/* What petsegment makes of the photo. */
static PetImage
find_pet (AccuracyNetworks *networks, const PetImage *photo, bool *empty)
{
  PetFound found = { .mask = { 0 } };
  PetImage alpha;
  PetError error;

  if (accuracy_find (networks, photo, &found, &error) != PET_OK) {
    tap_fail ("%s", error.message);
    return accuracy_image (photo->width, photo->height, 1);
  }
  *empty = found.empty;
  alpha = enlarge (&found.mask, &found.part, photo);
  pet_find_clear (&found, NULL);
  return alpha;
}

static const char *
test_folder (void)
{
  static char folder[4096];
  const char *shared = getenv ("PET_SHARED");

  snprintf (folder, sizeof folder, "%s/pets/test", shared ? shared : "");
  return folder;
}

static bool
list_photos (PetFolder *list)
{
  char images[4200];
  PetError error;

  snprintf (images, sizeof images, "%s/images", test_folder ());
  if (pet_folder_list (images, false, 10000, list, &error) == PET_OK)
    return true;
  tap_skip ("no photos with true masks beside the checkout");
  return false;
}

/* Of one network its mask, of two what both find. */
static AccuracyScore
score_photo (AccuracyNetworks *networks, const char *name)
{
  AccuracyScore score = { 0 };
  PetImage photo, truth, alpha;
  bool empty;
  int side;

  if (!accuracy_read_pair (test_folder (), name, &photo, &truth)) {
    tap_fail ("%s cannot be read", name);
    return score;
  }
  side = photo.width > photo.height ? photo.width : photo.height;
  alpha = networks->second != NULL ? find_pet (networks, &photo, &empty)
                                   : ask_network (networks->first, &photo);
  score = accuracy_score (&alpha, &truth, 2.0 * side / 512.0);
  free (photo.data);
  free (truth.data);
  free (alpha.data);
  return score;
}

static void
masks_of_the_test_photos_are_as_good_as_the_model_card_says (void)
{
  AccuracyNetworks networks;
  double iou = 0.0, boundary = 0.0, worst = 1.0;
  Floors floors;
  PetFolder list;
  double count;

  if (!list_photos (&list))
    return;
  if (!read_floors (&floors)) {
    tap_fail ("PET_NETWORK_FLOORS is not set");
    return;
  }
  if (!open_networks (&networks))
    return;
  for (size_t i = 0; i < list.count; i++) {
    AccuracyScore score = score_photo (&networks, list.paths[i]);

    iou += score.iou;
    boundary += score.boundary;
    worst = score.iou < worst ? score.iou : worst;
  }
  count = (double) list.count;
  printf ("# %zu photos: mean IoU %.4f, worst %.4f, boundary F %.4f\n",
      list.count, iou / count, worst, boundary / count);
  tap_check (list.count > 0 && iou / count >= floors.mean);
  tap_check (worst >= floors.worst && boundary / count >= floors.boundary);
  accuracy_close (&networks);
  pet_folder_clear (&list);
}

/* Of what two masks have above one half. */
static double
agreement (const PetImage *a, const PetImage *b)
{
  int both = 0, any = 0;

  for (int i = 0; i < a->width * a->height; i++) {
    both += a->data[i] >= 128 && b->data[i] >= 128;
    any += a->data[i] >= 128 || b->data[i] >= 128;
  }
  return any > 0 ? (double) both / any : 1.0;
}

static double
agreement_on (PetSegmenter *segmenter, PetSegmenter *exact, const char *name)
{
  PetImage photo, truth, a, b;
  double result;

  if (!accuracy_read_pair (test_folder (), name, &photo, &truth)) {
    tap_fail ("%s cannot be read", name);
    return 0;
  }
  a = ask_network (segmenter, &photo);
  b = ask_network (exact, &photo);
  result = agreement (&a, &b);
  free (photo.data);
  free (truth.data);
  free (a.data);
  free (b.data);
  return result;
}

static void
masks_of_bfloat16_numbers_are_those_of_floats (void)
{
  double sum = 0.0, worst = 1.0;
  PetSegmenter *narrow, *exact;
  PetNetInfo info = { 0 };
  PetFolder list;

  if (!list_photos (&list))
    return;
  narrow = open_in (PET_PRECISION_AUTO);
  exact = open_in (PET_PRECISION_FP32);
  if (narrow != NULL)
    pet_segmenter_net_info (narrow, &info);
  tap_check ((info.bf16_nodes > 0) == pet_net_has_bf16 ());
  for (size_t i = 0; i < list.count && narrow != NULL && exact != NULL; i++) {
    double iou = agreement_on (narrow, exact, list.paths[i]);

    sum += iou;
    worst = iou < worst ? iou : worst;
  }
  printf ("# %zu photos, %d nodes of bfloat16: IoU with floats %.4f, worst %.4f"
          "\n",
      list.count, info.bf16_nodes, sum / (double) list.count, worst);
  tap_check (sum / (double) list.count >= 0.995 && worst >= 0.985);
  pet_segmenter_free (&narrow);
  pet_segmenter_free (&exact);
  pet_folder_clear (&list);
}

static long
page_faults (void)
{
  struct rusage usage;

  return getrusage (RUSAGE_SELF, &usage) == 0 ? usage.ru_minflt : -1;
}

static void *
map (void *user, size_t bytes)
{
  void *memory = mmap (NULL, bytes > 0 ? bytes : 1, PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  return memory != MAP_FAILED ? memory : NULL;
}

static void
unmap (void *user, void *memory, size_t bytes)
{
  munmap (memory, bytes > 0 ? bytes : 1);
}

/* From an allocator whose memory is promised alone; its activations are more than
 * 2000 pages of 4 KB. */
static void
a_loaded_network_has_its_memory (void)
{
  const PetAllocator promises = { map, unmap, NULL, map };
  PetSegmenterOptions options = { .threads = 1, .allocator = &promises };
  PetSegmenter *segmenter = NULL;
  PetImage photo, mask;
  int width, height;
  long before;

  tap_check (pet_segmenter_new_file (
                 getenv ("PET_NETWORK"), &options, &segmenter, NULL) == PET_OK);
  if (segmenter == NULL)
    return;
  pet_segmenter_mask_size (segmenter, 1, 1, &width, &height);
  photo = accuracy_image (width, height, 3);
  mask = accuracy_image (width, height, 1);
  memset (photo.data, 90, 3 * (size_t) (width * height));
  before = page_faults ();
  tap_check (pet_segmenter_run (segmenter, &photo, &mask, NULL) == PET_OK);
  printf ("# %ld page faults in the first run\n", page_faults () - before);
  tap_check (page_faults () - before < 1000);
  free (photo.data);
  free (mask.data);
  pet_segmenter_free (&segmenter);
}

static void *
count_map (void *user, size_t bytes)
{
  ++*(int *) user;
  return map (NULL, bytes);
}

/* Photos of all shapes, one after another. */
static void
photos_of_any_shape_take_nothing_more (void)
{
  static const int sizes[][2] = { { 300, 300 }, { 400, 300 }, { 300, 400 },
    { 600, 300 }, { 300, 600 }, { 360, 300 }, { 300, 360 }, { 300, 300 } };
  int taken = 0, before;
  const PetAllocator counted = { count_map, unmap, &taken, count_map };
  PetSegmenterOptions options = { .threads = 1, .allocator = &counted };
  PetSegmenter *segmenter = NULL;

  tap_check (pet_segmenter_new_file (
                 getenv ("PET_NETWORK"), &options, &segmenter, NULL) == PET_OK);
  for (int i = 0; segmenter != NULL && i < 8; i++) {
    PetImage photo = accuracy_image (sizes[i][0], sizes[i][1], 3), alpha;
    int scratch = 5; /* two rows, and three of the resampler */

    memset (photo.data, 90, 3 * (size_t) (sizes[i][0] * sizes[i][1]));
    before = taken;
    alpha = ask_network (segmenter, &photo);
    printf ("# %dx%d: %d taken\n", sizes[i][0], sizes[i][1], taken - before);
    tap_check (taken - before <= scratch);
    free (photo.data);
    free (alpha.data);
  }
  pet_segmenter_free (&segmenter);
}

typedef enum { BLACK, WHITE, GREY, NOISE, STRIPES, TEXT, N_EMPTY } Empty;

/* Dark words of little boxes in lines on white paper. */
static int
text_level (int x, int y)
{
  int letter = x / 9, line = y / 22;
  unsigned shape = (unsigned) (letter * 2654435761u + line * 40503u) >> 7;
  int inside_x = x % 9, inside_y = y % 22;

  if (inside_x > 6 || inside_y < 5 || inside_y > 16 || shape % 6 == 0)
    return 250;
  return (shape >> (inside_x / 2 + 4 * (inside_y / 4)) & 1) ? 30 : 250;
}

static int
empty_level (Empty kind, int x, int y)
{
  switch (kind) {
    case WHITE:
      return 255;
    case GREY:
      return 128;
    case NOISE:
      return tap_random_range (0, 255);
    case STRIPES:
      return (x / 11 + y / 17) % 2 ? 200 : 60;
    case TEXT:
      return text_level (x, y);
    default:
      return 0;
  }
}

static void
check_empty (AccuracyNetworks *networks, Empty kind, int width, int height)
{
  PetImage photo = accuracy_image (width, height, 3), alpha;
  bool empty = false;

  for (int i = 0; i < width * height; i++)
    for (int c = 0; c < 3; c++)
      photo.data[3 * i + c] =
          (uint8_t) empty_level (kind, i % width, i / width);
  alpha = find_pet (networks, &photo, &empty);
  for (int i = 0; i < width * height; i++)
    empty = empty && alpha.data[i] == 0;
  if (!empty)
    tap_fail ("a pet in %dx%d of kind %d", width, height, kind);
  free (photo.data);
  free (alpha.data);
}

static void
no_pet_is_found_where_there_is_none (void)
{
  static const int sizes[][2] = { { 1, 1 }, { 640, 480 }, { 1600, 100 },
    { 100, 1600 }, { 3, 700 } };
  AccuracyNetworks networks;

  if (!open_networks (&networks))
    return;
  for (int kind = 0; kind < N_EMPTY; kind++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      check_empty (&networks, kind, sizes[i][0], sizes[i][1]);
  accuracy_close (&networks);
}

/* `photo` scaled to a box of `ground`, with its truth. */
static void
place (const PetImage *photo, const PetImage *truth, const PetImage *ground,
    const PetImage *ground_truth, int x, int y, int width, int height)
{
  PetImage part = { ground->data + y * ground->stride_bytes + 3 * x, width,
    height, 3, ground->stride_bytes };

  if (pet_resample (NULL, photo, &part, PET_FILTER_TRIANGLE, NULL) != PET_OK)
    tap_fail ("%dx%d cannot be scaled", photo->width, photo->height);
  for (int j = 0; j < height; j++)
    for (int i = 0; i < width; i++)
      pet_image_row (ground_truth, y + j)[x + i] = pet_image_row (
          truth, j * truth->height / height)[i * truth->width / width];
}

/* Two photos whose pets are found as they are; RGB. */
static bool
read_easy (int number, PetImage *photo, PetImage *truth)
{
  static const char *const names[] = { "keeshond_30.jpg",
    "american_bulldog_9.jpg" };

  return accuracy_read_pair (test_folder (), names[number], photo, truth) &&
      photo->channels == 3;
}

static void
check_found (AccuracyNetworks *networks, const PetImage *photo,
    const PetImage *truth, double least, const char *what)
{
  bool empty = true;
  PetImage alpha = find_pet (networks, photo, &empty);
  AccuracyScore score = accuracy_score (&alpha, truth, 2.0);

  printf ("# %s: IoU %.3f\n", what, score.iou);
  if (empty || score.iou < least)
    tap_fail ("%s: IoU %.3f", what, score.iou);
  free (alpha.data);
}

/* `count` of the photos on a grey ground, each in a box of `side` pixels. */
static void
check_placed (AccuracyNetworks *networks, const PetImage *photos,
    const PetImage *truths, int count, const int *size, int side,
    const char *what)
{
  PetImage ground = accuracy_image (size[0], size[1], 3);
  PetImage truth = accuracy_image (size[0], size[1], 1);

  memset (ground.data, 110, 3 * (size_t) (size[0] * size[1]));
  for (int i = 0; i < count; i++)
    place (&photos[i], &truths[i], &ground, &truth,
        (size[0] - count * side) / 2 + i * side, (size[1] - side) / 2, side,
        side);
  check_found (networks, &ground, &truth, 0.8, what);
  free (ground.data);
  free (truth.data);
}

static void
pets_are_found_where_they_are_hard_to_see (void)
{
  static const int pair[] = { 800, 400 }, wide[] = { 3200, 200 },
                   large[] = { 1200, 1200 };
  AccuracyNetworks networks;
  PetImage photos[2], truths[2];
  PetFolder list;

  if (!list_photos (&list))
    return;
  pet_folder_clear (&list);
  if (!open_networks (&networks))
    return;
  if (!read_easy (0, &photos[0], &truths[0]) ||
      !read_easy (1, &photos[1], &truths[1])) {
    tap_fail ("the photos cannot be read");
    return;
  }
  check_placed (&networks, photos, truths, 2, pair, 400, "two pets");
  check_placed (&networks, photos, truths, 1, large, 170, "a pet of 2 %");
  check_placed (&networks, photos, truths, 2, wide, 200, "a panorama of 16:1");
  photos[0].width /= 2;
  truths[0].width /= 2;
  check_found (&networks, &photos[0], &truths[0], 0.8, "half a pet");
  for (int i = 0; i < 2; i++) {
    free (photos[i].data);
    free (truths[i].data);
  }
  accuracy_close (&networks);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (masks_of_the_test_photos_are_as_good_as_the_model_card_says),
    TAP_TEST (masks_of_bfloat16_numbers_are_those_of_floats),
    TAP_TEST (a_loaded_network_has_its_memory),
    TAP_TEST (photos_of_any_shape_take_nothing_more),
    TAP_TEST (no_pet_is_found_where_there_is_none),
    TAP_TEST (pets_are_found_where_they_are_hard_to_see),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
