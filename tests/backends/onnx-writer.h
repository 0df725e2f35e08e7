/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tiny ONNX models for tests, valid or not: just enough of a protobuf writer.
 *
 *   OnnxWriter w = onnx_writer (13);
 *   onnx_input (&w, "x", 1, 4, (int64_t[]) { 1, 3, 8, 8 });
 *   onnx_floats (&w, "w", 1, (int64_t[]) { 2 }, (float[]) { 1, 2 });
 *   onnx_attr_int (&w, "axis", 1);          attributes of the next node
 *   onnx_node (&w, "Concat", "x x", "y");   "-" is an input left out
 *   onnx_output (&w, "y");
 *   Bytes model = onnx_finish (&w); ... free (model.data); */

#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  uint8_t *data;
  size_t size, room;
} Bytes;

typedef struct {
  Bytes graph, attrs, extra; /* extra: fields of the model itself */
  int opset;
  int n_nodes;
} OnnxWriter;

static inline void
bytes_add (Bytes *bytes, const void *data, size_t size)
{
  if (bytes->size + size > bytes->room) {
    bytes->room = 2 * (bytes->size + size) + 64;
    bytes->data = realloc (bytes->data, bytes->room);
  }
  if (size > 0)
    memcpy (bytes->data + bytes->size, data, size);
  bytes->size += size;
}

