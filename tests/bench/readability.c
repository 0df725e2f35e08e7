/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How well a look keeps a face:
 *
 *   bench-readability CUTOUT.png LOOK.png LEFT TOP RIGHT BOTTOM
 *
 * The box is in hundredths of the picture. Both pictures are laid on white and
 * reduced to 72 x 72 means of linear luminance within the box, as seen from
 * where dots and stones blend; of their cube roots the structure term of SSIM
 * (Wang et al. 2004), cov / (sigma sigma), is taken in windows of 9 x 9 and
 * averaged with the cut-out's sigma as weight. 1: every light and dark is where
 * it was; 0: nothing is. Brightness and contrast, which looks change, do not
 * count. Windows that are mostly transparent are left out. */

#include <math.h>
#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 72
#define WINDOW 9

typedef struct {
  double light[SIDE][SIDE], cover[SIDE][SIDE];
} Face;

static uint8_t *
read_png (const char *path, int *width, int *height)
{
  png_image png = { .version = PNG_IMAGE_VERSION };
  uint8_t *pixels = NULL;

  if (!png_image_begin_read_from_file (&png, path))
    return NULL;
  png.format = PNG_FORMAT_RGBA;
  pixels = malloc (PNG_IMAGE_SIZE (png));
  if (pixels == NULL || !png_image_finish_read (&png, NULL, pixels, 0, NULL)) {
    png_image_free (&png);
    free (pixels);
    return NULL;
  }
  *width = (int) png.width;
  *height = (int) png.height;
  return pixels;
}

static double
linear (uint8_t level)
{
  double c = level / 255.0;

  return c <= 0.04045 ? c / 12.92 : pow ((c + 0.055) / 1.055, 2.4);
}

static void
add_pixel (const uint8_t *pixel, double *light, double *cover)
{
  double alpha = pixel[3] / 255.0;
  double luminance = 0.2126 * linear (pixel[0]) + 0.7152 * linear (pixel[1]) +
      0.0722 * linear (pixel[2]);

  *light += 1.0 - alpha + alpha * luminance;
  *cover += alpha;
}

static void
reduce (const uint8_t *pixels, int width, int height, const double box[4],
    Face *face)
{
  double left = box[0] * width, top = box[1] * height;
  double across = (box[2] * width - left) / SIDE;
  double down = (box[3] * height - top) / SIDE;

  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      int x0 = (int) (left + x * across), y0 = (int) (top + y * down);
      int x1 = (int) (left + (x + 1) * across), y1;
      double light = 0.0, cover = 0.0, n = 0.0;

      y1 = (int) (top + (y + 1) * down);
      for (int v = y0; v < height && (v < y1 || v == y0); v++)
        for (int u = x0; u < width && (u < x1 || u == x0); u++, n++)
          add_pixel (pixels + 4 * ((size_t) v * (size_t) width + (size_t) u),
              &light, &cover);
      face->light[y][x] = cbrt (light / n);
      face->cover[y][x] = cover / n;
    }
}

/* The structure term of one window and the weight it has. */
static double
compare_window (const Face *a, const Face *b, int left, int top, double *weight)
{
  double sum[6] = { 0.0 }, n = WINDOW * WINDOW, cover = 0.0;
  double both, one, other;

  for (int y = top; y < top + WINDOW; y++)
    for (int x = left; x < left + WINDOW; x++) {
      double p = a->light[y][x], q = b->light[y][x];

      sum[0] += p;
      sum[1] += q;
      sum[2] += p * p;
      sum[3] += q * q;
      sum[4] += p * q;
      cover += a->cover[y][x];
    }
  both = sum[4] / n - sum[0] * sum[1] / n / n;
  one = sqrt (fmax (sum[2] / n - sum[0] * sum[0] / n / n, 0.0));
  other = sqrt (fmax (sum[3] / n - sum[1] * sum[1] / n / n, 0.0));
  *weight = cover / n > 0.6 ? one : 0.0;
  return (both + 1e-5) / (one * other + 1e-5);
}

static double
compare (const Face *a, const Face *b)
{
  double sum = 0.0, total = 1e-9;

  for (int y = 0; y + WINDOW <= SIDE; y += 3)
    for (int x = 0; x + WINDOW <= SIDE; x += 3) {
      double weight, structure = compare_window (a, b, x, y, &weight);

      sum += weight * structure;
      total += weight;
    }
  return sum / total;
}

int
main (int argc, char **argv)
{
  static Face faces[2];
  double box[4];

  if (argc != 7)
    return 1;
  for (int i = 0; i < 4; i++) {
    box[i] = atof (argv[3 + i]) / 100.0;
    if (!(box[i] >= 0.0 && box[i] <= 1.0))
      return 1;
  }
  for (int i = 0; i < 2; i++) {
    int width, height;
    uint8_t *pixels = read_png (argv[1 + i], &width, &height);

    if (pixels == NULL) {
      fprintf (stderr, "bench-readability: %s cannot be read\n", argv[1 + i]);
      return 1;
    }
    reduce (pixels, width, height, box, &faces[i]);
    free (pixels);
  }
  printf ("%.3f\n", compare (&faces[0], &faces[1]));
  return 0;
}
