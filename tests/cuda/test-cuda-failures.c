/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Networks on a card of host memory on which something fails: reasons in words,
 * every call failing once, engines that decline, and nothing left or running. */

#include <dirent.h>
#include <limits.h>
#include <unistd.h>

#include "networks.h"

static void
reasons (void)
{
  static const struct {
    const char *words, *reason;
    int device;
  } cases[] = {
    { "driver=0", "no NVIDIA driver", -1 },
    { "driver=12040", "too old: it knows CUDA 12.4", -1 },
    { "devices=0", "no GPU", -1 },
    { "devices=1", "there is no GPU 1; there is 1, counted from 0", 1 },
    { "devices=2", "there is no GPU 9; there are 2, counted from 0", 9 },
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    PetCudaOptions options = { .device = cases[i].device };
    PetError error = { .status = PET_OK };
    PetCuda *cuda = NULL;

    fake_cuda_configure (cases[i].words);
    if (pet_cuda_open (&options, &cuda, &error) != PET_ERROR_DEVICE ||
        strstr (error.message, cases[i].reason) == NULL)
      tap_fail ("%s: \"%s\"", cases[i].words, error.message);
  }
  fake_cuda_configure ("");
  check_clean ();
}

static void
no_cudnn (void)
{
  char *kept = strdup (getenv ("PET_CUDNN_LIBRARY"));
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;
  PetError error = { .status = PET_OK };

  fake_cuda_configure ("");
  if (!read_model ())
    return;
  setenv ("PET_CUDNN_LIBRARY", "/nowhere/libcudnn.so.9", 1);
  tap_check (open_network (true, 1, &cuda, &gpu, &error) == PET_ERROR_DEVICE &&
      strstr (error.message, "cuDNN is not installed") != NULL);
  pet_cuda_close (&cuda);
  setenv ("PET_CUDNN_LIBRARY", "libm.so.6", 1);
  tap_check (open_network (true, 1, &cuda, &gpu, &error) == PET_ERROR_DEVICE &&
      strstr (error.message, "is no cuDNN 9") != NULL);
  pet_cuda_close (&cuda);
  setenv ("PET_CUDNN_LIBRARY", kept, 1);
  free (kept);
  check_clean ();
}

/* An account that has no more: refused before anything is taken. */
static bool
refuse (void *user, size_t bytes)
{
  size_t *left = user;

  if (bytes > *left)
    return false;
  *left -= bytes;
  return true;
}

static void
give_back (void *user, size_t bytes)
{
  *(size_t *) user += bytes;
}

static void
account_is_asked (void)
{
  const size_t room = (size_t) 5 << 20;
  size_t left = room;
  PetCudaOptions options = {
    .device = -1, .charge = refuse, .release = give_back, .user = &left
  };
  PetCudaModel model = { .half = true, .batch = 4 };
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;
  PetError error = { .status = PET_OK };

  fake_cuda_configure ("");
  if (!read_model ())
    return;
  model.bytes = model_bytes;
  model.size = model_size;
  tap_check (pet_cuda_open (&options, &cuda, &error) == PET_OK);
  tap_check (
      pet_cuda_segmenter_new (cuda, &model, &gpu, &error) == PET_ERROR_MEMORY &&
      strstr (error.message, "budget") != NULL);
  pet_cuda_segmenter_free (&gpu);
  pet_cuda_close (&cuda);
  tap_check (left == room);
  check_clean ();
}

/* One run with the given failures: whatever happens, nothing may be left, and
 * a failure is told. Returns whether all went well. */
static bool
run_once (const char *words, PetStatus *status)
{
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;
  PetError error = { .status = PET_OK };
  Picture photo, mask = { .block = NULL };
  int width, height;

  fake_cuda_configure (words);
  fill_photo (&photo, 70, 50, 3);
  *status = open_network (true, 1, &cuda, &gpu, &error);
  if (*status == PET_OK) {
    (void) pet_cuda_segmenter_info (gpu, &width, &height);
    mask = picture_new (width, height, 1, 0);
    *status = run_photo (gpu, &photo.image, &mask.image, &error);
    picture_free (&mask);
  }
  if (*status != PET_OK && error.message[0] == '\0')
    tap_fail ("%s: failed without a reason", words);
  picture_free (&photo);
  pet_cuda_segmenter_free (&gpu);
  pet_cuda_close (&cuda);
  fake_cuda_configure ("");
  check_clean ();
  return *status == PET_OK;
}

