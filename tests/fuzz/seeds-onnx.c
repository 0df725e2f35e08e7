/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "seeds.h"

#include "backends/onnx-writer.h"

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

static void
give (FuzzSeed seed, void *user, const char *name, OnnxWriter *w)
{
  Bytes bytes = onnx_finish (w);

  seed (user, name, bytes.data, bytes.size);
  free (bytes.data);
}

static OnnxWriter
with_picture (void)
{
  OnnxWriter w = onnx_writer (13);

  onnx_input (&w, "x", 1, 4, DIMS (1, 2, 4, 4));
  return w;
}

static void
convolutions (FuzzSeed seed, void *user)
{
  OnnxWriter w = with_picture ();
  float ones[16];

  for (int i = 0; i < 16; i++)
    ones[i] = 1.0f;
  onnx_floats (&w, "w", 4, DIMS (2, 2, 2, 2), ones);
  onnx_floats (&w, "s", 1, DIMS (2), ones);
  onnx_attr_ints (&w, "pads", 4, DIMS (0, 0, 1, 1));
  onnx_attr_ints (&w, "strides", 2, DIMS (1, 1));
  onnx_attr_int (&w, "group", 1);
  onnx_node (&w, "Conv", "x w", "c");
  onnx_attr_float (&w, "epsilon", 0.5f);
  onnx_node (&w, "BatchNormalization", "c s s s s", "b");
  onnx_node (&w, "Relu", "b", "r");
  onnx_attr_ints (&w, "kernel_shape", 2, DIMS (2, 2));
  onnx_node (&w, "MaxPool", "r", "p");
  onnx_node (&w, "ConvTranspose", "p w", "t");
  onnx_node (&w, "Sigmoid", "t", "y");
  onnx_output (&w, "y");
  onnx_meta (&w, "pet.name", "seed");
  give (seed, user, "convolutions", &w);
}

static void
shapes (FuzzSeed seed, void *user)
{
  OnnxWriter w = with_picture ();
  Bytes one = onnx_tensor ("", 7, 1, DIMS (1), DIMS (2), sizeof (int64_t));

  onnx_attr_tensor (&w, "value", &one);
  onnx_node (&w, "Constant", "", "two");
  onnx_node (&w, "Shape", "x", "shape");
  onnx_attr_int (&w, "axis", 0);
  onnx_node (&w, "Gather", "shape two", "h");
  onnx_ints (&w, "open", 1, DIMS (-1));
  onnx_attr_int (&w, "axis", 0);
  onnx_node (&w, "Concat", "open h", "to");
  onnx_node (&w, "Reshape", "x to", "flat");
  onnx_ints (&w, "start", 1, DIMS (1));
  onnx_ints (&w, "end", 1, DIMS (3));
  onnx_node (&w, "Slice", "flat start end", "s");
  onnx_attr_ints (&w, "perm", 2, DIMS (1, 0));
  onnx_node (&w, "Transpose", "s", "t");
  onnx_attr_int (&w, "axis", -1);
  onnx_node (&w, "Softmax", "t", "y");
  onnx_output (&w, "y");
  give (seed, user, "shapes", &w);
}

static void
resizes (FuzzSeed seed, void *user)
{
  OnnxWriter w = with_picture ();

  onnx_floats (&w, "scales", 1, DIMS (4), FLOATS (1, 1, 2, 1.5f));
  onnx_attr_text (&w, "mode", "linear");
  onnx_attr_text (&w, "coordinate_transformation_mode", "half_pixel");
  onnx_node (&w, "Resize", "x - scales", "r");
  onnx_ints (&w, "pads", 8, DIMS (0, 0, 1, 1, 0, 0, 0, 2));
  onnx_attr_text (&w, "mode", "reflect");
  onnx_node (&w, "Pad", "r pads", "p");
  onnx_attr_ints (&w, "axes", 1, DIMS (2));
  onnx_node (&w, "ReduceMean", "p", "m");
  onnx_floats (&w, "half", 0, NULL, FLOATS (0.5f));
  onnx_node (&w, "Mul", "m half", "a");
  onnx_attr_int (&w, "to", 10);
  onnx_node (&w, "Cast", "a", "f16");
  onnx_attr_int (&w, "to", 1);
  onnx_node (&w, "Cast", "f16", "y");
  onnx_output (&w, "y");
  give (seed, user, "resizes", &w);
}

static void
matrices (FuzzSeed seed, void *user)
{
  OnnxWriter w = onnx_writer (17);

  onnx_input (&w, "x", 1, 2, DIMS (3, 2));
  onnx_floats (&w, "m", 2, DIMS (2, 2), FLOATS (1, 2, 3, 4));
  onnx_floats (&w, "v", 1, DIMS (2), FLOATS (1, -1));
  onnx_node (&w, "MatMul", "x m", "a");
  onnx_attr_float (&w, "alpha", 2);
  onnx_attr_int (&w, "transB", 1);
  onnx_node (&w, "Gemm", "a m v", "b");
  onnx_attr_int (&w, "axis", -1);
  onnx_node (&w, "LayerNormalization", "b v v", "c");
  onnx_ints (&w, "axes", 1, DIMS (0));
  onnx_node (&w, "Unsqueeze", "c axes", "d");
  onnx_node (&w, "Flatten", "d", "e");
  onnx_floats (&w, "low", 0, NULL, FLOATS (-1));
  onnx_node (&w, "Clip", "e low", "y");
  onnx_output (&w, "y");
  give (seed, user, "matrices", &w);
}

/* The whole of a net that petsegment takes: 3 channels in, 1 out. */
static void
segmenter (FuzzSeed seed, void *user)
{
  OnnxWriter w = onnx_writer (13);

  onnx_input (&w, "x", 1, 4, DIMS (1, 3, 8, 8));
  onnx_floats (&w, "w", 4, DIMS (1, 3, 1, 1), FLOATS (0.5f, 1, -1));
  onnx_node (&w, "Conv", "x w", "c");
  onnx_node (&w, "Sigmoid", "c", "y");
  onnx_output (&w, "y");
  give (seed, user, "segmenter", &w);
}

void
seeds_onnx (FuzzSeed seed, void *user)
{
  convolutions (seed, user);
  shapes (seed, user);
  resizes (seed, user);
  matrices (seed, user);
  segmenter (seed, user);
}
