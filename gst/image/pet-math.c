/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/pet-math.h"

#include <math.h>

#define LN2_HIGH 0x1.62e42fefa0000p-1
#define LN2_LOW 0x1.cf79abc9e3b3ap-40
#define LN2 0x1.62e42fefa39efp-1

double
pet_exp (double x)
{
  double whole = rint (x / LN2);
  double rest = (x - whole * LN2_HIGH) - whole * LN2_LOW;
  double sum = 1.0;

  /* Taylor, |rest| <= ln 2 / 2: the term after the last is below 1e-17. */
  for (int i = 14; i >= 1; i--)
    sum = 1.0 + sum * rest / i;
  return ldexp (sum, (int) whole);
}

double
pet_log (double x)
{
  int exponent;
  double mantissa = frexp (x, &exponent);
  double t, t2, sum = 0.0;

  if (mantissa < 0.70710678118654752440) {
    mantissa *= 2.0;
    exponent--;
  }
  /* log m = 2 artanh ((m - 1) / (m + 1)), |t| <= 0.1716. */
  t = (mantissa - 1.0) / (mantissa + 1.0);
  t2 = t * t;
  for (int i = 23; i >= 1; i -= 2)
    sum = sum * t2 + 1.0 / i;
  return exponent * LN2_HIGH + (2.0 * t * sum + exponent * LN2_LOW);
}

double
pet_pow (double base, double exponent)
{
  return base > 0.0 ? pet_exp (exponent * pet_log (base)) : 0.0;
}

static double
polynomial (const double *coefficients, int degree, double x)
{
  double sum = coefficients[0];

  for (int i = 1; i <= degree; i++)
    sum = sum * x + coefficients[i];
  return sum;
}

double
pet_normal_quantile (double p)
{
  static const double a[] = { -3.969683028665376e+01, 2.209460984245205e+02,
    -2.759285104469687e+02, 1.383577518672690e+02, -3.066479806614716e+01,
    2.506628277459239e+00 };
  static const double b[] = { -5.447609879822406e+01, 1.615858368580409e+02,
    -1.556989798598866e+02, 6.680131188771972e+01, -1.328068155288572e+01,
    1.0 };
  static const double c[] = { -7.784894002430293e-03, -3.223964580411365e-01,
    -2.400758277161838e+00, -2.549732539343734e+00, 4.374664141464968e+00,
    2.938163982698783e+00 };
  static const double d[] = { 7.784695709041462e-03, 3.224671290700398e-01,
    2.445134137142996e+00, 3.754408661907416e+00, 1.0 };
  static const double tail = 0.02425;
  double q, r;

  if (p > 0.5)
    return -pet_normal_quantile (1.0 - p);
  if (p < tail) {
    q = sqrt (-2.0 * pet_log (p));
    return polynomial (c, 5, q) / polynomial (d, 4, q);
  }
  q = p - 0.5;
  r = q * q;
  return polynomial (a, 5, r) * q / polynomial (b, 5, r);
}
