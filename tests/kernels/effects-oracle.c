/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "effects-oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double *
new_plane (int w, int h)
{
  double *plane = calloc ((size_t) w * (size_t) h, sizeof (double));

  if (plane == NULL)
    abort ();
  return plane;
}

/* The pixel at x, y, mirrored into the picture: dcb|abcd|cba. */
static int
inside (int i, int n)
{
  while (n > 1 && (i < 0 || i >= n))
    i = i < 0 ? -i : 2 * (n - 1) - i;
  return n == 1 ? 0 : i;
}

static double
at (const double *plane, int w, int h, int x, int y)
{
  return plane[(size_t) inside (y, h) * (size_t) w + (size_t) inside (x, w)];
}

static double
clamp (double value, double low, double high)
{
  return value < low ? low : value > high ? high : value;
}

static double *
filter (const double *plane, int w, int h, const double *kernel, int radius)
{
  double *across = new_plane (w, h), *out = new_plane (w, h);

  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      for (int k = -radius; k <= radius; k++)
        across[(size_t) y * (size_t) w + (size_t) x] +=
            kernel[k + radius] * at (plane, w, h, x + k, y);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      for (int k = -radius; k <= radius; k++)
        out[(size_t) y * (size_t) w + (size_t) x] +=
            kernel[k + radius] * at (across, w, h, x, y + k);
  free (across);
  return out;
}

static double *
gaussian (const double *plane, int w, int h, int radius, double sigma)
{
  double kernel[64], sum = 0.0;

  for (int k = -radius; k <= radius; k++)
    sum += kernel[k + radius] = exp (-k * k / (2.0 * sigma * sigma));
  for (int k = 0; k <= 2 * radius; k++)
    kernel[k] /= sum;
  return filter (plane, w, h, kernel, radius);
}

void
oracle_color (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values)
{
  memcpy (dst, src, (size_t) w * (size_t) h * 4);
}

/* values: contrast, edge-strength, halation, grain (not done), seed */
void
oracle_enhancedblackwhite (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values)
{
  size_t n = (size_t) w * (size_t) h;
  double *g = new_plane (w, h), *t = new_plane (w, h), *b, *wide, *tight;

  for (size_t i = 0; i < n; i++) {
    double grey = 0.18 * src[4 * i] / 255.0 + 0.72 * src[4 * i + 1] / 255.0 +
        0.10 * src[4 * i + 2] / 255.0;
    double shadows = 0.92 * pow (1.1 * grey, 1.25);
    double highlights = 1.0 - 0.95 * pow (1.05 * fmax (1.0 - grey, 0.0), 0.75);
    double m = clamp ((grey - 0.25) / 0.3, 0.0, 1.0);

    g[i] = clamp (values[0] * (shadows * (1.0 - m) + highlights * m), 0.0, 1.0);
  }
  b = gaussian (g, w, h, 2, 1.2);
  for (size_t i = 0; i < n; i++) {
    g[i] = clamp (
        g[i] + values[1] * (g[i] - b[i]) * 4.0 * g[i] * (1.0 - g[i]), 0.0, 1.0);
    t[i] = g[i] > 0.75 ? 1.0 : 0.0;
  }
  wide = gaussian (t, w, h, 10, 7.0);
  tight = gaussian (t, w, h, 4, 2.5);
  for (size_t i = 0; i < n; i++) {
    double halo = values[2] * (0.3 * wide[i] + 0.7 * tight[i]);
    double v = clamp (g[i] + halo * (1.0 - g[i] * g[i]), 0.0, 1.0);

    v = v > 0.9 ? 0.95 * v + 0.05 : v;
    memset (dst + 4 * i, (uint8_t) (255.0 * v), 3);
    dst[4 * i + 3] = src[4 * i + 3];
  }
  free (g);
  free (t);
  free (b);
  free (wide);
  free (tight);
}

static uint32_t
popart_color (double r, double g, double b)
{
  const uint32_t hot_pink = 0xff1493, spring_green = 0x00ff7f,
                 blue_violet = 0x8a2be2, deep_sky_blue = 0x00bfff,
                 red_orange = 0xff4500, lime_green = 0x32cd32;
  double y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  double most = fmax (r, fmax (g, b)), least = fmin (r, fmin (g, b));
  int first = fmod (r + g + b, 2.0) != 0.0;

  if (most - least > 60.0) {
    if (r > g + 30.0 && r > b + 30.0)
      return first ? hot_pink : red_orange;
    if (g > r + 30.0 && g > b + 30.0)
      return first ? spring_green : lime_green;
    if (b > r + 30.0 && b > g + 30.0)
      return first ? blue_violet : deep_sky_blue;
  }
  return y < 40.0  ? 0
      : y <= 70.0  ? blue_violet
      : y <= 100.0 ? deep_sky_blue
      : y <= 130.0 ? hot_pink
      : y <= 160.0 ? lime_green
      : y <= 190.0 ? spring_green
      : y <= 210.0 ? lime_green
      : y <= 240.0 ? hot_pink
                   : deep_sky_blue;
}

