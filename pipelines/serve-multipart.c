/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-multipart.h"

#include <libsoup/soup.h>
#include <string.h>

#define MAX_BOUNDARY 70 /* RFC 2046 */
#define MAX_HEADER_BYTES (8 * 1024)
#define MAX_FIELD_BYTES (64 * 1024)
#define MAX_FIELDS 32

/* What is waited for. A delimiter is CR LF "--" boundary; the first one of
 * the body may lack its CR LF. */
typedef enum {
  AT_START,    /* the first delimiter; what comes before is ignored */
  AT_LINE_END, /* after a delimiter: blanks and CR LF, or "--", the end */
  AT_HEADERS,  /* to the empty line */
  AT_CONTENT,  /* to the next delimiter */
  AT_END,      /* behind the closing delimiter */
} State;

struct _ServeMultipart {
  ServeMultipartEvents events;
  gpointer user;
  gchar *delimiter; /* CR LF "--" boundary */
  gsize delimiter_length;

  State state;
  const gchar *problem;
  gboolean stopped;
  GByteArray *held; /* not yet known to be content; shorter than a delimiter,
                       or headers */
  gboolean in_file, has_file;
  gchar *name;      /* of the field being read, NULL: not kept */
  gboolean is_file; /* that field has the name of a file, too */
  GByteArray *value;
  GHashTable *fields;
};

ServeMultipart *
serve_multipart_new (const gchar *content_type,
    const ServeMultipartEvents *events, gpointer user)
{
  ServeMultipart *multipart;
  g_autoptr (GHashTable) parameters = NULL;
  const gchar *boundary;

  if (content_type == NULL ||
      g_ascii_strncasecmp (content_type, "multipart/form-data", 19) != 0 ||
      strchr (content_type, ';') == NULL)
    return NULL;
  parameters =
      soup_header_parse_semi_param_list (strchr (content_type, ';') + 1);
  boundary = g_hash_table_lookup (parameters, "boundary");
  if (boundary == NULL || *boundary == '\0' || strlen (boundary) > MAX_BOUNDARY)
    return NULL;

  multipart = g_new0 (ServeMultipart, 1);
  multipart->events = *events;
  multipart->user = user;
  multipart->delimiter = g_strconcat ("\r\n--", boundary, NULL);
  multipart->delimiter_length = strlen (multipart->delimiter);
  multipart->held = g_byte_array_new ();
  multipart->value = g_byte_array_new ();
  multipart->fields =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  /* As if a line had ended before the body. */
  g_byte_array_append (multipart->held, (const guint8 *) "\r\n", 2);
  return multipart;
}

void
serve_multipart_free (ServeMultipart *multipart)
{
  if (multipart == NULL)
    return;
  g_free (multipart->delimiter);
  g_byte_array_unref (multipart->held);
  g_byte_array_unref (multipart->value);
  g_hash_table_unref (multipart->fields);
  g_free (multipart->name);
  g_free (multipart);
}

static gboolean
fail (ServeMultipart *multipart, const gchar *problem)
{
  multipart->problem = problem;
  return FALSE;
}

/* A file under another name than "file" is none of ours; what is wrong is that
 * there is no "file". */
static gboolean
refuse_field (ServeMultipart *multipart, const gchar *problem)
{
  if (!multipart->is_file)
    return fail (multipart, problem);
  g_clear_pointer (&multipart->name, g_free);
  return TRUE;
}

static gboolean
take_content (ServeMultipart *multipart, const guint8 *bytes, gsize size)
{
  if (size == 0 || multipart->state != AT_CONTENT)
    return TRUE;
  if (multipart->in_file) {
    multipart->stopped =
        !multipart->events.file_bytes (bytes, size, multipart->user);
    return !multipart->stopped;
  }
  if (multipart->name == NULL)
    return TRUE;
  if (multipart->value->len + size > MAX_FIELD_BYTES)
    return refuse_field (multipart, "a form field is too long");
  g_byte_array_append (multipart->value, bytes, (guint) size);
  return TRUE;
}

static gboolean
end_part (ServeMultipart *multipart)
{
  if (multipart->value->len > 0 &&
      memchr (multipart->value->data, '\0', multipart->value->len) != NULL &&
      !refuse_field (multipart, "a form field has a zero byte"))
    return FALSE;
  if (multipart->name != NULL &&
      !g_hash_table_contains (multipart->fields, multipart->name))
    g_hash_table_insert (multipart->fields, g_strdup (multipart->name),
        g_strndup (
            (const gchar *) multipart->value->data, multipart->value->len));
  g_clear_pointer (&multipart->name, g_free);
  g_byte_array_set_size (multipart->value, 0);
  multipart->in_file = FALSE;
  return TRUE;
}

