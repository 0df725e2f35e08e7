/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-sessions.h"

#include <string.h>

#define MAX_SESSIONS 1024
#define MAX_NAME 64
#define MAX_TEXT 128

typedef struct {
  gchar *name;
  gchar keys[SERVE_MAX_LOOKS][SERVE_KEY_HEX + 1];
  GList link;
} Session;

struct _ServeSessions {
  GHashTable *sessions;
  GQueue recent; /* the most recently set first */
};

static void
free_session (gpointer data)
{
  Session *session = data;

  g_free (session->name);
  g_free (session);
}

ServeSessions *
serve_sessions_new (void)
{
  ServeSessions *sessions = g_new0 (ServeSessions, 1);

  sessions->sessions =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_session);
  g_queue_init (&sessions->recent);
  return sessions;
}

void
serve_sessions_free (ServeSessions *sessions)
{
  g_hash_table_unref (sessions->sessions);
  g_free (sessions);
}

void
serve_sessions_set (
    ServeSessions *sessions, const gchar *name, guint look, const gchar *key)
{
  Session *session = g_hash_table_lookup (sessions->sessions, name);

  if (session != NULL) {
    g_queue_unlink (&sessions->recent, &session->link);
  } else {
    if (sessions->recent.length >= MAX_SESSIONS) {
      Session *oldest = g_queue_pop_tail_link (&sessions->recent)->data;

      g_hash_table_remove (sessions->sessions, oldest->name);
    }
    session = g_new0 (Session, 1);
    session->name = g_strdup (name);
    session->link.data = session;
    g_hash_table_insert (sessions->sessions, session->name, session);
  }
  g_strlcpy (session->keys[look], key, sizeof session->keys[look]);
  g_queue_push_head_link (&sessions->recent, &session->link);
}

const gchar *
serve_sessions_get (ServeSessions *sessions, const gchar *name, guint look)
{
  const Session *session = g_hash_table_lookup (sessions->sessions, name);

  return session != NULL && session->keys[look][0] != '\0' ? session->keys[look]
                                                           : NULL;
}

gboolean
serve_session_is_name (const gchar *text)
{
  gsize n = strspn (text,
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

  return n > 0 && n <= MAX_NAME && text[n] == '\0' && text[0] != '.';
}

gchar *
serve_session_choose (const gchar *wanted)
{
  return wanted != NULL && serve_session_is_name (wanted)
      ? g_strdup (wanted)
      : g_uuid_string_random ();
}

gchar *
serve_session_choose_any (const gchar *wanted)
{
  gboolean good = wanted != NULL && *wanted != '\0' &&
      strlen (wanted) <= MAX_TEXT && g_utf8_validate (wanted, -1, NULL);

  for (const gchar *c = wanted; good && *c != '\0'; c = g_utf8_next_char (c))
    good = !g_unichar_iscntrl (g_utf8_get_char (c));
  return good ? g_strdup (wanted) : g_uuid_string_random ();
}
