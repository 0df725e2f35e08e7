/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-options.h"

#include <stdlib.h>

#include "base/pet-cpu.h"
#include "program-options.h"
#include "serve-looks.h"

static const gchar description[] =
    "Photos come in by HTTP, the looks go out as PNGs, each the moment it is\n"
    "ready. docs/pet-serve.md lists the routes.\n"
    "\n"
    "Exit status: 0 stopped by a signal, all answers sent; 1 usage; 2 cannot\n"
    "listen or another failure; 4 device=cuda and there is none.\n"
    "\n"
    "Examples:\n"
    "  pet-serve --port 8080\n"
    "  pet-serve --memory 256M --queue 32 --cache /var/cache/pet-serve\n"
    "  pet-serve --store https://bucket.example/prints --store-url "
    "https://cdn.example/prints";

typedef struct {
  const gchar *name;
  gint value, min, max;
  guint *target;
} Number;

static gboolean
check_numbers (const Number *numbers, guint n, GError **error)
{
  for (guint i = 0; i < n; i++) {
    if (numbers[i].value < numbers[i].min || numbers[i].value > numbers[i].max)
      return program_usage_error (error, "--%s is %d to %d", numbers[i].name,
          numbers[i].min, numbers[i].max);
    *numbers[i].target = (guint) numbers[i].value;
  }
  return TRUE;
}

static gboolean
check_store (const ServeOptions *options, GError **error)
{
  g_autofree gchar *scheme = g_uri_parse_scheme (options->store);
  g_autofree gchar *host = NULL;

  if (serve_options_store_is_http (options)) {
    if (!g_uri_split (options->store, G_URI_FLAGS_NONE, NULL, NULL, &host, NULL,
            NULL, NULL, NULL, error))
      return FALSE;
    if (host != NULL && host[0] != '\0')
      return TRUE;
  } else if (options->store[0] != '\0' && scheme == NULL) {
    return program_check_folder ("storage", options->store, error);
  }
  return program_usage_error (error,
      "--store: \"%s\" is no folder and no http address", options->store);
}

static gboolean
check_texts (ServeOptions *options, GError **error)
{
  g_autoptr (GInetAddress) address = NULL;

  if (options->listen == NULL)
    options->listen = g_strdup ("127.0.0.1");
  address = g_inet_address_new_from_string (options->listen);
  if (address == NULL)
    return program_usage_error (
        error, "--listen: \"%s\" is not an IP address", options->listen);
  if (!program_check_device (&options->device, error))
    return FALSE;
  if (options->store != NULL && !check_store (options, error))
    return FALSE;
  if (options->cache != NULL && g_str_equal (options->cache, "none"))
    g_clear_pointer (&options->cache, g_free);
  else if (options->cache == NULL) {
    g_autofree gchar *port = g_strdup_printf ("%u", options->port);

    options->cache =
        g_build_filename (g_get_user_cache_dir (), "pet-serve", port, NULL);
  }
  return TRUE;
}

gboolean
serve_options_store_is_http (const ServeOptions *options)
{
  return options->store != NULL &&
      (g_str_has_prefix (options->store, "http://") ||
          g_str_has_prefix (options->store, "https://"));
}

/* What GOption can only give as a signed number or as text. */
typedef struct {
  gint port, jobs, queue, max_size, level, dpi, connections;
  gint upload_timeout, job_timeout, send_timeout, store_timeout;
  gint megapixels;
  gchar *memory, *cache_size, *max_upload, *origins, *rendition;
} Raw;

static gboolean
convert (ServeOptions *options, const Raw *raw, GError **error)
{
  const Number numbers[] = {
    { "port", raw->port, 0, 65535, &options->port },
    { "jobs", raw->jobs, 1, 256, &options->jobs },
    { "queue", raw->queue, 1, 10000, &options->queue },
    { "max-size", raw->max_size, 0, 1 << 20, &options->max_size },
    { "level", raw->level, 0, 9, &options->level },
    { "dpi", raw->dpi, 0, 100000, &options->dpi },
    { "max-connections", raw->connections, 1, 100000,
        &options->max_connections },
    { "upload-timeout", raw->upload_timeout, 1, 86400,
        &options->upload_timeout },
    { "job-timeout", raw->job_timeout, 1, 86400, &options->job_timeout },
    { "send-timeout", raw->send_timeout, 1, 86400, &options->send_timeout },
    { "store-timeout", raw->store_timeout, 1, 86400, &options->store_timeout },
  };

  if (raw->megapixels < 0 || raw->megapixels > 100000)
    return program_usage_error (error, "--max-megapixels is 0 to 100000");
  options->max_pixels = (guint64) raw->megapixels * 1000000;
  options->cache_size = 1024 * 1024 * 1024;
  options->max_upload = 50 * 1024 * 1024;
  options->origins =
      g_strsplit (raw->origins != NULL ? raw->origins : "*", ",", 64);
  options->rendition = PET_RENDITION_FINE;
  return check_numbers (numbers, G_N_ELEMENTS (numbers), error) &&
      (raw->rendition == NULL ||
          serve_rendition_parse (raw->rendition, &options->rendition, error)) &&
      check_texts (options, error) &&
      program_parse_bytes ("memory", raw->memory, 1, &options->memory, error) &&
      program_parse_bytes (
          "cache-size", raw->cache_size, 1, &options->cache_size, error) &&
      program_parse_bytes (
          "max-upload", raw->max_upload, 1, &options->max_upload, error);
}