void
oracle_popart (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values)
{
  for (size_t i = 0; i < (size_t) w * (size_t) h; i++) {
    double c[3], y;
    uint32_t color;

    for (int k = 0; k < 3; k++)
      c[k] =
          clamp (2.5 * (src[4 * i + (size_t) k] - 128.0) + 128.0, 0.0, 255.0);
    y = 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
    for (int k = 0; k < 3; k++)
      c[k] = rint (clamp (y + 2.0 * (c[k] - y), 0.0, 255.0) / 127.5) * 127.5;
    color = popart_color (c[0], c[1], c[2]);
    dst[4 * i] = (uint8_t) (color >> 16);
    dst[4 * i + 1] = (uint8_t) (color >> 8);
    dst[4 * i + 2] = (uint8_t) color;
    dst[4 * i + 3] = src[4 * i + 3];
  }
}

static double *
dithering_grey (const uint8_t *src, int w, int h, const double *values)
{
  double *g = new_plane (w, h), *sharp = new_plane (w, h);

  for (size_t i = 0; i < (size_t) w * (size_t) h; i++) {
    double grey =
        0.299 * src[4 * i] + 0.587 * src[4 * i + 1] + 0.114 * src[4 * i + 2];

    g[i] = src[4 * i + 3] == 0 ? 255.0 : 255.0 * pow (grey / 255.0, values[2]);
  }
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      double centre = at (g, w, h, x, y), sum = -centre;

      for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
          sum += at (g, w, h, x + dx, y + dy);
      sharp[(size_t) y * (size_t) w + (size_t) x] =
          clamp (centre + values[3] * (8.0 * centre - sum) / 8.0, 0.0, 255.0);
    }
  free (g);
  return sharp;
}

static void
add_error (double *g, int w, int h, int x, int y, double error)
{
  if (x >= 0 && x < w && y < h)
    g[(size_t) y * (size_t) w + (size_t) x] += error;
}

/* values: dot-spacing, dot-size, gamma, edge-strength, adaptive */
void
oracle_dithering (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values)
{
  const double kernel[] = { 1 / 32.0, 3.5 / 32.0, 7 / 32.0, 9 / 32.0, 7 / 32.0,
    3.5 / 32.0, 1 / 32.0 };
  int step = (int) values[0], size = (int) values[1];
  double *g = dithering_grey (src, w, h, values);
  double *blur = filter (g, w, h, kernel, 3);

  for (size_t i = 0; i < (size_t) w * (size_t) h; i++) {
    memset (dst + 4 * i, src[4 * i + 3] == 0 ? 0 : 255, 3);
    dst[4 * i + 3] = src[4 * i + 3];
  }
  for (int y = 0; y < h; y += step)
    for (int x = 0; x < w; x += step) {
      size_t i = (size_t) y * (size_t) w + (size_t) x;
      double t = values[4] != 0.0 ? 0.7 * blur[i] + 0.3 * 128.0 : 128.0;
      double v = g[i] < t ? 0.0 : 255.0, error = g[i] - v;

      if (src[4 * i + 3] == 0)
        continue;
      for (int b = y; v == 0.0 && b < y + size && b < h; b++)
        for (int a = x; a < x + size && a < w; a++) {
          size_t j = (size_t) b * (size_t) w + (size_t) a;

          if (src[4 * j + 3] != 0)
            memset (dst + 4 * j, 0, 3);
        }
      add_error (g, w, h, x + step, y, error * 7.0 / 16.0);
      add_error (g, w, h, x - step, y + step, error * 3.0 / 16.0);
      add_error (g, w, h, x, y + step, error * 5.0 / 16.0);
      add_error (g, w, h, x + step, y + step, error * 1.0 / 16.0);
    }
  free (g);
  free (blur);
}

static double
overlap (double a0, double a1, double b0, double b1)
{
  return fmax (0.0, fmin (a1, b1) - fmax (a0, b0));
}

