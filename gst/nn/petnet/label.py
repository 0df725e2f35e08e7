#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Label the unlabelled pictures with teacher networks (ONNX Runtime).

  label.py --cache CACHE --teacher petnet-large.onnx:1:flip

Needs the cache that train.py made; writes teacher.npy (uint8
probabilities, the teachers' mean with the weights given) and teacher-keep.npy
there.  With ":flip" a teacher is asked about the picture and about its mirror
image.  A picture is kept when all answers agree, find a pet of a
sensible size and are sure of most of its pixels.
"""

import argparse
import os

import numpy as np
from PIL import Image

SMALLEST, LARGEST, MOST_UNSURE, LEAST_AGREEMENT = 0.02, 0.9, 0.45, 0.85


class Teacher:
    """PATH:WEIGHT[:flip]"""

    def __init__(self, text, threads):
        import onnxruntime  # not where only the limits above are asked for

        path, weight, *flip = text.split(":")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"])
        self.source = self.session.get_inputs()[0]
        self.weight, self.flips = float(weight), (1, -1) if flip else (1,)

    def answers(self, picture):
        """Probabilities 0..255, of the picture's size."""
        size = self.source.shape[2]
        for step in self.flips:
            turned = Image.fromarray(np.ascontiguousarray(picture[:, ::step]))
            big = turned.resize((size, size), Image.BILINEAR)
            x = np.asarray(big, np.float32).transpose(2, 0, 1)[None]
            out = self.session.run(
                None, {self.source.name: x / 127.5 - 1})[0][0, 0]
            mask = Image.fromarray(np.ascontiguousarray(out[:, ::step]))
            yield 255 * np.clip(np.asarray(mask.resize(
                picture.shape[1::-1], Image.BILINEAR)), 0, 1)


def is_sure(mean, parts):
    """Whether the mask is worth learning from."""
    masks = [p > 127 for p in parts]
    union = np.logical_or.reduce(masks).sum()
    agreement = np.logical_and.reduce(masks).sum() / max(union, 1)
    area = (mean > 127).mean()
    unsure = ((mean > 38) & (mean < 217)).mean()
    return (agreement > LEAST_AGREEMENT and SMALLEST < area < LARGEST
            and unsure < MOST_UNSURE * area)


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", required=True)
    parser.add_argument("--teacher", action="append", required=True,
                        metavar="PATH:WEIGHT[:flip]")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    teachers = [Teacher(text, args.threads) for text in args.teacher]
    total = sum(t.weight for t in teachers)
    pictures = np.load(os.path.join(args.cache, "unlabelled-rgb.npy"),
                       mmap_mode="r")
    masks = np.zeros(pictures.shape[:3], np.uint8)
    keep = np.zeros(len(masks), bool)
    for i, picture in enumerate(pictures):
        parts = [list(t.answers(picture)) for t in teachers]
        mean = sum(t.weight * np.mean(p, 0)
                   for t, p in zip(teachers, parts)) / total
        parts = sum(parts, [])
        masks[i], keep[i] = np.uint8(mean + 0.5), is_sure(mean, parts)
    np.save(os.path.join(args.cache, "teacher.npy.part.npy"), masks)
    np.save(os.path.join(args.cache, "teacher-keep.npy"), keep)
    os.replace(os.path.join(args.cache, "teacher.npy.part.npy"),
               os.path.join(args.cache, "teacher.npy"))
    print(f"kept {keep.sum()} of {len(keep)}")


if __name__ == "__main__":
    main()
