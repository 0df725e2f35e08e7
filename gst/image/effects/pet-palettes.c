/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-palettes.h"

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-oklab.h"

const char *const pet_palette_names[] = { "auto", "pop", "sunset", "ocean",
  "candy", "acid", "poster", "coat", "gameboy", "c64", "pico8", "zx", "cga",
  NULL };

/* The first six are inks to be printed over each other, dark to light. The
 * last five are those of home computers. In the order of the names. */
static const struct {
  int n;
  uint32_t colors[16];
} palettes[] = {
  { 6, { 0x1a1333, 0x2b3fc4, 0xe5196e, 0xff7a1f, 0xffd21f, 0xfff6d5 } },
  { 6, { 0x24102f, 0x6b1f6e, 0xc92c4b, 0xf36b3b, 0xf9b74f, 0xfff0d2 } },
  { 6, { 0x101a3a, 0x1f55b5, 0x0ba3a0, 0xff9a76, 0xffdc82, 0xfffae6 } },
  { 6, { 0x2b1a4d, 0x7a35c0, 0xf0489a, 0xff94b8, 0xa9e4f5, 0xfffae8 } },
  { 6, { 0x10192b, 0x0b5f63, 0x1ea05a, 0x8fce2c, 0xf4e94a, 0xfffee9 } },
  { 5, { 0x07263b, 0xc8202b, 0x6d9aa5, 0xbdd0c0, 0xfbe9bd } },
  { 0, { 0 } },
  { 4, { 0x0f380f, 0x306230, 0x8bac0f, 0x9bbc0f } },
  { 16,
      { 0x000000, 0xffffff, 0x68372b, 0x70a4b2, 0x6f3d86, 0x588d43, 0x352879,
          0xb8c76f, 0x6f4f25, 0x433900, 0x9a6759, 0x444444, 0x6c6c6c, 0x9ad284,
          0x6c5eb5, 0x959595 } },
  { 16,
      { 0x000000, 0x1d2b53, 0x7e2553, 0x008751, 0xab5236, 0x5f574f, 0xc2c3c7,
          0xfff1e8, 0xff004d, 0xffa300, 0xffec27, 0x00e436, 0x29adff, 0x83769c,
          0xff77a8, 0xffccaa } },
  { 15,
      { 0x000000, 0x0000d7, 0xd70000, 0xd700d7, 0x00d700, 0x00d7d7, 0xd7d700,
          0xd7d7d7, 0x0000ff, 0xff0000, 0xff00ff, 0x00ff00, 0x00ffff, 0xffff00,
          0xffffff } },
  { 16,
      { 0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500,
          0xaaaaaa, 0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff,
          0xffff55, 0xffffff } },
};

#define COAT 7

static float
lightness (uint32_t color)
{
  float rgb[3], lab[3];

  for (int c = 0; c < 3; c++)
    rgb[c] = pet_linear ((float) (color >> (16 - 8 * c) & 255) / 255.0f);
  pet_oklab (rgb[0], rgb[1], rgb[2], lab);
  return lab[0];
}

static int
copy_colors (int palette, uint32_t *colors)
{
  if (palette == COAT) {
    for (int i = 0; i < 32; i++)
      colors[i] = (uint32_t) pet_retro_palette[0][i] << 16 |
          (uint32_t) pet_retro_palette[1][i] << 8 |
          (uint32_t) pet_retro_palette[2][i];
    return 32;
  }
  for (int i = 0; i < palettes[palette - 1].n; i++)
    colors[i] = palettes[palette - 1].colors[i];
  return palettes[palette - 1].n;
}

int
pet_palette_colors (int palette, uint32_t colors[PET_PALETTE_MAX])
{
  int n = copy_colors (palette, colors);

  for (int i = 1; i < n; i++)
    for (int k = i; k > 0 && lightness (colors[k]) < lightness (colors[k - 1]);
         k--) {
      uint32_t color = colors[k];

      colors[k] = colors[k - 1];
      colors[k - 1] = color;
    }
  return n;
}
