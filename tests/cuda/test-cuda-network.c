/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole networks through the module on a card of host memory: masks against
 * those of the CPU, batches, streams that are late, and what is left when all is
 * over. */

#include <sys/wait.h>
#include <unistd.h>

#include "networks.h"
#include "photo-file.h"

/* The photo of a cat without its `margin` on all sides, with 3 or 4 channels. */
static Picture
part_of_photo (const PetImage *from, int margin, int channels)
{
  int width = from->width - 2 * margin, height = from->height - 2 * margin;
  Picture part = picture_new (width, height, channels, 5);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      memcpy (pet_image_row (&part.image, y) + x * channels,
          pet_image_row (from, y + margin) + (x + margin) * from->channels,
          (size_t) channels);
  return part;
}

/* Share of the mask's area that differs, by the rule of intersection over
 * union at 128, and the largest difference. */
static double
mask_iou (const PetImage *a, const PetImage *b, int *largest)
{
  long both = 0, either = 0;

  *largest = 0;
  for (int y = 0; y < a->height; y++)
    for (int x = 0; x < a->width; x++) {
      int u = pet_image_row (a, y)[x], v = pet_image_row (b, y)[x];

      both += u >= 128 && v >= 128;
      either += u >= 128 || v >= 128;
      *largest = abs (u - v) > *largest ? abs (u - v) : *largest;
    }
  return either == 0 ? 1 : (double) both / (double) either;
}

/* Two masks without a pet are alike whatever is wrong. */
static int
brightest (const PetImage *mask)
{
  int most = 0;

  for (int y = 0; y < mask->height; y++)
    for (int x = 0; x < mask->width; x++)
      most =
          pet_image_row (mask, y)[x] > most ? pet_image_row (mask, y)[x] : most;
  return most;
}

/* `variant`: of our own convolutions; 0: none. */
static void
check_masks (bool half, int variant, int batch, int most_apart)
{
  Picture cat = photo_read_jpeg ("pets/test/images/Birman_86.jpg", 8);
  PetSegmenterOptions plain = { .threads = 1, .precision = PET_PRECISION_FP32 };
  PetSegmenter *cpu = NULL;
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;
  PetError error = { .status = PET_OK };
  Picture photos[3], want[3], got[3];
  PetCudaPhoto photo_images[3];
  PetImage mask_images[3];
  int width, height, largest;

  fake_cuda_configure (variant > 0 ? "compute=9" : "");
  if (cat.image.width == 0) {
    tap_skip ("no photo in ../shared");
    return;
  }
  if (!read_model () ||
      pet_segmenter_new (model_bytes, model_size, &plain, &cpu, &error) !=
          PET_OK ||
      (variant > 0
              ? open_variant (variant, batch, &cuda, &gpu, &error)
              : open_network (half, batch, &cuda, &gpu, &error)) != PET_OK) {
    tap_fail ("%s", error.message);
    return;
  }
  (void) pet_cuda_segmenter_info (gpu, &width, &height);
  for (int i = 0; i < batch; i++) {
    photos[i] = part_of_photo (&cat.image, 9 * i, i == 1 ? 4 : 3);
    want[i] = picture_new (width, height, 1, 0);
    got[i] = picture_new (width, height, 1, 7);
    photo_images[i] = (PetCudaPhoto){ .image = photos[i].image };
    mask_images[i] = got[i].image;
    tap_check (pet_segmenter_run (
                   cpu, &photos[i].image, &want[i].image, &error) == PET_OK);
  }
  if (pet_cuda_segmenter_run (gpu, photo_images, mask_images, batch, &error) !=
      PET_OK)
    tap_fail ("%s", error.message);
  for (int i = 0; i < batch; i++) {
    double iou = mask_iou (&want[i].image, &got[i].image, &largest);

    tap_check (brightest (&want[i].image) >= 128);
    printf ("# %s, photo %d of %d: IoU %.5f, at most %d levels apart\n",
        half ? "fp16" : "fp32", i + 1, batch, iou, largest);
    tap_check (iou >= 0.998 && largest <= most_apart);
    tap_check (picture_guards_hold (&got[i]));
    picture_free (&photos[i]);
    picture_free (&want[i]);
    picture_free (&got[i]);
  }
  picture_free (&cat);
  pet_segmenter_free (&cpu);
  pet_cuda_segmenter_free (&gpu);
  pet_cuda_close (&cuda);
  check_clean ();
}

static void
masks_in_fp32 (void)
{
  check_masks (false, 0, 1, 1);
}

static void
masks_in_fp16 (void)
{
  check_masks (true, 0, 1, 12);
}

static void
masks_in_a_batch (void)
{
  check_masks (true, 0, 3, 12);
}

static void
masks_by_our_own_convolutions (void)
{
  check_masks (true, 2, 1, 12);
}

static bool
write_text (const char *name, const void *text, size_t size)
{
  FILE *file = fopen (name, "wb");
  bool good = file != NULL && fwrite (text, 1, size, file) == size;

  if (file != NULL)
    good = fclose (file) == 0 && good;
  return good;
}