/* Every n-th call fails, or the card is lost at it. The first run has the cache
 * of plans filled, so that all others are alike. */
static void
every_call_fails_once (void)
{
  PetStatus status;
  char words[64];

  make_tiny ();
  tap_check (run_once ("", &status));
  for (size_t n = 1; n <= 200; n++) {
    snprintf (words, sizeof words, "fail=any:%zu", n);
    (void) run_once (words, &status);
    snprintf (words, sizeof words, "lost=%zu", n);
    if (!run_once (words, &status))
      tap_check (status == PET_ERROR_DEVICE);
  }
  for (int n = 1; n <= 12; n++) {
    snprintf (words, sizeof words, "fail=cudaMalloc:%d", n);
    if (!run_once (words, &status))
      tap_check (status == PET_ERROR_MEMORY);
  }
  tap_check (!run_once ("memory=4", &status) && status == PET_ERROR_MEMORY);
}

/* Nothing is remembered. */
static void
forget_plans (const char *cache)
{
  char path[PATH_MAX + 300];
  struct dirent *entry;
  DIR *folder;

  snprintf (path, sizeof path, "%s/gst-plugins-pet", cache);
  folder = opendir (path);
  while (folder != NULL && (entry = readdir (folder)) != NULL) {
    snprintf (path, sizeof path, "%s/gst-plugins-pet/%s", cache, entry->d_name);
    (void) unlink (path);
  }
  if (folder != NULL)
    closedir (folder);
  snprintf (path, sizeof path, "%s/gst-plugins-pet", cache);
  (void) rmdir (path);
}

/* Engines that decline when they are timed, each of them in turn; but not for want of
 * memory, or where all do. */
static void
engines_that_decline_are_passed_over (void)
{
  char *kept = strdup (getenv ("XDG_CACHE_HOME")), cache[PATH_MAX];
  char name[] = "cuda-plans-XXXXXX";
  PetStatus status;

  make_tiny ();
  if (mkdtemp (name) == NULL || realpath (name, cache) == NULL) {
    tap_fail ("no folder");
    return;
  }
  setenv ("XDG_CACHE_HOME", cache, 1);
  tap_check (run_once ("compute=9,fail=cudnnBackendExecute:1", &status));
  forget_plans (cache);
  tap_check (run_once ("compute=9,fail=cudnnBackendExecute:3", &status));
  forget_plans (cache);
  tap_check (run_once ("compute=9,fail=launch:1", &status));
  forget_plans (cache);
  tap_check (!run_once ("fail=cudnnBackendExecute:1", &status) &&
      status == PET_ERROR_DEVICE);
  forget_plans (cache);
  tap_check (rmdir (cache) == 0);
  setenv ("XDG_CACHE_HOME", kept, 1);
  free (kept);
}

static const char *
any_reason (cudnnStatus_t status)
{
  return "it says so";
}

/* That is no lost card. */
static void
cudnn_may_be_out_of_memory (void)
{
  PetCudnn dnn = { .cudnnGetErrorString = any_reason };
  const cudnnStatus_t full[] = { CUDNN_STATUS_ALLOC_FAILED,
    CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED,
    CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED };

  for (size_t i = 0; i < sizeof full / sizeof *full; i++)
    tap_check (
        pet_cudnn_check (&dnn, full[i], "this", NULL) == PET_ERROR_MEMORY);
  tap_check (pet_cudnn_check (&dnn, CUDNN_STATUS_EXECUTION_FAILED, "this",
                 NULL) == PET_ERROR_DEVICE);
}