static inline void
put_varint (Bytes *bytes, uint64_t value)
{
  do {
    uint8_t byte = (uint8_t) ((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

    bytes_add (bytes, &byte, 1);
    value >>= 7;
  } while (value != 0);
}

static inline void
put_int (Bytes *bytes, int field, int64_t value)
{
  put_varint (bytes, (uint64_t) field << 3);
  put_varint (bytes, (uint64_t) value);
}

static inline void
put_bytes (Bytes *bytes, int field, const void *data, size_t size)
{
  put_varint (bytes, (uint64_t) field << 3 | 2);
  put_varint (bytes, size);
  bytes_add (bytes, data, size);
}

static inline void
put_text (Bytes *bytes, int field, const char *text)
{
  put_bytes (bytes, field, text, strlen (text));
}

static inline void
put_float (Bytes *bytes, int field, float value)
{
  put_varint (bytes, (uint64_t) field << 3 | 5);
  bytes_add (bytes, &value, 4);
}

/* Frees `message`. */
static inline void
put_message (Bytes *bytes, int field, Bytes *message)
{
  put_bytes (bytes, field, message->data, message->size);
  free (message->data);
  *message = (Bytes){ NULL, 0, 0 };
}

static inline OnnxWriter
onnx_writer (int opset)
{
  return (OnnxWriter){ .opset = opset };
}

/* Names of value infos: field 11 inputs, 12 outputs. type 0: name only. */
static inline void
onnx_value (OnnxWriter *w, int field, const char *name, int type, int rank,
    const int64_t *dims)
{
  Bytes info = { NULL, 0, 0 }, shape = info, tensor = info, whole = info;

  for (int i = 0; i < rank; i++) {
    Bytes dim = { NULL, 0, 0 };

    if (dims[i] >= 0)
      put_int (&dim, 1, dims[i]);
    else
      put_text (&dim, 2, "N");
    put_message (&shape, 1, &dim);
  }
  put_text (&info, 1, name);
  if (type != 0) {
    put_int (&tensor, 1, type);
    if (rank >= 0)
      put_message (&tensor, 2, &shape);
    put_message (&whole, 1, &tensor);
    put_message (&info, 2, &whole);
  }
  free (shape.data);
  put_message (&w->graph, field, &info);
}

static inline void
onnx_input (
    OnnxWriter *w, const char *name, int type, int rank, const int64_t *dims)
{
  onnx_value (w, 11, name, type, rank, dims);
}

static inline void
onnx_output (OnnxWriter *w, const char *name)
{
  onnx_value (w, 12, name, 0, 0, NULL);
}

/* A TensorProto with raw data. */
static inline Bytes
onnx_tensor (const char *name, int type, int rank, const int64_t *dims,
    const void *data, size_t size)
{
  Bytes tensor = { NULL, 0, 0 };

  for (int i = 0; i < rank; i++)
    put_int (&tensor, 1, dims[i]);
  put_int (&tensor, 2, type);
  put_text (&tensor, 8, name);
  put_bytes (&tensor, 9, data, size);
  return tensor;
}

static inline size_t
onnx_elements (int rank, const int64_t *dims)
{
  size_t count = 1;

  for (int i = 0; i < rank; i++)
    count *= (size_t) dims[i];
  return count;
}

static inline void
onnx_constant (OnnxWriter *w, const char *name, int type, size_t size, int rank,
    const int64_t *dims, const void *data)
{
  Bytes tensor = onnx_tensor (
      name, type, rank, dims, data, onnx_elements (rank, dims) * size);

  put_message (&w->graph, 5, &tensor);
}

static inline void
onnx_floats (OnnxWriter *w, const char *name, int rank, const int64_t *dims,
    const float *data)
{
  onnx_constant (w, name, 1, 4, rank, dims, data);
}

/* A list of int64. */
static inline void
onnx_ints (OnnxWriter *w, const char *name, int64_t count, const int64_t *data)
{
  onnx_constant (w, name, 7, 8, 1, &count, data);
}

static inline void
onnx_attr_int (OnnxWriter *w, const char *name, int64_t value)
{
  Bytes attr = { NULL, 0, 0 };

  put_text (&attr, 1, name);
  put_int (&attr, 3, value);
  put_int (&attr, 20, 2);
  put_message (&w->attrs, 5, &attr);
}

static inline void
onnx_attr_float (OnnxWriter *w, const char *name, float value)
{
  Bytes attr = { NULL, 0, 0 };

  put_text (&attr, 1, name);
  put_float (&attr, 2, value);
  put_int (&attr, 20, 1);
  put_message (&w->attrs, 5, &attr);
}

static inline void
onnx_attr_text (OnnxWriter *w, const char *name, const char *value)
{
  Bytes attr = { NULL, 0, 0 };

  put_text (&attr, 1, name);
  put_text (&attr, 4, value);
  put_int (&attr, 20, 3);
  put_message (&w->attrs, 5, &attr);
}

static inline void
onnx_attr_ints (
    OnnxWriter *w, const char *name, size_t count, const int64_t *values)
{
  Bytes attr = { NULL, 0, 0 };

  put_text (&attr, 1, name);
  for (size_t i = 0; i < count; i++)
    put_int (&attr, 8, values[i]);
  put_int (&attr, 20, 7);
  put_message (&w->attrs, 5, &attr);
}

static inline void
onnx_attr_tensor (OnnxWriter *w, const char *name, Bytes *tensor)
{
  Bytes attr = { NULL, 0, 0 };

  put_text (&attr, 1, name);
  put_message (&attr, 5, tensor);
  put_int (&attr, 20, 4);
  put_message (&w->attrs, 5, &attr);
}

static inline void
onnx_names (Bytes *node, int field, const char *names)
{
  while (*names != '\0') {
    size_t length = strcspn (names, " ");

    put_bytes (node, field, names, *names == '-' ? 0 : length);
    names += length + (names[length] == ' ');
  }
}

/* `domain` "" is ONNX's own. The node's name is its operator. */
static inline void
onnx_node_of (OnnxWriter *w, const char *domain, const char *type,
    const char *inputs, const char *outputs)
{
  Bytes node = { NULL, 0, 0 };

  onnx_names (&node, 1, inputs);
  onnx_names (&node, 2, outputs);
  put_text (&node, 3, "n");
  put_text (&node, 4, type);
  bytes_add (&node, w->attrs.data, w->attrs.size);
  put_text (&node, 7, domain);
  free (w->attrs.data);
  w->attrs = (Bytes){ NULL, 0, 0 };
  put_message (&w->graph, 1, &node);
  w->n_nodes++;
}

static inline void
onnx_node (
    OnnxWriter *w, const char *type, const char *inputs, const char *outputs)
{
  onnx_node_of (w, "", type, inputs, outputs);
}

static inline void
onnx_meta (OnnxWriter *w, const char *key, const char *value)
{
  Bytes entry = { NULL, 0, 0 };

  put_text (&entry, 1, key);
  put_text (&entry, 2, value);
  put_message (&w->extra, 14, &entry);
}

/* The graph comes last, so that every cut goes through it or loses it. */
static inline Bytes
onnx_finish (OnnxWriter *w)
{
  Bytes model = { NULL, 0, 0 }, opset = model;

  put_int (&model, 1, 8);
  if (w->opset != 0) {
    put_text (&opset, 1, "");
    put_int (&opset, 2, w->opset);
    put_message (&model, 8, &opset);
  }
  bytes_add (&model, w->extra.data, w->extra.size);
  free (w->extra.data);
  put_message (&model, 7, &w->graph);
  return model;
}
