# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nearest to our looks that OpenCV, Pillow and numpy offer: each function
takes an RGBA picture and returns what makes the look of it."""

import cv2
import numpy
from PIL import Image

PALETTE = [0, 0, 0, 25, 25, 25, 50, 50, 50, 75, 75, 75, 100, 100, 100, 130,
           130, 130, 160, 160, 160, 190, 190, 190, 220, 220, 220, 255, 255,
           255, 45, 30, 15, 62, 39, 20, 85, 55, 30, 101, 67, 33, 120, 80, 45,
           139, 90, 50, 160, 110, 70, 180, 130, 90, 200, 150, 110, 255, 180,
           120, 255, 200, 160, 240, 220, 200, 205, 133, 63, 160, 82, 45, 139,
           69, 19, 70, 50, 30, 100, 70, 40, 40, 60, 80, 60, 80, 120, 150, 200,
           255, 34, 70, 34, 50, 100, 50]


def copy(picture):
    """color: one copy."""
    result = numpy.empty_like(picture)
    return lambda: numpy.copyto(result, picture)


def posterise(picture):
    """popart: OpenCV's table on the three channels, alpha kept."""
    levels = numpy.array([0, 127, 255], numpy.uint8)
    lut = numpy.zeros((256, 1, 4), numpy.uint8)
    for i in range(256):
        lut[i, 0, :3] = levels[round(i / 127.5)]
        lut[i, 0, 3] = i
    return lambda: cv2.LUT(picture, lut)


def film(picture):
    """enhancedblackwhite: the same steps, each an OpenCV call."""
    weights = numpy.array([[0.18, 0.72, 0.10, 0.0]], numpy.float32)
    curve = numpy.clip(numpy.arange(256) / 255 * 1.12, 0, 1)
    curve = (255 * curve).astype(numpy.uint8)
    rng = numpy.empty(picture.shape[:2], numpy.float32)
    half = numpy.empty((picture.shape[0] // 2, picture.shape[1] // 2),
                       numpy.float32)

    def run():
        grey = cv2.LUT(cv2.transform(picture, weights), curve)
        g = grey.astype(numpy.float32) / 255
        g = numpy.clip(g + 3.6 * (g - cv2.GaussianBlur(g, (5, 5), 1.2)) * g *
                       (1 - g), 0, 1)
        _, light = cv2.threshold(g, 0.75, 1.0, cv2.THRESH_BINARY)
        halo = 0.036 * cv2.GaussianBlur(light, (21, 21), 7) \
            + 0.084 * cv2.GaussianBlur(light, (9, 9), 2.5)
        g = g + halo * (1 - g * g)
        cv2.randn(rng, 0, 0.4)
        cv2.randn(half, 0, 0.6)
        coarse = cv2.resize(half, (g.shape[1], g.shape[0]))
        grain = cv2.GaussianBlur(0.7 * rng + 0.3 * coarse, (3, 3), 0.5)
        g = numpy.clip(g + 0.08 * grain * numpy.clip(1.2 - g, 0.3, 1), 0, 1)
        grey = (255 * g).astype(numpy.uint8)
        return cv2.merge([grey, grey, grey, picture[..., 3]])
    return run


def diffuse(picture):
    """dithering: Pillow's Floyd-Steinberg, at every pixel."""
    image = Image.fromarray(numpy.ascontiguousarray(picture[..., :3]))
    return lambda: image.convert("1")


def quantise(picture):
    """retro8bit: area average and back by OpenCV, palette by Pillow."""
    rgb = numpy.ascontiguousarray(picture[..., :3])
    palette = Image.new("P", (1, 1))
    palette.putpalette(PALETTE + PALETTE[:3] * 224)
    size = (rgb.shape[1], rgb.shape[0])

    def run():
        small = cv2.resize(rgb, (size[0] // 6, size[1] // 6),
                           interpolation=cv2.INTER_AREA)
        large = cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)
        return Image.fromarray(large).quantize(palette=palette, dither=0)
    return run


LOOKS = [("color", copy, "numpy copy"), ("popart", posterise, "cv2.LUT"),
         ("enhancedblackwhite", film, "the steps in OpenCV"),
         ("dithering", diffuse, "Pillow's convert('1')"),
         ("retro8bit", quantise, "cv2.resize, Pillow's quantize")]
