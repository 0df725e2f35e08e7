/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading and compiling a model with every single allocation failing in turn:
 * each failure is reported as one, and nothing is lost (run it under a leak
 * checker). Linked with --wrap for the allocating functions. */

#include "nn/pet-nn.h"

#include "onnx-writer.h"
#include "tap.h"

#define DIMS(...)                                                              \
  (const int64_t[])                                                            \
  {                                                                            \
    __VA_ARGS__                                                                \
  }
#define FLOATS(...)                                                            \
  (const float[])                                                              \
  {                                                                            \
    __VA_ARGS__                                                                \
  }

/* Allocations until one fails; -1: none does. */
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

/* Something of everything: attributes of all kinds, folding, fusion. */
static Bytes
model_of_everything (void)
{
  OnnxWriter w = onnx_writer (13);
  Bytes one = onnx_tensor ("", 7, 1, DIMS (1), DIMS (2), sizeof (int64_t));

  onnx_meta (&w, "author", "somebody");
  onnx_input (&w, "x", 1, 4, DIMS (1, 1, 4, 4));
  onnx_floats (&w, "w", 4, DIMS (1, 1, 2, 2), FLOATS (1.0f, 2.0f, 3.0f, 4.0f));
  onnx_floats (&w, "s", 1, DIMS (1), FLOATS (1.0f));
  onnx_attr_text (&w, "auto_pad", "SAME_UPPER");
  onnx_attr_ints (&w, "dilations", 2, DIMS (1, 1));
  onnx_node (&w, "Conv", "x w", "c");
  onnx_attr_float (&w, "epsilon", 0.5f);
  onnx_node (&w, "BatchNormalization", "c s s s s", "b");
  onnx_node (&w, "Relu", "b", "r");
  onnx_node (&w, "Add", "r x", "a");
  onnx_attr_tensor (&w, "value", &one);
  onnx_node (&w, "Constant", "", "two");
  onnx_node (&w, "Shape", "a", "shape");
  onnx_attr_int (&w, "axis", 0);
  onnx_node (&w, "Gather", "shape two", "h");
  onnx_ints (&w, "open", 1, DIMS (-1));
  onnx_attr_int (&w, "axis", 0);
  onnx_node (&w, "Concat", "open h", "to");
  onnx_node (&w, "Reshape", "a to", "y");
  onnx_output (&w, "y");
  return onnx_finish (&w);
}

static PetStatus
load_and_compile (const Bytes *bytes, const char *backend)
{
  PetModel *model = NULL;
  PetNet *net = NULL;
  PetNetOptions options;
  PetStatus status;

  pet_net_options_init (&options);
  options.backend = backend;
  options.threads = 1;
  status = pet_model_load (bytes->data, bytes->size, NULL, &model, NULL);
  if (status == PET_OK)
    status = pet_net_new (model, &options, &net, NULL);
  pet_net_free (&net);
  pet_model_free (&model);
  return status;
}

static void
every_failed_allocation_is_reported (void)
{
  const char *const *backends = pet_backend_names ();
  Bytes bytes = model_of_everything ();

  for (int b = 0; backends[b] != NULL; b++) {
    bool failed = true;
    long n = 0;

    for (; failed && n < 100000; n++) {
      PetStatus status;

      until_failure = n;
      status = load_and_compile (&bytes, backends[b]);
      failed = until_failure < 0;
      until_failure = -1;
      if (status != (failed ? PET_ERROR_MEMORY : PET_OK))
        tap_fail ("%s: allocation %ld failed: %s", backends[b], n,
            pet_status_name (status));
    }
    tap_check (!failed && n > 100);
  }
  free (bytes.data);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (every_failed_allocation_is_reported),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
