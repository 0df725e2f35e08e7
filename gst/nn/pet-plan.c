/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Places everything that lives between two nodes into one arena. Largest
 * first, each block at the lowest offset that is free for its whole life:
 * for the networks met here that comes within a few per cent of the lower
 * bound (the largest sum of blocks alive at one step). */

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/pet-backend.h"

static int
larger_first (const void *a, const void *b)
{
  const PetPlanBlock *x = *(PetPlanBlock *const *) a;
  const PetPlanBlock *y = *(PetPlanBlock *const *) b;

  if (x->bytes != y->bytes)
    return x->bytes < y->bytes ? 1 : -1;
  /* Equal ones in array order: the same plan wherever qsort comes from. */
  return x < y ? -1 : x > y;
}

static bool
align_size (size_t bytes, size_t *aligned)
{
  if (!pet_add_size (bytes, PET_ALIGNMENT - 1, aligned))
    return false;
  *aligned &= ~(size_t) (PET_ALIGNMENT - 1);
  return true;
}

/* `placed` is sorted by offset. Puts `block` into it; false on overflow. */
static bool
place (PetPlanBlock **placed, size_t n_placed, PetPlanBlock *block)
{
  size_t end, at = n_placed;

  block->offset = 0;
  for (size_t i = 0; i < n_placed; i++) {
    const PetPlanBlock *other = placed[i];

    if (other->last < block->first || block->last < other->first)
      continue;
    if (!pet_add_size (block->offset, block->bytes, &end))
      return false;
    if (other->offset >= end)
      break;
    if (!align_size (other->offset + other->bytes, &end))
      return false;
    if (end > block->offset)
      block->offset = end;
  }
  while (at > 0 && placed[at - 1]->offset > block->offset)
    at--;
  memmove (placed + at + 1, placed + at, (n_placed - at) * sizeof *placed);
  placed[at] = block;
  return pet_add_size (block->offset, block->bytes, &end);
}

static bool
place_all (PetPlanBlock **order, PetPlanBlock **placed, size_t n_blocks,
    size_t *total_bytes)
{
  size_t n_placed = 0, end;

  *total_bytes = 0;
  for (size_t i = 0; i < n_blocks; i++) {
    order[i]->offset = 0;
    if (order[i]->bytes == 0)
      continue;
    if (!place (placed, n_placed++, order[i]) ||
        !align_size (order[i]->offset + order[i]->bytes, &end))
      return false;
    if (end > *total_bytes)
      *total_bytes = end;
  }
  return true;
}

PetStatus
pet_plan_pack (
    PetPlanBlock *blocks, size_t n_blocks, size_t *total_bytes, PetError *error)
{
  PetPlanBlock **order = calloc (2 * n_blocks + 1, sizeof *order);
  bool fits;

  if (order == NULL)
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory to plan the network's memory");
  for (size_t i = 0; i < n_blocks; i++)
    order[i] = &blocks[i];
  qsort (order, n_blocks, sizeof *order, larger_first);
  fits = place_all (order, order + n_blocks, n_blocks, total_bytes);
  free (order);
  if (!fits)
    return pet_fail (error, PET_ERROR_LIMIT,
        "the network's activations are larger than an address space");
  return PET_OK;
}

/* The outermost block around `block`, and where that lies in it. */
static int
root_of (const PetPlanNested *blocks, int block, size_t *offset)
{
  *offset = 0;
  while (blocks[block].parent >= 0) {
    *offset += blocks[block].parent_offset;
    block = blocks[block].parent;
  }
  return block;
}

static void
merge_lives (PetPlanNested *blocks, int n_blocks)
{
  size_t offset;

  for (int i = 0; i < n_blocks; i++) {
    const PetPlanBlock *part = &blocks[i].plan;
    PetPlanBlock *root = &blocks[root_of (blocks, i, &offset)].plan;

    if (part->first < root->first)
      root->first = part->first;
    if (part->last > root->last)
      root->last = part->last;
  }
}

PetStatus
pet_plan_pack_nested (
    PetPlanNested *blocks, int n_blocks, size_t *total_bytes, PetError *error)
{
  PetPlanBlock *plans = calloc ((size_t) n_blocks + 1, sizeof *plans);
  PetStatus status;
  size_t offset;

  if (plans == NULL)
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory to plan the network's memory");
  merge_lives (blocks, n_blocks);
  for (int i = 0; i < n_blocks; i++) {
    plans[i] = blocks[i].plan;
    if (blocks[i].parent >= 0)
      plans[i].bytes = 0;
  }
  status = pet_plan_pack (plans, (size_t) n_blocks, total_bytes, error);
  for (int i = 0; status == PET_OK && i < n_blocks; i++) {
    int root = root_of (blocks, i, &offset);

    blocks[i].plan.offset = plans[root].offset + offset;
  }
  free (plans);
  return status;
}

