#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 the gst-plugins-pet authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Train petnet and export it; see README.md for the exact commands.

  train.py --data DATA --init deeplabv3-mnv2-257-pet.onnx --work WORK
  label.py --work WORK --teacher deeplabv3-mnv2-513-pet.onnx
  train.py --data DATA --work WORK --resume
  train.py --work WORK --export petnet.onnx

Training runs in phases, each with its own picture size and one learning-rate
cycle.  It stops before the first phase that wants the teacher's labels until
label.py has made them.  A checkpoint is written after every epoch; --resume
goes on from it.
"""

import argparse
import os
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

import data
import model

BATCH = 16
EMA_DECAY = 0.998
SPLIT_SEED = 1  # of the held-out pictures
WARM_STEPS = 100  # of an average that starts from trained weights


def loss_parts(logits, target, weight):
    """Weighted BCE plus soft IoU; the latter for pictures with a pet."""
    bce = F.binary_cross_entropy_with_logits(logits, target, weight)
    p = torch.sigmoid(logits)
    inter = (weight * p * target).sum((1, 2, 3))
    union = (weight * (p + target - p * target)).sum((1, 2, 3))
    with_pet = (target.sum((1, 2, 3)) > 16).float()
    iou = (1 - (inter + 1) / (union + 1)) * with_pet
    return bce + 0.7 * iou.mean()


def batch_loss(outputs, planes):
    """Loss of the main logits and, at stride 16, of the auxiliary head."""
    logits, aux = (o.float() for o in outputs)
    planes = planes.float() / 255
    small = F.avg_pool2d(planes, 16)
    return (loss_parts(logits, planes[:, :1], planes[:, 1:])
            + 0.3 * loss_parts(aux, small[:, :1], small[:, 1:]))


def to_input(rgb):
    """uint8 NCHW to the network's -1..1, channels last in memory."""
    x = rgb.float() / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last)


class Ema:
    """Slow average of the weights; it is what gets validated and exported."""

    def __init__(self, net):
        self.state = {k: v.detach().clone()
                      for k, v in net.state_dict().items()}
        self.steps = 0

    def update(self, net):
        self.steps += 1
        decay = min(EMA_DECAY, (1 + self.steps) / (10 + self.steps))
        for key, value in net.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[key].lerp_(value.detach(), 1 - decay)
            else:
                self.state[key].copy_(value)


@torch.no_grad()
def validate(state, cache, kind="petnet", size=model.SIZE):
    """Mean IoU on held-out pets, mean false area on held-out negatives."""
    net = model.PetNet(kind).eval()
    net.load_state_dict(state)

    def predict(rgb):
        small = cv2.resize(np.asarray(rgb), (size, size),
                           interpolation=cv2.INTER_AREA)
        x = torch.from_numpy(small.transpose(2, 0, 1).copy())[None]
        return net(to_input(x))[0, 0].numpy() > 0

    scores = []
    for i in cache.held_out:
        planes = cv2.resize(np.asarray(cache.planes[i]), (size, size),
                            interpolation=cv2.INTER_NEAREST)
        known, pet = planes[..., 1] > 254, planes[..., 0] > 127
        mask = predict(cache.rgb[i])
        union = ((mask | pet) & known).sum()
        scores.append((mask & pet & known).sum() / max(union, 1))
    false = [predict(cache.neg[i]).mean() for i in cache.held_out_neg]
    return float(np.mean(scores)), float(np.mean(false))


def make_optimizer(net, lr_scale, steps):
    """AdamW with a slower encoder, one cycle over the phase."""
    encoder = list(net.encoder.parameters())
    inside = {id(p) for p in encoder}
    decoder = [p for p in net.parameters() if id(p) not in inside]
    rates = [3e-4 * lr_scale, 2e-3 * lr_scale]
    optimizer = torch.optim.AdamW(
        [{"params": encoder, "lr": rates[0]},
         {"params": decoder, "lr": rates[1]}], weight_decay=0.01)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rates, total_steps=steps, pct_start=0.2,
        div_factor=10, final_div_factor=100)
    return optimizer, cycle


