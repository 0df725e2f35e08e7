/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ONNX reader and the checks of a graph, on models made here: what must be
 * read, and what must be refused, by which status and message. */

#include "nn/pet-graph.h"

#include <math.h>

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

static PetStatus
load (Bytes *bytes, PetModel **model, PetError *error)
{
  PetStatus status;

  *model = NULL;
  memset (error, 0, sizeof *error);
  status = pet_model_load (bytes->data, bytes->size, NULL, model, error);
  free (bytes->data);
  return status;
}

/* The model must be refused so, by a message with `part` in it. */
static void
expect (OnnxWriter *w, PetStatus status, const char *part)
{
  Bytes bytes = onnx_finish (w);
  PetModel *model;
  PetError error;
  PetStatus got = load (&bytes, &model, &error);

  if (got != status || (got != PET_OK && strstr (error.message, part) == NULL))
    tap_fail ("want %s '%s', got %s '%s'", pet_status_name (status), part,
        pet_status_name (got), error.message);
  pet_model_free (&model);
}

/* x -> Conv -> Relu -> y */
static OnnxWriter
small_model (void)
{
  OnnxWriter w = onnx_writer (13);

  onnx_input (&w, "x", 1, 4, DIMS (1, 1, 4, 4));
  onnx_floats (&w, "w", 4, DIMS (1, 1, 2, 2), FLOATS (1.0f, 2.0f, 3.0f, 4.0f));
  onnx_attr_ints (&w, "strides", 2, DIMS (2, 2));
  onnx_node (&w, "Conv", "x w", "c");
  onnx_node (&w, "Relu", "c", "y");
  onnx_output (&w, "y");
  onnx_meta (&w, "author", "somebody");
  return w;
}

static void
reads_a_small_model (void)
{
  OnnxWriter w = small_model ();
  Bytes bytes = onnx_finish (&w);
  PetModel *model;
  PetError error;
  PetType type;
  PetShape shape;

  if (load (&bytes, &model, &error) != PET_OK) {
    tap_fail ("%s", error.message);
    return;
  }
  tap_check (pet_model_n_inputs (model) == 1);
  tap_check (pet_model_n_outputs (model) == 1);
  tap_check (strcmp (pet_model_input (model, 0, &type, &shape), "x") == 0);
  tap_check (type == PET_TYPE_F32 && shape.rank == 4 && shape.dim[3] == 4);
  tap_check (strcmp (pet_model_output (model, 0, NULL, NULL), "y") == 0);
  tap_check (pet_model_output (model, 1, NULL, NULL) == NULL);
  tap_check (strcmp (pet_model_metadata (model, "author"), "somebody") == 0);
  tap_check (pet_model_metadata (model, "none") == NULL);
  pet_model_free (&model);
  tap_check (model == NULL);
}

static void
every_cut_is_refused (void)
{
  OnnxWriter w = small_model ();
  Bytes whole = onnx_finish (&w);

  for (size_t size = 0; size < whole.size; size++) {
    Bytes cut = { malloc (size + 1), size, size };
    PetModel *model;
    PetError error;

    if (size > 0)
      memcpy (cut.data, whole.data, size);
    if (load (&cut, &model, &error) == PET_OK) {
      tap_fail ("a file cut to %zu bytes was read", size);
      pet_model_free (&model);
    } else if (error.status != PET_ERROR_TRUNCATED &&
        error.status != PET_ERROR_FORMAT)
      tap_fail ("cut to %zu: %s", size, error.message);
  }
  free (whole.data);
}

static void
try_to_run (const Bytes *bytes)
{
  PetModel *model = NULL;
  PetNet *net = NULL;
  PetNetOptions options;
  PetModelLimits limits;

  pet_model_limits_init (&limits);
  limits.max_tensor_bytes = 1 << 20;
  if (pet_model_load (bytes->data, bytes->size, &limits, &model, NULL) !=
      PET_OK)
    return;
  pet_net_options_init (&options);
  options.threads = 1;
  options.backend = "ref";
  if (pet_net_new (model, &options, &net, NULL) == PET_OK)
    pet_net_run (net, NULL);
  pet_net_free (&net);
  pet_model_free (&model);
}

