#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 the gst-plugins-pet authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Score a mask network (ONNX) on photos with known masks.

  evaluate.py petnet.onnx DATA/test [--empty FOLDER] [--sheet worst.png]

DATA/test holds images/NAME.jpg and masks/NAME.png (0 background, 128
unknown, 255 pet).  The photo is stretched to the network's input with PIL's
antialiased bilinear filter, the mask is brought back to the photo's size the
same way and cut at 0.5; unknown pixels do not count.  With --sides the input is
not square but has the photo's shape, as nearly as width and height can have it
that are multiples of 32 and add up to that many pixels.  Nothing here is shared
with the training code.  Needs onnxruntime, numpy and Pillow, and onnx for --sides.
"""

import argparse
import math
import pathlib
import time

import numpy as np
import onnxruntime
from PIL import Image


STEP = 32  # the networks' deepest maps have a pixel for so many of the input


def with_open_sides(path):
    """The file's bytes without the sizes of what comes in and goes out."""
    import onnx  # pylint: disable=import-outside-toplevel
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        for name, dim in zip("hw", value.type.tensor_type.shape.dim[2:]):
            dim.dim_param = name
    del model.graph.value_info[:]
    return model.SerializeToString()


class Network:
    """An ONNX file with one picture in and one mask out."""

    def __init__(self, path, threads, sides=None):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            with_open_sides(path) if sides else path, options,
            providers=["CPUExecutionProvider"])
        self.sides = sides
        self.input = self.session.get_inputs()[0]
        self.seconds = []
        meta = self.session.get_modelmeta().custom_metadata_map

        def values(key, default):
            text = meta.get(key, default)
            return np.array([float(v) for v in text.split(",")], np.float32)

        self.mean = values("pet.mean", "0.5,0.5,0.5")
        self.std = values("pet.std", "0.5,0.5,0.5")
        self.divisor = values("pet.divisor", "255")

    def size(self, photo):
        """(width, height) of the input that the photo is shown in."""
        if not self.sides:
            height, width = self.input.shape[2:]
            return width, height
        ratio = photo.width / photo.height
        return min(((width, self.sides - width)
                    for width in range(STEP, self.sides, STEP)),
                   key=lambda size: abs(math.log(size[0] / size[1] / ratio)))

    def mask(self, photo):
        """float32 mask of the photo's size."""
        small = photo.resize(self.size(photo), Image.BILINEAR)
        x = (np.asarray(small, np.float32) / self.divisor
             - self.mean) / self.std
        x = np.ascontiguousarray(x.transpose(2, 0, 1)[None])
        began = time.perf_counter()
        out = self.session.run(None, {self.input.name: x})[0][0, 0]
        self.seconds.append(time.perf_counter() - began)
        return np.asarray(Image.fromarray(out).resize(photo.size,
                                                      Image.BILINEAR))


def score(mask, truth):
    """(IoU, mean absolute error) over the known pixels."""
    known, pet, found = truth != 128, truth == 255, mask > 0.5
    union = ((pet | found) & known).sum()
    iou = (pet & found & known).sum() / union if union else 1.0
    return float(iou), float(np.abs(mask - pet)[known].mean())


def sheet(rows, path, height=240):
    """PNG of photo, mask and truth, one row per picture."""
    lines = []
    for photo, mask, truth in rows:
        shown = Image.fromarray(np.uint8(np.clip(mask, 0, 1) * 255))
        cells = [im.convert("RGB").resize((320, height), Image.BILINEAR)
                 for im in (photo, shown, Image.fromarray(truth))]
        lines.append(np.hstack([np.asarray(c) for c in cells]))
    Image.fromarray(np.vstack(lines)).save(path)


def evaluate(network, folder):
    """List of (IoU, MAE, name) for every photo below folder."""
    results = []
    for path in sorted((folder / "images").iterdir()):
        photo = Image.open(path).convert("RGB")
        truth = np.asarray(Image.open(folder / "masks" / f"{path.stem}.png"))
        results.append((*score(network.mask(photo), truth), path.name))
    return results


def print_table(results, network, worst):
    """The summary, then the worst pictures."""
    ious = np.array([r[0] for r in results])
    rows = (("pictures", f"{len(ious)}"),
            ("mean IoU", f"{ious.mean():.4f}"),
            ("median IoU", f"{np.median(ious):.4f}"),
            (f"mean of the worst {worst}",
             f"{np.sort(ious)[:worst].mean():.4f}"),
            ("below 0.5", f"{(ious < 0.5).sum()}"),
            ("below 0.9", f"{(ious < 0.9).sum()}"),
            ("MAE", f"{np.mean([r[1] for r in results]):.4f}"),
            ("ms a picture", f"{np.median(network.seconds) * 1e3:.1f}"))
    for name, value in rows:
        print(f"| {name} | {value} |")
    for iou, _, name in sorted(results)[:worst]:
        print(f"| {name} | {iou:.4f} |")


def print_empty(network, folder):
    """False alarms on pictures without a pet."""
    areas = np.array([(network.mask(Image.open(p).convert("RGB")) > 0.5).mean()
                      for p in sorted(folder.iterdir())])
    print(f"| pictures without a pet | {len(areas)} |")
    print(f"| mean false area | {areas.mean():.4f} |")
    print(f"| over 1 % of the picture | {(areas > 0.01).sum()} |")
    print(f"| over 10 % of the picture | {(areas > 0.1).sum()} |")


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("onnx")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--empty", type=pathlib.Path, metavar="FOLDER",
                        help="pictures without a pet")
    parser.add_argument("--sheet", metavar="PNG",
                        help="draw the worst pictures: photo, mask, truth")
    parser.add_argument("--worst", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sides", type=int, metavar="PIXELS",
                        help=f"of width and height, a multiple of {STEP}")
    args = parser.parse_args()
    if args.sides and (args.sides < 2 * STEP or args.sides % STEP):
        parser.error(f"--sides is a multiple of {STEP}, {2 * STEP} at least")

    network = Network(args.onnx, args.threads, args.sides)
    results = evaluate(network, args.folder)
    print_table(results, network, args.worst)
    if args.empty:
        print_empty(network, args.empty)
    if args.sheet:
        rows = []
        for _, _, name in sorted(results)[:args.worst]:
            photo = Image.open(args.folder / "images" / name).convert("RGB")
            truth = Image.open(args.folder / "masks"
                               / f"{pathlib.Path(name).stem}.png")
            rows.append((photo, network.mask(photo), np.asarray(truth)))
        sheet(rows, args.sheet)


if __name__ == "__main__":
    main()
