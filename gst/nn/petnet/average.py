#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a checkpoint of the mean weights of others, which must stem from each
other: the mean is often better than each.

  average.py --checkpoint mean.pt [--shares 0.65,0.35] first.pt second/last.pt

Residual blocks (model.py, Widened) that only later ones have count as
identities in the others: what they add is made as much smaller.
"""

import argparse

import torch

ADDED = (".body.2.1.weight", ".body.2.1.bias")  # the last norm of a block


def mean_of(key, states, shares):
    """The mean of one tensor over the checkpoints that have it."""
    found = [(s[key], share) for s, share in zip(states, shares) if key in s]
    if not found[0][0].dtype.is_floating_point:
        return found[-1][0]
    total = 1 if key.endswith(ADDED) else sum(share for _, share in found)
    return sum(share / total * tensor for tensor, share in found)


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--shares", help="of each source, 1 in all",
                        type=lambda t: [float(share) for share in t.split(",")])
    parser.add_argument("source", nargs="+")
    args = parser.parse_args()

    states = [torch.load(path)["ema"] for path in args.source]
    shares = args.shares or [1 / len(states)] * len(states)
    if len(shares) != len(states):
        parser.error("as many shares as checkpoints")
    mean = {key: mean_of(key, states, shares)
            for key in {key: None for state in states for key in state}}
    torch.save({"ema": mean, "epoch": 0, "iou": 0.0}, args.checkpoint)


if __name__ == "__main__":
    main()