/* One bit, or all, of one byte at a time; what is still a model must run. */
static void
no_broken_byte_crashes (void)
{
  static const uint8_t masks[] = { 1, 2, 4, 8, 16, 32, 64, 128, 255, 127 };
  OnnxWriter w = small_model ();
  Bytes bytes = onnx_finish (&w);

  for (size_t i = 0; i < bytes.size; i++)
    for (size_t m = 0; m < sizeof masks; m++) {
      bytes.data[i] ^= masks[m];
      try_to_run (&bytes);
      bytes.data[i] ^= masks[m];
    }
  free (bytes.data);
}

static void
no_random_bytes_crash (void)
{
  for (int round = 0; round < 20000; round++) {
    OnnxWriter w = small_model ();
    Bytes bytes = onnx_finish (&w);

    for (int n = tap_random_range (1, 6); n > 0; n--)
      bytes.data[tap_random () % bytes.size] = (uint8_t) tap_random ();
    try_to_run (&bytes);
    free (bytes.data);
  }
}

static void
nodes_are_put_in_order (void)
{
  OnnxWriter w = onnx_writer (13);
  Bytes bytes;
  PetModel *model;
  PetError error;

  onnx_input (&w, "x", 1, 1, DIMS (2));
  onnx_node (&w, "Relu", "b", "c");
  onnx_node (&w, "Abs", "a", "b");
  onnx_node (&w, "Neg", "x", "a");
  onnx_output (&w, "c");
  bytes = onnx_finish (&w);
  if (load (&bytes, &model, &error) != PET_OK) {
    tap_fail ("%s", error.message);
    return;
  }
  tap_check (strcmp (pet_model_graph (model)->nodes[0].type, "Neg") == 0);
  tap_check (strcmp (pet_model_graph (model)->nodes[2].type, "Relu") == 0);
  pet_model_free (&model);
}

static void
initializers_may_be_listed_as_inputs (void)
{
  OnnxWriter w = onnx_writer (8);
  Bytes bytes;
  PetModel *model;
  PetError error;

  onnx_input (&w, "x", 1, 1, DIMS (2));
  onnx_input (&w, "w", 1, 1, DIMS (2));
  onnx_floats (&w, "w", 1, DIMS (2), FLOATS (1.0f, 2.0f));
  onnx_node (&w, "Add", "x w", "y");
  onnx_output (&w, "y");
  bytes = onnx_finish (&w);
  tap_check (load (&bytes, &model, &error) == PET_OK);
  tap_check (model != NULL && pet_model_n_inputs (model) == 1);
  pet_model_free (&model);
}

static OnnxWriter
start (const char *type, const char *inputs, const char *outputs)
{
  OnnxWriter w = onnx_writer (13);

  onnx_input (&w, "x", 1, 1, DIMS (2));
  onnx_node (&w, type, inputs, outputs);
  onnx_output (&w, "y");
  return w;
}

static void
broken_graphs_are_refused (void)
{
  OnnxWriter w = start ("Add", "x y", "y");

  expect (&w, PET_ERROR_CORRUPT, "node 'n' (Add): its input depends");
  w = start ("Relu", "nothing", "y");
  expect (&w, PET_ERROR_CORRUPT, "'nothing' is nowhere defined");
  w = start ("Relu", "x", "z");
  expect (&w, PET_ERROR_CORRUPT, "output 'y' is nowhere defined");
  w = start ("Relu", "x", "y");
  onnx_node (&w, "Abs", "x", "y");
  expect (&w, PET_ERROR_CORRUPT, "'y' is defined twice");
  w = start ("Relu", "x", "y");
  onnx_floats (&w, "y", 1, DIMS (1), FLOATS (1.0f));
  expect (&w, PET_ERROR_CORRUPT, "'y' is defined twice");
  w = start ("Relu", "x x", "y");
  expect (&w, PET_ERROR_CORRUPT, "too many inputs");
  w = start ("Add", "x", "y");
  expect (&w, PET_ERROR_CORRUPT, "an input is missing");
  w = start ("Add", "x -", "y");
  expect (&w, PET_ERROR_CORRUPT, "an input is missing");
  w = start ("Relu", "x", "y z");
  expect (&w, PET_ERROR_UNSUPPORTED, "only its first outputs");
  w = start ("Relu", "x", "y");
  onnx_output (&w, "y");
  expect (&w, PET_ERROR_CORRUPT, "listed twice");
  w = onnx_writer (13);
  onnx_input (&w, "x", 1, 1, DIMS (2));
  expect (&w, PET_ERROR_CORRUPT, "no output");
}

