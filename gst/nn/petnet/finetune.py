#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Train on from a checkpoint, for a given time, in several processes.

  finetune.py --work WORK --cache CACHE --init start.pt --minutes 55

Each process has one thread and its part of every batch; the gradients are
averaged.  (On a machine that others use too this gets further than threads,
which wait for each other at every layer.)  Batch norms keep their statistics.
The learning rate follows the clock: half a cosine down to nothing at the end,
with small pictures in the first part and those of the inference size in the
last.  A checkpoint is written after every epoch; the same command with
--resume goes on from it.  "train.py --work WORK --export" exports the result.
"""

import argparse
import datetime
import os
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.utils.data import DataLoader

import data
import model
import train

SMALL_SIZE = 256
WARM_UP = 0.04
RATES = (3e-4, 2e-3)  # encoder, decoder


class Clock:
    """Share of the training time that has passed, the same in each process."""

    def __init__(self, begin, end):
        self.begin, self.end = begin, end

    def now(self):
        """0..1 and beyond, by this process's clock."""
        return (time.time() - self.begin) / (self.end - self.begin)

    def agreed(self):
        """The first process's."""
        share = torch.tensor([self.now()])
        dist.broadcast(share, 0)
        return share.item()


def rate(share):
    """Factor on the learning rates."""
    if share < WARM_UP:
        return share / WARM_UP
    done = min(1, (share - WARM_UP) / (1 - WARM_UP))
    return 0.5 * (1 + np.cos(np.pi * done)) + 0.002


def average_gradients(params, extra):
    """Means over the processes, of the gradients and of the numbers extra."""
    flat = torch.cat([p.grad.reshape(-1).float() for p in params]
                     + [torch.tensor(extra)])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    at = 0
    for p in params:
        p.grad.copy_(flat[at:at + p.numel()].view_as(p))
        at += p.numel()
    return flat[at:].tolist()


def make_loader(cache, args, size, epoch, rank):
    """This process's part of an epoch."""
    share = train.BATCH // args.processes
    samples = data.Augmented(cache, size, args.pseudo, args.seed, epoch)
    whole = len(samples.items) // train.BATCH * train.BATCH
    samples.items = samples.items[rank:whole:args.processes]
    samples.seed = (args.seed, epoch, rank)
    return DataLoader(samples, share, drop_last=True)


def train_epoch(net, ema, optimizer, loader, clock, lr):
    """One pass, or what of it fits into the time; (mean loss, share)."""
    params = list(net.parameters())
    net.train()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    losses, share = [], 0.0
    for rgb, planes in loader:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = net(train.to_input(rgb))
        loss = train.batch_loss(outputs, planes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        share, mean = average_gradients(params, [clock.now(), loss.item()])
        losses.append(mean)
        for group, base in zip(optimizer.param_groups, RATES):
            group["lr"] = base * lr * rate(share)
        torch.nn.utils.clip_grad_norm_(params, 5.0)
        optimizer.step()
        ema.update(net)
        if share >= 1:
            break
    return float(np.mean(losses)), share


def run(rank, args, begin, end):
    """One process."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    dist.init_process_group("gloo", init_method=f"file://{args.meeting}",
                            rank=rank, world_size=args.processes,
                            timeout=datetime.timedelta(hours=2))
    cache = data.Cache(args.cache, train.SPLIT_SEED)
    last = os.path.join(args.work, "last.pt")
    net = model.PetNet()
    stored = torch.load(last if args.resume else args.init)
    net.load_state_dict(stored["net" if args.resume else "ema"])
    net = net.to(memory_format=torch.channels_last)
    optimizer, _ = train.make_optimizer(net, 1, 2)
    ema, epoch, best = train.Ema(net), 0, 0.0
    ema.steps = train.WARM_STEPS
    if args.resume:
        ema.state, ema.steps = stored["ema"], stored["ema_steps"]
        epoch, best = stored["epoch"], stored["best"]
        optimizer.load_state_dict(stored["optimizer"])
    clock = Clock(begin, end)
    while (share := clock.agreed()) < 1:
        size = SMALL_SIZE if share < args.switch else model.SIZE
        loader = make_loader(cache, args, size, epoch, rank)
        loss, share = train_epoch(net, ema, optimizer, loader, clock, args.lr)
        epoch += 1
        if rank > 0:
            continue
        iou, false = train.validate(ema.state, cache)
        best = max(best, iou)
        with open(os.path.join(args.work, "log.csv"), "a") as log:
            log.write(f"{epoch},{size},{loss:.4f},{iou:.4f},{false:.4f},"
                      f"{share:.3f}\n")
        train.save(last, net=net.state_dict(), ema=ema.state, phase=0,
                   ema_steps=ema.steps, epoch=epoch, iou=iou, best=best,
                   optimizer=optimizer.state_dict())
        if iou >= best:
            train.save(os.path.join(args.work, "best.pt"), ema=ema.state,
                       iou=iou, phase=0, epoch=epoch)


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--work", required=True, help="folder for checkpoints")
    add("--cache", required=True, help="WORK of train.py and label.py")
    add("--init", help="checkpoint to start from")
    add("--minutes", type=float, required=True)
    add("--processes", type=int, default=4, choices=(1, 2, 4, 8))
    add("--lr", type=float, default=0.5, help="factor on the learning rates")
    add("--pseudo", type=float, default=1.0,
        help="teacher-labelled pictures per labelled one")
    add("--switch", type=float, default=0.55,
        help="share of the time with small pictures")
    add("--seed", type=int, default=7)
    add("--resume", action="store_true", help="go on from WORK/last.pt")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    args.meeting = os.path.abspath(os.path.join(
        args.work, f"meeting-{os.getpid()}-{int(time.time())}"))
    begin = time.time()
    mp.spawn(run, (args, begin, begin + 60 * args.minutes), args.processes)
    if os.path.exists(args.meeting):
        os.remove(args.meeting)


if __name__ == "__main__":
    main()
