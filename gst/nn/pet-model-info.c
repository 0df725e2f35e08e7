/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What belongs around a network: a default, overridden by the table of known
 * networks, by the model's own metadata, by its sidecar file. */

#include <stdio.h>
#include <string.h>

#include "nn/pet-model-keys.h"

#define DEFAULT_SIZE 320
#define LEAST_STEPS 3
#define MOST_STEPS 64

typedef struct {
  const char *name;
  const char *input, *output; /* tensor names; the output may be any of them */
  int n_outputs;              /* 0: any number */
  float divisor, mean[3], std[3];
  PetOutputRange range;
} Known;

static const Known known_networks[] = {
  /* Qin et al., as exported by its authors and by rembg (whose outputs have
   * numbers for names, the first being the one). */
  { "u2net", "input.1", NULL, 7, 0, { 0.485f, 0.456f, 0.406f },
      { 0.229f, 0.224f, 0.225f }, PET_RANGE_MINMAX },
  /* DeepLabv3 with the probabilities of the animal classes summed up. */
  { "deeplabv3-pet", "input", "mask", 1, 127.5f, { 1, 1, 1 }, { 1, 1, 1 },
      PET_RANGE_UNIT },
};

static bool
has_output (const PetModel *model, const char *name)
{
  for (int i = 0; i < pet_model_n_outputs (model); i++)
    if (strcmp (pet_model_output (model, i, NULL, NULL), name) == 0)
      return true;
  return false;
}

static bool
matches (const PetModel *model, const Known *known)
{
  return strcmp (pet_model_input (model, 0, NULL, NULL), known->input) == 0 &&
      (known->n_outputs == 0 ||
          pet_model_n_outputs (model) == known->n_outputs) &&
      (known->output == NULL || has_output (model, known->output));
}

static void
apply_known (const PetModel *model, PetModelInfo *info)
{
  for (size_t i = 0; i < sizeof known_networks / sizeof *known_networks; i++) {
    const Known *known = &known_networks[i];

    if (!matches (model, known))
      continue;
    snprintf (info->name, sizeof info->name, "%s", known->name);
    info->divisor = known->divisor;
    memcpy (info->mean, known->mean, sizeof info->mean);
    memcpy (info->std, known->std, sizeof info->std);
    info->range = known->range;
    if (known->output != NULL)
      snprintf (info->output, sizeof info->output, "%s", known->output);
    return;
  }
}

static PetStatus
apply_metadata (const PetModel *model, PetModelInfo *info, PetError *error)
{
  for (int i = 0; pet_model_key_names[i] != NULL; i++) {
    char key[32];
    const char *value;
    bool known;

    snprintf (key, sizeof key, "pet.%s", pet_model_key_names[i]);
    value = pet_model_metadata (model, key);
    if (value != NULL)
      PET_TRY (pet_model_key_set (
          info, pet_model_key_names[i], value, &known, error));
  }
  return PET_OK;
}

/* One picture of three channels; *width and *height -1 where open. */
static PetStatus
check_input (
    const PetModel *model, int64_t *width, int64_t *height, PetError *error)
{
  PetType type = PET_TYPE_NONE;
  PetShape shape = { .rank = -1 };

  if (pet_model_n_inputs (model) != 1)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "a segmentation network has one input, this model has %d",
        pet_model_n_inputs (model));
  pet_model_input (model, 0, &type, &shape);
  if (type != PET_TYPE_F32 || shape.rank != 4 || shape.dim[1] != 3 ||
      (shape.dim[0] != 1 && shape.dim[0] != -1))
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "the input of a segmentation network is 1x3xHxW float32, this "
        "model's '%.40s' is of rank %d and type %s",
        pet_model_input (model, 0, NULL, NULL), shape.rank,
        pet_type_name (type));
  *height = shape.dim[2];
  *width = shape.dim[3];
  return PET_OK;
}

/* The model's size wins; a size that was asked for must be the model's. */
static PetStatus
settle_size (int64_t fixed, const char *name, int *size, PetError *error)
{
  if (fixed > 8192)
    return pet_fail (error, PET_ERROR_LIMIT,
        "the network's input is %lld pixels in %s, more than 8192",
        (long long) fixed, name);
  if (fixed > 0 && *size != 0 && *size != fixed)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "'input-size' asks for %d pixels in %s, the model's input has %lld",
        *size, name, (long long) fixed);
  if (fixed > 0)
    *size = (int) fixed;
  else if (*size == 0)
    *size = DEFAULT_SIZE;
  return PET_OK;
}

static PetStatus
check_shapes (const PetModelInfo *info, PetError *error)
{
  int sum = info->shape_sum, step = info->shape_step;

  if (sum == 0 && step == 0)
    return PET_OK;
  if (step == 0 || sum % step != 0 || sum / step < LEAST_STEPS ||
      sum / step > MOST_STEPS)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "'shape-sum' is %d and 'shape-step' %d: the sum must be %d to %d steps",
        sum, step, LEAST_STEPS, MOST_STEPS);
  return PET_OK;
}

PetStatus
pet_model_info_read (const PetModel *model, const char *modelinfo_text,
    PetModelInfo *info, PetError *error)
{
  PetModelInfo made = { .name = "unknown",
    .std = { 1, 1, 1 },
    .divisor = 255,
    .range = PET_RANGE_UNIT };
  int64_t width = -1, height = -1;

  PET_TRY (check_input (model, &width, &height, error));
  apply_known (model, &made);
  PET_TRY (apply_metadata (model, &made, error));
  if (modelinfo_text != NULL)
    PET_TRY (pet_model_keys_read_ini (&made, modelinfo_text, error));
  PET_TRY (settle_size (width, "width", &made.width, error));
  PET_TRY (settle_size (height, "height", &made.height, error));
  PET_TRY (check_shapes (&made, error));
  *info = made;
  return PET_OK;
}
