#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a checkpoint of the mean weights of others, which must stem from each
other: the mean is often better than each.

  average.py --checkpoint mean.pt first/last.pt second/last.pt
"""

import argparse

import torch


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("source", nargs="+")
    args = parser.parse_args()

    states = [torch.load(path)["ema"] for path in args.source]
    mean = {key: sum(s[key].float() for s in states) / len(states)
            if value.dtype.is_floating_point else value
            for key, value in states[0].items()}
    torch.save({"ema": mean, "epoch": 0, "iou": 0.0}, args.checkpoint)


if __name__ == "__main__":
    main()
