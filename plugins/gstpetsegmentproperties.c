/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetsegmentproperties.h"

#include "gstpetfields.h"

static void
install_network_properties (GObjectClass *object_class)
{
  const GParamFlags flags =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (object_class, PROP_MODEL_LOCATION,
      g_param_spec_string ("model-location", "Model location",
          "ONNX file of the segmentation network (NULL = the built-in one)",
          NULL, flags));
  g_object_class_install_property (object_class, PROP_SECOND_MODEL_LOCATION,
      g_param_spec_string ("second-model-location", "Second model location",
          "ONNX file of the network that is asked about photos of which the "
          "first is unsure or in which it finds no pet (NULL = with the "
          "built-in network petnet-large where that is installed, with "
          "another none; \"\" = none)",
          NULL, flags));
  g_object_class_install_property (object_class, PROP_DEVICE,
      g_param_spec_enum ("device", "Device", "Where the network runs",
          GST_TYPE_PET_DEVICE, DEFAULT_DEVICE, flags));
  g_object_class_install_property (object_class, PROP_ACTIVE_DEVICE,
      g_param_spec_string ("active-device", "Active device",
          "Where the network runs now: \"cpu\" or \"cuda\" (NULL = it is not "
          "loaded)",
          NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (object_class, PROP_CUDA_DEVICE_ID,
      g_param_spec_int ("cuda-device-id", "CUDA device id",
          "Which GPU to use (-1 = the first)", -1, G_MAXINT,
          DEFAULT_CUDA_DEVICE_ID, flags));
  g_object_class_install_property (object_class, PROP_PRECISION,
      g_param_spec_enum ("precision", "Precision",
          "Arithmetic of the network; what the device does not have is "
          "replaced by fp32 with a warning (auto: fp16 on a GPU; on the CPU "
          "bf16 "
          "where it has that and the network's file allows it, else fp32)",
          GST_TYPE_PET_PRECISION, DEFAULT_PRECISION, flags));
  g_object_class_install_property (object_class, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
          "Threads of the network on the CPU (0 = one per core), and of the "
          "matte (two at most); between photos the network gets as many as it "
          "was started with, or fewer",
          0, 1024, DEFAULT_THREADS,
          (flags & ~GST_PARAM_MUTABLE_READY) | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_BATCH_SIZE,
      g_param_spec_uint ("batch-size", "Batch size",
          "Photos per run of the network on the GPU, gathered from all "
          "petsegment of the process that use it; the CPU takes them one by "
          "one",
          1, 32, DEFAULT_BATCH_SIZE, flags));
  g_object_class_install_property (object_class, PROP_BATCH_TIMEOUT,
      g_param_spec_uint ("batch-timeout", "Batch timeout",
          "Milliseconds that a photo waits for others to share a run with", 0,
          10000, DEFAULT_BATCH_TIMEOUT, flags));
}

static void
install_matte_properties (GObjectClass *object_class)
{
  const GParamFlags flags =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (object_class, PROP_OUTPUT,
      g_param_spec_enum ("output", "Output", "What is sent on",
          GST_TYPE_PET_OUTPUT, DEFAULT_OUTPUT, flags));
  g_object_class_install_property (object_class, PROP_REFINE,
      g_param_spec_enum ("refine", "Refine",
          "How the network's small mask becomes the photo's alpha",
          GST_TYPE_PET_REFINE, DEFAULT_REFINE, flags));
  g_object_class_install_property (object_class, PROP_DECONTAMINATE,
      g_param_spec_boolean ("decontaminate", "Decontaminate",
          "Remove the background's colour from the soft edge (cutout)",
          DEFAULT_DECONTAMINATE, flags));
  g_object_class_install_property (object_class, PROP_SCRUB_TRANSPARENT,
      g_param_spec_boolean ("scrub-transparent", "Scrub transparent",
          "Make fully transparent pixels black, so that nothing hidden leaves "
          "the house (cutout)",
          DEFAULT_SCRUB_TRANSPARENT, flags));
  g_object_class_install_property (object_class, PROP_SUBJECT,
      g_param_spec_enum ("subject", "Subject", "Which pets are kept",
          GST_TYPE_PET_SUBJECT, DEFAULT_SUBJECT, flags));
  g_object_class_install_property (object_class, PROP_ON_EMPTY,
      g_param_spec_enum ("on-empty", "On empty",
          "What to do about a photo in which no pet was found",
          GST_TYPE_PET_ON_EMPTY, DEFAULT_ON_EMPTY, flags));
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "So far: photos, empty ones, and those shown to the second network "
          "(uint64), milliseconds in networks and matte (double)",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

void
gst_pet_segment_install_properties (GObjectClass *object_class)
{
  install_network_properties (object_class);
  install_matte_properties (object_class);
  gst_pet_install_budget_property (object_class, PROP_BUDGET);

  gst_type_mark_as_plugin_api (GST_TYPE_PET_DEVICE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_PET_PRECISION, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_PET_OUTPUT, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_PET_REFINE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_PET_SUBJECT, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_PET_ON_EMPTY, 0);
}
