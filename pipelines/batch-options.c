/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-options.h"

#include <stdlib.h>

#include "base/pet-cpu.h"
#include "base/pet-folder.h"
#include "batch-params.h"
#include "program-options.h"

#define DEFAULT_MAX_SIZE 1536
#define DEFAULT_LEVEL 1
#define DEFAULT_TIMEOUT 300
#define MAX_JOBS 1024

/* So many looks, the first of peteffect's, are made when none is named. */
#define DEFAULT_EFFECTS 5

static const gchar description[] =
    "Every photo becomes OUT/{dir}/{stem}/{effect}.png, where {dir} is its "
    "path below\nthe INPUT folder and {stem} its name without suffix. A "
    "result that is whole and was\nmade from the same photo with the same "
    "settings is kept.\n"
    "\n"
    "Exit status: 0 all done; 1 usage; 2 some photos failed; 3 stopped by a "
    "signal,\nrestart to go on; 4 device=cuda and there is none; 5 done, but "
    "optional effects\nwere dropped (running again makes them).\n"
    "\n"
    "Examples:\n"
    "  pet-batch dog.jpg -o prints\n"
    "  pet-batch --effects color,popart --max-size 3000 --dpi 300 photos -o "
    "prints\n"
    "  pet-batch --param popart.palette=candy --param popart.ground=auto "
    "dog.jpg "
    "-o prints\n"
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

    return program_usage_error (
        error, "there is no effect \"%s\"; there are: %s", name, names);
  }
  if (find_effect (options, value->value_nick) != NULL)
    return TRUE;
  if (options->n_effects == BATCH_MAX_EFFECTS)
    return program_usage_error (
        error, "more than %d effects", BATCH_MAX_EFFECTS);
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
    for (guint i = 0; i < MIN (DEFAULT_EFFECTS, all->n_values); i++)
      if (!add_effect (options, all, all->values[i].value_nick, error))
        return FALSE;
    return TRUE;
  }
  names = g_strsplit (text, ",", -1);
  for (gchar **name = names; *name != NULL; name++)
    if (!add_effect (options, all, g_strstrip (*name), error))
      return FALSE;
  return options->n_effects > 0 ||
      program_usage_error (error, "--effects names no effect");
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
      return program_usage_error (error, "--optional has an empty entry");
    effect = find_effect (options, fields[0]);
    if (effect == NULL)
      return program_usage_error (error,
          "--optional names \"%s\", which is not among the effects", fields[0]);
    if (fields[1] != NULL &&
        !g_ascii_string_to_unsigned (fields[1], 10, 0, 100, &priority, NULL))
      return program_usage_error (
          error, "priority \"%s\" is not a number of 0 to 100", fields[1]);
    effect->optional = TRUE;
    effect->priority = (guint) priority;
  }
  return TRUE;
}

static gboolean
fail_shard (const gchar *what, GError **error)
{
  return program_usage_error (
      error, "%s: shard i of n is given as i/n with 0 <= i < n", what);
}

static gboolean
set_shard (BatchOptions *options, const gchar *what, guint64 shard,
    guint64 shards, GError **error)
{
  if (shards > G_MAXUINT || shard >= shards)
    return fail_shard (what, error);
  options->shard = (guint) shard;
  options->shards = (guint) shards;
  return TRUE;
}

static gboolean
read_variable (const gchar *name, guint64 *value)
{
  const gchar *text = g_getenv (name);

  return text != NULL &&
      g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, value, NULL);
}

/* What Kubernetes (indexed jobs) and Slurm (arrays) tell their tasks. Slurm's
 * ids need not begin at 0. */
