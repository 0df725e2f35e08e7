/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Real networks against what ONNX Runtime gave for the same pictures. */

#include <png.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/pet-segmenter.h"
#include "net-util.h"

static const char *const photos[] = { "Birman_86", "boxer_26", "samoyed_32" };

static bool
model_path (const char *name, char path[512])
{
  const char *shared = getenv ("PET_SHARED");

  snprintf (path, 512, "%s/models/%s.onnx", shared != NULL ? shared : "", name);
  if (access (path, R_OK) == 0)
    return true;
  tap_skip ("the networks are not there");
  return false;
}

static bool
read_png (const char *network, const char *photo, const char *which,
    uint32_t format, PetImage *image)
{
  const char *shared = getenv ("PET_SHARED");
  png_image png = { .version = PNG_IMAGE_VERSION };
  char path[512];

  snprintf (path, sizeof path, "%s/models/golden/%s.%s.%s.png", shared, network,
      photo, which);
  if (!png_image_begin_read_from_file (&png, path))
    return false;
  png.format = format;
  image->width = (int) png.width;
  image->height = (int) png.height;
  image->channels = (int) PNG_IMAGE_SAMPLE_CHANNELS (format);
  image->stride_bytes = PNG_IMAGE_ROW_STRIDE (png);
  image->data = malloc (PNG_IMAGE_SIZE (png));
  return png_image_finish_read (&png, NULL, image->data, 0, NULL) != 0;
}

/* The network beside a sidecar of its own: ONNX Runtime's masks were stored
 * without the stretching that the table of known networks asks for. */
static PetSegmenter *
open_network (const char *name, const char *backend, int threads)
{
  PetSegmenterOptions options = {
    .backend = backend, .threads = threads, .precision = PET_PRECISION_FP32
  };
  char folder[] = "/tmp/pet-networks-XXXXXX", path[512], link[64], text[80];
  PetSegmenter *segmenter = NULL;
  PetError error = { .status = PET_OK };
  FILE *file;

  if (!model_path (name, path) || mkdtemp (folder) == NULL)
    return NULL;
  snprintf (link, sizeof link, "%s/m.onnx", folder);
  snprintf (text, sizeof text, "%s/m.onnx.modelinfo", folder);
  file = fopen (text, "w");
  if (file != NULL && symlink (path, link) == 0) {
    fprintf (file, "[modelinfo]\nversion=1.0\noutput-range = unit\n");
    fclose (file);
    if (pet_segmenter_new_file (link, &options, &segmenter, &error) != PET_OK)
      tap_fail ("%s: %s", name, error.message);
    unlink (link);
  }
  unlink (text);
  rmdir (folder);
  return segmenter;
}

/* Within 1/255 on 99.9 % of the pixels. */
static void
compare_masks (const PetImage *mask, const PetImage *golden, const char *what)
{
  int off = 0, worst = 0, count = mask->width * mask->height;

  for (int y = 0; y < mask->height; y++)
    for (int x = 0; x < mask->width; x++) {
      int d = abs (pet_image_row (mask, y)[x] - pet_image_row (golden, y)[x]);

      off += d > 1;
      worst = d > worst ? d : worst;
    }
  printf ("# %s: %d of %d pixels off by more than 1, worst %d\n", what, off,
      count, worst);
  if (off * 1000 > count)
    tap_fail ("%s: %d pixels differ", what, off);
}

static void
check_photo (PetSegmenter *segmenter, const char *name, const char *photo)
{
  PetImage in = { .data = NULL }, golden = { .data = NULL };
  PetImage mask = { .channels = 1 };
  PetError error = { .status = PET_OK };

  pet_segmenter_mask_size (segmenter, 1, 1, &mask.width, &mask.height);
  mask.stride_bytes = mask.width;
  mask.data = malloc ((size_t) mask.width * (size_t) mask.height);
  if (!read_png (name, photo, "in", PNG_FORMAT_RGB, &in) ||
      !read_png (name, photo, "out", PNG_FORMAT_GRAY, &golden))
    tap_fail ("%s: no golden picture %s", name, photo);
  else if (pet_segmenter_run (segmenter, &in, &mask, &error) != PET_OK)
    tap_fail ("%s: %s", name, error.message);
  else
    compare_masks (&mask, &golden, photo);
  free (in.data);
  free (golden.data);
  free (mask.data);
}