static void
unknown_operators_are_refused (void)
{
  OnnxWriter w = start ("Relu", "x", "z");

  onnx_node (&w, "Foo", "z", "v");
  onnx_node (&w, "Einsum", "v", "y");
  expect (&w, PET_ERROR_UNSUPPORTED,
      "node 'n' (Foo): operator not supported, nor are Einsum");
  w = start ("Relu", "x", "z");
  onnx_node_of (&w, "com.bar", "Foo", "z", "y");
  expect (&w, PET_ERROR_UNSUPPORTED, "(Foo of domain com.bar)");
  w = start ("Relu", "x", "z");
  onnx_node_of (&w, "ai.onnx", "Relu", "z", "y");
  expect (&w, PET_OK, "");
}

static void
operator_sets_are_checked (void)
{
  static const struct {
    int opset;
    PetStatus status;
    const char *part;
  } cases[] = {
    { 0, PET_ERROR_CORRUPT, "does not say" },
    { 6, PET_ERROR_UNSUPPORTED, "operator set 6; 7 to 25" },
    { 7, PET_OK, "" },
    { 25, PET_OK, "" },
    { 26, PET_ERROR_UNSUPPORTED, "operator set 26" },
    { -1, PET_ERROR_UNSUPPORTED, "operator set -1" },
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    OnnxWriter w = start ("Relu", "x", "y");

    w.opset = cases[i].opset;
    expect (&w, cases[i].status, cases[i].part);
  }
}

static void
subgraphs_are_refused (void)
{
  OnnxWriter w = onnx_writer (13);
  Bytes attr = { NULL, 0, 0 };

  put_text (&attr, 1, "body");
  put_bytes (&attr, 6, "", 0);
  put_int (&attr, 20, 5);
  put_message (&w.attrs, 5, &attr);
  onnx_node (&w, "Relu", "", "y");
  onnx_output (&w, "y");
  expect (&w, PET_ERROR_UNSUPPORTED,
      "node 'n' (Relu): attribute 'body' holds a subgraph");
}

static void
attribute_kinds_are_checked (void)
{
  OnnxWriter w = onnx_writer (13);

  onnx_input (&w, "x", 1, 1, DIMS (2));
  onnx_attr_float (&w, "axis", 1.0f);
  onnx_node (&w, "Softmax", "x", "y");
  onnx_output (&w, "y");
  expect (&w, PET_ERROR_CORRUPT, "'axis' is of the wrong kind");
}

/* A model with one initializer of these bytes. */
static void
expect_tensor (Bytes *tensor, PetStatus status, const char *part)
{
  OnnxWriter w = start ("Relu", "x", "y");

  put_message (&w.graph, 5, tensor);
  expect (&w, status, part);
}