/* On a card of these words, a small network with that sidecar. */
static void
check_sidecar (const char *words, const char *sidecar)
{
  PetSegmenterOptions plain = { .threads = 1, .precision = PET_PRECISION_FP32 };
  PetCudaOptions card = { .device = -1 };
  PetCudaModel model = { .sidecar = sidecar, .batch = 1 };
  PetSegmenter *cpu = NULL;
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;
  PetError error = { .status = PET_OK };
  Picture photo, want = { .block = NULL }, got = { .block = NULL };
  int width, height, largest;

  fake_cuda_configure (words);
  make_tiny ();
  model.bytes = model_bytes;
  model.size = model_size;
  tap_check (write_text ("cuda-tiny.onnx", model_bytes, model_size) &&
      write_text ("cuda-tiny.onnx.modelinfo", sidecar, strlen (sidecar)));
  fill_photo (&photo, 61, 47, 4);
  if (pet_segmenter_new_file ("cuda-tiny.onnx", &plain, &cpu, &error) !=
          PET_OK ||
      pet_cuda_open (&card, &cuda, &error) != PET_OK ||
      pet_cuda_segmenter_new (cuda, &model, &gpu, &error) != PET_OK) {
    tap_fail ("%s: %s", sidecar, error.message);
  } else {
    (void) pet_cuda_segmenter_info (gpu, &width, &height);
    want = picture_new (width, height, 1, 0);
    got = picture_new (width, height, 1, 0);
    tap_check (
        pet_segmenter_run (cpu, &photo.image, &want.image, &error) == PET_OK);
    tap_check (run_photo (gpu, &photo.image, &got.image, &error) == PET_OK);
    (void) mask_iou (&want.image, &got.image, &largest);
    tap_check (largest <= 1);
    tap_check (brightest (&want.image) > 0);
  }
  picture_free (&photo);
  picture_free (&want);
  picture_free (&got);
  pet_segmenter_free (&cpu);
  pet_cuda_segmenter_free (&gpu);
  pet_cuda_close (&cuda);
  check_clean ();
}

#define U2NET                                                                  \
  "[modelinfo]\ndivisor=max\nmean=0.485,0.456,0.406\nstd=0.229,0.224,0.225\n"  \
  "output-range=minmax\n"

/* The U2-Net family's ways: divided by the photo's largest value, output
 * stretched. And the sigmoid that a model may leave out. */
static void
ways_of_other_models (void)
{
  check_sidecar ("", U2NET);
  check_sidecar (
      "", "[modelinfo]\ndivisor=127.5\nmean=1\noutput-range=logit\n");
}

/* Nothing reads, on any stream or the host, what was not waited for. */
static void
late_streams_change_nothing (void)
{
  check_sidecar ("late=1", U2NET);
  check_sidecar ("late=2", U2NET);
  check_sidecar ("late=3", U2NET);
}

/* A process of its own with this model; what it found goes to `fd`. */
static pid_t
start_process (int fd)
{
  pid_t child = fork ();
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;
  Picture photo, mask;
  int width, height;
  bool good;

  if (child != 0)
    return child;
  fake_cuda_configure ("");
  fill_photo (&photo, 70, 50, 3);
  good = open_network (true, 1, &cuda, &gpu, NULL) == PET_OK;
  if (good) {
    (void) pet_cuda_segmenter_info (gpu, &width, &height);
    mask = picture_new (width, height, 1, 0);
    good = run_photo (gpu, &photo.image, &mask.image, NULL) == PET_OK &&
        write (fd, mask.image.data, (size_t) (width * height)) ==
            width * height;
  }
  _exit (good ? 0 : 1);
}

/* They find plans at the same time and keep them in the same file: whole, and
 * the masks are the same. */
static void
processes_share_plans (void)
{
  enum { PROCESSES = 4 };
  static char masks[PROCESSES][65536];
  ssize_t sizes[PROCESSES];
  pid_t children[PROCESSES];
  int ends[PROCESSES][2], status;

  make_tiny ();
  fflush (stdout);
  for (int i = 0; i < PROCESSES; i++) {
    tap_check (pipe (ends[i]) == 0);
    children[i] = start_process (ends[i][1]);
    close (ends[i][1]);
  }
  for (int i = 0; i < PROCESSES; i++) {
    sizes[i] = read (ends[i][0], masks[i], sizeof masks[i]);
    close (ends[i][0]);
    tap_check (waitpid (children[i], &status, 0) == children[i] &&
        WIFEXITED (status) && WEXITSTATUS (status) == 0);
    tap_check (sizes[i] > 0 && sizes[i] == sizes[0] &&
        memcmp (masks[i], masks[0], (size_t) sizes[0]) == 0);
  }
}

/* Photos of changing sizes: the card's memory is that of the largest, which
 * comes first. */
static void
memory_is_constant (void)
{
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;
  FakeCudaState first, later;
  int width, height;
  Picture mask;

  fake_cuda_configure ("");
  make_tiny ();
  if (open_network (true, 1, &cuda, &gpu, NULL) != PET_OK) {
    tap_fail ("no network");
    return;
  }
  (void) pet_cuda_segmenter_info (gpu, &width, &height);
  mask = picture_new (width, height, 1, 0);
  for (int i = 0; i < 12; i++) {
    int side = i == 0 ? 700 : tap_random_range (1, 700);
    Picture photo;

    fill_photo (&photo, side, tap_random_range (i == 0 ? 700 : 1, 700), 3);
    tap_check (run_photo (gpu, &photo.image, &mask.image, NULL) == PET_OK);
    picture_free (&photo);
    fake_cuda_state (i == 0 ? &first : &later);
  }
  tap_check (later.bytes == first.bytes && later.peak == first.peak &&
      later.allocations == first.allocations);
  picture_free (&mask);
  pet_cuda_segmenter_free (&gpu);
  pet_cuda_close (&cuda);
  check_clean ();
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (masks_in_fp32),
    TAP_TEST (masks_in_fp16),
    TAP_TEST (masks_in_a_batch),
    TAP_TEST (masks_by_our_own_convolutions),
    TAP_TEST (ways_of_other_models),
    TAP_TEST (late_streams_change_nothing),
    TAP_TEST (processes_share_plans),
    TAP_TEST (memory_is_constant),
  };
  int result = tap_run (tests, sizeof tests / sizeof *tests, argc, argv);

  free (model_bytes);
  return result;
}
