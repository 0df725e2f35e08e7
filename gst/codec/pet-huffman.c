/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Code lengths by the two-queue method on sorted counts; where a code would
 * become longer than the limit, the lengths are shortened until Kraft's sum
 * fits again, the rarest symbols paying. */

#include "codec/pet-huffman.h"

#include <string.h>

#define MAX_SYMBOLS PET_HUFFMAN_MAX_SYMBOLS
#define MAX_BITS 15

typedef struct {
  uint32_t count;
  uint16_t symbol;
} Leaf;

/* Ascending by count, then by symbol: a radix sort by bytes, of which the upper
 * ones are mostly 0. */
static void
sort_leaves (Leaf *leaves, int n)
{
  Leaf other[MAX_SYMBOLS];

  for (int shift = 0; shift < 32; shift += 8) {
    int starts[257] = { 0 };

    for (int i = 0; i < n; i++)
      starts[(leaves[i].count >> shift & 0xff) + 1]++;
    if (starts[1] == n)
      continue;
    for (int i = 0; i < 256; i++)
      starts[i + 1] += starts[i];
    for (int i = 0; i < n; i++)
      other[starts[leaves[i].count >> shift & 0xff]++] = leaves[i];
    memcpy (leaves, other, (size_t) n * sizeof *leaves);
  }
}

/* Depths of the leaves of a Huffman tree over n >= 2 sorted leaves, counted by
 * depth. Nodes are made in ascending order too, so both queues are sorted. */
static void
count_depths (const Leaf *leaves, int n, int *n_of_depth)
{
  uint32_t weight[MAX_SYMBOLS];
  int parent[2 * MAX_SYMBOLS], depth[MAX_SYMBOLS];
  int leaf = 0, node = 0;

  for (int made = 0; made < n - 1; made++) {
    weight[made] = 0;
    for (int k = 0; k < 2; k++) {
      if (leaf < n && (node == made || leaves[leaf].count <= weight[node])) {
        parent[leaf] = made;
        weight[made] += leaves[leaf++].count;
      } else {
        parent[MAX_SYMBOLS + node] = made;
        weight[made] += weight[node++];
      }
    }
  }
  depth[n - 2] = 0;
  for (int i = n - 3; i >= 0; i--)
    depth[i] = depth[parent[MAX_SYMBOLS + i]] + 1;
  for (int i = 0; i < n; i++) {
    int d = depth[parent[i]] + 1;

    n_of_depth[d < MAX_SYMBOLS ? d : MAX_SYMBOLS - 1]++;
  }
}

/* Leaves deeper than the limit are put at the limit; then, until the codes
 * fit, one leaf above is lowered and takes one from the limit as its sibling. */
static void
enforce_limit (int *n_of_depth, int limit)
{
  uint32_t sum = 0;

  for (int d = limit + 1; d < MAX_SYMBOLS; d++)
    n_of_depth[limit] += n_of_depth[d];
  for (int d = limit; d > 0; d--)
    sum += (uint32_t) n_of_depth[d] << (limit - d);
  for (; sum > 1u << limit; sum--) {
    int d = limit - 1;

    while (n_of_depth[d] == 0)
      d--;
    n_of_depth[limit]--;
    n_of_depth[d]--;
    n_of_depth[d + 1] += 2;
  }
}

void
pet_huffman_lengths (
    const uint32_t *counts, int n, unsigned limit, uint8_t *lengths)
{
  int n_of_depth[MAX_SYMBOLS] = { 0 };
  Leaf leaves[MAX_SYMBOLS];
  int n_leaves = 0, next;

  memset (lengths, 0, (size_t) n);
  for (int i = 0; i < n; i++)
    if (counts[i] > 0)
      leaves[n_leaves++] = (Leaf){ counts[i], (uint16_t) i };
  if (n_leaves == 1)
    lengths[leaves[0].symbol] = 1;
  if (n_leaves < 2)
    return;
  sort_leaves (leaves, n_leaves);
  count_depths (leaves, n_leaves, n_of_depth);
  enforce_limit (n_of_depth, (int) limit);
  next = n_leaves;
  for (int d = 1; d <= (int) limit; d++)
    for (int i = 0; i < n_of_depth[d]; i++)
      lengths[leaves[--next].symbol] = (uint8_t) d;
}

/* Neighbours of 1, 2, 4 and 8 bits change places. */
static uint32_t
reverse (uint32_t code, unsigned length)
{
  code = (code >> 1 & 0x5555) | (code & 0x5555) << 1;
  code = (code >> 2 & 0x3333) | (code & 0x3333) << 2;
  code = (code >> 4 & 0x0f0f) | (code & 0x0f0f) << 4;
  code = (code >> 8 & 0x00ff) | (code & 0x00ff) << 8;
  return code >> (16 - length);
}

void
pet_huffman_codes (const uint8_t *lengths, int n, PetHuffmanCode *codes)
{
  uint32_t next[MAX_BITS + 2] = { 0 };

  for (int i = 0; i < n; i++)
    if (lengths[i] > 0)
      next[lengths[i] + 1]++;
  for (int d = 1; d <= MAX_BITS; d++)
    next[d + 1] = (next[d] + next[d + 1]) << 1;
  for (int i = 0; i < n; i++)
    codes[i] = lengths[i] == 0
        ? 0
        : reverse (next[lengths[i]]++, lengths[i]) << 8 | lengths[i];
}