static void
broken_tensors_are_refused (void)
{
  static const float two[2] = { 1.0f, 2.0f };
  Bytes t = onnx_tensor ("t", 1, 1, DIMS (3), two, sizeof two);

  expect_tensor (&t, PET_ERROR_CORRUPT, "has 8 bytes of data");
  t = onnx_tensor ("t", 1, 1, DIMS (-2), two, sizeof two);
  expect_tensor (&t, PET_ERROR_CORRUPT, "negative");
  t = onnx_tensor (
      "t", 1, 3, DIMS (1 << 30, 1 << 30, 1 << 30), two, sizeof two);
  expect_tensor (&t, PET_ERROR_LIMIT, "'t' is larger than");
  t = onnx_tensor ("t", 1, 9, DIMS (1, 1, 1, 1, 1, 1, 1, 1, 2), two, 8);
  expect_tensor (&t, PET_ERROR_UNSUPPORTED, "more than 8 dimensions");
  t = onnx_tensor ("t", 8, 1, DIMS (2), two, sizeof two);
  expect_tensor (&t, PET_ERROR_UNSUPPORTED, "data type 8");
  t = onnx_tensor ("t", 99, 1, DIMS (2), two, sizeof two);
  expect_tensor (&t, PET_ERROR_UNSUPPORTED, "data type 99");
  t = onnx_tensor ("t", 1, 1, DIMS (2), two, sizeof two);
  put_bytes (&t, 13, "", 0);
  expect_tensor (&t, PET_ERROR_UNSUPPORTED, "outside the model file");
  t = onnx_tensor ("t", 1, 1, DIMS (2), two, sizeof two);
  put_int (&t, 14, 1);
  expect_tensor (&t, PET_ERROR_UNSUPPORTED, "outside the model file");
  t = onnx_tensor ("", 1, 1, DIMS (2), two, sizeof two);
  expect_tensor (&t, PET_ERROR_CORRUPT, "has no name");
  t = onnx_tensor ("t", 1, 1, DIMS (2), FLOATS (1.0f, NAN), sizeof two);
  expect_tensor (&t, PET_ERROR_CORRUPT, "'t' has numbers that are not");
}

/* Dimensions claim a gigabyte; there is no data. */
static void
claims_without_data_take_no_memory (void)
{
  Bytes t = { NULL, 0, 0 };

  put_int (&t, 1, 1 << 28);
  put_int (&t, 2, 1);
  put_text (&t, 8, "t");
  expect_tensor (&t, PET_ERROR_CORRUPT, "has 0 numbers");
}

static void
sparse_tensors_are_refused (void)
{
  OnnxWriter w = start ("Relu", "x", "y");

  put_bytes (&w.graph, 15, "", 0);
  expect (&w, PET_ERROR_UNSUPPORTED, "sparse");
}

/* Reads `bytes` as a TensorProto; frees them. */
static PetStatus
read_tensor (Bytes *bytes, PetTensor *tensor)
{
  char *name = NULL;
  PetStatus status =
      pet_onnx_read_tensor (bytes->data, bytes->size, tensor, &name, NULL);

  free (name);
  free (bytes->data);
  *bytes = (Bytes){ NULL, 0, 0 };
  return status;
}

static void
numbers_may_be_packed_or_not (void)
{
  static const float two[2] = { 1.0f, 2.5f };
  static const uint8_t packed[3] = { 3, 0xac, 0x02 }; /* 3, 300 */
  Bytes t = { NULL, 0, 0 };
  PetTensor tensor = { .data = NULL };

  put_int (&t, 1, 2);
  put_int (&t, 2, 1);
  put_float (&t, 4, 1.0f);
  put_float (&t, 4, 2.5f);
  tap_check (read_tensor (&t, &tensor) == PET_OK);
  tap_check (memcmp (tensor.data, two, sizeof two) == 0);
  pet_tensor_clear (&tensor);

  put_int (&t, 1, 2);
  put_int (&t, 2, 1);
  put_bytes (&t, 4, two, sizeof two);
  tap_check (read_tensor (&t, &tensor) == PET_OK);
  tap_check (memcmp (tensor.data, two, sizeof two) == 0);
  pet_tensor_clear (&tensor);

  put_int (&t, 1, 2);
  put_int (&t, 2, 7);
  put_bytes (&t, 7, packed, sizeof packed);
  tap_check (read_tensor (&t, &tensor) == PET_OK);
  tap_check (((int64_t *) tensor.data)[1] == 300);
  pet_tensor_clear (&tensor);

  put_int (&t, 1, 1);
  put_int (&t, 2, 10);
  put_int (&t, 5, 0x3c00);
  tap_check (read_tensor (&t, &tensor) == PET_OK);
  tap_check (((uint16_t *) tensor.data)[0] == 0x3c00);
  pet_tensor_clear (&tensor);
}

