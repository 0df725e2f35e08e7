/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The HTTP side: connections and their deadlines, requests, routes, answers of
 * one piece. libsoup does the protocol; what it leaves open is here: a maximum
 * of connections, deadlines for every phase, answers before the body has been
 * read, clients that leave.
 *
 * Main thread only. */

#pragma once

#include <libsoup/soup.h>

#include "serve-jobs.h"

G_BEGIN_DECLS

/* libsoup has no name for it. */
#define SERVE_TOO_MANY_REQUESTS 429

typedef struct _ServeServer ServeServer;
typedef struct _ServeRequest ServeRequest;
typedef struct _ServeConnection ServeConnection;
typedef struct _ServeProgress ServeProgress;
typedef struct _ServeSessions ServeSessions;
typedef struct _ServeStore ServeStore;

/* How errors are told: {"error": ...}, or as the former service did,
 * {"detail": ...}. */
typedef enum {
  SERVE_FORM_OWN,
  SERVE_FORM_FORMER,
} ServeForm;

typedef struct {
  const gchar *method; /* GET also answers HEAD */
  const gchar *path;   /* one that ends in '*' stands for all that begin so */
  ServeForm form;
  /* All three but `handle` may be NULL. The headers are there: look at them;
   * may refuse. */
  void (*begin) (ServeRequest *request);
  /* Some of the body; may refuse. NULL: a small body is ignored. */
  void (*body) (ServeRequest *request, const guint8 *bytes, gsize size);
  /* The whole body was read: answer, now or later. */
  void (*handle) (ServeRequest *request);
} ServeRoute;

struct _ServeServer {
  const ServeOptions *options;
  ServeJobs *jobs;
  ServeCache *cache; /* NULL: there is none */
  ServeMetrics *metrics;
  ServeProgress *progress;
  ServeSessions *sessions;
  ServeStore *store; /* NULL: there is none */
  gboolean draining;

  /*< private >*/
  SoupServer *soup;
  GSocketListener *listener;
  gint silence;            /* keeps libsoup's listener waiting; 0: none */
  GCancellable *accepting; /* NULL: not now */
  GHashTable *connections;
  guint n_requests;
  guint sweep;
  void (*drained) (gpointer user);
  gpointer drained_user;
};

struct _ServeRequest {
  ServeServer *server;
  SoupServerMessage *msg;
  const ServeRoute *route;
  gchar *path;
  GHashTable *query; /* never NULL */
  gboolean is_head;
  gboolean answered;  /* an answer has been begun */
  gboolean body_read; /* completely */

  /* Of the route: freed with the request, or when the client has left. */
  gpointer data;
  GDestroyNotify free_data;

  /*< private >*/
  ServeConnection *connection;
  gboolean refused; /* answered past libsoup; the rest is not read */
  gboolean gone;
  guint watch;
  guint64 body_bytes;
};

/* Listens; says where on standard output. */
gboolean serve_http_start (ServeServer *server, GError **error);
/* No new connections; `drained` is called when the last answer is sent. */
void serve_http_drain (
    ServeServer *server, void (*drained) (gpointer user), gpointer user);
void serve_http_stop (ServeServer *server);

guint serve_http_n_connections (const ServeServer *server);

/* The request has become a WebSocket: nothing of it is left. */
void serve_http_upgraded (SoupServerMessage *msg);

/* Answers in one piece; takes a reference on `body` (NULL = empty). May be
 * called before the body is read: the client then gets it at once and what it
 * still sends is dropped. */
void serve_request_answer (
    ServeRequest *request, guint status, const gchar *type, GBytes *body);
void serve_request_answer_text (
    ServeRequest *request, guint status, const gchar *type, const gchar *text);
/* The error form of its route. */
void serve_request_refuse (
    ServeRequest *request, guint status, const gchar *reason);
/* 429 with Retry-After. */
void serve_request_refuse_for_now (ServeRequest *request, const gchar *reason);
/* 503 with Retry-After while no network is loaded or the service stops; FALSE:
 * it is ready. */
gboolean serve_request_refuse_not_ready (ServeRequest *request);

const gchar *serve_request_query (ServeRequest *request, const gchar *name);
const gchar *serve_request_header (ServeRequest *request, const gchar *name);
void serve_request_set_header (
    ServeRequest *request, const gchar *name, const gchar *value);

/* TRUE when Accept names `type` or a range of it with a quality above 0. */
gboolean serve_request_accepts (ServeRequest *request, const gchar *type);

/* For answers in pieces (serve-answer): sets status and common headers. */
void serve_request_begin_answer (ServeRequest *request, guint status);
/* The client has this long to take something; 0: it is our turn. */
void serve_request_set_deadline (ServeRequest *request, guint seconds);

/* The answer cannot be completed: the client sees it cut off. */
void serve_request_cut (ServeRequest *request);

/* The whole answer comes later: notices when the client leaves meanwhile. */
void serve_request_wait (ServeRequest *request);

/* For serve-http.c: what belongs to every request. */
void serve_request_set_cors (ServeRequest *request);
/* From a page on an allowed origin or on this service's own, or from no page. */
gboolean serve_request_is_from_allowed (ServeRequest *request);
void serve_request_answer_preflight (ServeRequest *request);
void serve_request_drop_data (ServeRequest *request);

G_END_DECLS
