/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Models of several shapes are there once, however many networks are made of
 * them, at any time and in any thread. */

#include <pthread.h>

#include "net-util.h"
#include "nn/pet-shared-model.h"

#define SIDE 24 /* of the file; widths and heights make 64 together */
#define N_THREADS 4
#define ROUNDS 40

static void
say_shapes (OnnxWriter *w)
{
  onnx_meta (w, "pet.shape-sum", "64");
  onnx_meta (w, "pet.shape-step", "8");
}

static Bytes
build (float bias, bool shapes)
{
  OnnxWriter w = onnx_writer (13);
  float weights[3] = { 0.25f, 0.5f, 0.25f };

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, SIDE, SIDE });
  onnx_floats (&w, "w", 4, (int64_t[]){ 1, 3, 1, 1 }, weights);
  onnx_floats (&w, "b", 1, (int64_t[]){ 1 }, &bias);
  onnx_node (&w, "Conv", "x w b", "a");
  onnx_node (&w, "Sigmoid", "a", "y");
  onnx_output (&w, "y");
  if (shapes)
    say_shapes (&w);
  return onnx_finish (&w);
}

static PetSharedModel *
open_model (const Bytes *bytes, const char *sidecar)
{
  PetSharedModel *shared = NULL;
  PetError error = { .status = PET_OK };

  if (pet_shared_model_open (
          bytes->data, bytes->size, sidecar, &shared, &error) != PET_OK)
    tap_fail ("%s", error.message);
  return shared;
}

static void
the_same_bytes_are_one_model (void)
{
  Bytes bytes = build (0.5f, true), other = build (0.25f, true);
  PetSharedModel *a = open_model (&bytes, NULL);
  PetSharedModel *b = open_model (&bytes, NULL);
  PetSharedModel *c = open_model (&other, NULL);
  PetSharedModel *d = open_model (&bytes, "[modelinfo]\nname=other\n");

  tap_check (a == b && a->n_users == 2);
  tap_check (c != a && d != a && c->n_users == 1 && d->n_users == 1);
  tap_check (strcmp (d->info.name, "other") == 0);
  pet_shared_model_close (&a);
  tap_check (a == NULL && b->n_users == 1 && b->model != NULL);
  a = open_model (&bytes, NULL);
  tap_check (a == b && a->n_users == 2);
  pet_shared_model_close (&b);
  pet_shared_model_close (&c);
  pet_shared_model_close (&d);
  pet_shared_model_close (&a);
  pet_shared_model_close (&a);
  free (bytes.data);
  free (other.data);
}

/* Its weights go when they have been packed. */
static void
of_one_shape_each_has_its_own (void)
{
  Bytes bytes = build (0.5f, false);
  PetSharedModel *a = open_model (&bytes, NULL);
  PetSharedModel *b = open_model (&bytes, NULL);

  tap_check (a != b && a->model != b->model);
  tap_check (a->n_users == 0 && b->n_users == 0);
  pet_shared_model_close (&a);
  pet_shared_model_close (&b);
  free (bytes.data);
}

static void
what_is_no_model_is_not_kept (void)
{
  Bytes bytes = build (0.5f, true);

  for (int i = 0; i < 2; i++) {
    PetSharedModel *shared = NULL;
    PetError error = { .status = PET_OK };

    tap_check (pet_shared_model_open (bytes.data, bytes.size - 9, NULL, &shared,
                   &error) != PET_OK);
    tap_check (shared == NULL && error.message[0] != '\0');
    tap_check (pet_shared_model_open (bytes.data, bytes.size,
                   "[modelinfo]\nshape-sum=9\n", &shared, &error) != PET_OK);
    tap_check (shared == NULL);
  }
  free (bytes.data);
}

static PetSegmenter *
open_segmenter (const Bytes *bytes)
{
  PetSegmenterOptions options = { .threads = 1 };
  PetSegmenter *segmenter = NULL;
  PetError error = { .status = PET_OK };

  if (pet_segmenter_new (
          bytes->data, bytes->size, &options, &segmenter, &error) != PET_OK)
    tap_fail ("%s", error.message);
  return segmenter;
}

