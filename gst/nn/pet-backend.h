/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Internal to gst/nn and cuda: what a back end is. It gets a whole graph,
 * inferred and optimised, so that it may choose layouts, fuse and capture as
 * it likes; what it has no kernel for it declines node by node (`supports`),
 * and a CPU back end then runs op->run of the reference on dense tensors. */

#pragma once

#include "nn/pet-graph.h"

/* Offsets of the values that live in the arena; SIZE_MAX for those that do
 * not (constants, absent ones). */
typedef struct {
  size_t *offsets; /* one per value of the graph */
  size_t bytes;    /* size of the arena */
} PetPlan;

/* How many bytes a value takes in the back end's own layout (padding of
 * channels and so on); the planner asks for each value in the arena. */
typedef size_t (*PetValueBytes) (const PetGraph *graph, int value, void *user);

/* Greedy by size over the lifetimes of the values in node order; views share
 * their source's bytes. Offsets are multiples of PET_ALIGNMENT. Graph inputs
 * live from the start and outputs to the end. `value_bytes` NULL = dense
 * bytes. */
PetStatus pet_plan_memory (const PetGraph *graph, PetValueBytes value_bytes,
    void *user, PetPlan *plan, PetError *error);
void pet_plan_clear (PetPlan *plan);

/* One block of memory that is in use from step `first` to step `last`, both
 * inclusive. */
typedef struct {
  size_t bytes;
  int first, last;
  size_t offset; /* the result */
} PetPlanBlock;

/* The packing beneath pet_plan_memory(), for back ends whose steps and blocks
 * are not one to one those of the graph: gives every block an offset (a
 * multiple of PET_ALIGNMENT) such that no two which are in use at the same
 * step overlap, and the size of the whole. Blocks of 0 bytes get offset 0. */
PetStatus pet_plan_pack (PetPlanBlock *blocks, size_t n_blocks,
    size_t *total_bytes, PetError *error);

/* A block that may lie inside another one, which then lives as long as both. */
typedef struct {
  PetPlanBlock plan;
  int parent; /* index of the block that it is a part of, -1 = none */
  size_t parent_offset;
  bool has_parts; /* the back end's: blocks that are parts of it were made */
} PetPlanNested;

/* As pet_plan_pack(); no block is, through others, its own parent. */
PetStatus pet_plan_pack_nested (
    PetPlanNested *blocks, int n_blocks, size_t *total_bytes, PetError *error);

/* LIMIT when an arena of that size is above the model's limits; to be asked
 * before it is allocated. */
PetStatus pet_plan_check (const PetGraph *graph, size_t bytes, PetError *error);

/* Once everything is packed: frees the graph's constants but those marked in
 * `kept` (one per value) and returns the bytes of these. */
size_t pet_plan_release_constants (PetGraph *graph, const bool *kept);

typedef struct {
  int threads; /* at least 1 */
  const PetAllocator *allocator;
  bool bf16; /* products of bfloat16 numbers are allowed */
} PetBackendOptions;

typedef struct {
  const char *name;

  /* Whether the back end is a good choice for the graph: that it can run at
   * all here and has fast kernels for what takes time. The first one in the
   * table that says so is the default. (optional: NULL = always) */
  bool (*suits) (const PetGraph *graph);

  /* Compiles `graph` (taken over by the program on success only; concrete
   * shapes everywhere). */
  PetStatus (*compile) (PetGraph *graph, const PetBackendOptions *options,
      void **program, PetError *error);
  void (*free) (void *program);

  /* Dense host tensors to write inputs to and read outputs from; valid for
   * the life of the program. */
  PetTensor *(*input) (void *program, int index);
  const PetTensor *(*output) (void *program, int index);

  PetStatus (*run) (void *program, PetError *error);
  void (*info) (const void *program, PetNetInfo *info);

  /* Uses at most `threads` from the next run on, never more than it was
   * compiled for. (optional: NULL = does not care) */
  void (*limit_threads) (void *program, int threads);

  /* Gives pages of activations back to the system; the next run gets new ones.
   * (optional: NULL = keeps them) */
  void (*rest) (void *program);

  /* Whether the back end has a kernel of its own for the node; asked by tests
   * and statistics. (optional: NULL = all) */
  bool (*supports) (const PetGraph *graph, const PetNode *node);
} PetBackend;

/* Best first, NULL-ended; pet-net.c. */
extern const PetBackend *const pet_backends[];
extern const PetBackend pet_backend_native;
extern const PetBackend pet_backend_ref;
#if PET_HAVE_ONEDNN
extern const PetBackend pet_backend_onednn;
#endif

/* Applies a node's residual and activation to its dense f32 output. */
void pet_ref_apply_fused (
    const PetNode *node, const PetTensor *residual, const PetTensor *output);
