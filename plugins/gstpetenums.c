/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetenums.h"

#include "image/pet-effect.h"
#include "memory/gstpetwatch.h"

#define DEFINE_ENUM(function, type_name, ...)                                  \
  GType function (void)                                                        \
  {                                                                            \
    static gsize type = 0;                                                     \
    static const GEnumValue values[] = { __VA_ARGS__, { 0, NULL, NULL } };     \
                                                                               \
    if (g_once_init_enter (&type))                                             \
      g_once_init_leave (&type, g_enum_register_static (type_name, values));   \
    return type;                                                               \
  }

/* clang-format off */
DEFINE_ENUM (gst_pet_device_get_type, "GstPetDevice",
  { GST_PET_DEVICE_AUTO, "The GPU if there is one, else the CPU (with a "
        "warning that says why)", "auto" },
  { GST_PET_DEVICE_CPU, "The CPU", "cpu" },
  { GST_PET_DEVICE_CUDA, "The GPU; an error where there is none", "cuda" })

DEFINE_ENUM (gst_pet_rendition_get_type, "GstPetRendition",
  { PET_RENDITION_CLASSIC, "As every print sold so far was made", "classic" },
  { PET_RENDITION_FINE, "Made for the wall", "fine" })

DEFINE_ENUM (gst_pet_precision_get_type, "GstPetPrecision",
  { GST_PET_PRECISION_AUTO, "The fastest that keeps the masks", "auto" },
  { GST_PET_PRECISION_FP32, "32-bit floating point", "fp32" },
  { GST_PET_PRECISION_BF16, "bfloat16", "bf16" },
  { GST_PET_PRECISION_FP16, "16-bit floating point", "fp16" })

DEFINE_ENUM (gst_pet_output_get_type, "GstPetOutput",
  { GST_PET_OUTPUT_CUTOUT, "The photo with the mask as alpha (RGBA)",
        "cutout" },
  { GST_PET_OUTPUT_MASK, "The mask alone (GRAY8, 255 = pet)", "mask" },
  { GST_PET_OUTPUT_META, "The photo unchanged, the mask as GstPetMaskMeta",
        "meta" })

DEFINE_ENUM (gst_pet_refine_get_type, "GstPetRefine",
  { GST_PET_REFINE_NONE, "The network's mask, enlarged", "none" },
  { GST_PET_REFINE_GUIDED, "Edges of the mask drawn to the edges of the photo "
        "(guided filter)", "guided" })

DEFINE_ENUM (gst_pet_subject_get_type, "GstPetSubject",
  { GST_PET_SUBJECT_ALL, "Every pet in the photo", "all" },
  { GST_PET_SUBJECT_LARGEST, "The largest connected one", "largest" })

DEFINE_ENUM (gst_pet_on_empty_get_type, "GstPetOnEmpty",
  { GST_PET_ON_EMPTY_PASS, "Pass the (empty) result on", "pass" },
  { GST_PET_ON_EMPTY_DROP, "Drop the photo; the message says so", "drop" },
  { GST_PET_ON_EMPTY_ERROR, "End with an error", "error" })

DEFINE_ENUM (gst_pet_on_error_get_type, "GstPetOnError",
  { GST_PET_ON_ERROR_ERROR, "Post the failure, then end with an error",
        "error" },
  { GST_PET_ON_ERROR_SKIP, "Post the failure and go on with the next file",
        "skip" })
/* clang-format on */

GType
gst_pet_watch_flags_get_type (void)
{
  static gsize type = 0;
  static const GFlagsValue values[] = {
    { GST_PET_WATCH_CGROUP, "The limits of the process's cgroups (v2 and v1)",
        "cgroup" },
    { GST_PET_WATCH_PSI, "Time that tasks stalled for memory", "psi" },
    { GST_PET_WATCH_AVAILABLE, "The machine's MemAvailable", "available" },
    { GST_PET_WATCH_CUDA, "The memory of the GPU in use", "cuda" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (
        &type, g_flags_register_static ("GstPetWatchFlags", values));
  return type;
}

GType
gst_pet_effect_nick_get_type (void)
{
  static gsize type = 0;

  if (g_once_init_enter (&type)) {
    GEnumValue *values = g_new0 (GEnumValue, pet_effects_all + 1);

    for (int i = 0; i < pet_effects_all; i++) {
      values[i].value = i;
      values[i].value_name = pet_effects[i]->blurb;
      values[i].value_nick = pet_effects[i]->name;
    }
    g_once_init_leave (
        &type, g_enum_register_static ("GstPetEffectNick", values));
  }
  return type;
}
