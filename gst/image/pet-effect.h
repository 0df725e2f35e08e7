/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The looks. Each lives in one file of gst/image/effects per rendition and is
 * one row of the table in pet-effect.c; everything that uses effects (the
 * element's properties, pet-batch's list, the documentation) reads that table.
 * docs/add-an-effect.md writes one from zero. The formulas are those of
 * docs/effects.md. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/pet-alloc.h"
#include "base/pet-cpu.h"
#include "base/pet-image.h"
#include "base/pet-status.h"

typedef enum {
  PET_PARAM_FLOAT,
  PET_PARAM_INT,
  PET_PARAM_BOOL,   /* 0 or 1 */
  PET_PARAM_CHOICE, /* index in `choices` */
  PET_PARAM_COLOR,  /* 0xRRGGBB, or PET_COLOR_NONE or PET_COLOR_AUTO */
} PetParamType;

#define PET_COLOR_NONE (-1.0)
#define PET_COLOR_AUTO (-2.0)

/* One adjustable number of a look. Looks may share a name (edge-strength);
 * type, min and max are then the same, the default may differ. */
typedef struct {
  const char *name; /* as the GObject property: lower case, hyphens */
  const char *blurb;
  PetParamType type;
  double min, max, def;
  const char *const *choices; /* nicks, NULL-ended; NULL for other types */
} PetEffectParam;

#define PET_EFFECT_MAX_PARAMS 8

/* How a look is made. Classic is a contract: prints that customers own were
 * made so. Fine is the same idea, made for the wall. */
typedef enum {
  PET_RENDITION_CLASSIC,
  PET_RENDITION_FINE,
} PetRendition;

typedef struct {
  const char *name;  /* nick, file name, JSON key: "enhancedblackwhite" */
  const char *blurb; /* one line for humans */
  const PetEffectParam *params; /* NULL if none */
  int n_params;
  bool is_identity; /* render copies: hosts may pass the picture itself on */

  /* The same for looks that copy with some values only. NULL: is_identity. */
  bool (*copies) (const double *values);

  /* What a row has of pixels that are 0 throughout, to the left and to the right
   * of all others, stays 0 with any values. */
  bool keeps_outline;

  /* Bytes of scratch memory `render` needs for this size; 0 allowed. NULL
   * means none. (size_t) -1 on overflow. */
  size_t (*scratch_bytes) (int width, int height, const double *values);

  /* `src` and `dst`: 4 channels, same size, any stride, memory apart or the
   * very same rows (in place). Classic looks copy alpha. `values`: n_params numbers,
   * within range, in the order of `params`. `scratch`: scratch_bytes()
   * bytes, aligned to PET_ALIGNMENT, contents undefined. Cannot fail.
   * Thread-safety: safe, no state. Same in, same out. */
  void (*render) (const PetImage *src, const PetImage *dst,
      const double *values, void *scratch);
} PetEffect;

/* All looks in their fixed order, as in classic rendition; the position is the
 * GEnum value. The first pet_effects_count are what is made when nothing is
 * said; those from there to pet_effects_all are made when asked for, and have
 * one rendition. */
extern const PetEffect *const pet_effects[];
extern const int pet_effects_count;
extern const int pet_effects_all;

/* NULL if there is none of that name. */
const PetEffect *pet_effect_find (const char *name);

/* The rendition of a row of pet_effects: the same name, other parameters. */
const PetEffect *pet_effect_rendition (
    const PetEffect *effect, PetRendition rendition);

/* Whether the look only copies with these values. */
bool pet_effect_copies (const PetEffect *effect, const double *values);

/* Reads a value as people write it: "0.5", "3", "true", a choice's nick, a
 * colour ("#rrggbb", "none", "auto"). False when it is none or out of range. */
bool pet_effect_param_parse (
    const PetEffectParam *param, const char *text, double *value);

/* Index in params, -1 if the look has no such parameter. */
int pet_effect_param_index (const PetEffect *effect, const char *name);

/* Writes the defaults to values[0..n_params). */
void pet_effect_defaults (const PetEffect *effect, double *values);

/* Checks sizes and values (clamped silently to their range is not done: out
 * of range is ARGUMENT), takes the scratch memory, renders. */
PetStatus pet_effect_apply (const PetEffect *effect, const PetImage *src,
    const PetImage *dst, const double *values, const PetAllocator *allocator,
    PetError *error);

/* The same look as compiled for `isa`, NULL where this machine cannot run it.
 * All versions share parameters and scratch sizes and give the same bytes;
 * pet_effect_apply takes the one of pet_cpu_isa(). */
const PetEffect *pet_effect_version (const PetEffect *effect, PetIsa isa);
