/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values of parameters as people write them. Numbers are read by hand: the C
 * library's follow the locale. */

#include <math.h>
#include <string.h>

#include "image/pet-effect.h"

static int
hex_digit (char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char) (c | 32);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
parse_color (const char *text, double *value)
{
  static const struct {
    const char *name;
    double color;
  } names[] = { { "none", PET_COLOR_NONE }, { "auto", PET_COLOR_AUTO },
    { "black", 0x000000 }, { "white", 0xffffff }, { "cream", 0xfbf5e6 },
    { "sepia", 0x4a2f1b }, { "navy", 0x14213d } };
  uint32_t color = 0;

  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp (text, names[i].name) == 0) {
      *value = names[i].color;
      return true;
    }
  text += *text == '#';
  if (strlen (text) != 6)
    return false;
  for (; *text != '\0'; text++) {
    int digit = hex_digit (*text);

    if (digit < 0)
      return false;
    color = color << 4 | (uint32_t) digit;
  }
  *value = color;
  return true;
}

/* "-12.5e-3" */
static bool
parse_number (const char *text, double *value)
{
  double sign = *text == '-' ? -1.0 : 1.0, scale = 1.0, sum = 0.0;
  int digits = 0, exponent = 0, exponent_sign = 1;

  text += *text == '-' || *text == '+';
  for (; *text >= '0' && *text <= '9' && digits < 18; text++, digits++)
    sum = 10.0 * sum + (*text - '0');
  if (*text == '.')
    for (text++; *text >= '0' && *text <= '9' && digits < 18;
         text++, digits++, scale *= 10.0)
      sum = 10.0 * sum + (*text - '0');
  if (digits == 0)
    return false;
  if ((*text | 32) == 'e') {
    exponent_sign = *++text == '-' ? -1 : 1;
    text += *text == '-' || *text == '+';
    if (*text < '0' || *text > '9')
      return false;
    for (; *text >= '0' && *text <= '9' && exponent < 100; text++)
      exponent = 10 * exponent + (*text - '0');
  }
  *value = sign * sum / scale;
  for (; exponent > 0; exponent--)
    *value = exponent_sign > 0 ? *value * 10.0 : *value / 10.0;
  return *text == '\0';
}

static bool
parse_choice (const PetEffectParam *param, const char *text, double *value)
{
  for (int i = 0; param->choices[i] != NULL; i++)
    if (strcmp (param->choices[i], text) == 0) {
      *value = i;
      return true;
    }
  return false;
}

static bool
parse (const PetEffectParam *param, const char *text, double *value)
{
  if (param->type == PET_PARAM_CHOICE)
    return parse_choice (param, text, value);
  if (param->type == PET_PARAM_COLOR)
    return parse_color (text, value);
  if (param->type == PET_PARAM_BOOL &&
      (strcmp (text, "true") == 0 || strcmp (text, "false") == 0)) {
    *value = *text == 't';
    return true;
  }
  return parse_number (text, value);
}

bool
pet_effect_param_parse (
    const PetEffectParam *param, const char *text, double *value)
{
  double number;

  if (!parse (param, text, &number) ||
      !(number >= param->min && number <= param->max) ||
      (param->type != PET_PARAM_FLOAT && number != floor (number)))
    return false;
  *value = number;
  return true;
}
