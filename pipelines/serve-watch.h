/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What load balancers, autoscalers and people look at. */

#pragma once

#include "serve-http.h"

G_BEGIN_DECLS

typedef struct {
  ServeJobsState jobs;
  guint64 resident, available; /* bytes */
  gdouble pressure;            /* 0 to 1 */
  gboolean healthy;            /* below the mark */
} ServeHealth;

void serve_watch_look (ServeServer *server, ServeHealth *health);

void serve_watch_alive (ServeRequest *request);   /* /healthz */
void serve_watch_ready (ServeRequest *request);   /* /readyz */
void serve_watch_health (ServeRequest *request);  /* /health */
void serve_watch_metrics (ServeRequest *request); /* /metrics */

G_END_DECLS
