/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/ref/pet-op-window.h"

#include "nn/ref/pet-op-util.h"

/* Far above any real one; products of two fit int64. */
#define MAX_SIZE INT32_MAX

static PetStatus
read_list (const PetNode *node, const char *name, int rank, int64_t low,
    int64_t to[3], PetError *error)
{
  size_t count;
  const int64_t *given = pet_node_ints (node, name, &count);

  if (count != 0 && count != (size_t) rank)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "%s has %zu numbers where the data has %d dimensions", name, count,
        rank);
  for (int i = 0; i < 3; i++)
    to[i] = 1;
  for (int i = 0; i < (int) count; i++) {
    if (given[i] < low || given[i] > MAX_SIZE)
      return pet_fail (error, PET_ERROR_CORRUPT, "%s of %lld is not valid",
          name, (long long) given[i]);
    to[3 - rank + i] = given[i];
  }
  return PET_OK;
}

static PetStatus
read_pads (const PetNode *node, PetWindow *window, PetError *error)
{
  size_t count, rank = (size_t) window->rank;
  const int64_t *pads = pet_node_ints (node, "pads", &count);

  if (count != 0 && count != 2 * rank)
    return pet_fail (error, PET_ERROR_CORRUPT, "pads has %zu numbers, not %zu",
        count, 2 * rank);
  for (size_t i = 0; i < count; i++) {
    size_t axis = 3 - rank + i % rank;

    if (pads[i] < 0 || pads[i] > MAX_SIZE)
      return pet_fail (error, PET_ERROR_CORRUPT,
          "a padding of %lld is not valid", (long long) pads[i]);
    if (i < rank)
      window->pad[axis] = pads[i];
    else
      window->pad_end[axis] = pads[i];
  }
  return PET_OK;
}

static PetStatus
read_window (const PetNode *node, const PetShape *x, const int64_t *kernel,
    PetWindow *window, PetError *error)
{
  int rank = x->rank - 2;

  memset (window, 0, sizeof *window);
  if (rank < 1 || rank > 3)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "data of %d dimensions is not supported, only 3, 4 and 5", x->rank);
  window->rank = rank;
  for (int i = 0; i < 3; i++)
    window->in[i] = window->kernel[i] = window->out[i] = 1;
  for (int i = 0; i < rank; i++) {
    window->in[3 - rank + i] = x->dim[2 + i];
    window->kernel[3 - rank + i] = kernel[i];
    if (kernel[i] < 1 || kernel[i] > MAX_SIZE || x->dim[2 + i] > MAX_SIZE)
      return pet_fail (error, PET_ERROR_CORRUPT,
          "a kernel of %lld is not valid", (long long) kernel[i]);
  }
  PET_TRY (read_list (node, "strides", rank, 1, window->stride, error));
  PET_TRY (read_list (node, "dilations", rank, 1, window->dilation, error));
  return read_pads (node, window, error);
}

static int64_t
extent (const PetWindow *window, int axis)
{
  return (window->kernel[axis] - 1) * window->dilation[axis] + 1;
}

/* An odd element goes behind for `upper`, in front otherwise. */
static void
split_padding (PetWindow *window, int axis, int64_t total, bool upper)
{
  total = total < 0 ? 0 : total;
  window->pad[axis] = upper ? total / 2 : total - total / 2;
  window->pad_end[axis] = total - window->pad[axis];
}

enum { PAD_EXPLICIT, PAD_VALID, PAD_SAME_UPPER, PAD_SAME_LOWER };

static PetStatus
read_auto_pad (const PetNode *node, int *mode, PetError *error)
{
  static const char *const names[] = { "NOTSET", "VALID", "SAME_UPPER",
    "SAME_LOWER" };
  const char *given = pet_node_string (node, "auto_pad", "NOTSET");

  if (given[0] == '\0')
    given = "NOTSET";
  for (*mode = 0; *mode < 4; ++*mode)
    if (strcmp (given, names[*mode]) == 0)
      return PET_OK;
  return pet_fail (
      error, PET_ERROR_CORRUPT, "auto_pad '%.20s' is not valid", given);
}

