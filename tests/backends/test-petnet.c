/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The built-in network on photos with true masks, through our own decoder and
 * engine: its accuracy cannot fall unnoticed. */

#include "base/pet-folder.h"
#include "codec/pet-decoder.h"
#include "image/pet-matte.h"
#include "nn/pet-segmenter.h"
#include "tap.h"

#define MEAN_IOU 0.90
#define BORDER 128 /* of a true mask: neither pet nor background */

static bool
decode (const char *path, PetImage *image)
{
  PetDecodeOptions options;
  PetDecoder *decoder = NULL;
  PetPictureInfo info;
  PetError error;
  uint8_t *bytes;
  size_t size;
  bool done;

  if (pet_file_read (path, 0, &bytes, &size, &error) != PET_OK)
    return false;
  pet_decode_options_init (&options);
  done = pet_decoder_open (&options, bytes, size, &decoder, &info, &error) ==
      PET_OK;
  if (done) {
    *image = (PetImage){ malloc ((size_t) info.width * (size_t) info.height *
                             (size_t) info.channels),
      info.width, info.height, info.channels,
      (ptrdiff_t) info.width * info.channels };
    done = pet_decoder_read (decoder, image, NULL, &error) == PET_OK;
  }
  pet_decoder_free (&decoder);
  free (bytes);
  return done;
}

/* Of the mask, brought to the photo's size, with the true one (R of RGB). */
static double
intersection_over_union (const PetImage *mask, const PetImage *truth)
{
  PetImage full = { malloc ((size_t) truth->width * (size_t) truth->height),
    truth->width, truth->height, 1, truth->width };
  PetMatteOptions plain = { .low = 0, .high = 255 };
  long both = 0, either = 0;

  if (pet_matte_cut (mask, truth, &full, &plain, NULL, NULL, NULL) != PET_OK) {
    free (full.data);
    return -1;
  }
  for (int y = 0; y < truth->height; y++)
    for (int x = 0; x < truth->width; x++) {
      int wanted = pet_image_row (truth, y)[x * truth->channels];
      bool is_pet = wanted == 255;
      bool found = pet_image_row (&full, y)[x] >= 128;

      if (wanted == BORDER)
        continue;
      both += is_pet && found;
      either += is_pet || found;
    }
  free (full.data);
  return either > 0 ? (double) both / (double) either : 1;
}

static double
score_photo (PetSegmenter *segmenter, const char *folder, const char *name)
{
  PetImage photo = { 0 }, truth = { 0 }, mask = { .channels = 1 };
  char path[4096];
  double iou = -1;
  PetError error;

  pet_segmenter_mask_size (segmenter, &mask.width, &mask.height);
  mask.stride_bytes = mask.width;
  mask.data = malloc ((size_t) mask.width * (size_t) mask.height);
  snprintf (path, sizeof path, "%s/images/%s", folder, name);
  if (decode (path, &photo)) {
    snprintf (path, sizeof path, "%s/masks/%.*s.png", folder,
        (int) (strrchr (name, '.') - name), name);
    if (decode (path, &truth) &&
        pet_segmenter_run (segmenter, &photo, &mask, &error) == PET_OK)
      iou = intersection_over_union (&mask, &truth);
  }
  free (photo.data);
  free (truth.data);
  free (mask.data);
  return iou;
}

static void
mean_iou_on_the_test_photos_is_at_least_90_percent (void)
{
  const char *shared = getenv ("PET_SHARED");
  PetSegmenterOptions options = { .threads = 1 };
  PetSegmenter *segmenter = NULL;
  char folder[4000], images[4096];
  double sum = 0, worst = 1;
  PetFolder list;
  PetError error;

  snprintf (folder, sizeof folder, "%s/pets/test", shared ? shared : "");
  snprintf (images, sizeof images, "%s/images", folder);
  if (pet_folder_list (images, false, 10000, &list, &error) != PET_OK) {
    tap_skip ("no photos with true masks beside the checkout");
    return;
  }
  if (pet_segmenter_new_file (
          getenv ("PET_NETWORK"), &options, &segmenter, &error) != PET_OK) {
    tap_fail ("%s", error.message);
    pet_folder_clear (&list);
    return;
  }
  for (size_t i = 0; i < list.count; i++) {
    double iou = score_photo (segmenter, folder, list.paths[i]);

    if (iou < 0)
      tap_fail ("%s cannot be scored", list.paths[i]);
    sum += iou;
    worst = iou < worst ? iou : worst;
  }
  printf ("# %zu photos, mean IoU %.4f, worst %.4f\n", list.count,
      sum / (double) list.count, worst);
  tap_check (list.count > 0 && sum / (double) list.count >= MEAN_IOU);
  pet_segmenter_free (&segmenter);
  pet_folder_clear (&list);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (mean_iou_on_the_test_photos_is_at_least_90_percent),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
