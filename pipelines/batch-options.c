/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-options.h"

#include <stdlib.h>

#define DEFAULT_MAX_SIZE 1536
#define DEFAULT_LEVEL 1

static const gchar description[] =
    "Every photo becomes OUT/{dir}/{stem}/{effect}.png, where {dir} is its "
    "path below\nthe INPUT folder and {stem} its name without suffix.\n"
    "\n"
    "Exit status: 0 all done; 1 usage; 2 some photos failed; 3 stopped by a "
    "signal;\n4 device=cuda and there is none; 5 done, but optional effects "
    "were dropped.\n"
    "\n"
    "Examples:\n"
    "  pet-batch dog.jpg -o prints\n"
    "  pet-batch --effects color,popart --max-size 3000 --dpi 300 photos -o "
    "prints\n"
    "  pet-batch --json photos -o prints > results.jsonl";

/* The looks that peteffect has, by its enum. */
static const GEnumClass *
effect_class (GError **error)
{
  GstElement *element = gst_element_factory_make ("peteffect", NULL);
  GParamSpec *spec;

  if (element == NULL) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        "the plugin \"pet\" (libgstpet.so) was not found; set "
        "GST_PLUGIN_PATH");
    return NULL;
  }
  spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), "effect");
  gst_object_unref (element);
  return G_PARAM_SPEC_ENUM (spec)->enum_class;
}

static gboolean usage_error (GError **error, const gchar *format, ...)
    G_GNUC_PRINTF (2, 3);

static gboolean
usage_error (GError **error, const gchar *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error != NULL)
    *error = g_error_new_valist (
        G_OPTION_ERROR, G_OPTION_ERROR_FAILED, format, args);
  va_end (args);
  return FALSE;
}

static gchar *
list_effects (const GEnumClass *all)
{
  GString *names = g_string_new (NULL);

  for (guint i = 0; i < all->n_values; i++)
    g_string_append_printf (
        names, "%s%s", i > 0 ? ", " : "", all->values[i].value_nick);
  return g_string_free (names, FALSE);
}

static BatchEffect *
find_effect (BatchOptions *options, const gchar *name)
{
  for (guint i = 0; i < options->n_effects; i++)
    if (g_str_equal (options->effects[i].name, name))
      return &options->effects[i];
  return NULL;
}

static gboolean
add_effect (BatchOptions *options, const GEnumClass *all, const gchar *name,
    GError **error)
{
  const GEnumValue *value = g_enum_get_value_by_nick ((GEnumClass *) all, name);

  if (value == NULL) {
    g_autofree gchar *names = list_effects (all);

    return usage_error (
        error, "there is no effect \"%s\"; there are: %s", name, names);
  }
  if (find_effect (options, value->value_nick) != NULL)
    return TRUE;
  if (options->n_effects == BATCH_MAX_EFFECTS)
    return usage_error (error, "more than %d effects", BATCH_MAX_EFFECTS);
  options->effects[options->n_effects++] =
      (BatchEffect){ .name = value->value_nick };
  return TRUE;
}

static gboolean
parse_effects (BatchOptions *options, const GEnumClass *all, const gchar *text,
    GError **error)
{
  g_auto (GStrv) names = NULL;

  if (text == NULL) {
    for (guint i = 0; i < all->n_values; i++)
      if (!add_effect (options, all, all->values[i].value_nick, error))
        return FALSE;
    return TRUE;
  }
  names = g_strsplit (text, ",", -1);
  for (gchar **name = names; *name != NULL; name++)
    if (!add_effect (options, all, g_strstrip (*name), error))
      return FALSE;
  return options->n_effects > 0 ||
      usage_error (error, "--effects names no effect");
}

/* "name:priority,name" */
static gboolean
parse_optional (BatchOptions *options, const gchar *text, GError **error)
{
  g_auto (GStrv) parts = NULL;

  if (text == NULL)
    return TRUE;
  parts = g_strsplit (text, ",", -1);
  for (gchar **part = parts; *part != NULL; part++) {
    g_auto (GStrv) fields = g_strsplit (g_strstrip (*part), ":", 2);
    guint64 priority = 50;
    BatchEffect *effect;

    if (fields[0] == NULL)
      return usage_error (error, "--optional has an empty entry");
    effect = find_effect (options, fields[0]);
    if (effect == NULL)
      return usage_error (error,
          "--optional names \"%s\", which is not among the effects", fields[0]);
    if (fields[1] != NULL &&
        !g_ascii_string_to_unsigned (fields[1], 10, 0, 100, &priority, NULL))
      return usage_error (
          error, "priority \"%s\" is not a number of 0 to 100", fields[1]);
    effect->optional = TRUE;
    effect->priority = (guint) priority;
  }
  return TRUE;
}

