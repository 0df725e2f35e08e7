/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:plugin-pet
 * @title: pet
 *
 * Photos of pets to prints: decode, cut out, five looks, PNG, in bounded
 * memory.
 */

#include <gst/gst.h>

#include "config.h"
#include "gstmemgate.h"
#include "gstpetdec.h"
#include "gstpeteffect.h"
#include "gstpetfilesink.h"
#include "gstpetfoldersrc.h"
#include "gstpetpngenc.h"
#include "gstpetsegment.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gboolean registered = TRUE;

  registered &= GST_ELEMENT_REGISTER (petfoldersrc, plugin);
  registered &= GST_ELEMENT_REGISTER (petdec, plugin);
  registered &= GST_ELEMENT_REGISTER (petsegment, plugin);
  registered &= GST_ELEMENT_REGISTER (memgate, plugin);
  registered &= GST_ELEMENT_REGISTER (peteffect, plugin);
  registered &= GST_ELEMENT_REGISTER (petpngenc, plugin);
  registered &= GST_ELEMENT_REGISTER (petfilesink, plugin);
  return registered;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, pet,
    "Photos of pets to prints, in bounded memory", plugin_init, VERSION, "LGPL",
    PACKAGE, PACKAGE_ORIGIN)
