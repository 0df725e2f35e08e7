/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of graphs: which plans are taken, what cuDNN is told, and that
 * nothing of the networks that matter is left to the host. */

#include "networks.h"

/* fp32 must not be computed by an engine that rounds to TF32, and nothing by
 * one that is not deterministic or is compiled at run time. */
static void
engines_are_filtered (void)
{
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;

  fake_cuda_configure ("");
  if (!read_model ())
    return;
  tap_check (open_network (false, 1, &cuda, &gpu, NULL) == PET_OK);
  tap_check (fake_cudnn_last_engine () == 1);
  pet_cuda_segmenter_free (&gpu);
  pet_cuda_close (&cuda);
  check_clean ();
}

/* Whether some graph was recorded that begins and ends so. */
static bool
was_lowered (const char *begin, const char *end)
{
  const char *text;

  for (int i = 0; (text = fake_cudnn_graph (i)) != NULL; i++)
    if (strncmp (text, begin, strlen (begin)) == 0 &&
        strlen (text) >= strlen (end) &&
        strcmp (text + strlen (text) - strlen (end), end) == 0)
      return true;
  return false;
}

/* The first convolution of the built-in network, 3 to 24 channels with stride 2
 * and a clip to 0..6, and its residual one of 96 to 24 channels. */
static void
lowering_is_recorded (void)
{
  PetCudaSegmenter *gpu = NULL;
  PetCuda *cuda = NULL;

  fake_cuda_configure ("");
  if (!read_model ())
    return;
  tap_check (open_network (true, 2, &cuda, &gpu, NULL) == PET_OK);
  tap_check (was_lowered (
      "conv x:half 2x8x320x320/819200,1,2560,8 "
      "w:half 24x8x3x3/72,1,24,8 pad 1,1+0,0 stride 2,2 dil 1,1 "
      "->:float* 2x24x160x160/614400,1,3840,24 "
      "add:half 1x24x1x1/24,1,24,24 ->:float* 2x24x160x160/614400,1,3840,24 ",
      "clip ->:half 2x24x160x160/614400,1,3840,24 "));
  tap_check (
      was_lowered ("conv x:half 2x96x80x80/614400,1,7680,96 "
                   "w:half 24x96x1x1/96,1,96,96 pad 0,0+0,0 stride 1,1 dil 1,1 "
                   "->:float* 2x24x80x80/153600,1,1920,24 "
                   "add:half 2x24x80x80/153600,1,1920,24 ",
          "add:half 1x24x1x1/24,1,24,24 ->:half 2x24x80x80/153600,1,1920,24 "));
  pet_cuda_segmenter_free (&gpu);
  pet_cuda_close (&cuda);
  check_clean ();
}

static void
make_decoder (void)
{
  OnnxWriter w = onnx_writer (13);
  const float half = 0.5f, one = 1;
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, 16, 16 });
  onnx_random (&w, "w1", 4, (int64_t[]){ 12, 3, 3, 3 }, 0.3f);
  onnx_random (&w, "w2", 4, (int64_t[]){ 12, 5, 2, 2 }, 0.3f);
  onnx_random (&w, "w3", 4, (int64_t[]){ 5, 1, 3, 3 }, 0.3f);
  onnx_random (&w, "each", 3, (int64_t[]){ 12, 1, 1 }, 0.3f);
  onnx_floats (&w, "half", 0, NULL, &half);
  onnx_floats (&w, "one", 1, (int64_t[]){ 1 }, &one);
  onnx_node (&w, "Conv", "x w1", "a");
  onnx_node (&w, "Mul", "a each", "b");
  onnx_attr_ints (&w, "strides", 2, (int64_t[]){ 2, 2 });
  onnx_node (&w, "ConvTranspose", "b w2", "c");
  onnx_node (&w, "Div", "c half", "d");
  onnx_attr_int (&w, "group", 5);
  onnx_node (&w, "ConvTranspose", "d w3", "e");
  onnx_node (&w, "Sigmoid", "e", "f");
  onnx_node (&w, "Sub", "one f", "out");
  onnx_output (&w, "out");
  bytes = onnx_finish (&w);
  free (model_bytes);
  model_bytes = bytes.data;
  model_size = bytes.size;
}

/* What becomes of the model in half precision; NULL: it said why. */
static PetCudaProgram *
lower (PetModel *model, int batch, const char *name, PetCuda **cuda)
{
  PetCudaProgramOptions how = { .half = true, .batch = batch, .on_card = true };
  PetGraph *graph = pet_graph_copy (pet_model_graph (model));
  PetCudaProgram *program = NULL;
  PetCudaOptions card = { .device = -1 };
  PetError error = { .status = PET_OK };

  if (pet_cuda_open (&card, cuda, &error) != PET_OK ||
      pet_cudnn_open (&(*cuda)->dnn, (*cuda)->work, &error) != PET_OK ||
      pet_graph_prepare (graph, pet_model_output (model, 0, NULL, NULL), NULL,
          &error) != PET_OK ||
      pet_cuda_program_lower (*cuda, graph, &how, &program, &error) != PET_OK) {
    tap_fail ("%s: %s", name, error.message);
    pet_graph_free (&graph);
  }
  return program;
}

