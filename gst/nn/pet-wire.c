/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/pet-wire.h"

static PetWireResult
read_varint (PetWire *wire, uint64_t *value)
{
  uint64_t result = 0;

  for (int i = 0; i < 10; i++) {
    uint8_t byte;

    if (wire->at == wire->end)
      return PET_WIRE_TRUNCATED;
    byte = *wire->at++;
    if (i == 9 && byte > 1)
      return PET_WIRE_MALFORMED;
    result |= (uint64_t) (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *value = result;
      return PET_WIRE_FIELD;
    }
  }
  return PET_WIRE_MALFORMED;
}

bool
pet_wire_varint (PetWire *wire, uint64_t *value)
{
  return read_varint (wire, value) == PET_WIRE_FIELD;
}

size_t
pet_wire_count_varints (const PetWire *wire)
{
  size_t count = 0;

  for (const uint8_t *at = wire->at; at < wire->end; at++)
    count += *at < 0x80;
  return count;
}

static PetWireResult
read_fixed (PetWire *wire, unsigned bytes, uint64_t *value)
{
  uint64_t result = 0;

  if (pet_wire_size (wire) < bytes)
    return PET_WIRE_TRUNCATED;
  for (unsigned i = 0; i < bytes; i++)
    result |= (uint64_t) wire->at[i] << (8 * i);
  wire->at += bytes;
  *value = result;
  return PET_WIRE_FIELD;
}

static PetWireResult
read_bytes (PetWire *wire, PetWire *bytes)
{
  uint64_t size;
  PetWireResult result = read_varint (wire, &size);

  if (result != PET_WIRE_FIELD)
    return result;
  if (size > pet_wire_size (wire))
    return PET_WIRE_TRUNCATED;
  bytes->at = wire->at;
  wire->at += size;
  bytes->end = wire->at;
  return PET_WIRE_FIELD;
}

PetWireResult
pet_wire_next (PetWire *wire, PetWireField *field)
{
  uint64_t tag;
  PetWireResult result;

  if (wire->at == wire->end)
    return PET_WIRE_END;
  result = read_varint (wire, &tag);
  if (result != PET_WIRE_FIELD)
    return result;
  if (tag > UINT32_MAX || tag >> 3 == 0)
    return PET_WIRE_MALFORMED;
  field->number = (uint32_t) (tag >> 3);
  field->type = (PetWireType) (tag & 7);
  field->value = 0;
  field->bytes.at = field->bytes.end = wire->at;
  switch (field->type) {
    case PET_WIRE_VARINT:
      return read_varint (wire, &field->value);
    case PET_WIRE_FIXED64:
      return read_fixed (wire, 8, &field->value);
    case PET_WIRE_BYTES:
      return read_bytes (wire, &field->bytes);
    case PET_WIRE_FIXED32:
      return read_fixed (wire, 4, &field->value);
  }
  return PET_WIRE_MALFORMED;
}
