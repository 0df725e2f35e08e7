/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet-serve's command line. */

#pragma once

#include <gio/gio.h>

#include "image/pet-effect.h"

G_BEGIN_DECLS

typedef struct {
  gchar *listen; /* address */
  guint port;
  guint64 memory; /* 0 = half of what is free */
  guint jobs;     /* photos in work at a time */
  guint queue;    /* photos that wait */
  guint max_size;
  PetRendition rendition; /* where a request does not say */
  guint level, dpi;
  gchar *device;
  gchar *model;        /* NULL = built in */
  gchar *second_model; /* NULL = as petsegment chooses; "" = none */

  gchar *cache; /* folder; NULL = none */
  guint64 cache_size;
  gchar *store;     /* folder or URL prefix; NULL = none */
  gchar *store_url; /* prefix of the URLs in answers; NULL = from `store` */
  gchar **origins;  /* allowed to call from other pages; "*" = all */

  guint64 max_upload; /* bytes */
  guint64 max_pixels;
  guint max_connections;
  /* seconds */
  guint upload_timeout, job_timeout, send_timeout, store_timeout;
} ServeOptions;

/* FALSE with `error` when it makes no sense. Exits for --version and --help.
 */
gboolean serve_options_parse (
    ServeOptions *options, gchar ***arguments, GError **error);
void serve_options_clear (ServeOptions *options);

/* TRUE when `store` is an address to PUT to. */
gboolean serve_options_store_is_http (const ServeOptions *options);

G_END_DECLS
