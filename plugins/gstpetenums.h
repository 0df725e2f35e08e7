/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Enumerations of the elements' properties. */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  GST_PET_DEVICE_AUTO,
  GST_PET_DEVICE_CPU,
  GST_PET_DEVICE_CUDA,
} GstPetDevice;

typedef enum {
  GST_PET_PRECISION_AUTO,
  GST_PET_PRECISION_FP32,
  GST_PET_PRECISION_BF16,
  GST_PET_PRECISION_FP16,
} GstPetPrecision;

typedef enum {
  GST_PET_OUTPUT_CUTOUT,
  GST_PET_OUTPUT_MASK,
  GST_PET_OUTPUT_META,
} GstPetOutput;

typedef enum {
  GST_PET_REFINE_NONE,
  GST_PET_REFINE_GUIDED,
} GstPetRefine;

typedef enum {
  GST_PET_SUBJECT_ALL,
  GST_PET_SUBJECT_LARGEST,
} GstPetSubject;

typedef enum {
  GST_PET_ON_EMPTY_PASS,
  GST_PET_ON_EMPTY_DROP,
  GST_PET_ON_EMPTY_ERROR,
} GstPetOnEmpty;

typedef enum {
  GST_PET_ON_ERROR_ERROR,
  GST_PET_ON_ERROR_SKIP,
} GstPetOnError;

GType gst_pet_device_get_type (void);
GType gst_pet_rendition_get_type (void); /* PetRendition */
GType gst_pet_precision_get_type (void);
GType gst_pet_output_get_type (void);
GType gst_pet_refine_get_type (void);
GType gst_pet_subject_get_type (void);
GType gst_pet_on_empty_get_type (void);
GType gst_pet_on_error_get_type (void);
GType gst_pet_watch_flags_get_type (void);

/* One value per row of the table of looks, in its order. */
GType gst_pet_effect_nick_get_type (void);

#define GST_TYPE_PET_DEVICE (gst_pet_device_get_type ())
#define GST_TYPE_PET_RENDITION (gst_pet_rendition_get_type ())
#define GST_TYPE_PET_PRECISION (gst_pet_precision_get_type ())
#define GST_TYPE_PET_OUTPUT (gst_pet_output_get_type ())
#define GST_TYPE_PET_REFINE (gst_pet_refine_get_type ())
#define GST_TYPE_PET_SUBJECT (gst_pet_subject_get_type ())
#define GST_TYPE_PET_ON_EMPTY (gst_pet_on_empty_get_type ())
#define GST_TYPE_PET_ON_ERROR (gst_pet_on_error_get_type ())
#define GST_TYPE_PET_WATCH_FLAGS (gst_pet_watch_flags_get_type ())
#define GST_TYPE_PET_EFFECT_NICK (gst_pet_effect_nick_get_type ())

G_END_DECLS
