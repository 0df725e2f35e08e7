/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-answer.h"

#include <string.h>

/* A multiple of three, so that base64 forms of slices join. */
#define SLICE_BYTES (192 * 1024)

typedef struct {
  GBytes *text;        /* or */
  ServeResult *result; /* from `offset` */
  guint64 offset;
  gboolean base64;
} Piece;

struct _ServeAnswer {
  ServeRequest *request;
  SoupMessageBody *body;
  GQueue pieces;
  gboolean writing; /* libsoup has a chunk, or the headers, to write */
  gboolean ended, completed;
  GCancellable *reading; /* NULL: nothing is being read */
  gulong wrote_headers, wrote_chunk;
};

static void pump (ServeAnswer *answer);

static void
free_piece (gpointer data)
{
  Piece *piece = data;

  g_clear_pointer (&piece->text, g_bytes_unref);
  g_clear_pointer (&piece->result, serve_result_unref);
  g_free (piece);
}

static void
on_wrote (SoupServerMessage *msg, gpointer user)
{
  ServeAnswer *answer = user;

  answer->writing = FALSE;
  pump (answer);
}

static void
write_bytes (ServeAnswer *answer, GBytes *bytes)
{
  answer->writing = TRUE;
  answer->request->server->metrics->bytes_out += g_bytes_get_size (bytes);
  soup_message_body_append_bytes (answer->body, bytes);
  serve_request_set_deadline (
      answer->request, answer->request->server->options->send_timeout);
  soup_server_message_unpause (answer->request->msg);
}

/* Takes `bytes` and gives them as they are to be sent. */
static GBytes *
encode_slice (const Piece *piece, GBytes *bytes)
{
  gsize size;
  const guchar *data = g_bytes_get_data (bytes, &size);
  gchar *text;

  if (!piece->base64)
    return bytes;
  text = g_base64_encode (data, size);
  g_bytes_unref (bytes);
  return g_bytes_new_take (text, strlen (text));
}

static void
read_slice (
    GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Piece *piece = data;
  GError *error = NULL;
  GBytes *bytes =
      serve_result_read (piece->result, piece->offset, SLICE_BYTES, &error);

  if (bytes == NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (
        task, encode_slice (piece, bytes), (GDestroyNotify) g_bytes_unref);
}

static void
send_slice (ServeAnswer *answer, GBytes *bytes)
{
  Piece *piece = g_queue_peek_head (&answer->pieces);

  piece->offset += SLICE_BYTES;
  if (piece->offset >= serve_result_size (piece->result))
    free_piece (g_queue_pop_head (&answer->pieces));
  write_bytes (answer, bytes);
}

static void
on_slice (GObject *source, GAsyncResult *result, gpointer user)
{
  GTask *task = G_TASK (result);
  g_autoptr (GBytes) bytes = NULL;
  ServeAnswer *answer = user;

  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    return; /* the answer is gone */
  g_clear_object (&answer->reading);
  bytes = g_task_propagate_pointer (task, NULL);
  if (bytes == NULL) {
    /* What was begun cannot be taken back: the client sees it cut off. */
    serve_request_cut (answer->request);
    return;
  }
  send_slice (answer, bytes);
}

/* What was just made is still in memory and goes out at once: beside busy
 * looks a thread would have to wait for its turn, slice by slice. */
static gboolean
send_what_is_there (ServeAnswer *answer, const Piece *piece)
{
  g_autoptr (GBytes) bytes =
      serve_result_read_now (piece->result, piece->offset, SLICE_BYTES);

  if (bytes == NULL)
    return FALSE;
  bytes = encode_slice (piece, bytes);
  send_slice (answer, bytes);
  return TRUE;
}

static void
begin_slice (ServeAnswer *answer, const Piece *piece)
{
  Piece *copy;
  g_autoptr (GTask) task = NULL;

  if (send_what_is_there (answer, piece))
    return;
  copy = g_new0 (Piece, 1);
  *copy = *piece;
  serve_result_ref (copy->result);
  answer->reading = g_cancellable_new ();
  task = g_task_new (NULL, answer->reading, on_slice, answer);
  g_task_set_task_data (task, copy, free_piece);
  g_task_run_in_thread (task, read_slice);
}

static void
pump (ServeAnswer *answer)
{
  Piece *piece;

  if (answer->writing || answer->reading != NULL || answer->completed)
    return;
  piece = g_queue_peek_head (&answer->pieces);
  if (piece != NULL && piece->result != NULL) {
    begin_slice (answer, piece);
  } else if (piece != NULL) {
    write_bytes (answer, piece->text);
    free_piece (g_queue_pop_head (&answer->pieces));
  } else if (answer->ended) {
    answer->completed = TRUE;
    soup_message_body_complete (answer->body);
    soup_server_message_unpause (answer->request->msg);
  } else {
    serve_request_set_deadline (answer->request, 0);
  }
}

/* Of a body whose length is not known. HTTP/1.0 has no chunks: the connection's
 * end is the body's. */
static SoupEncoding
encoding_of (const ServeRequest *request)
{
  return soup_server_message_get_http_version (request->msg) == SOUP_HTTP_1_0
      ? SOUP_ENCODING_EOF
      : SOUP_ENCODING_CHUNKED;
}

ServeAnswer *
serve_answer_new (
    ServeRequest *request, guint status, const gchar *type, goffset length)
{
  SoupMessageHeaders *headers =
      soup_server_message_get_response_headers (request->msg);
  ServeAnswer *answer = g_new0 (ServeAnswer, 1);

  answer->request = request;
  answer->body = soup_server_message_get_response_body (request->msg);
  g_queue_init (&answer->pieces);
  serve_request_begin_answer (request, status);
  soup_message_headers_replace (headers, "Content-Type", type);
  if (length >= 0)
    soup_message_headers_set_content_length (headers, length);
  else
    soup_message_headers_set_encoding (headers, encoding_of (request));
  soup_message_body_set_accumulate (answer->body, FALSE);
  answer->wrote_headers = g_signal_connect (
      request->msg, "wrote-headers", G_CALLBACK (on_wrote), answer);
  answer->wrote_chunk = g_signal_connect (
      request->msg, "wrote-chunk", G_CALLBACK (on_wrote), answer);
  answer->writing = TRUE;
  soup_server_message_unpause (request->msg);
  return answer;
}

void
serve_answer_free (ServeAnswer *answer)
{
  if (answer == NULL)
    return;
  g_signal_handler_disconnect (answer->request->msg, answer->wrote_headers);
  g_signal_handler_disconnect (answer->request->msg, answer->wrote_chunk);
  if (answer->reading != NULL)
    g_cancellable_cancel (answer->reading);
  g_clear_object (&answer->reading);
  g_queue_clear_full (&answer->pieces, free_piece);
  g_free (answer);
}

void
serve_answer_add_text (ServeAnswer *answer, gchar *text)
{
  Piece *piece = g_new0 (Piece, 1);

  piece->text = g_bytes_new_take (text, strlen (text));
  g_queue_push_tail (&answer->pieces, piece);
  pump (answer);
}

void
serve_answer_add_result (
    ServeAnswer *answer, ServeResult *result, gboolean base64)
{
  Piece *piece = g_new0 (Piece, 1);

  piece->result = serve_result_ref (result);
  piece->base64 = base64;
  g_queue_push_tail (&answer->pieces, piece);
  pump (answer);
}

void
serve_answer_end (ServeAnswer *answer)
{
  answer->ended = TRUE;
  pump (answer);
}

guint64
serve_answer_base64_size (guint64 size)
{
  return (size + 2) / 3 * 4;
}
