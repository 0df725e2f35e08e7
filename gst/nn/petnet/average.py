#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a checkpoint of the mean weights of others, which must stem from each
other: the mean is often better than each.

  average.py --checkpoint mean.pt [--shares 0.65,0.35] first.pt second/last.pt
"""

import argparse

import torch


def mean_of(tensors, shares):
    """The mean of one tensor; counters are the last one's."""
    if not tensors[0].dtype.is_floating_point:
        return tensors[-1]
    return sum(share * tensor for tensor, share in zip(tensors, shares))


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--shares", help="of each source, 1 in all",
                        type=lambda t: [float(share) for share in t.split(",")])
    parser.add_argument("source", nargs="+")
    args = parser.parse_args()

    states = [torch.load(path, map_location="cpu")["ema"] for path in args.source]
    shares = args.shares or [1 / len(states)] * len(states)
    if len(shares) != len(states):
        parser.error("as many shares as checkpoints")
    mean = {key: mean_of([state[key] for state in states], shares)
            for key in states[0]}
    torch.save({"ema": mean, "epoch": 0, "iou": 0.0}, args.checkpoint)


if __name__ == "__main__":
    main()
