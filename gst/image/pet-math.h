/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* exp, log and what follows from them, made of IEEE additions,
 * multiplications and divisions only. The C library's may differ in the last
 * bit from one machine to the next, and a picture must not. Relative error
 * below 1e-14 over the ranges that pictures need. Thread-safety: safe. */

#pragma once

/* |x| < 700. */
double pet_exp (double x);

/* x > 0, finite, normal. */
double pet_log (double x);

/* base >= 0; 0 for base 0 (exponent > 0). */
double pet_pow (double base, double exponent);

/* The z below which a standard normal variable falls with probability p,
 * 0 < p < 1 (Acklam's rational approximation, relative error 1.2e-9). */
double pet_normal_quantile (double p);
