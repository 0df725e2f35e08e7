/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Internal to gst/nn: the texts that say what belongs around a network, the
 * same keys in ONNX metadata (with "pet." in front) and in a sidecar file. */

#pragma once

#include "nn/pet-segmenter.h"

/* One key. Unknown keys are ignored: *known false. Errors name the key. */
PetStatus pet_model_key_set (PetModelInfo *info, const char *key,
    const char *value, bool *known, PetError *error);

/* All known keys of the group [modelinfo] of an ini file; other groups, as
 * GStreamer's own .modelinfo files have them, are skipped. */
PetStatus pet_model_keys_read_ini (
    PetModelInfo *info, const char *text, PetError *error);

/* The key names, NULL-ended. */
extern const char *const pet_model_key_names[];
