/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* petdec's properties: their numbers, defaults and descriptions. */

#pragma once

#include <gst/gst.h>

#include "gstpetenums.h"

G_BEGIN_DECLS

enum {
  PROP_0,
  PROP_MAX_SIZE,
  PROP_MAX_PIXELS,
  PROP_MAX_FILE_SIZE,
  PROP_MAX_SCANS,
  PROP_STRICT,
  PROP_THREADS,
  PROP_ON_ERROR,
  PROP_BUDGET,
  PROP_STATS,
};

#define DEFAULT_MAX_SIZE 0
#define DEFAULT_MAX_PIXELS (100 * 1000 * 1000)
#define DEFAULT_MAX_FILE_SIZE (256 * 1000 * 1000)
#define DEFAULT_MAX_SCANS 100
#define DEFAULT_STRICT TRUE
#define DEFAULT_THREADS 1
#define DEFAULT_ON_ERROR GST_PET_ON_ERROR_ERROR

void gst_pet_dec_install_properties (GObjectClass *object_class);

G_END_DECLS
