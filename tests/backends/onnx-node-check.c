/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs the ONNX project's node tests: `onnx-node-check [--backend NAME]
 * [DIR...]`. A DIR is one test (model.onnx beside test_data_set_N/) or a tree
 * that holds such; without one it is $PET_SHARED/suites/onnx-node, and the
 * exit status is 77 where that is not there. Every test runs on every back end
 * through PetNet, that is folded, fused and planned.
 *
 * The tests feed as run-time inputs what a network has as constants (shapes,
 * axes, scales); where the engine says so, the run is repeated with all inputs
 * but the first, then with all, bound as constants. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "nn/pet-backend.h"
#include "nn/ref/pet-op-util.h"

#define MAX_TENSORS 64
#define SKIPPED 77

typedef struct {
  PetTensor inputs[MAX_TENSORS], outputs[MAX_TENSORS];
  int n_inputs, n_outputs;
} Data;

static int n_passed, n_failed, n_unsupported;

static void
count (const char *test, const char *backend, PetStatus status,
    const char *message)
{
  if (status == PET_OK)
    n_passed++;
  else if (status == PET_ERROR_UNSUPPORTED)
    n_unsupported++;
  else
    n_failed++;
  if (status != PET_OK)
    printf ("%s %s on %s: %s\n",
        status == PET_ERROR_UNSUPPORTED ? "unsupported" : "FAILED", test,
        backend, message);
}

static PetStatus
read_file (const char *path, void **bytes, size_t *size, PetError *error)
{
  FILE *file = fopen (path, "rb");
  struct stat info;
  bool ok;

  if (file == NULL || fstat (fileno (file), &info) != 0)
    return pet_fail (error, PET_ERROR_IO, "%s: %s", path, strerror (errno));
  *size = (size_t) info.st_size;
  *bytes = malloc (*size + 1);
  ok = *bytes != NULL && fread (*bytes, 1, *size, file) == *size;
  fclose (file);
  return ok ? PET_OK : pet_fail (error, PET_ERROR_IO, "%s: no", path);
}

static PetStatus
read_tensors (const char *set, const char *kind, PetTensor *tensors,
    int *n_tensors, PetError *error)
{
  char path[4096];
  struct stat info;

  for (*n_tensors = 0; *n_tensors < MAX_TENSORS; ++*n_tensors) {
    void *bytes;
    size_t size;
    char *name = NULL;
    PetStatus status;

    snprintf (path, sizeof path, "%s/%s_%d.pb", set, kind, *n_tensors);
    if (stat (path, &info) != 0)
      break;
    PET_TRY (read_file (path, &bytes, &size, error));
    status =
        pet_onnx_read_tensor (bytes, size, &tensors[*n_tensors], &name, error);
    free (bytes);
    free (name);
    PET_TRY (status);
  }
  return PET_OK;
}

static void
clear_data (Data *data)
{
  for (int i = 0; i < MAX_TENSORS; i++) {
    pet_tensor_clear (&data->inputs[i]);
    pet_tensor_clear (&data->outputs[i]);
  }
}

static bool
is_close (double got, double want, PetType type)
{
  double relative = type == PET_TYPE_F16 ? 1e-2 : 1e-3;

  if (isnan (got) || isnan (want))
    return isnan (got) && isnan (want);
  if (isinf (got) || isinf (want))
    return got == want;
  return fabs (got - want) <= 1e-7 + relative * fabs (want);
}

static PetStatus
compare (
    const PetTensor *got, const PetTensor *want, int output, PetError *error)
{
  char a[PET_SHAPE_TEXT_SIZE], b[PET_SHAPE_TEXT_SIZE];
  bool whole = want->type != PET_TYPE_F32 && want->type != PET_TYPE_F64 &&
      want->type != PET_TYPE_F16;

  if (got->type != want->type || !pet_shape_equal (&got->shape, &want->shape))
    return pet_fail (error, PET_ERROR_LIBRARY, "output %d is %s %s, not %s %s",
        output, pet_type_name (got->type), pet_shape_text (&got->shape, a),
        pet_type_name (want->type), pet_shape_text (&want->shape, b));
  for (size_t i = 0; i < pet_elements (want); i++) {
    double x = pet_get_double (got, i), y = pet_get_double (want, i);

    if (whole ? pet_get_int (got, i) != pet_get_int (want, i)
              : !is_close (x, y, want->type))
      return pet_fail (error, PET_ERROR_LIBRARY,
          "output %d has %g, not %g, at %zu of %zu", output, x, y, i,
          pet_elements (want));
  }
  return PET_OK;
}

static PetStatus
fill_and_run (PetNet *net, const Data *data, int n_bound, PetError *error)
{
  int at = 0;

  for (int i = 0; i < data->n_inputs; i++) {
    PetTensor *input;
    size_t bytes;

    if (n_bound > 0 && i >= data->n_inputs - n_bound)
      break;
    input = pet_net_input (net, at++);
    if (input->type != data->inputs[i].type)
      return pet_fail (error, PET_ERROR_LIBRARY,
          "input %d is of another type than the test's", i);
    if (pet_tensor_bytes (input, &bytes) && bytes > 0)
      memcpy (input->data, data->inputs[i].data, bytes);
  }
  PET_TRY (pet_net_run (net, error));
  for (int i = 0; i < data->n_outputs; i++)
    PET_TRY (compare (pet_net_output (net, i), &data->outputs[i], i, error));
  return PET_OK;
}

/* With the last `n_bound` inputs as constants. Takes `graph` over. */
static PetStatus
try_bound (PetGraph *graph, const Data *data, const char *backend, int n_bound,
    PetError *error)
{
  PetShape shapes[MAX_TENSORS];
  PetNetOptions options;
  PetModel *model;
  PetNet *net = NULL;
  PetStatus status = PET_OK;

  if (graph == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory");
  if (graph->n_inputs != data->n_inputs || graph->n_outputs != data->n_outputs)
    status = pet_fail (error, PET_ERROR_LIBRARY,
        "the model has %d inputs and %d outputs, the test %d and %d",
        graph->n_inputs, graph->n_outputs, data->n_inputs, data->n_outputs);
  for (int i = 0; i < n_bound && status == PET_OK; i++)
    status = pet_graph_bind_input (
        graph, graph->n_inputs - 1, &data->inputs[graph->n_inputs - 1], error);
  if (status != PET_OK) {
    pet_graph_free (&graph);
    return status;
  }
  model = pet_model_new_from_graph (graph);
  if (model == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory");
  for (int i = 0; i < data->n_inputs; i++)
    shapes[i] = data->inputs[i].shape;
  pet_net_options_init (&options);
  options.backend = backend;
  options.threads = 1;
  options.input_shapes = shapes;
  status = pet_net_new (model, &options, &net, error);
  pet_model_free (&model);
  if (status == PET_OK)
    status = fill_and_run (net, data, n_bound, error);
  pet_net_free (&net);
  return status;
}

static PetStatus
run_backend (const PetGraph *graph, const Data *data, const char *backend,
    PetError *error)
{
  int bound[3] = { 0, data->n_inputs - 1, data->n_inputs };
  PetStatus status = PET_ERROR_UNSUPPORTED;

  for (int i = 0; i < 3 && status == PET_ERROR_UNSUPPORTED; i++)
    if (i == 0 || bound[i] > 0) {
      PetError now = { .status = PET_OK };

      status =
          try_bound (pet_graph_copy (graph), data, backend, bound[i], &now);
      if (i == 0 || status != PET_ERROR_UNSUPPORTED)
        *error = now;
    }
  return status;
}

static PetStatus
load_graph (const char *test, PetGraph **graph, PetError *error)
{
  char path[4096];
  void *bytes = NULL;
  size_t size;
  PetStatus status;

  snprintf (path, sizeof path, "%s/model.onnx", test);
  PET_TRY (read_file (path, &bytes, &size, error));
  status = pet_onnx_read (bytes, size, NULL, graph, error);
  free (bytes);
  if (status == PET_OK)
    status = pet_graph_check (*graph, error);
  return status;
}

static void
run_set (const char *test, const char *set, const char *only)
{
  const char *const *backends = pet_backend_names ();
  PetGraph *graph = NULL;
  PetError error = { .status = PET_OK };
  Data data = { .n_inputs = 0 };
  PetStatus status = load_graph (test, &graph, &error);

  if (status == PET_OK)
    status = read_tensors (set, "input", data.inputs, &data.n_inputs, &error);
  if (status == PET_OK)
    status =
        read_tensors (set, "output", data.outputs, &data.n_outputs, &error);
  for (int i = 0; backends[i] != NULL; i++) {
    PetStatus result = status;

    if (only != NULL && strcmp (only, backends[i]) != 0)
      continue;
    if (status == PET_OK)
      result = run_backend (graph, &data, backends[i], &error);
    count (test, backends[i], result, error.message);
  }
  clear_data (&data);
  pet_graph_free (&graph);
}

static int
is_visible (const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

static void
walk (const char *path, const char *backend, int depth)
{
  struct dirent **entries;
  char child[4096];
  struct stat info;
  int n_entries = 0;

  snprintf (child, sizeof child, "%s/model.onnx", path);
  if (stat (child, &info) == 0) {
    for (int i = 0;; i++) {
      snprintf (child, sizeof child, "%s/test_data_set_%d", path, i);
      if (stat (child, &info) != 0)
        return;
      run_set (path, child, backend);
    }
  }
  if (depth < 8)
    n_entries = scandir (path, &entries, is_visible, alphasort);
  for (int i = 0; i < n_entries; i++) {
    snprintf (child, sizeof child, "%s/%s", path, entries[i]->d_name);
    if (stat (child, &info) == 0 && S_ISDIR (info.st_mode))
      walk (child, backend, depth + 1);
    free (entries[i]);
  }
  if (n_entries > 0)
    free (entries);
}

int
main (int argc, char **argv)
{
  const char *backend = NULL, *shared = getenv ("PET_SHARED");
  char path[4096];
  struct stat info;
  int first = 1;

  if (argc > 2 && strcmp (argv[1], "--backend") == 0) {
    backend = argv[2];
    first = 3;
  }
  for (int i = first; i < argc; i++)
    walk (argv[i], backend, 0);
  if (first >= argc) {
    snprintf (path, sizeof path, "%s/suites/onnx-node",
        shared != NULL ? shared : ".");
    if (stat (path, &info) != 0) {
      printf ("skipped: there is no %s\n", path);
      return SKIPPED;
    }
    walk (path, backend, 0);
  }
  printf ("%d passed, %d failed, %d unsupported\n", n_passed, n_failed,
      n_unsupported);
  return n_failed > 0 || n_passed == 0;
}