static gboolean
shard_from_environment (BatchOptions *options, GError **error)
{
  guint64 index, count, first = 0, step = 1;

  options->shards = 1;
  if (g_getenv ("JOB_COMPLETION_INDEX") != NULL) {
    if (!read_variable ("JOB_COMPLETION_INDEX", &index) ||
        !read_variable ("JOB_COMPLETIONS", &count))
      return program_usage_error (error,
          "JOB_COMPLETION_INDEX without JOB_COMPLETIONS, or no numbers; set "
          "both, or say --shard i/n");
    return set_shard (options, "JOB_COMPLETION_INDEX", index, count, error);
  }
  if (g_getenv ("SLURM_ARRAY_TASK_ID") != NULL) {
    if (!read_variable ("SLURM_ARRAY_TASK_ID", &index) ||
        !read_variable ("SLURM_ARRAY_TASK_COUNT", &count))
      return program_usage_error (error,
          "SLURM_ARRAY_TASK_ID without SLURM_ARRAY_TASK_COUNT, or no numbers; "
          "set both, or say --shard i/n");
    read_variable ("SLURM_ARRAY_TASK_MIN", &first);
    read_variable ("SLURM_ARRAY_TASK_STEP", &step);
    index = (index - MIN (first, index)) / MAX (step, 1);
    return set_shard (options, "SLURM_ARRAY_TASK_ID", index, count, error);
  }
  return TRUE;
}

static gboolean
parse_shard (BatchOptions *options, const gchar *text, GError **error)
{
  if (text == NULL)
    return shard_from_environment (options, error);
  return pet_folder_parse_shard (text, &options->shard, &options->shards) ||
      fail_shard (text, error);
}

static gboolean
check_names (BatchOptions *options, GError **error)
{
  static const gchar *const renditions[] = { "fine", "classic", NULL };

  return program_check_device (&options->device, error) &&
      program_check_choice (
          "rendition", &options->rendition, renditions, error);
}

static gboolean
check_required (const BatchOptions *options, gint max_size, gint jobs,
    gint timeout, GError **error)
{
  if (options->inputs == NULL)
    return program_usage_error (error, "no INPUT was given; try --help");
  if (options->output == NULL || options->output[0] == '\0')
    return program_usage_error (error, "no output folder was given: -o OUT");
  if (max_size < 0 || max_size > 1 << 20)
    return program_usage_error (error, "--max-size is 0 to %d", 1 << 20);
  if (options->level < 0 || options->level > 9)
    return program_usage_error (error, "--level is 0 to 9");
  if (options->dpi < 0 || options->dpi > 100000)
    return program_usage_error (error, "--dpi is 0 to 100000");
  if (jobs < 0 || jobs > MAX_JOBS)
    return program_usage_error (error, "--jobs is 1 to %d, or 0", MAX_JOBS);
  if (timeout < 1)
    return program_usage_error (error, "--timeout is at least 1 second");
  return TRUE;
}

/* What is looked at after the command line was read. */
typedef struct {
  gchar *effects, *optional, *memory, *shard;
  gchar **params;
  gint max_size, jobs, timeout;
  gboolean version, list_params;
} Raw;

static void
clear_raw (Raw *raw)
{
  g_free (raw->effects);
  g_free (raw->optional);
  g_free (raw->memory);
  g_free (raw->shard);
  g_strfreev (raw->params);
}

static gboolean
take (BatchOptions *options, const Raw *raw, GError **error)
{
  const GEnumClass *all;

  if (raw->version) {
    g_print ("pet-batch " PET_VERSION "\n");
    exit (0);
  }
  if (!check_names (options, error))
    return FALSE;
  if (raw->list_params) {
    batch_params_print (options->rendition);
    exit (0);
  }
  options->max_size = (guint) raw->max_size;
  options->jobs = raw->jobs > 0 ? (guint) raw->jobs : (guint) pet_cpu_count ();
  options->timeout = (guint) raw->timeout;
  all = effect_class (error);
  return all != NULL &&
      check_required (options, raw->max_size, raw->jobs, raw->timeout, error) &&
      parse_shard (options, raw->shard, error) &&
      program_parse_bytes ("memory", raw->memory, 0, &options->memory, error) &&
      parse_effects (options, all, raw->effects, error) &&
      parse_optional (options, raw->optional, error) &&
      batch_params_parse (options, raw->params, error);
}