/* How many steps of the model run, or copy, where they should not. */
static int
steps_off_the_card (PetModel *model, const char *name)
{
  PetCuda *cuda = NULL;
  PetCudaProgram *program = lower (model, 8, name, &cuda);
  int off = 0;

  for (int i = 0; program != NULL && i < program->n_steps; i++) {
    PetCudaStepKind kind = program->steps[i].kind;

    if (kind == PET_CUDA_STEP_HOST || kind == PET_CUDA_STEP_UPLOAD ||
        kind == PET_CUDA_STEP_DOWNLOAD) {
      const PetNode *node = program->steps[i].node;

      printf ("# off the card: %s\n", node != NULL ? node->type : "a copy");
      off++;
    }
  }
  if (program != NULL)
    printf ("# %s: %d steps, %d off the card\n", name, program->n_steps, off);
  pet_cuda_program_free (&program);
  pet_cuda_close (&cuda);
  return off;
}

static void
check_on_card (const char *path)
{
  PetModel *model = NULL;

  if (pet_model_load_file (path, NULL, &model, NULL) != PET_OK)
    tap_skip ("a network is not there");
  else
    tap_check (steps_off_the_card (model, path) == 0);
  pet_model_free (&model);
}

/* Every network that comes with this, and those of ../shared. */
static void
nothing_is_left_to_the_host (void)
{
  static const char *const shared[] = { "u2netp", "u2netp-torchshapes",
    "deeplabv3-mnv2-257-pet", "deeplabv3-mnv2-513-pet" };
  const char *folder = getenv ("PET_SHARED"), *petnet = getenv ("PET_NETWORK");
  PetModel *model = NULL;
  char path[1024];

  fake_cuda_configure ("");
  make_decoder ();
  tap_check (
      pet_model_load (model_bytes, model_size, NULL, &model, NULL) == PET_OK &&
      steps_off_the_card (model, "a decoder") == 0);
  pet_model_free (&model);
  free (model_bytes);
  model_bytes = NULL;
  if (petnet != NULL) {
    check_on_card (petnet);
    snprintf (path, sizeof path, "%.*s-large.onnx",
        (int) (strlen (petnet) - strlen (".onnx")), petnet);
    check_on_card (path);
  }
  for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
    snprintf (path, sizeof path, "%s/models/%s.onnx",
        folder != NULL ? folder : ".", shared[i]);
    check_on_card (path);
  }
  check_clean ();
}

#define OUT 12
#define EACH (3 * 3 * 3)

/* A convolution whose weights are floats, or bytes times a scale per filter. */
static PetModel *
make_conv (const int8_t *bytes, const float *scales, bool small)
{
  const int64_t dims[] = { OUT, 3, 3, 3 }, scale_dims[] = { OUT, 1, 1, 1 };
  OnnxWriter w = onnx_writer (13);
  float floats[OUT * EACH];
  PetModel *model = NULL;
  Bytes file;

  for (int i = 0; i < OUT * EACH; i++)
    floats[i] = (float) bytes[i] * scales[i / EACH];
  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, 16, 16 });
  if (small) {
    onnx_constant (&w, "bytes", 3, 1, 4, dims, bytes);
    onnx_floats (&w, "scales", 4, scale_dims, scales);
    onnx_attr_int (&w, "to", 1);
    onnx_node (&w, "Cast", "bytes", "numbers");
    onnx_node (&w, "Mul", "numbers scales", "w");
  } else {
    onnx_floats (&w, "w", 4, dims, floats);
  }
  onnx_node (&w, "Conv", "x w", "a");
  onnx_node (&w, "Sigmoid", "a", "out");
  onnx_output (&w, "out");
  file = onnx_finish (&w);
  tap_check (
      pet_model_load (file.data, file.size, NULL, &model, NULL) == PET_OK);
  free (file.data);
  return model;
}

/* Weights that a file keeps as bytes are floats before anything is lowered: the
 * card gets the same steps and the same constants. */
static void
weights_of_bytes_are_folded (void)
{
  PetCuda *cuda[2] = { NULL, NULL };
  PetCudaProgram *program[2];
  int8_t bytes[OUT * EACH];
  float scales[OUT];

  fake_cuda_configure ("");
  for (int i = 0; i < OUT * EACH; i++)
    bytes[i] = (int8_t) (i * 37 % 255 - 127);
  for (int i = 0; i < OUT; i++)
    scales[i] = 0.01f / (float) (i + 3);
  for (int i = 0; i < 2; i++) {
    PetModel *model = make_conv (bytes, scales, i == 1);

    program[i] = lower (model, 2, "a convolution", &cuda[i]);
    pet_model_free (&model);
  }
  if (program[0] != NULL && program[1] != NULL)
    tap_check (program[0]->n_steps == program[1]->n_steps &&
        program[0]->constant_bytes == program[1]->constant_bytes &&
        program[0]->constant_bytes >= 16 * 9 * 8 * 2 &&
        memcmp (program[0]->constants, program[1]->constants,
            program[0]->constant_bytes) == 0);
  for (int i = 0; i < 2; i++) {
    pet_cuda_program_free (&program[i]);
    pet_cuda_close (&cuda[i]);
  }
  check_clean ();
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (engines_are_filtered),
    TAP_TEST (lowering_is_recorded),
    TAP_TEST (nothing_is_left_to_the_host),
    TAP_TEST (weights_of_bytes_are_folded),
  };
  int result = tap_run (tests, sizeof tests / sizeof *tests, argc, argv);

  free (model_bytes);
  return result;
}