static PetStatus
output_size (PetWindow *window, int axis, bool ceil_mode, PetError *error)
{
  int64_t in = window->in[axis], stride = window->stride[axis];
  int64_t room =
      in + window->pad[axis] + window->pad_end[axis] - extent (window, axis);

  if (in == 0 || room < 0)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "a kernel of %lld is larger than the padded data (%lld)",
        (long long) extent (window, axis),
        (long long) (in + window->pad[axis] + window->pad_end[axis]));
  window->out[axis] = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  /* A last window that would start in the padding behind is not there. */
  if (ceil_mode && (window->out[axis] - 1) * stride >= in + window->pad[axis])
    window->out[axis]--;
  return PET_OK;
}

PetStatus
pet_window_init (const PetNode *node, const PetShape *x, const int64_t *kernel,
    PetWindow *window, PetError *error)
{
  bool ceil_mode = pet_node_int (node, "ceil_mode", 0) != 0;
  int mode;

  PET_TRY (read_window (node, x, kernel, window, error));
  PET_TRY (read_auto_pad (node, &mode, error));
  for (int i = 3 - window->rank; i < 3; i++) {
    int64_t stride = window->stride[i];

    if (mode == PAD_VALID)
      window->pad[i] = window->pad_end[i] = 0;
    else if (mode != PAD_EXPLICIT) {
      int64_t out = (window->in[i] + stride - 1) / stride;

      split_padding (window, i,
          (out - 1) * stride + extent (window, i) - window->in[i],
          mode == PAD_SAME_UPPER);
    }
    PET_TRY (output_size (window, i, ceil_mode, error));
  }
  return PET_OK;
}

PetStatus
pet_window_init_transposed (const PetNode *node, const PetShape *x,
    const int64_t *kernel, PetWindow *window, PetError *error)
{
  int64_t extra[3], wanted[3];
  size_t has_wanted, has_extra;
  int mode;

  PET_TRY (read_window (node, x, kernel, window, error));
  PET_TRY (read_auto_pad (node, &mode, error));
  PET_TRY (read_list (node, "output_padding", window->rank, 0, extra, error));
  PET_TRY (read_list (node, "output_shape", window->rank, 1, wanted, error));
  pet_node_ints (node, "output_padding", &has_extra);
  pet_node_ints (node, "output_shape", &has_wanted);
  for (int i = 3 - window->rank; i < 3; i++) {
    int64_t full = (window->in[i] - 1) * window->stride[i] +
        extent (window, i) + (has_extra != 0 ? extra[i] : 0);
    bool same = mode == PAD_SAME_UPPER || mode == PAD_SAME_LOWER;

    if (mode == PAD_VALID)
      window->pad[i] = window->pad_end[i] = 0;
    if (has_wanted != 0 || same) {
      int64_t out =
          has_wanted != 0 ? wanted[i] : window->in[i] * window->stride[i];

      split_padding (window, i, full - out, mode == PAD_SAME_UPPER);
      window->out[i] = out;
    } else
      window->out[i] = full - window->pad[i] - window->pad_end[i];
    if (window->in[i] < 1 || window->out[i] < 1 || window->out[i] > MAX_SIZE)
      return pet_fail (error, PET_ERROR_CORRUPT,
          "an output size of %lld is not valid", (long long) window->out[i]);
  }
  return PET_OK;
}

void
pet_window_shape (
    const PetWindow *window, int64_t batch, int64_t channels, PetShape *shape)
{
  shape->rank = window->rank + 2;
  shape->dim[0] = batch;
  shape->dim[1] = channels;
  for (int i = 0; i < window->rank; i++)
    shape->dim[2 + i] = window->out[3 - window->rank + i];
}

void
pet_window_span (const PetWindow *window, int axis, int64_t tap, int64_t *first,
    int64_t *end)
{
  int64_t offset = tap * window->dilation[axis] - window->pad[axis];
  int64_t stride = window->stride[axis], in = window->in[axis];
  int64_t last = in - 1 - offset; /* largest position * stride inside */

  *first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  *end = last < 0 ? 0 : last / stride + 1;
  if (*end > window->out[axis])
    *end = window->out[axis];
  if (*first > *end)
    *first = *end;
}
