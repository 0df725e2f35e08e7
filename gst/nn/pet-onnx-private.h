/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Internal to the ONNX reader: what its three files share. */

#pragma once

#include "nn/pet-graph.h"
#include "nn/pet-wire.h"

/* Wire types that the fields of a message must have; number 0..25. A field of
 * type 0 is skipped. */
enum {
  PET_ONNX_VARINT = 1,
  PET_ONNX_BYTES,
  PET_ONNX_FIXED32,
  PET_ONNX_NUMBERS, /* repeated numbers, packed or not */
};

#define PET_ONNX_MAX_FIELD 25

typedef struct {
  const char *name;
  uint8_t fields[PET_ONNX_MAX_FIELD + 1];
} PetOnnxMessage;

typedef struct {
  const uint8_t *start; /* of the file, for positions in messages */
  const PetModelLimits *limits;
  PetError *error;
  int opset; /* of the default domain; 0: not imported */
} PetOnnx;

/* Next field of `message`, of the right wire type; field->number 0 at the
 * end, PET_ONNX_UNKNOWN for one that the message does not list. */
#define PET_ONNX_UNKNOWN UINT32_MAX

PetStatus pet_onnx_next (const PetOnnx *onnx, const PetOnnxMessage *message,
    PetWire *wire, PetWireField *field);

/* NUL-terminated copy. */
PetStatus pet_onnx_string (
    const PetOnnx *onnx, const PetWire *bytes, char **string);

PetStatus pet_onnx_tensor (
    const PetOnnx *onnx, PetWire wire, PetTensor *tensor, char **name);
/* A ValueInfoProto: name, and type and shape as far as given. */
PetStatus pet_onnx_value_info (
    const PetOnnx *onnx, PetWire wire, PetTensor *tensor, char **name);

/* Names of a node's inputs, or outputs, are handed one by one to `use`. */
typedef PetStatus (*PetOnnxUseName) (void *user, const PetWire *name);

enum { PET_ONNX_NODE_INPUT = 1, PET_ONNX_NODE_OUTPUT = 2 };

PetStatus pet_onnx_node_names (const PetOnnx *onnx, PetWire wire, int field,
    PetOnnxUseName use, void *user);
/* Everything of a node but its inputs and outputs. */
PetStatus pet_onnx_node (
    const PetOnnx *onnx, PetWire wire, int index, PetNode *node);