/* Begins a part whose headers are `text`. */
static gboolean
begin_part (ServeMultipart *multipart, const gchar *text, gsize size)
{
  SoupMessageHeaders *headers =
      soup_message_headers_new (SOUP_MESSAGE_HEADERS_MULTIPART);
  g_autoptr (GHashTable) parameters = NULL;
  g_autofree gchar *disposition = NULL;
  const gchar *name;
  gboolean ok = TRUE;

  if (size > 0 && !soup_headers_parse (text, (int) size, headers)) {
    soup_message_headers_unref (headers);
    return fail (multipart, "the headers of a form field cannot be read");
  }
  soup_message_headers_get_content_disposition (
      headers, &disposition, &parameters);
  name = parameters != NULL ? g_hash_table_lookup (parameters, "name") : NULL;
  if (name != NULL && g_str_equal (name, "file")) {
    if (multipart->has_file) {
      ok = fail (multipart, "there is more than one field \"file\"");
    } else {
      multipart->in_file = multipart->has_file = TRUE;
      ok = multipart->events.file_begin (
          soup_message_headers_get_one (headers, "Content-Type"),
          multipart->user);
      multipart->stopped = !ok;
    }
  } else if (name != NULL) {
    if (g_hash_table_size (multipart->fields) >= MAX_FIELDS)
      ok = fail (multipart, "there are too many form fields");
    else
      multipart->name = g_strdup (name);
    multipart->is_file = g_hash_table_contains (parameters, "filename");
  }
  soup_message_headers_unref (headers);
  return ok;
}

static gssize
fail_step (ServeMultipart *multipart, const gchar *problem)
{
  multipart->problem = problem;
  return -1;
}

/* Bytes of `held` that are consumed, 0: more is needed; negative: failed. */
static gssize
read_line_end (ServeMultipart *multipart)
{
  const guint8 *data = multipart->held->data;
  const gsize length = multipart->held->len;
  gsize at = 0;

  if (length < 2)
    return 0;
  if (data[0] == '-' && data[1] == '-') {
    multipart->state = AT_END;
    return 2;
  }
  while (at < length && (data[at] == ' ' || data[at] == '\t'))
    at++;
  if (at + 2 > length && at <= MAX_HEADER_BYTES)
    return 0;
  if (at + 2 > length || data[at] != '\r' || data[at + 1] != '\n')
    return fail_step (multipart, "a form boundary is malformed");
  multipart->state = AT_HEADERS;
  return (gssize) (at + 2);
}

static gssize
read_headers (ServeMultipart *multipart)
{
  const GByteArray *held = multipart->held;
  g_autofree gchar *text = NULL;
  const guint8 *end;
  gssize size;

  /* A part without headers is an empty line right away. */
  if (held->len >= 2 && memcmp (held->data, "\r\n", 2) == 0) {
    multipart->state = AT_CONTENT;
    return begin_part (multipart, "", 0) ? 2 : -1;
  }
  end = held->len < 4 ? NULL : memmem (held->data, held->len, "\r\n\r\n", 4);
  if (end == NULL && held->len <= MAX_HEADER_BYTES)
    return 0;
  if (end == NULL || end - held->data > MAX_HEADER_BYTES)
    return fail_step (multipart, "the headers of a form field are too long");
  multipart->state = AT_CONTENT;
  size = end - held->data;
  /* soup_headers_parse() skips the first line and wants the last line's end. */
  text =
      g_strdup_printf ("\r\n%.*s\r\n", (int) size, (const gchar *) held->data);
  return begin_part (multipart, text, strlen (text)) ? size + 4 : -1;
}

/* Content up to the delimiter, or what cannot be the beginning of one. */
static gssize
read_content (ServeMultipart *multipart)
{
  const GByteArray *held = multipart->held;
  const guint8 *end = held->len < multipart->delimiter_length
      ? NULL
      : memmem (held->data, held->len, multipart->delimiter,
            multipart->delimiter_length);
  gsize size;

  if (end != NULL) {
    size = (gsize) (end - held->data);
    if (!take_content (multipart, held->data, size))
      return -1;
    if (multipart->state == AT_CONTENT && !end_part (multipart))
      return -1;
    multipart->state = AT_LINE_END;
    return (gssize) (size + multipart->delimiter_length);
  }
  if (held->len < multipart->delimiter_length)
    return 0;
  size = held->len - (multipart->delimiter_length - 1);
  return take_content (multipart, held->data, size) ? (gssize) size : -1;
}

static gssize
step (ServeMultipart *multipart)
{
  switch (multipart->state) {
    case AT_LINE_END:
      return read_line_end (multipart);
    case AT_HEADERS:
      return read_headers (multipart);
    case AT_END:
      return (gssize) multipart->held->len; /* an epilogue is ignored */
    default:
      return read_content (multipart);
  }
}

/* One piece of moderate size at a time, so that `held` stays short. */
static gboolean
feed_piece (ServeMultipart *multipart, const guint8 *bytes, gsize size)
{
  gssize used;

  g_byte_array_append (multipart->held, bytes, (guint) size);
  while ((used = step (multipart)) > 0)
    g_byte_array_remove_range (multipart->held, 0, (guint) used);
  return used == 0;
}

gboolean
serve_multipart_feed (
    ServeMultipart *multipart, const guint8 *bytes, gsize size)
{
  const gsize piece = 16 * 1024;

  if (multipart->problem != NULL || multipart->stopped)
    return FALSE;
  for (gsize done = 0; done < size; done += piece)
    if (!feed_piece (multipart, bytes + done, MIN (piece, size - done)))
      return FALSE;
  return TRUE;
}

const gchar *
serve_multipart_problem (const ServeMultipart *multipart)
{
  return multipart->problem;
}

gboolean
serve_multipart_is_complete (const ServeMultipart *multipart)
{
  return multipart->state == AT_END;
}

gboolean
serve_multipart_has_file (const ServeMultipart *multipart)
{
  return multipart->has_file;
}

const gchar *
serve_multipart_field (const ServeMultipart *multipart, const gchar *name)
{
  return g_hash_table_lookup (multipart->fields, name);
}