static gboolean
parse (ServeOptions *options, Raw *raw, gboolean *version, gchar ***arguments,
    GError **error)
{
  const GOptionEntry entries[] = {
    { "listen", 0, 0, G_OPTION_ARG_STRING, &options->listen,
        "Address to listen on (default: 127.0.0.1)", "ADDRESS" },
    { "port", 'p', 0, G_OPTION_ARG_INT, &raw->port,
        "Port; 0 = any, said at start (default: 8080)", "PORT" },
    { "memory", 0, 0, G_OPTION_ARG_STRING, &raw->memory,
        "Memory for uploads and pictures (default: half of what is free)",
        "BYTES" },
    { "jobs", 'j', 0, G_OPTION_ARG_INT, &raw->jobs,
        "Photos in work at a time (default: one per core)", "N" },
    { "queue", 0, 0, G_OPTION_ARG_INT, &raw->queue,
        "Photos that may wait; beyond, 429 (default: 32)", "N" },
    { "max-size", 0, 0, G_OPTION_ARG_INT, &raw->max_size,
        "Longest side of the results where a request does not say, 0 = as the "
        "photo (default: 1536)",
        "PIXELS" },
    { "rendition", 0, 0, G_OPTION_ARG_STRING, &raw->rendition,
        "How looks are made where a request does not say, classic or fine "
        "(default: fine)",
        "RENDITION" },
    { "level", 0, 0, G_OPTION_ARG_INT, &raw->level,
        "PNG compression, 0-9: 1 is fast, 9 small (default: 1)", "LEVEL" },
    { "dpi", 0, 0, G_OPTION_ARG_INT, &raw->dpi,
        "Print resolution noted in the files", "DPI" },
    { "device", 0, 0, G_OPTION_ARG_STRING, &options->device,
        "Where the network runs: auto, cpu or cuda (default: auto)", "DEVICE" },
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &options->model,
        "ONNX file of another segmentation network", "FILE" },
    { "second-model", 0, 0, G_OPTION_ARG_FILENAME, &options->second_model,
        "ONNX file of a network for photos of which the first is unsure, or "
        "\"\" for none (default: petnet-large with the built-in network)",
        "FILE" },
    { "cache", 0, 0, G_OPTION_ARG_FILENAME, &options->cache,
        "Folder of finished results, or none (default: "
        "~/.cache/pet-serve/PORT)",
        "DIR" },
    { "cache-size", 0, 0, G_OPTION_ARG_STRING, &raw->cache_size,
        "Most bytes kept there (default: 1G)", "BYTES" },
    { "store", 0, 0, G_OPTION_ARG_STRING, &options->store,
        "Store results as {session}/{effect}.png in a folder or by HTTP PUT, "
        "and answer their URLs",
        "DIR|URL" },
    { "store-url", 0, 0, G_OPTION_ARG_STRING, &options->store_url,
        "Prefix of the URLs in answers (default: from --store)", "URL" },
    { "allow-origin", 0, 0, G_OPTION_ARG_STRING, &raw->origins,
        "Pages that may call: https://shop.example,https://*.preview.example "
        "(default: *)",
        "ORIGIN,..." },
    { "max-upload", 0, 0, G_OPTION_ARG_STRING, &raw->max_upload,
        "Largest upload (default: 50M)", "BYTES" },
    { "max-megapixels", 0, 0, G_OPTION_ARG_INT, &raw->megapixels,
        "Largest photo, 0 = any (default: 100)", "MP" },
    { "max-connections", 0, 0, G_OPTION_ARG_INT, &raw->connections,
        "Connections at a time (default: 256)", "N" },
    { "upload-timeout", 0, 0, G_OPTION_ARG_INT, &raw->upload_timeout,
        "Seconds an upload may take (default: 30)", "S" },
    { "job-timeout", 0, 0, G_OPTION_ARG_INT, &raw->job_timeout,
        "Seconds a photo may take, waiting included (default: 60)", "S" },
    { "send-timeout", 0, 0, G_OPTION_ARG_INT, &raw->send_timeout,
        "Seconds a client may take nothing of an answer (default: 20)", "S" },
    { "store-timeout", 0, 0, G_OPTION_ARG_INT, &raw->store_timeout,
        "Seconds a PUT may take (default: 10)", "S" },
    { "version", 0, 0, G_OPTION_ARG_NONE, version, "Print the version", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context =
      g_option_context_new ("- photos of pets to prints, over HTTP");

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_description (context, description);
  return program_detach_values (entries, arguments, error) &&
      g_option_context_parse_strv (context, arguments, error);
}

gboolean
serve_options_parse (ServeOptions *options, gchar ***arguments, GError **error)
{
  Raw raw = { .port = 8080,
    .jobs = pet_cpu_count (),
    .queue = 32,
    .max_size = 1536,
    .level = 1,
    .connections = 256,
    .upload_timeout = 30,
    .job_timeout = 60,
    .send_timeout = 20,
    .store_timeout = 10,
    .megapixels = 100 };
  gboolean version = FALSE, ok;

  ok = parse (options, &raw, &version, arguments, error);
  if (ok && version) {
    g_print ("pet-serve " PET_VERSION "\n");
    exit (0);
  }
  if (ok && g_strv_length (*arguments) > 1)
    ok =
        program_usage_error (error, "\"%s\" is not an option", (*arguments)[1]);
  ok = ok && convert (options, &raw, error);
  g_free (raw.memory);
  g_free (raw.cache_size);
  g_free (raw.max_upload);
  g_free (raw.origins);
  g_free (raw.rendition);
  return ok;
}

void
serve_options_clear (ServeOptions *options)
{
  g_free (options->listen);
  g_free (options->device);
  g_free (options->model);
  g_free (options->second_model);
  g_free (options->cache);
  g_free (options->store);
  g_free (options->store_url);
  g_strfreev (options->origins);
}
