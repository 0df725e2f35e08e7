#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/effects.md evaluated with numpy and OpenCV in double precision, to be
run by hand: a check of the C looks that shares nothing with them.

    effects-oracle.py LIBRARY PHOTO MASK [PHOTO MASK...]

LIBRARY is a shared object made of gst/base and gst/image, for instance by
gcc -shared -fPIC -O3 -ffp-contract=off -Igst -o /tmp/libpet-image.so \\
    gst/base/*.c gst/image/*.c gst/image/effects/*.c -lm
MASK is a grey picture (255 = pet) that becomes the photo's alpha. Prints the
share of identical pixels per look (enhancedblackwhite: within one level)."""

import ctypes
import sys
import time

import cv2
import numpy as np


class Image(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("width", ctypes.c_int),
                ("height", ctypes.c_int), ("channels", ctypes.c_int),
                ("stride", ctypes.c_ssize_t)]


def luma(rgb):
    return rgb[..., 0] * 0.299 + rgb[..., 1] * 0.587 + rgb[..., 2] * 0.114


def color(rgba):
    return rgba[..., :3]


def enhancedblackwhite(rgba):
    g = rgba[..., :3].astype(np.float64) / 255 @ [0.18, 0.72, 0.10]
    shadows = 0.92 * (1.1 * g) ** 1.25
    highlights = 1 - 0.95 * (1.05 * np.maximum(1 - g, 0)) ** 0.75
    m = np.clip((g - 0.25) / 0.3, 0, 1)
    g = np.clip(1.12 * (shadows * (1 - m) + highlights * m), 0, 1)
    g = np.clip(g + 0.9 * (g - cv2.GaussianBlur(g, (5, 5), 1.2))
                * 4 * g * (1 - g), 0, 1)
    t = (g > 0.75).astype(np.float64)
    halo = 0.12 * (0.3 * cv2.GaussianBlur(t, (21, 21), 7.0)
                   + 0.7 * cv2.GaussianBlur(t, (9, 9), 2.5))
    g = np.clip(g + halo * (1 - g * g), 0, 1)
    g = np.where(g > 0.9, 0.95 * g + 0.05, g)
    return np.repeat(np.trunc(255 * g).astype(np.uint8)[..., None], 3, 2)


HOT_PINK, SPRING_GREEN = (255, 20, 147), (0, 255, 127)
BLUE_VIOLET, DEEP_SKY_BLUE = (138, 43, 226), (0, 191, 255)
RED_ORANGE, LIME_GREEN = (255, 69, 0), (50, 205, 50)


def popart(rgba):
    c = np.clip(2.5 * (rgba[..., :3].astype(np.float64) - 128) + 128, 0, 255)
    y = luma(c)[..., None]
    c = np.clip(y + 2 * (c - y), 0, 255)
    c = np.rint(c / 127.5) * 127.5
    r, g, b = c[..., 0], c[..., 1], c[..., 2]
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    bands = [(y < 40, (0, 0, 0)), (y <= 70, BLUE_VIOLET),
             (y <= 100, DEEP_SKY_BLUE), (y <= 130, HOT_PINK),
             (y <= 160, LIME_GREEN), (y <= 190, SPRING_GREEN),
             (y <= 210, LIME_GREEN), (y <= 240, HOT_PINK),
             (y > 240, DEEP_SKY_BLUE)]
    out = np.zeros(c.shape, np.uint8)
    for where, colour in reversed(bands):
        out[where] = colour
    loud = c.max(-1) - c.min(-1) > 60
    first = (r + g + b) % 2 != 0
    for lead, a, d, one, two in ((r, g, b, HOT_PINK, RED_ORANGE),
                                 (g, r, b, SPRING_GREEN, LIME_GREEN),
                                 (b, r, g, BLUE_VIOLET, DEEP_SKY_BLUE)):
        wins = loud & (lead > a + 30) & (lead > d + 30)
        out[wins & first] = one
        out[wins & ~first] = two
    return out


def dithering(rgba, spacing=2, size=2):
    alpha = rgba[..., 3]
    g = 255 * (luma(rgba[..., :3].astype(np.float64)) / 255) ** 0.45
    g[alpha == 0] = 255
    kernel = -np.ones((3, 3)) / 8
    kernel[1, 1] = 1
    g = np.clip(g + 0.3 * cv2.filter2D(
        g, -1, kernel, borderType=cv2.BORDER_REFLECT_101), 0, 255)
    taps = np.array([1, 3.5, 7, 9, 7, 3.5, 1]) / 32
    t = 0.7 * cv2.sepFilter2D(
        g, -1, taps, taps, borderType=cv2.BORDER_REFLECT_101) + 0.3 * 128
    out = np.full(g.shape + (3,), 255, np.uint8)
    out[alpha == 0] = 0
    height, width = g.shape
    for y in range(0, height, spacing):
        for x in range(0, width, spacing):
            if alpha[y, x] == 0:
                continue
            black = g[y, x] < t[y, x]
            error = g[y, x] - (0 if black else 255)
            if black:
                dot = alpha[y:y + size, x:x + size] != 0
                out[y:y + size, x:x + size][dot] = 0
            below, right, left = y + spacing, x + spacing, x - spacing
            if right < width:
                g[y, right] += error * 7 / 16
            if below < height:
                if left >= 0:
                    g[below, left] += error * 3 / 16
                g[below, x] += error * 5 / 16
                if right < width:
                    g[below, right] += error * 1 / 16
    return out


PALETTE = np.array([int(v) for v in """
0 0 0 25 25 25 50 50 50 75 75 75 100 100 100 130 130 130 160 160 160
190 190 190 220 220 220 255 255 255 45 30 15 62 39 20 85 55 30 101 67 33
120 80 45 139 90 50 160 110 70 180 130 90 200 150 110 255 180 120
255 200 160 240 220 200 205 133 63 160 82 45 139 69 19 70 50 30 100 70 40
40 60 80 60 80 120 150 200 255 34 70 34 50 100 50""".split()]).reshape(32, 3)


def pixelate(rgb, f):
    height, width = rgb.shape[:2]
    small = cv2.resize(rgb, (width // f, height // f),
                       interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height),
                      interpolation=cv2.INTER_NEAREST)


def retro8bit(rgba):
    rgb = np.ascontiguousarray(rgba[..., :3])
    y = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    gx = cv2.Sobel(y, cv2.CV_64F, 1, 0, ksize=3)
    gy = cv2.Sobel(y, cv2.CV_64F, 0, 1, ksize=3)
    edge = (np.sqrt(gx * gx + gy * gy) > 40).astype(np.uint8)
    edge = cv2.dilate(edge, np.ones((3, 3), np.uint8))
    mixed = np.where(edge[..., None] > 0, pixelate(rgb, 3), pixelate(rgb, 6))
    colours, where = np.unique(mixed.reshape(-1, 3), axis=0,
                               return_inverse=True)
    weights = np.array([0.15, 0.60, 0.25])
    apart = colours[:, None] * weights - PALETTE[None] * weights
    best = np.argmin((apart ** 2).sum(-1), axis=1)
    out = PALETTE[best][where].reshape(rgb.shape).astype(np.uint8)
    out[rgba[..., 3] == 0] = 0
    return out


def run_c(library, name, rgba, changes):
    find = library.pet_effect_find
    find.restype = ctypes.c_void_p
    effect = ctypes.c_void_p(find(name.encode()))
    values = (ctypes.c_double * 8)()
    library.pet_effect_defaults(effect, values)
    for key, value in changes.items():
        index = library.pet_effect_param_index(effect, key.encode())
        values[index] = value
    rgba = np.ascontiguousarray(rgba)
    out = np.zeros_like(rgba)
    height, width = rgba.shape[:2]
    images = [Image(a.ctypes.data, width, height, 4, width * 4)
              for a in (rgba, out)]
    start = time.perf_counter()
    status = library.pet_effect_apply(
        effect, ctypes.byref(images[0]), ctypes.byref(images[1]), values,
        None, None)
    assert status == 0
    return out, 1000 * (time.perf_counter() - start)


def main():
    library = ctypes.CDLL(sys.argv[1])
    for photo, mask in zip(sys.argv[2::2], sys.argv[3::2]):
        rgb = cv2.imread(photo, cv2.IMREAD_COLOR)[..., ::-1]
        alpha = cv2.imread(mask, cv2.IMREAD_GRAYSCALE)
        rgba = np.dstack([rgb, alpha])
        print(photo, f"{rgba.shape[1]}x{rgba.shape[0]}")
        for oracle in (color, enhancedblackwhite, popart, dithering,
                       retro8bit):
            name = oracle.__name__
            changes = {"grain": 0} if name == "enhancedblackwhite" else {}
            got, ms = run_c(library, name, rgba, changes)
            want = oracle(rgba).astype(int)
            apart = np.abs(got[..., :3].astype(int) - want).max(-1)
            within = 1 if changes else 0
            assert (got[..., 3] == alpha).all()
            print(f"  {name}: {100 * (apart <= within).mean():.4f} % "
                  f"({100 * (apart == 0).mean():.4f} % identical), "
                  f"{ms:.1f} ms")


main()
