#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 the gst-plugins-pet authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Label the unlabelled pictures with a teacher network (ONNX Runtime).

  label.py --work WORK --teacher deeplabv3-mnv2-513-pet.onnx

Needs the cache that train.py made in WORK; writes teacher.npy (uint8
probabilities) and teacher-keep.npy there.  A picture is kept when the teacher
finds a pet of a sensible size and is sure of most of its pixels.
"""

import argparse
import os

import numpy as np
import onnxruntime
from PIL import Image

SMALLEST, LARGEST, MOST_UNSURE = 0.03, 0.85, 0.45


def is_sure(prob):
    """Whether the mask is worth learning from."""
    area = (prob > 127).mean()
    unsure = ((prob > 38) & (prob < 217)).mean()
    return SMALLEST < area < LARGEST and unsure < MOST_UNSURE * area


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", required=True)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(
        args.teacher, options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    size = source.shape[2]
    pictures = np.load(os.path.join(args.work, "unlabelled-rgb.npy"),
                       mmap_mode="r")
    masks = np.zeros(pictures.shape[:3], np.uint8)
    for i, picture in enumerate(pictures):
        big = Image.fromarray(picture).resize((size, size), Image.BILINEAR)
        x = np.asarray(big, np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
        prob = session.run(None, {source.name: x})[0][0, 0]
        mask = Image.fromarray(np.uint8(np.clip(prob, 0, 1) * 255 + 0.5))
        masks[i] = np.asarray(mask.resize(masks.shape[1:], Image.BILINEAR))
    keep = np.array([is_sure(m) for m in masks])
    np.save(os.path.join(args.work, "teacher.npy.part.npy"), masks)
    np.save(os.path.join(args.work, "teacher-keep.npy"), keep)
    os.replace(os.path.join(args.work, "teacher.npy.part.npy"),
               os.path.join(args.work, "teacher.npy"))
    print(f"kept {keep.sum()} of {len(keep)}")


if __name__ == "__main__":
    main()
