/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetnetwork.h"

#include "petnet-resource.h"

#define BUILT_IN "/org/gst-plugins-pet/petnet.onnx"

PetStatus
gst_pet_network_load (const gchar *location, const PetSegmenterOptions *options,
    PetSegmenter **segmenter, PetError *error)
{
  GBytes *bytes;
  gconstpointer data;
  PetStatus status;
  gsize size;

  if (location != NULL)
    return pet_segmenter_new_file (location, options, segmenter, error);

  bytes = g_resource_lookup_data (
      petnet_get_resource (), BUILT_IN, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (bytes == NULL)
    return pet_fail (
        error, PET_ERROR_IO, "the built-in network is not in this build");
  data = g_bytes_get_data (bytes, &size);
  status = pet_segmenter_new (data, size, options, segmenter, error);
  g_bytes_unref (bytes);
  return status;
}
