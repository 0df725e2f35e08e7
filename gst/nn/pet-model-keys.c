/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/pet-model-keys.h"

#include <math.h>
#include <string.h>

const char *const pet_model_key_names[] = {
  "name",
  "mean",
  "std",
  "divisor",
  "output",
  "output-range",
  "channel",
  "input-size",
  "precision",
  "shape-sum",
  "shape-step",
  NULL,
};

static const char *
skip_blanks (const char *text)
{
  while (*text == ' ' || *text == '\t' || *text == '\r')
    text++;
  return text;
}

static bool
is_digit (char c)
{
  return c >= '0' && c <= '9';
}

static int
read_exponent (const char **text)
{
  const char *at = *text;
  bool negative;
  int exponent = 0;

  if (*at != 'e' && *at != 'E')
    return 0;
  at++;
  negative = *at == '-';
  if (*at == '-' || *at == '+')
    at++;
  if (!is_digit (*at))
    return 0;
  for (; is_digit (*at); at++)
    if (exponent < 1000)
      exponent = exponent * 10 + (*at - '0');
  *text = at;
  return negative ? -exponent : exponent;
}

/* strtof() would read a decimal comma under some locales. */
static bool
read_number (const char **text, float *result)
{
  const char *at = skip_blanks (*text);
  double value = 0, sign = 1;
  int scale = 0, digits = 0;

  if (*at == '-' || *at == '+')
    sign = *at++ == '-' ? -1 : 1;
  for (; is_digit (*at); at++, digits++)
    value = value * 10 + (*at - '0');
  if (*at == '.')
    for (at++; is_digit (*at); at++, digits++, scale--)
      value = value * 10 + (*at - '0');
  if (digits == 0 || digits > 40)
    return false;
  scale += read_exponent (&at);
  value *= pow (10, scale);
  *result = (float) (sign * value);
  *text = skip_blanks (at);
  return isfinite (*result);
}

/* "0.5" for all channels or "0.1,0.2,0.3". */
static bool
read_channels (const char *text, float result[3])
{
  float values[3];
  int n = 0;

  do {
    if (n == 3 || !read_number (&text, &values[n++]))
      return false;
  } while (*text++ == ',');
  if (text[-1] != '\0' || n == 2)
    return false;
  for (int i = 0; i < 3; i++)
    result[i] = values[n == 1 ? 0 : i];
  return true;
}

static bool
read_int (const char **text, int low, int high, int *result)
{
  float value;

  if (!read_number (text, &value) || value < (float) low ||
      value > (float) high || value != floorf (value))
    return false;
  *result = (int) value;
  return true;
}

static bool
read_size (const char *text, PetModelInfo *info)
{
  if (!read_int (&text, 1, 8192, &info->width) || *text != 'x')
    return false;
  text++;
  return read_int (&text, 1, 8192, &info->height) && *text == '\0';
}

static bool
read_text (const char *text, char *result, size_t size)
{
  size_t length = strlen (text);

  while (length > 0 && strchr (" \t\r", text[length - 1]) != NULL)
    length--;
  if (length == 0 || length >= size)
    return false;
  memcpy (result, text, length);
  result[length] = '\0';
  return true;
}

static bool
read_range (const char *text, PetOutputRange *range)
{
  static const char *const names[] = {
    [PET_RANGE_UNIT] = "unit",
    [PET_RANGE_LOGIT] = "logit",
    [PET_RANGE_MINMAX] = "minmax",
  };
  char name[16];

  if (!read_text (text, name, sizeof name))
    return false;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp (name, names[i]) == 0) {
      *range = (PetOutputRange) i;
      return true;
    }
  return false;
}

static bool
read_std (const char *text, float std[3])
{
  return read_channels (text, std) && std[0] > 0 && std[1] > 0 && std[2] > 0;
}

static bool
read_divisor (const char *text, float *divisor)
{
  char name[8];

  if (read_text (text, name, sizeof name) && strcmp (name, "max") == 0) {
    *divisor = 0;
    return true;
  }
  return read_number (&text, divisor) && *text == '\0' && *divisor > 0;
}

static bool
read_precision (const char *text, bool *bf16)
{
  char name[8];

  if (!read_text (text, name, sizeof name))
    return false;
  *bf16 = strcmp (name, "bf16") == 0;
  return *bf16 || strcmp (name, "fp32") == 0;
}

static bool
set_key (PetModelInfo *info, const char *key, const char *value, bool *known)
{
  *known = true;
  if (strcmp (key, "name") == 0)
    return read_text (value, info->name, sizeof info->name);
  if (strcmp (key, "mean") == 0)
    return read_channels (value, info->mean);
  if (strcmp (key, "std") == 0)
    return read_std (value, info->std);
  if (strcmp (key, "divisor") == 0)
    return read_divisor (value, &info->divisor);
  if (strcmp (key, "output") == 0)
    return read_text (value, info->output, sizeof info->output);
  if (strcmp (key, "output-range") == 0)
    return read_range (value, &info->range);
  if (strcmp (key, "channel") == 0)
    return read_int (&value, 0, 65535, &info->channel) && *value == '\0';
  if (strcmp (key, "input-size") == 0)
    return read_size (value, info);
  if (strcmp (key, "precision") == 0)
    return read_precision (value, &info->bf16);
  if (strcmp (key, "shape-sum") == 0)
    return read_int (&value, 1, 8192, &info->shape_sum) && *value == '\0';
  if (strcmp (key, "shape-step") == 0)
    return read_int (&value, 1, 8192, &info->shape_step) && *value == '\0';
  *known = false;
  return true;
}

PetStatus
pet_model_key_set (PetModelInfo *info, const char *key, const char *value,
    bool *known, PetError *error)
{
  if (set_key (info, key, skip_blanks (value), known))
    return PET_OK;
  return pet_fail (error, PET_ERROR_FORMAT,
      "model information: '%.40s' cannot be '%.80s'", key, value);
}

#define MAX_LINE 512

/* Copies one line without its end, comments or blanks around it; returns
 * where the next one starts. */
static const char *
read_line (const char *text, char line[MAX_LINE])
{
  size_t length = strcspn (text, "\n");
  const char *next = text + length + (text[length] == '\n');
  const char *start = skip_blanks (text);
  size_t used = start < text + length ? (size_t) (text + length - start) : 0;

  if (used >= MAX_LINE)
    used = MAX_LINE - 1;
  while (used > 0 && strchr (" \t\r", start[used - 1]) != NULL)
    used--;
  if (*start == '#' || *start == ';')
    used = 0;
  memcpy (line, start, used);
  line[used] = '\0';
  return next;
}

PetStatus
pet_model_keys_read_ini (PetModelInfo *info, const char *text, PetError *error)
{
  char line[MAX_LINE];
  bool ours = false, known;

  while (*text != '\0') {
    char *value, *end;

    text = read_line (text, line);
    if (line[0] == '[')
      ours = strcmp (line, "[modelinfo]") == 0;
    value = strchr (line, '=');
    if (!ours || value == NULL)
      continue;
    for (end = value; end > line && strchr (" \t", end[-1]) != NULL; end--)
      ;
    *end = '\0';
    PET_TRY (pet_model_key_set (info, line, value + 1, &known, error));
  }
  return PET_OK;
}
