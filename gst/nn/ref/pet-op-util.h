/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the operators share: checks for infer, loops for run. */

#pragma once

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/pet-graph.h"

/* Declares the operators of the table, for the files that define them. */
#define PET_OP(name) extern const PetOp pet_op_##name;
#include "nn/ref/pet-op-list.inc"
#undef PET_OP

/* PetStatus functions fail with a message that the caller prefixes. */

/* `axis` -rank..rank-1 into 0..rank-1. */
PetStatus pet_op_axis (
    int64_t axis, int rank, const char *what, int *result, PetError *error);
/* Axis lists: each in range, none twice; `seen` marks the axes. */
PetStatus pet_op_axes (const int64_t *axes, size_t count, int rank,
    bool seen[PET_MAX_RANK], PetError *error);

/* The one type that inputs 0..n-1 must share, out of those in the mask. */
#define PET_MASK(type) (1u << (type))
#define PET_MASK_FLOAT PET_MASK (PET_TYPE_F32)
#define PET_MASK_NUMBERS                                                       \
  (PET_MASK (PET_TYPE_F32) | PET_MASK (PET_TYPE_F64) |                         \
      PET_MASK (PET_TYPE_I32) | PET_MASK (PET_TYPE_I64) |                      \
      PET_MASK (PET_TYPE_U8) | PET_MASK (PET_TYPE_I8))
#define PET_MASK_ANY                                                           \
  (PET_MASK_NUMBERS | PET_MASK (PET_TYPE_BOOL) | PET_MASK (PET_TYPE_F16))

PetStatus pet_op_type (
    const PetTensor *tensor, unsigned mask, const char *what, PetError *error);
PetStatus pet_op_same_type (
    const PetTensor *a, const PetTensor *b, const char *what, PetError *error);

/* The contents of a constant int64 or int32 tensor of rank 0 or 1, at most
 * `max` numbers. Fails when it is not constant. */
#define PET_OP_MAX_INTS 64
typedef struct {
  int64_t at[PET_OP_MAX_INTS];
  int count;
} PetInts;

PetStatus pet_op_ints (
    const PetTensor *tensor, const char *what, PetInts *ints, PetError *error);
/* The same from an INTS attribute; count 0 where it is absent. */
PetStatus pet_op_attr_ints (
    const PetNode *node, const char *name, PetInts *ints, PetError *error);
/* Axes as an attribute (before opset `since`) or as input `index`. */
PetStatus pet_op_axes_of (const PetGraph *graph, const PetNode *node, int since,
    int index, PetInts *axes, PetError *error);

/* numpy's broadcasting of `from` with what `shape` holds already. */
PetStatus pet_op_broadcast (
    PetShape *shape, const PetShape *from, PetError *error);

size_t pet_elements (const PetTensor *tensor); /* shape is valid */
/* Elements before, and from, axis on. */
size_t pet_outer (const PetShape *shape, int axis);
size_t pet_inner (const PetShape *shape, int axis);
/* a * b, SIZE_MAX where that is too large: for `work`. */
size_t pet_op_product (size_t a, size_t b);
void pet_dense_strides (const PetShape *shape, int64_t stride[PET_MAX_RANK]);

/* A walk over the elements of a shape for up to PET_LOOP_MAX operands with
 * strides of their own, as rows: dimensions that all operands pass through
 * evenly are joined. The row is the innermost dimension.
 *
 *   pet_loop_init (&loop, &shape, n);
 *   pet_loop_operand (&loop, 0, strides) ... for each
 *   for (pet_loop_start (&loop); loop.more; pet_loop_next (&loop))
 *     row (loop.at[0], loop.step[0], ..., loop.row); */
#define PET_LOOP_MAX 4

typedef struct {
  int n, rank;
  int64_t dim[PET_MAX_RANK];
  int64_t stride[PET_LOOP_MAX][PET_MAX_RANK];
  int64_t index[PET_MAX_RANK];
  bool more;
  size_t row;                 /* elements of a row */
  int64_t step[PET_LOOP_MAX]; /* stride inside the row */
  int64_t at[PET_LOOP_MAX];   /* first element of the row */
} PetLoop;

void pet_loop_init (PetLoop *loop, const PetShape *shape, int n);
void pet_loop_operand (
    PetLoop *loop, int operand, const int64_t stride[PET_MAX_RANK]);
/* Strides that broadcast `from` over the loop's shape. */
void pet_loop_broadcast (PetLoop *loop, int operand, const PetShape *from);
void pet_loop_start (PetLoop *loop);
void pet_loop_next (PetLoop *loop);

/* Copies elements of `bytes` each between two layouts of `shape`. Strides
 * count elements; they may be 0 or negative for the source. */
void pet_copy_strided (const PetShape *shape, size_t bytes, void *to,
    const int64_t to_stride[PET_MAX_RANK], const void *from,
    const int64_t from_stride[PET_MAX_RANK]);

/* Any number type to and from double, int64 and float (through the tables of
 * op-cast.c); saturates where the target is an integer. */
double pet_get_double (const PetTensor *tensor, size_t index);
int64_t pet_get_int (const PetTensor *tensor, size_t index);
void pet_put_double (const PetTensor *tensor, size_t index, double value);
void pet_put_int (const PetTensor *tensor, size_t index, int64_t value);

float pet_half_to_float (uint16_t half);
uint16_t pet_float_to_half (float value);

/* Unary and other operators whose output is like the first input. */
PetStatus pet_op_infer_same (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error); /* float32 only */