gboolean
batch_options_parse (BatchOptions *options, gchar ***arguments, GError **error)
{
  Raw raw = { .max_size = DEFAULT_MAX_SIZE, .timeout = DEFAULT_TIMEOUT };
  gboolean done;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output,
        "Folder for the results", "OUT" },
    { "effects", 0, 0, G_OPTION_ARG_STRING, &raw.effects,
        "Looks to make (default: the first five)", "NAME,..." },
    { "rendition", 0, 0, G_OPTION_ARG_STRING, &options->rendition,
        "How they are made: classic or fine (default: fine)", "RENDITION" },
    { "param", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw.params,
        "A parameter of a look; may be given often", "LOOK.NAME=VALUE" },
    { "list-params", 0, 0, G_OPTION_ARG_NONE, &raw.list_params,
        "Print the parameters of the looks in that rendition", NULL },
    { "optional", 0, 0, G_OPTION_ARG_STRING, &raw.optional,
        "Looks that may be dropped when memory is short, the lowest priority "
        "(0-100) first",
        "NAME:PRIORITY,..." },
    { "memory", 0, 0, G_OPTION_ARG_STRING, &raw.memory,
        "Memory for the looks in flight, e.g. 64M (default: half of what is "
        "free)",
        "BYTES" },
    { "max-size", 0, 0, G_OPTION_ARG_INT, &raw.max_size,
        "Longest side of the results in pixels, 0 = as the photo (default: "
        "1536)",
        "PIXELS" },
    { "device", 0, 0, G_OPTION_ARG_STRING, &options->device,
        "Where the network runs: auto, cpu or cuda (default: auto)", "DEVICE" },
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &options->model,
        "ONNX file of another segmentation network", "FILE" },
    { "second-model", 0, 0, G_OPTION_ARG_FILENAME, &options->second_model,
        "ONNX file of a network for photos of which the first is unsure, or "
        "\"\" for none (default: petnet-large with the built-in network)",
        "FILE" },
    { "level", 0, 0, G_OPTION_ARG_INT, &options->level,
        "PNG compression, 0-9: 1 is fast, 9 small (default: 1)", "LEVEL" },
    { "dpi", 0, 0, G_OPTION_ARG_INT, &options->dpi,
        "Print resolution noted in the files", "DPI" },
    { "jobs", 'j', 0, G_OPTION_ARG_INT, &raw.jobs,
        "Photos in parallel (default: one per core)", "N" },
    { "shard", 0, 0, G_OPTION_ARG_STRING, &raw.shard,
        "Make part i of n of the photos (default: from JOB_COMPLETION_INDEX or "
        "SLURM_ARRAY_TASK_ID, else all)",
        "I/N" },
    { "timeout", 0, 0, G_OPTION_ARG_INT, &raw.timeout,
        "Give a photo up that stands still for so long (default: 300)",
        "SECONDS" },
    { "contact-sheet", 0, 0, G_OPTION_ARG_FILENAME, &options->contact_sheet,
        "Put small pictures of all results into one PNG", "FILE" },
    { "remake", 0, 0, G_OPTION_ARG_NONE, &options->remake,
        "Make results again that are there", NULL },
    { "print-pipeline", 0, 0, G_OPTION_ARG_NONE, &options->print_pipeline,
        "Print gst-launch-1.0 commands that do the same, and leave", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json,
        "One line of JSON per photo on standard output", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet,
        "Print failures and dropped results only", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &raw.version, "Print the version",
        NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->inputs,
        NULL, NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context =
      g_option_context_new ("INPUT... - photos of pets to prints");

  options->level = DEFAULT_LEVEL;
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_description (context, description);
  done = program_detach_values (entries, arguments, error) &&
      g_option_context_parse_strv (context, arguments, error) &&
      take (options, &raw, error);
  clear_raw (&raw);
  return done;
}

void
batch_options_clear (BatchOptions *options)
{
  g_strfreev (options->inputs);
  for (guint i = 0; i < options->n_effects; i++)
    g_strfreev (options->effects[i].params);
  g_free (options->output);
  g_free (options->rendition);
  g_free (options->device);
  g_free (options->model);
  g_free (options->second_model);
  g_free (options->contact_sheet);
}

gboolean
batch_looks_on_card (const BatchOptions *options)
{
  return g_str_equal (options->device, "cuda") &&
      g_str_equal (options->rendition, "classic");
}