static void
check_network (const char *name, const char *backend, int n_photos)
{
  PetSegmenter *segmenter = open_network (name, backend, 1);
  PetNetInfo info;

  if (segmenter == NULL)
    return;
  pet_segmenter_net_info (segmenter, &info);
  printf ("# %s on %s: %s\n", name, info.backend,
      pet_segmenter_info (segmenter)->name);
  for (int i = 0; i < n_photos; i++)
    check_photo (segmenter, name, photos[i]);
  pet_segmenter_free (&segmenter);
}

static void
u2netp_gives_golden_masks (void)
{
  check_network ("u2netp", NULL, pet_backends[0] == &pet_backend_ref ? 1 : 3);
}

static void
deeplab_257_gives_golden_masks (void)
{
  check_network ("deeplabv3-mnv2-257-pet", NULL, 3);
}

static void
deeplab_257_gives_golden_masks_on_the_reference (void)
{
  check_network ("deeplabv3-mnv2-257-pet", "ref", 3);
}

static void
deeplab_513_gives_golden_masks (void)
{
  check_network ("deeplabv3-mnv2-513-pet", NULL,
      pet_backends[0] == &pet_backend_ref ? 1 : 3);
}

/* Runs the network on the fixed pattern of fill_input(), with `limit` of its
 * threads and, before that, with all. */
static Result
run_network (const char *name, int threads, int limit)
{
  Result result = { .data = NULL };
  PetError error = { .status = PET_OK };
  PetNetOptions options;
  PetModel *model = NULL;
  PetNet *net = NULL;
  char path[512];

  pet_net_options_init (&options);
  options.output = "d0";
  options.threads = threads;
  if (!model_path (name, path))
    return result;
  if (pet_model_load_file (path, NULL, &model, &error) != PET_OK ||
      pet_net_new (model, &options, &net, &error) != PET_OK) {
    tap_fail ("%s: %s", name, error.message);
  } else {
    if (limit < threads) {
      fill_input (pet_net_input (net, 0), 2);
      tap_check (pet_net_run (net, &error) == PET_OK);
      pet_net_limit_threads (net, limit);
    }
    fill_input (pet_net_input (net, 0), 1);
    tap_check (pet_net_run (net, &error) == PET_OK);
    result.shape = pet_net_output (net, 0)->shape;
    pet_shape_elements (&result.shape, &result.count);
    result.data = malloc (result.count * sizeof (float));
    memcpy (result.data, pet_net_output (net, 0)->data,
        result.count * sizeof (float));
  }
  pet_net_free (&net);
  pet_model_free (&model);
  return result;
}

/* Frees the second. */
static void
check_bytes_equal (Result a, Result b)
{
  if (a.data != NULL && b.data != NULL) {
    tap_check (a.count == b.count);
    tap_check (memcmp (a.data, b.data, a.count * sizeof (float)) == 0);
  }
  free (b.data);
}

static void
shape_arithmetic_folds_to_the_same_network (void)
{
  Result plain = run_network ("u2netp", 1, 1);

  check_bytes_equal (plain, run_network ("u2netp-torchshapes", 1, 1));
  free (plain.data);
}

static void
threads_do_not_change_a_bit (void)
{
  static const int cases[][2] = { { 2, 2 }, { 3, 2 }, { 2, 1 } };
  Result one = run_network ("u2netp", 1, 1);

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_bytes_equal (one, run_network ("u2netp", cases[i][0], cases[i][1]));
  free (one.data);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (u2netp_gives_golden_masks),
    TAP_TEST (deeplab_257_gives_golden_masks),
    TAP_TEST (deeplab_257_gives_golden_masks_on_the_reference),
    TAP_TEST (deeplab_513_gives_golden_masks),
    TAP_TEST (shape_arithmetic_folds_to_the_same_network),
    TAP_TEST (threads_do_not_change_a_bit),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