def train_epoch(net, ema, optimizer, cycle, loader):
    """One pass over loader; returns the mean loss."""
    net.train()
    losses = []
    for rgb, planes in loader:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = net(to_input(rgb))
        loss = batch_loss(outputs, planes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        cycle.step()
        ema.update(net)
        losses.append(loss.item())
    return float(np.mean(losses))


def save(path, **content):
    """Write a checkpoint; the name never points at half a file."""
    torch.save(content, path + ".part")
    os.replace(path + ".part", path)


def run_phase(args, cache, net, ema, phase, start):
    """Train one phase from epoch start (0-based) of that phase."""
    epochs, size = args.epochs[phase], args.sizes[phase]
    ratio = args.pseudo[phase]
    checkpoint = os.path.join(args.work, "last.pt")
    base = sum(args.epochs[:phase])

    def loader(epoch):
        samples = data.Augmented(cache, size, ratio, args.seed, base + epoch)
        return DataLoader(samples, BATCH, num_workers=1, drop_last=True,
                          prefetch_factor=8)

    steps = len(loader(0)) * epochs
    optimizer, cycle = make_optimizer(net, args.lr_scale[phase], steps)
    if start:
        stored = torch.load(checkpoint)
        optimizer.load_state_dict(stored["optimizer"])
        cycle.load_state_dict(stored["cycle"])
    for epoch in range(start, epochs):
        began = time.time()
        torch.manual_seed(args.seed + base + epoch)
        loss = train_epoch(net, ema, optimizer, cycle, loader(epoch))
        seconds = time.time() - began
        iou, false = validate(ema.state, cache, args.kind)
        with open(os.path.join(args.work, "log.csv"), "a") as log:
            log.write(f"{phase},{epoch + 1},{size},{loss:.4f},{iou:.4f},"
                      f"{false:.4f},{seconds:.0f}\n")
        save(checkpoint, phase=phase, epoch=epoch + 1, net=net.state_dict(),
             ema=ema.state, ema_steps=ema.steps, iou=iou,
             optimizer=optimizer.state_dict(), cycle=cycle.state_dict())
        if iou >= args.best:
            args.best = iou
            save(os.path.join(args.work, "best.pt"), ema=ema.state, iou=iou,
                 phase=phase, epoch=epoch + 1)


def train(args):
    """Prepare the data, build or restore the network, run the phases."""
    torch.manual_seed(args.seed)
    data.prepare(args.data, args.work)
    net = model.PetNet(args.kind)
    phase = epoch = 0
    if args.resume:
        stored = torch.load(os.path.join(args.work, "last.pt"))
        net.load_state_dict(stored["net"])
        phase, epoch = stored["phase"], stored["epoch"]
        args.best = torch.load(os.path.join(args.work, "best.pt"))["iou"]
    else:
        net.encoder.load_folded(args.init)
    net = net.to(memory_format=torch.channels_last)
    ema = Ema(net)
    if args.resume:
        ema.state, ema.steps = stored["ema"], stored["ema_steps"]
    for number in range(phase, len(args.epochs)):
        cache = data.Cache(args.work, SPLIT_SEED)
        if args.pseudo[number] and cache.teacher is None:
            raise SystemExit(f"phase {number} needs label.py to run first;"
                             " then go on with --resume")
        start = epoch if number == phase else 0
        if start < args.epochs[number]:
            run_phase(args, cache, net, ema, number, start)


def export(args):
    """Write the averaged weights of a checkpoint as ONNX."""
    stored = torch.load(os.path.join(args.work, args.checkpoint))
    net = model.PetNet(args.kind).eval()
    net.load_state_dict(stored["ema"])
    model.export_onnx(net, args.export + ".part")
    os.replace(args.export + ".part", args.export)
    print(f"{args.export}: phase {stored['phase']}, epoch {stored['epoch']},"
          f" held-out IoU {stored['iou']:.4f},"
          f" {model.count_parameters(net)} parameters,"
          f" {model.count_macs(net) / 1e6:.0f} M multiply-adds")


def parse_arguments():
    """The command line."""
    def numbers(kind):
        return lambda text: [kind(n) for n in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--kind", default="petnet", choices=sorted(model.BLOCKS))
    add("--data", help="folder of the three tars")
    add("--init", help="DeepLabv3 MobileNetV2 ONNX file of the same width")
    add("--work", required=True, help="folder for cache and checkpoints")
    add("--epochs", type=numbers(int), default=[12, 16, 22],
        help="epochs of each phase, comma-separated")
    add("--sizes", type=numbers(int), default=[256, 256, 320],
        help="picture size of each phase")
    add("--lr-scale", type=numbers(float), default=[1, 1, 0.7],
        help="factor on both learning rates, each phase")
    add("--pseudo", type=numbers(float), default=[0, 1, 0.6],
        help="teacher-labelled pictures per labelled one, each phase"
        " (label.py makes them)")
    add("--seed", type=int, default=1)
    add("--threads", type=int, default=2)
    add("--resume", action="store_true", help="go on from WORK/last.pt")
    add("--export", metavar="ONNX", help="export instead of training")
    add("--checkpoint", default="last.pt", help="what --export takes")
    args = parser.parse_args()
    args.best = 0.0
    return args


def main():
    """Entry point."""
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    # Tiny gradients would otherwise make a step many times slower.
    torch.set_flush_denormal(True)
    if args.export:
        export(args)
    else:
        train(args)


if __name__ == "__main__":
    main()
