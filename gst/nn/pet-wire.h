/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Internal to gst/nn: fields of protobuf messages, read in place. Nothing is
 * copied or allocated and nothing outside the given bytes is looked at. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of one message that are still to be read. */
typedef struct {
  const uint8_t *at;
  const uint8_t *end;
} PetWire;

typedef enum {
  PET_WIRE_VARINT = 0,
  PET_WIRE_FIXED64 = 1,
  PET_WIRE_BYTES = 2,
  PET_WIRE_FIXED32 = 5,
} PetWireType;

typedef struct {
  uint32_t number;
  PetWireType type;
  uint64_t value; /* VARINT, FIXED64, FIXED32 */
  PetWire bytes;  /* BYTES */
} PetWireField;

typedef enum {
  PET_WIRE_FIELD,     /* *field was filled */
  PET_WIRE_END,       /* no more fields */
  PET_WIRE_TRUNCATED, /* the field goes past the end of the message */
  PET_WIRE_MALFORMED, /* overlong varint, field 0, groups */
} PetWireResult;

PetWireResult pet_wire_next (PetWire *wire, PetWireField *field);

/* One varint of at most ten bytes; false at the end or when it is broken. */
bool pet_wire_varint (PetWire *wire, uint64_t *value);

/* Number of varints that a packed field holds, going by their last bytes. */
size_t pet_wire_count_varints (const PetWire *wire);

static inline size_t
pet_wire_size (const PetWire *wire)
{
  return (size_t) (wire->end - wire->at);
}
