#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a checkpoint of petnet whose encoder is a narrowed MobileNetV2.

  narrow.py --cache CACHE --onnx deeplabv3-mnv2-513-pet.onnx \
      --checkpoint start.pt

The encoder of the file is run without its dilations, so that its deepest map
has stride 32.  Block by block the widened channels that are missed least go,
and what the narrowing convolution makes of those left is fitted to what the
whole block makes of the same pictures: Hassibi and Stork, "Second order
derivatives for network pruning: Optimal Brain Surgeon", NIPS 1992, for a
linear layer, where it is exact.  The decoder is left as it starts.
"""

import argparse

import cv2
import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

import data
import model
import train

PICTURES = 48
SIDE = model.SIZE["petnet"]
RIDGE = 1e-4
STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)


class Block:
    """The convolutions of one block of the file."""

    def __init__(self, expand, depthwise, project, stride):
        self.expand, self.depthwise = expand, depthwise
        self.project, self.stride = project, stride

    def widened(self, x):
        """The map after the widening, and after the depthwise convolution."""
        if self.expand:
            x = F.conv2d(x, *self.expand).clamp(0, 6)
        weight, bias = self.depthwise
        y = F.conv2d(x, weight, bias, self.stride, 1, groups=len(weight))
        return x, y.clamp(0, 6)

    def __call__(self, x):
        y = F.conv2d(self.widened(x)[1], *self.project)
        return x + y if y.shape == x.shape else y


def onnx_convs(path):
    """(weight, bias) of each convolution."""
    graph = onnx.load(path).graph
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy())
              for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv":
            yield values[node.input[1]], values[node.input[2]]


def read_blocks(path):
    """(stem, blocks) of the file."""
    convs = onnx_convs(path)
    stem = next(convs)
    blocks = []
    for i, stride in enumerate(STRIDES):
        expand = next(convs) if i else None
        blocks.append(Block(expand, next(convs), next(convs), stride))
    return stem, blocks


def pictures(cache):
    """Some training pictures as the network takes them."""
    at = cache.train[::len(cache.train) // PICTURES][:PICTURES]
    small = [cv2.resize(np.asarray(cache.rgb[i]), (SIDE, SIDE),
                        interpolation=cv2.INTER_AREA) for i in at]
    x = np.stack(small).transpose(0, 3, 1, 2)
    return list(train.to_input(torch.from_numpy(x.copy())).split(1))


def moments(block, narrow, whole):
    """Second moments of the widened channels and a one, and theirs with what
    the block should add to its input."""
    gram = cross = 0
    for x, y in zip(narrow, whole):
        wide = block.widened(x)[1][0].flatten(1).double()
        wide = torch.cat([wide, torch.ones(1, wide.shape[1]).double()])
        goal = block(y)
        goal = (goal - x if goal.shape == x.shape else goal)[0].flatten(1)
        gram = gram + wide @ wide.T / wide.shape[1]
        cross = cross + wide @ goal.T.double() / wide.shape[1]
    return gram / len(narrow), cross / len(narrow)


def choose(gram, cross, count):
    """(channels kept, weight, bias) of the best fit that `count` allow."""
    wide = len(gram) - 1
    ridge = RIDGE * gram.diagonal()[:wide].mean()
    inverse = torch.linalg.inv(gram + ridge * torch.eye(len(gram)).double())
    weight = inverse @ cross
    left = torch.ones(wide + 1, dtype=torch.bool)
    for _ in range(wide - count):
        missed = (weight ** 2).sum(1) / inverse.diagonal()
        missed[wide], missed[~left] = torch.inf, torch.inf
        j = int(missed.argmin())
        column = inverse[:, j].clone()
        weight -= torch.outer(column / column[j], weight[j])
        inverse -= torch.outer(column, column) / column[j]
        inverse[j, j] = 1
        left[j] = False
    kept = left[:wide].nonzero()[:, 0]
    return kept, weight[kept].T.float(), weight[wide].float()


@torch.no_grad()
def narrow_encoder(encoder, path, inputs):
    """Fill the encoder's convolutions; prints the error left by each block,
    relative to the variance of its output."""
    stem, blocks = read_blocks(path)
    whole = [F.conv2d(x, *stem, 2, 1).clamp(0, 6) for x in inputs]
    narrow = whole
    for i, block in enumerate(blocks):
        last = i == len(encoder.blocks)
        convs = (list(encoder.last) + [None] if last else
                 [encoder.blocks[i].expand, encoder.blocks[i].depthwise,
                  encoder.blocks[i].project])
        count = len(convs[1].weight)
        kept, weight, bias = choose(*moments(block, narrow, whole), count)
        block_left = Block(
            block.expand and tuple(t[kept] for t in block.expand),
            tuple(t[kept] for t in block.depthwise),
            (weight[:, :, None, None], bias), block.stride)
        if not block.expand:  # its channels are the stem's
            encoder.stem.weight.copy_(stem[0][kept])
            encoder.stem.bias.copy_(stem[1][kept])
            narrow = [x[:, kept] for x in narrow]
        for conv, pair in zip(convs, (block_left.expand, block_left.depthwise,
                                      block_left.project)):
            if conv is not None:
                conv.weight.copy_(pair[0])
                conv.bias.copy_(pair[1])
        narrow = [block_left(x) for x in narrow]
        whole = [block(x) for x in whole]
        wrong = np.mean([float(((a - b) ** 2).mean())
                         for a, b in zip(narrow, whole)])
        scale = np.mean([float(b.var()) for b in whole])
        print(f"block {i}: {count} channels, error {wrong / scale:.4f}",
              flush=True)


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", required=True)
    parser.add_argument("--onnx", required=True)
    parser.add_argument("--checkpoint", required=True)
    args = parser.parse_args()

    torch.manual_seed(1)
    net = model.PetNet()
    inputs = pictures(data.Cache(args.cache, train.SPLIT_SEED))
    narrow_encoder(net.encoder, args.onnx, inputs)
    torch.save({"ema": net.state_dict(), "epoch": 0, "iou": 0.0},
               args.checkpoint)


if __name__ == "__main__":
    main()