/* Mean of channel c over cell `column`, `row` of columns x rows. */
static double
cell_mean (const uint8_t *src, int w, int h, int columns, int rows, int column,
    int row, int c)
{
  double x0 = (double) column * w / columns, x1 = x0 + (double) w / columns;
  double y0 = (double) row * h / rows, y1 = y0 + (double) h / rows;
  double sum = 0.0, area = 0.0;

  for (int y = (int) y0; y < h && y < y1; y++)
    for (int x = (int) x0; x < w && x < x1; x++) {
      double part = overlap (x, x + 1, x0, x1) * overlap (y, y + 1, y0, y1);

      sum +=
          part * src[4 * ((size_t) y * (size_t) w + (size_t) x) + (size_t) c];
      area += part;
    }
  /* Sums of fractions carry an error; a tie is meant where one is near. */
  return rint (rint (sum / area * 1e7) / 1e7);
}

static uint8_t *
pixelate (const uint8_t *src, int w, int h, int f)
{
  int columns = w / f, rows = h / f;
  uint8_t *out = malloc ((size_t) w * (size_t) h * 4), *small;

  if (columns == 0 || rows == 0) {
    columns = w;
    rows = h;
  }
  small = malloc ((size_t) columns * (size_t) rows * 4);
  if (out == NULL || small == NULL)
    abort ();
  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++)
      for (int c = 0; c < 4; c++)
        small[4 * ((size_t) y * (size_t) columns + (size_t) x) + (size_t) c] =
            (uint8_t) cell_mean (src, w, h, columns, rows, x, y, c);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      memcpy (out + 4 * ((size_t) y * (size_t) w + (size_t) x),
          small +
              4 *
                  ((size_t) ((int64_t) y * rows / h) * (size_t) columns +
                      (size_t) ((int64_t) x * columns / w)),
          4);
  free (small);
  return out;
}

static const uint32_t colors[32] = { 0x000000, 0x191919, 0x323232, 0x4b4b4b,
  0x646464, 0x828282, 0xa0a0a0, 0xbebebe, 0xdcdcdc, 0xffffff, 0x2d1e0f,
  0x3e2714, 0x55371e, 0x654321, 0x78502d, 0x8b5a32, 0xa06e46, 0xb4825a,
  0xc8966e, 0xffb478, 0xffc8a0, 0xf0dcc8, 0xcd853f, 0xa0522d, 0x8b4513,
  0x46321e, 0x644628, 0x283c50, 0x3c5078, 0x96c8ff, 0x224622, 0x326432 };

static uint32_t
nearest (const uint8_t *pixel)
{
  const double weights[3] = { 0.15, 0.60, 0.25 };
  double best = INFINITY;
  uint32_t color = 0;

  for (int i = 0; i < 32; i++) {
    double distance = 0.0;

    for (int c = 0; c < 3; c++) {
      double apart =
          weights[c] * (pixel[c] - (double) (colors[i] >> (16 - 8 * c) & 255));

      distance += apart * apart;
    }
    if (distance < best - 1e-9) {
      best = distance;
      color = colors[i];
    }
  }
  return color;
}

/* values: pixel-size, edge-threshold */
void
oracle_retro8bit (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values)
{
  int size = (int) values[0];
  double *luma = new_plane (w, h), *edge = new_plane (w, h);
  uint8_t *coarse = pixelate (src, w, h, size);
  uint8_t *fine = pixelate (src, w, h, size / 2 > 2 ? size / 2 : 2);

  for (size_t i = 0; i < (size_t) w * (size_t) h; i++)
    luma[i] = rint (
        0.299 * src[4 * i] + 0.587 * src[4 * i + 1] + 0.114 * src[4 * i + 2]);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      double gx = 0.0, gy = 0.0;

      for (int k = -1; k <= 1; k++) {
        gx += (2 - abs (k)) *
            (at (luma, w, h, x + 1, y + k) - at (luma, w, h, x - 1, y + k));
        gy += (2 - abs (k)) *
            (at (luma, w, h, x + k, y + 1) - at (luma, w, h, x + k, y - 1));
      }
      edge[(size_t) y * (size_t) w + (size_t) x] =
          sqrt (gx * gx + gy * gy) > values[1];
    }
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      size_t i = (size_t) y * (size_t) w + (size_t) x;
      int near_edge = 0;
      uint32_t color;

      for (int b = y - 1; b <= y + 1; b++)
        for (int a = x - 1; a <= x + 1; a++)
          if (a >= 0 && a < w && b >= 0 && b < h)
            near_edge |= edge[(size_t) b * (size_t) w + (size_t) a] != 0.0;
      color = nearest ((near_edge ? fine : coarse) + 4 * i);
      color = src[4 * i + 3] == 0 ? 0 : color;
      dst[4 * i] = (uint8_t) (color >> 16);
      dst[4 * i + 1] = (uint8_t) (color >> 8);
      dst[4 * i + 2] = (uint8_t) color;
      dst[4 * i + 3] = src[4 * i + 3];
    }
  free (luma);
  free (edge);
  free (coarse);
  free (fine);
}
