#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a checkpoint of an exported network, so that training can go on from it.

  restart.py --kind petnet-large --cache CACHE --onnx petnet-large.onnx \
      --checkpoint start.pt

Batch norms were folded by the export; they are put back with the statistics of
64 training pictures (of CACHE), which leaves the function as it is.  The auxiliary
head, which the file does not have, is fitted to the answers by least squares.
"""

import argparse

import cv2
import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import numpy_helper

import data
import model
import train

PICTURES = 64


def convolutions(net, side):
    """The network's convolutions in the order of execution."""
    order, hooks = [], []
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(
                lambda m, *_: order.append(m)))
    with torch.no_grad():
        net(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    return order


def norms_behind(net):
    """Convolution -> the batch norm behind it."""
    pairs = {}
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            layers = list(module)
            pairs.update((a, b) for a, b in zip(layers, layers[1:])
                         if isinstance(b, nn.BatchNorm2d))
    return pairs


@torch.no_grad()
def load_weights(net, path, norms, side):
    """Weights of the file, batch norms that do nothing but add the bias."""
    graph = onnx.load(path).graph
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast":
            values[node.output[0]] = values[node.input[0]].astype(np.float32)
    left = [n for n in graph.node if n.op_type == "Conv"]
    for conv in convolutions(net, side):
        node = next(n for n in left if values[n.input[1]].shape
                    == tuple(conv.weight.shape))
        left.remove(node)
        weight, bias = (torch.from_numpy(values[n].copy())
                        for n in node.input[1:])
        conv.weight.copy_(weight)
        if conv not in norms:
            conv.bias.copy_(bias)
            continue
        norm = norms[conv]
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.fill_(1)
        norm.bias.copy_(bias)
    if left:
        raise SystemExit(f"{path} is not this network")


@torch.no_grad()
def set_statistics(net, norms, pictures):
    """Running means and variances of what each batch norm sees."""
    seen, hooks = {}, []
    for conv in norms:
        hooks.append(conv.register_forward_hook(
            lambda m, _, out: seen.update(
                {m: (out.mean((0, 2, 3)), out.var((0, 2, 3)))})))
    before = net(pictures)
    for hook in hooks:
        hook.remove()
    for conv, norm in norms.items():
        mean, var = seen[conv]
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        norm.weight.copy_(torch.sqrt(var + norm.eps))
        norm.bias.add_(mean)
    return (net(pictures) - before).abs().max().item()


@torch.no_grad()
def fit_auxiliary(net, pictures):
    """Weights of the auxiliary head that come closest to the mask at stride 16."""
    maps = []
    hook = net.deep16.register_forward_hook(lambda *a: maps.append(a[2]))
    mask = torch.sigmoid(net(pictures))
    hook.remove()
    want = torch.logit(F.avg_pool2d(mask, 16).clamp(0.02, 0.98)).flatten()
    have = maps[0].permute(0, 2, 3, 1).flatten(0, 2)
    have = torch.cat([have, torch.ones(len(have), 1)], 1).double()
    square = have.T @ have + 0.1 * torch.eye(have.shape[1]).double()
    weights = torch.linalg.solve(square, have.T @ want.double()).float()
    net.aux.weight.copy_(weights[:-1].view_as(net.aux.weight))
    net.aux.bias.copy_(weights[-1:])


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", default="petnet", choices=sorted(model.BLOCKS))
    parser.add_argument("--cache", required=True)
    parser.add_argument("--onnx", required=True)
    parser.add_argument("--checkpoint", required=True)
    args = parser.parse_args()

    cache = data.Cache(args.cache, train.SPLIT_SEED)
    net, side = model.PetNet(args.kind).eval(), model.SIZE[args.kind]
    norms = norms_behind(net)
    load_weights(net, args.onnx, norms, side)
    rgb = [cv2.resize(np.asarray(cache.rgb[i]), (side, side),
                      interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
           for i in cache.train[:PICTURES]]
    pictures = train.to_input(torch.from_numpy(np.stack(rgb)))
    error = set_statistics(net, norms, pictures)
    fit_auxiliary(net, pictures)
    torch.save({"ema": net.state_dict(), "epoch": 0, "iou": 0.0},
               args.checkpoint)
    print(f"largest change of a logit: {error:.1e}")


if __name__ == "__main__":
    main()