size_t
pet_plan_release_constants (PetGraph *graph, const bool *kept)
{
  size_t total = 0, bytes;

  for (int i = 0; i < graph->n_values; i++) {
    PetTensor *tensor = &graph->values[i].tensor;

    if (tensor->data == NULL)
      continue;
    if (!kept[i])
      pet_tensor_clear (tensor);
    else if (pet_tensor_bytes (tensor, &bytes))
      total += bytes;
  }
  return total;
}

PetStatus
pet_plan_check (const PetGraph *graph, size_t bytes, PetError *error)
{
  if (bytes > graph->limits.max_activation_bytes)
    return pet_fail (error, PET_ERROR_LIMIT,
        "the network's activations take %zu bytes, above the limit of %zu",
        bytes, graph->limits.max_activation_bytes);
  return PET_OK;
}

static size_t
dense_bytes (const PetGraph *graph, int value, void *user)
{
  size_t bytes;

  if (!pet_tensor_bytes (&graph->values[value].tensor, &bytes))
    return SIZE_MAX;
  return bytes;
}

static bool
in_arena (const PetGraph *graph, int value)
{
  const PetValue *v = &graph->values[value];

  return v->tensor.data == NULL && (v->is_input || v->producer >= 0);
}

/* roots[i]: the value whose bytes value i shares, or i itself; -1: none. */
static void
find_roots (const PetGraph *graph, int *roots)
{
  for (int i = 0; i < graph->n_values; i++)
    roots[i] = in_arena (graph, i) ? i : -1;
  for (int n = 0; n < graph->n_nodes; n++) {
    const PetNode *node = &graph->nodes[n];

    if (node->op == NULL || !node->op->is_view || node->n_inputs < 1 ||
        node->n_outputs < 1 || node->inputs[0] < 0 || node->outputs[0] < 0)
      continue;
    if (roots[node->inputs[0]] >= 0)
      roots[node->outputs[0]] = roots[node->inputs[0]];
  }
}

static void
use_at (PetPlanBlock *blocks, const int *roots, int value, int step)
{
  PetPlanBlock *block;

  if (value < 0 || roots[value] < 0)
    return;
  block = &blocks[roots[value]];
  if (step < block->first)
    block->first = step;
  if (step > block->last)
    block->last = step;
}

static void
find_lives (const PetGraph *graph, const int *roots, PetPlanBlock *blocks)
{
  for (int i = 0; i < graph->n_values; i++) {
    blocks[i].first = graph->n_nodes;
    blocks[i].last = -1;
  }
  for (int n = 0; n < graph->n_nodes; n++) {
    const PetNode *node = &graph->nodes[n];

    for (int i = 0; i < node->n_inputs; i++)
      use_at (blocks, roots, node->inputs[i], n);
    for (int i = 0; i < node->n_outputs; i++)
      use_at (blocks, roots, node->outputs[i], n);
    use_at (blocks, roots, node->residual, n);
  }
  for (int i = 0; i < graph->n_inputs; i++)
    use_at (blocks, roots, graph->inputs[i], -1);
  for (int i = 0; i < graph->n_outputs; i++)
    use_at (blocks, roots, graph->outputs[i], graph->n_nodes);
}

static PetStatus
plan_values (const PetGraph *graph, PetValueBytes value_bytes, void *user,
    int *roots, PetPlanBlock *blocks, PetPlan *plan, PetError *error)
{
  find_roots (graph, roots);
  find_lives (graph, roots, blocks);
  for (int i = 0; i < graph->n_values; i++) {
    int root = roots[i];
    size_t bytes = root >= 0 ? value_bytes (graph, i, user) : 0;

    if (root >= 0 && bytes > blocks[root].bytes)
      blocks[root].bytes = bytes;
  }
  PET_TRY (
      pet_plan_pack (blocks, (size_t) graph->n_values, &plan->bytes, error));
  for (int i = 0; i < graph->n_values; i++)
    plan->offsets[i] = roots[i] >= 0 ? blocks[roots[i]].offset : SIZE_MAX;
  return PET_OK;
}

PetStatus
pet_plan_memory (const PetGraph *graph, PetValueBytes value_bytes, void *user,
    PetPlan *plan, PetError *error)
{
  size_t n_values = (size_t) graph->n_values + 1;
  int *roots = calloc (n_values, sizeof *roots);
  PetPlanBlock *blocks = calloc (n_values, sizeof *blocks);
  PetPlan made = { .offsets = calloc (n_values, sizeof *made.offsets) };
  PetStatus status = PET_ERROR_MEMORY;

  if (roots == NULL || blocks == NULL || made.offsets == NULL)
    pet_fail (error, status, "no memory to plan the network's memory");
  else
    status =
        plan_values (graph, value_bytes != NULL ? value_bytes : dense_bytes,
            user, roots, blocks, &made, error);
  free (roots);
  free (blocks);
  if (status != PET_OK)
    pet_plan_clear (&made);
  else
    *plan = made;
  return status;
}

void
pet_plan_clear (PetPlan *plan)
{
  free (plan->offsets);
  memset (plan, 0, sizeof *plan);
}
