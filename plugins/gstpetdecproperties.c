/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetdecproperties.h"

#include "gstpetfields.h"

void
gst_pet_dec_install_properties (GObjectClass *object_class)
{
  const GParamFlags flags =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (object_class, PROP_MAX_SIZE,
      g_param_spec_uint ("max-size", "Max size",
          "Longest side of the decoded picture in pixels; larger photos are "
          "reduced while they are read (0 = as stored)",
          0, 1 << 20, DEFAULT_MAX_SIZE, flags));
  g_object_class_install_property (object_class, PROP_MAX_PIXELS,
      g_param_spec_uint64 ("max-pixels", "Max pixels",
          "Refuse photos with more pixels than this, by their header, before "
          "memory is taken (0 = no limit)",
          0, G_MAXUINT64, DEFAULT_MAX_PIXELS, flags));
  g_object_class_install_property (object_class, PROP_MAX_FILE_SIZE,
      g_param_spec_uint64 ("max-file-size", "Max file size",
          "Refuse files with more bytes than this (0 = no limit)", 0,
          G_MAXUINT64, DEFAULT_MAX_FILE_SIZE, flags));
  g_object_class_install_property (object_class, PROP_MAX_SCANS,
      g_param_spec_uint ("max-scans", "Max scans",
          "Refuse progressive JPEGs with more scans than this (0 = no limit)",
          0, G_MAXINT, DEFAULT_MAX_SCANS, flags));
  g_object_class_install_property (object_class, PROP_STRICT,
      g_param_spec_boolean ("strict", "Strict",
          "Fail on truncated or damaged files; off: keep what could be read, "
          "the rest grey, and flag the buffer as corrupted",
          DEFAULT_STRICT, flags));
  g_object_class_install_property (object_class, PROP_THREADS,
      g_param_spec_uint ("threads", "Threads",
          "2: the file is read in a thread of its own while what was read is "
          "reduced; for photos that come one at a time",
          1, 2, DEFAULT_THREADS, flags));
  g_object_class_install_property (object_class, PROP_ON_ERROR,
      g_param_spec_enum ("on-error", "On error",
          "What to do about a file that cannot be decoded",
          GST_TYPE_PET_ON_ERROR, DEFAULT_ON_ERROR, flags));
  gst_pet_install_budget_property (object_class, PROP_BUDGET);
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Files so far: ok, failed, damaged (kept because not strict), and "
          "bytes read, all uint64",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}