/* Grey photos of one tone, whose masks are of one value; returns that. */
static int
ask (PetSegmenter *segmenter, int width, int height, int tone)
{
  size_t n = (size_t) width * (size_t) height;
  PetImage photo = { malloc (3 * n), width, height, 3, 3 * width };
  uint8_t values[64 * 64];
  int mask_width, mask_height, value;
  PetImage mask;

  memset (photo.data, tone, 3 * n);
  pet_segmenter_mask_size (segmenter, width, height, &mask_width, &mask_height);
  mask = (PetImage){ values, mask_width, mask_height, 1, mask_width };
  tap_check (mask_width + mask_height == 64);
  tap_check (pet_segmenter_run (segmenter, &photo, &mask, NULL) == PET_OK);
  value = values[0];
  for (int i = 0; i < mask_width * mask_height; i++)
    tap_check (values[i] == value);
  free (photo.data);
  return value;
}

static int
expected (float bias, int tone)
{
  return (int) (255 / (1 + expf (-(float) tone / 255 - bias)) + 0.5f);
}

static void
networks_outlive_each_other (void)
{
  Bytes bytes = build (0.5f, true);
  PetSegmenter *first = open_segmenter (&bytes);
  PetSegmenter *second = open_segmenter (&bytes);

  tap_check (ask (first, 40, 30, 200) == expected (0.5f, 200));
  tap_check (ask (second, 30, 40, 100) == expected (0.5f, 100));
  pet_segmenter_free (&first);
  tap_check (ask (second, 40, 30, 200) == expected (0.5f, 200));
  first = open_segmenter (&bytes);
  pet_segmenter_free (&second);
  tap_check (ask (first, 30, 30, 50) == expected (0.5f, 50));
  pet_segmenter_free (&first);
  free (bytes.data);
}

static void *
open_and_ask (void *data)
{
  const Bytes *bytes = data;

  for (int i = 0; i < ROUNDS; i++) {
    int k = i % 2;
    PetSegmenter *segmenter = open_segmenter (&bytes[k]);

    tap_check (
        ask (segmenter, 30 + i, 40, 3 * i) == expected (k / 4.0f, 3 * i));
    tap_check (
        ask (segmenter, 40, 30 + i, 5 * i) == expected (k / 4.0f, 5 * i));
    pet_segmenter_free (&segmenter);
  }
  return NULL;
}

static void
threads_open_and_close_them (void)
{
  Bytes bytes[2] = { build (0, true), build (0.25f, true) };
  pthread_t threads[N_THREADS];

  for (int i = 0; i < N_THREADS; i++)
    tap_check (pthread_create (&threads[i], NULL, open_and_ask, bytes) == 0);
  for (int i = 0; i < N_THREADS; i++)
    pthread_join (threads[i], NULL);
  free (bytes[0].data);
  free (bytes[1].data);
}

/* One that computes with its own shapes is not reduced to the output that was
 * named; it is asked for that nevertheless. */
static void
the_output_that_is_named_is_taken (void)
{
  OnnxWriter w = onnx_writer (13);
  const float none = 0;
  PetSegmenter *segmenter;
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, SIDE, SIDE });
  onnx_floats (&w, "none", 0, NULL, &none);
  onnx_node (&w, "Shape", "x", "shape");
  onnx_node (&w, "Mul", "x none", "black");
  onnx_node (&w, "Reshape", "x shape", "same");
  onnx_output (&w, "black");
  onnx_output (&w, "same");
  onnx_meta (&w, "pet.output", "same");
  say_shapes (&w);
  bytes = onnx_finish (&w);
  segmenter = open_segmenter (&bytes);
  tap_check (ask (segmenter, 40, 30, 200) == 200);
  tap_check (ask (segmenter, 30, 40, 100) == 100);
  pet_segmenter_free (&segmenter);
  free (bytes.data);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (the_same_bytes_are_one_model),
    TAP_TEST (of_one_shape_each_has_its_own),
    TAP_TEST (what_is_no_model_is_not_kept),
    TAP_TEST (networks_outlive_each_other),
    TAP_TEST (threads_open_and_close_them),
    TAP_TEST (the_output_that_is_named_is_taken),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