/* "64M", "1.5G", "2000000" */
static gboolean
parse_bytes (const gchar *text, guint64 *bytes, GError **error)
{
  static const struct {
    const gchar *suffix;
    gdouble factor;
  } units[] = { { "", 1 }, { "K", 1024 }, { "M", 1048576 }, { "G", 1073741824 },
    { "KB", 1e3 }, { "MB", 1e6 }, { "GB", 1e9 }, { "KiB", 1024 },
    { "MiB", 1048576 }, { "GiB", 1073741824 } };
  gchar *end;
  gdouble number;

  if (text == NULL)
    return TRUE;
  number = g_ascii_strtod (text, &end);
  for (guint i = 0; end != text && i < G_N_ELEMENTS (units); i++) {
    if (g_ascii_strcasecmp (end, units[i].suffix) != 0)
      continue;
    if (!(number > 0) || number * units[i].factor > 9e18)
      break;
    *bytes = MAX ((guint64) (number * units[i].factor), 1);
    return TRUE;
  }
  return usage_error (
      error, "\"%s\" is not an amount of memory; say 64M or 1.5G", text);
}

static gboolean
check_device (BatchOptions *options, GError **error)
{
  static const gchar *const devices[] = { "auto", "cpu", "cuda", NULL };

  if (options->device == NULL)
    options->device = g_strdup ("auto");
  return g_strv_contains (devices, options->device) ||
      usage_error (
          error, "--device is auto, cpu or cuda, not \"%s\"", options->device);
}

static gboolean
check_required (BatchOptions *options, gint max_size, GError **error)
{
  if (options->inputs == NULL)
    return usage_error (error, "no INPUT was given; try --help");
  if (options->output == NULL)
    return usage_error (error, "no output folder was given: -o OUT");
  if (max_size < 0 || max_size > 1 << 20)
    return usage_error (error, "--max-size is 0 to %d", 1 << 20);
  if (options->level < 0 || options->level > 9)
    return usage_error (error, "--level is 0 to 9");
  if (options->dpi < 0 || options->dpi > 100000)
    return usage_error (error, "--dpi is 0 to 100000");
  return TRUE;
}

gboolean
batch_options_parse (BatchOptions *options, gchar ***arguments, GError **error)
{
  g_autofree gchar *effects = NULL, *optional = NULL, *memory = NULL;
  gint max_size = DEFAULT_MAX_SIZE;
  gboolean version = FALSE;
  const GEnumClass *all;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output,
        "Folder for the results", "OUT" },
    { "effects", 0, 0, G_OPTION_ARG_STRING, &effects,
        "Looks to make (default: all)", "NAME,..." },
    { "optional", 0, 0, G_OPTION_ARG_STRING, &optional,
        "Looks that may be dropped when memory is short, the lowest priority "
        "(0-100) first",
        "NAME:PRIORITY,..." },
    { "memory", 0, 0, G_OPTION_ARG_STRING, &memory,
        "Memory for the looks in flight, e.g. 64M (default: half of what is "
        "free)",
        "BYTES" },
    { "max-size", 0, 0, G_OPTION_ARG_INT, &max_size,
        "Longest side of the results in pixels, 0 = as the photo (default: "
        "1536)",
        "PIXELS" },
    { "device", 0, 0, G_OPTION_ARG_STRING, &options->device,
        "Where the network runs: auto, cpu or cuda (default: auto)", "DEVICE" },
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &options->model,
        "ONNX file of another segmentation network", "FILE" },
    { "level", 0, 0, G_OPTION_ARG_INT, &options->level,
        "PNG compression, 0-9: 1 is fast, 9 small (default: 1)", "LEVEL" },
    { "dpi", 0, 0, G_OPTION_ARG_INT, &options->dpi,
        "Print resolution noted in the files", "DPI" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json,
        "One line of JSON per photo on standard output", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet,
        "Print failures only", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->inputs,
        NULL, NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context =
      g_option_context_new ("INPUT... - photos of pets to prints");

  options->level = DEFAULT_LEVEL;
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_description (context, description);
  if (!g_option_context_parse_strv (context, arguments, error))
    return FALSE;
  if (version) {
    g_print ("pet-batch " PET_VERSION "\n");
    exit (0);
  }

  options->max_size = (guint) max_size;
  all = effect_class (error);
  return all != NULL && check_required (options, max_size, error) &&
      check_device (options, error) &&
      parse_bytes (memory, &options->memory, error) &&
      parse_effects (options, all, effects, error) &&
      parse_optional (options, optional, error);
}

void
batch_options_clear (BatchOptions *options)
{
  g_strfreev (options->inputs);
  g_free (options->output);
  g_free (options->device);
  g_free (options->model);
}
