/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetoutput.h"

#include "gstpetcudapart.h"
#include "memory/gstpetcost.h"
#include "memory/gstpetmemory.h"

/* A frame that passes on stays in its memory. */
static GstCaps *
choose_memories (GstPetOutput output, gboolean cuda, GstPadDirection direction,
    GstCaps *caps)
{
  if (output == GST_PET_OUTPUT_META)
    return cuda ? caps : gst_pet_caps_of_both (caps, FALSE);
  caps = gst_pet_caps_of_both (caps, cuda);
  if (output == GST_PET_OUTPUT_MASK && direction == GST_PAD_SINK)
    caps = gst_pet_caps_of_both (caps, FALSE);
  return caps;
}

GstCaps *
gst_pet_output_transform_caps (GstPetOutput output, gboolean cuda,
    GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
  GstCaps *result = gst_caps_copy (caps);
  GValue formats = G_VALUE_INIT;

  if (output != GST_PET_OUTPUT_META) {
    if (direction == GST_PAD_SINK) {
      g_value_init (&formats, G_TYPE_STRING);
      g_value_set_static_string (
          &formats, output == GST_PET_OUTPUT_CUTOUT ? "RGBA" : "GRAY8");
    } else {
      gst_value_deserialize_with_pspec (
          (g_value_init (&formats, GST_TYPE_LIST), &formats), "{ RGBA, RGB }",
          NULL);
    }
    for (guint i = 0; i < gst_caps_get_size (result); i++) {
      GstStructure *structure = gst_caps_get_structure (result, i);

      gst_structure_remove_fields (
          structure, "format", "colorimetry", "chroma-site", NULL);
      gst_structure_set_value (structure, "format", &formats);
    }
    g_value_unset (&formats);
  }

  result = choose_memories (output, cuda, direction, result);
  if (filter != NULL) {
    GstCaps *both =
        gst_caps_intersect_full (filter, result, GST_CAPS_INTERSECT_FIRST);

    gst_caps_unref (result);
    result = both;
  }
  return result;
}

static GstVideoFormat
format_of (GstPetOutput output, GstVideoFormat photo)
{
  switch (output) {
    case GST_PET_OUTPUT_CUTOUT:
      return GST_VIDEO_FORMAT_RGBA;
    case GST_PET_OUTPUT_MASK:
      return GST_VIDEO_FORMAT_GRAY8;
    default:
      return photo;
  }
}

GstPetOutput
gst_pet_output_of_formats (
    GstPetOutput wanted, GstVideoFormat in, GstVideoFormat out)
{
  if (format_of (wanted, in) == out)
    return wanted;
  if (out == GST_VIDEO_FORMAT_GRAY8)
    return GST_PET_OUTPUT_MASK;
  return out == GST_VIDEO_FORMAT_RGBA ? GST_PET_OUTPUT_CUTOUT
                                      : GST_PET_OUTPUT_META;
}

guint64
gst_pet_output_scratch_bytes (GstPetOutput output, const GstPetNetwork *network,
    const GstPetMatteOptions *options, GstQuery *query)
{
  GstCaps *caps = gst_pet_query_get_cost_caps (query);
  GstVideoInfo in;

  if (caps == NULL || !gst_video_info_from_caps (&in, caps))
    return 0;
  return gst_pet_matte_scratch_bytes (network, options, in.width, in.height,
      output == GST_PET_OUTPUT_CUTOUT ? 4 : 1);
}

/* Beyond the photo: the result while the matte is made, then the result and
 * what follows. By then a photo that did not become the result is gone, so its
 * bytes serve too. */
void
gst_pet_output_add_cost (
    GstPetOutput output, guint64 scratch, GstPad *srcpad, GstQuery *query)
{
  GstCaps *caps = gst_pet_query_get_cost_caps (query), *out_caps;
  guint64 photo, result, behind;
  GstVideoInfo in, out;
  GstPetCost cost;

  if (scratch == 0 || !gst_video_info_from_caps (&in, caps))
    return;
  gst_video_info_set_format (&out,
      format_of (output, GST_VIDEO_INFO_FORMAT (&in)), (guint) in.width,
      (guint) in.height);
  out_caps = gst_video_info_to_caps (&out);
  gst_pet_pad_ask_cost (srcpad, out_caps, &cost);
  gst_caps_unref (out_caps);

  photo = gst_pet_block_bytes (GST_VIDEO_INFO_SIZE (&in));
  result = gst_pet_block_bytes (GST_VIDEO_INFO_SIZE (&out));
  behind = gst_pet_cost_sum (&cost);
  if (output == GST_PET_OUTPUT_META) {
    /* The mask rides along with the photo, which stays. */
    result = gst_pet_block_bytes ((gsize) in.width * (gsize) in.height);
    photo = 0;
  } else if (output == GST_PET_OUTPUT_CUTOUT &&
      GST_VIDEO_INFO_FORMAT (&in) == GST_VIDEO_FORMAT_RGBA) {
    result = photo = 0;
  }
  behind = behind > photo ? behind - photo : 0;
  gst_pet_query_add_cost (query, result);
  gst_pet_query_add_cost (query, MAX (scratch, behind));
}