/* Whoever gave the photos may write them anew, after a failure, too. */
static void
nothing_goes_on_after_a_failure (void)
{
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;
  Picture photo, masks[2];
  PetCudaPhoto photos[2];
  PetImage images[2];
  FakeCudaState state;
  int width, height;

  make_tiny ();
  fill_photo (&photo, 70, 50, 3);
  for (int n = 1; n <= 9; n++) {
    char words[64];

    fake_cuda_configure ("");
    tap_check (open_network (false, 2, &cuda, &gpu, NULL) == PET_OK);
    (void) pet_cuda_segmenter_info (gpu, &width, &height);
    for (int i = 0; i < 2; i++) {
      masks[i] = picture_new (width, height, 1, 0);
      images[i] = masks[i].image;
      photos[i] = (PetCudaPhoto){ .image = photo.image };
    }
    snprintf (words, sizeof words, "late=3,fail=launch:%d", n);
    fake_cuda_configure (words);
    tap_check (pet_cuda_segmenter_run (gpu, photos, images, 2, NULL) != PET_OK);
    fake_cuda_state (&state);
    tap_check (state.waiting == 0);
    for (int i = 0; i < 2; i++)
      picture_free (&masks[i]);
    pet_cuda_segmenter_free (&gpu);
    pet_cuda_close (&cuda);
    fake_cuda_configure ("");
    check_clean ();
  }
  picture_free (&photo);
}

/* The difference of two numbers that halves cannot hold is not a number, and one of them
 * alone cannot be stretched. */
static PetStatus
run_large_numbers (bool half, const char *range, bool of_two)
{
  const float red[] = { 60000, 0, 0 }, more[] = { 60000 };
  OnnxWriter w = onnx_writer (13);
  PetCudaOptions card = { .device = -1 };
  PetCudaModel model = { .half = half, .batch = 1 };
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;
  PetError error = { .status = PET_OK };
  Picture photo, mask;
  char sidecar[48];
  PetStatus status;
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, 16, 16 });
  onnx_floats (&w, "w1", 4, (int64_t[]){ 1, 3, 1, 1 }, red);
  onnx_floats (&w, "w2", 4, (int64_t[]){ 1, 1, 1, 1 }, more);
  onnx_node (&w, "Conv", "x w1", "a");
  onnx_node (&w, "Conv", "a w2", of_two ? "b" : "out");
  if (of_two)
    onnx_node (&w, "Sub", "b b", "out");
  onnx_output (&w, "out");
  bytes = onnx_finish (&w);
  snprintf (sidecar, sizeof sidecar, "[modelinfo]\noutput-range=%s\n", range);
  model.bytes = bytes.data;
  model.size = bytes.size;
  model.sidecar = sidecar;
  fake_cuda_configure ("");
  fill_photo (&photo, 16, 16, 3);
  mask = picture_new (16, 16, 1, 0);
  tap_check (pet_cuda_open (&card, &cuda, &error) == PET_OK &&
      pet_cuda_segmenter_new (cuda, &model, &gpu, &error) == PET_OK);
  status = run_photo (gpu, &photo.image, &mask.image, &error);
  tap_check (status == PET_OK || strstr (error.message, "precision=fp32"));
  pet_cuda_segmenter_free (&gpu);
  pet_cuda_close (&cuda);
  picture_free (&photo);
  picture_free (&mask);
  free (bytes.data);
  check_clean ();
  return status;
}

static void
halves_that_overflow_are_told (void)
{
  tap_check (run_large_numbers (true, "unit", true) == PET_ERROR_LIBRARY);
  tap_check (run_large_numbers (true, "logit", true) == PET_ERROR_LIBRARY);
  tap_check (run_large_numbers (true, "minmax", true) == PET_ERROR_LIBRARY);
  tap_check (run_large_numbers (true, "minmax", false) == PET_ERROR_LIBRARY);
  tap_check (run_large_numbers (true, "unit", false) == PET_OK);
  tap_check (run_large_numbers (true, "logit", false) == PET_OK);
  tap_check (run_large_numbers (false, "minmax", true) == PET_OK);
  tap_check (run_large_numbers (false, "minmax", false) == PET_OK);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (reasons),
    TAP_TEST (no_cudnn),
    TAP_TEST (account_is_asked),
    TAP_TEST (engines_that_decline_are_passed_over),
    TAP_TEST (cudnn_may_be_out_of_memory),
    TAP_TEST (nothing_goes_on_after_a_failure),
    TAP_TEST (halves_that_overflow_are_told),
    TAP_TEST (every_call_fails_once),
  };
  int result = tap_run (tests, sizeof tests / sizeof *tests, argc, argv);

  free (model_bytes);
  return result;
}
