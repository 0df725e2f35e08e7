/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-stream.h"

#define END_BYTE '?'

/* -- what is read -- */

#define SERVE_TYPE_INPUT (serve_input_get_type ())
G_DECLARE_FINAL_TYPE (ServeInput, serve_input, SERVE, INPUT, GFilterInputStream)

struct _ServeInput {
  GFilterInputStream parent;
  gboolean between;
};

static void serve_input_pollable_init (GPollableInputStreamInterface *iface);

G_DEFINE_TYPE_WITH_CODE (ServeInput, serve_input, G_TYPE_FILTER_INPUT_STREAM,
    G_IMPLEMENT_INTERFACE (
        G_TYPE_POLLABLE_INPUT_STREAM, serve_input_pollable_init))

static void
serve_input_class_init (ServeInputClass *klass)
{
}

static void
serve_input_init (ServeInput *self)
{
  self->between = TRUE;
}

static GPollableInputStream *
base_of (GPollableInputStream *pollable)
{
  return G_POLLABLE_INPUT_STREAM (
      g_filter_input_stream_get_base_stream (G_FILTER_INPUT_STREAM (pollable)));
}

static gboolean
can_poll (GPollableInputStream *pollable)
{
  return g_pollable_input_stream_can_poll (base_of (pollable));
}

static gboolean
is_readable (GPollableInputStream *pollable)
{
  return g_pollable_input_stream_is_readable (base_of (pollable));
}

static GSource *
create_source (GPollableInputStream *pollable, GCancellable *cancellable)
{
  g_autoptr (GSource) base =
      g_pollable_input_stream_create_source (base_of (pollable), NULL);

  return g_pollable_source_new_full (pollable, base, cancellable);
}

static gssize
read_nonblocking (
    GPollableInputStream *pollable, void *bytes, gsize size, GError **error)
{
  ServeInput *self = SERVE_INPUT (pollable);
  g_autoptr (GError) problem = NULL;
  gssize n = g_pollable_input_stream_read_nonblocking (
      base_of (pollable), bytes, size, NULL, &problem);

  if (n > 0 || size == 0 || !self->between ||
      g_error_matches (problem, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
    if (problem != NULL)
      g_propagate_error (error, g_steal_pointer (&problem));
    return n;
  }
  self->between = FALSE;
  *(guint8 *) bytes = END_BYTE;
  return 1;
}

static void
serve_input_pollable_init (GPollableInputStreamInterface *iface)
{
  iface->can_poll = can_poll;
  iface->is_readable = is_readable;
  iface->create_source = create_source;
  iface->read_nonblocking = read_nonblocking;
}

/* -- the connection -- */

struct _ServeStream {
  GTcpConnection parent;
  ServeInput *input;
};

G_DEFINE_TYPE (ServeStream, serve_stream, G_TYPE_TCP_CONNECTION)

static ServeInput *
input_of (ServeStream *self)
{
  if (self->input == NULL)
    self->input = g_object_new (SERVE_TYPE_INPUT, "base-stream",
        G_IO_STREAM_CLASS (serve_stream_parent_class)
            ->get_input_stream (G_IO_STREAM (self)),
        "close-base-stream", FALSE, NULL);
  return self->input;
}

static GInputStream *
serve_stream_get_input_stream (GIOStream *stream)
{
  return G_INPUT_STREAM (input_of (SERVE_STREAM (stream)));
}

static void
serve_stream_finalize (GObject *object)
{
  ServeStream *self = SERVE_STREAM (object);

  g_clear_object (&self->input);
  G_OBJECT_CLASS (serve_stream_parent_class)->finalize (object);
}

static void
serve_stream_class_init (ServeStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = serve_stream_finalize;
  G_IO_STREAM_CLASS (klass)->get_input_stream = serve_stream_get_input_stream;
}

static void
serve_stream_init (ServeStream *self)
{
}

ServeStream *
serve_stream_new (GSocket *socket)
{
  return g_object_new (SERVE_TYPE_STREAM, "socket", socket, NULL);
}

void
serve_stream_set_between (ServeStream *stream, gboolean between)
{
  input_of (stream)->between = between;
}