static void
broken_numbers_are_refused (void)
{
  static const uint8_t unfinished[2] = { 3, 0x80 };
  static const uint8_t overlong[12] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 1 };
  Bytes t = { NULL, 0, 0 };
  PetTensor tensor;

  put_int (&t, 1, 2);
  put_int (&t, 2, 7);
  put_bytes (&t, 7, unfinished, sizeof unfinished);
  tap_check (read_tensor (&t, &tensor) == PET_ERROR_CORRUPT);
  put_int (&t, 1, 1);
  put_int (&t, 2, 7);
  put_bytes (&t, 7, overlong, sizeof overlong);
  tap_check (read_tensor (&t, &tensor) == PET_ERROR_CORRUPT);
  put_int (&t, 1, 1);
  put_int (&t, 2, 1);
  put_bytes (&t, 4, unfinished, sizeof unfinished);
  tap_check (read_tensor (&t, &tensor) == PET_ERROR_CORRUPT);
  put_text (&t, 2, "of the wrong kind");
  tap_check (read_tensor (&t, &tensor) == PET_ERROR_CORRUPT);
  bytes_add (&t, overlong, sizeof overlong);
  tap_check (read_tensor (&t, &tensor) == PET_ERROR_CORRUPT);
}

static void
limits_are_kept (void)
{
  OnnxWriter w = small_model ();
  Bytes bytes = onnx_finish (&w);
  PetModelLimits limits;
  PetModel *model = NULL;

  pet_model_limits_init (&limits);
  limits.max_file_bytes = bytes.size - 1;
  tap_check (pet_model_load (bytes.data, bytes.size, &limits, &model, NULL) ==
      PET_ERROR_LIMIT);
  pet_model_limits_init (&limits);
  limits.max_nodes = 1;
  tap_check (pet_model_load (bytes.data, bytes.size, &limits, &model, NULL) ==
      PET_ERROR_LIMIT);
  pet_model_limits_init (&limits);
  limits.max_tensor_bytes = 15;
  tap_check (pet_model_load (bytes.data, bytes.size, &limits, &model, NULL) ==
      PET_ERROR_LIMIT);
  limits.max_tensor_bytes = 16;
  tap_check (
      pet_model_load (bytes.data, bytes.size, &limits, &model, NULL) == PET_OK);
  pet_model_free (&model);
  free (bytes.data);
}

static void
other_files_are_no_models (void)
{
  static const char *const files[] = { "\x89PNG\r\n\x1a\n", "\xff\xd8\xff",
    "GIF89a", "hello, world", "\x08" };
  PetModel *model = NULL;
  PetError error;

  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    PetStatus status =
        pet_model_load (files[i], strlen (files[i]), NULL, &model, &error);

    tap_check (status == PET_ERROR_FORMAT || status == PET_ERROR_TRUNCATED);
  }
  tap_check (pet_model_load ("", 0, NULL, &model, NULL) != PET_OK);
  tap_check (pet_model_load_file (
                 "/does/not/exist.onnx", NULL, &model, &error) == PET_ERROR_IO);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (reads_a_small_model),
    TAP_TEST (every_cut_is_refused),
    TAP_TEST (no_broken_byte_crashes),
    TAP_TEST (no_random_bytes_crash),
    TAP_TEST (nodes_are_put_in_order),
    TAP_TEST (initializers_may_be_listed_as_inputs),
    TAP_TEST (broken_graphs_are_refused),
    TAP_TEST (unknown_operators_are_refused),
    TAP_TEST (operator_sets_are_checked),
    TAP_TEST (subgraphs_are_refused),
    TAP_TEST (attribute_kinds_are_checked),
    TAP_TEST (broken_tensors_are_refused),
    TAP_TEST (claims_without_data_take_no_memory),
    TAP_TEST (sparse_tensors_are_refused),
    TAP_TEST (numbers_may_be_packed_or_not),
    TAP_TEST (broken_numbers_are_refused),
    TAP_TEST (limits_are_kept),
    TAP_TEST (other_files_are_no_models),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
