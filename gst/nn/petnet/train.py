#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 the gst-plugins-pet authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Train petnet or petnet-large and export it; README.md has the commands.

  train.py --kind petnet-large --data DATA --cache CACHE --work WORK \
      --init efficientnet-lite1.pth --epochs 35
  train.py --kind petnet-large --checkpoint WORK/last.pt \
      --export petnet-large.onnx

Processes of one thread each take their part of every batch and average their
gradients: on a machine that others use too this gets further than threads,
which wait for each other at every layer.  The learning rate is half a cosine
over the epochs, or over --minutes of the clock; the pictures are small in the
first part and of the inference size in the last.  A checkpoint is written after
every epoch; the same command with --resume goes on from it.
"""

import argparse
import datetime
import os
import time

import cv2
import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch.utils.data import DataLoader

import data
import model

BATCH = 16
EMA_DECAY = 0.997
SPLIT_SEED = 1  # of the held-out pictures
WARM_UP = 0.05  # share of the training
WARM_STEPS = 100  # of an average that starts from trained weights
SMALL_SIZE = 256


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

    def __init__(self, net, decay=EMA_DECAY):
        self.state = {k: v.detach().clone()
                      for k, v in net.state_dict().items()}
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self, net):
        """One step of training was made."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        now = net.state_dict()
        keys = [k for k, v in now.items() if v.dtype.is_floating_point]
        state = [self.state[k] for k in keys]
        torch._foreach_mul_(state, decay)
        torch._foreach_add_(state, [now[k] for k in keys], alpha=1 - decay)
        for key in now.keys() - set(keys):
            self.state[key].copy_(now[key])


@torch.no_grad()
def validate(state, cache, kind):
    """Mean IoU on held-out pets, mean false area on held-out negatives."""
    net, size = model.PetNet(kind).eval(), model.SIZE[kind]
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


class Progress:
    """Share of the training that is done, the same in each process."""

    def __init__(self, args, began):
        self.epochs, self.seconds = args.epochs, 60 * args.minutes
        self.began, self.epoch = began, 0

    def share(self, within=0.0):
        """0..1 and beyond; `within` is the share of the epoch."""
        if self.epochs:
            return (self.epoch + within) / self.epochs
        share = torch.tensor([(time.time() - self.began) / self.seconds],
                             dtype=torch.float64)
        dist.broadcast(share, 0)
        return share.item()


def rate(share):
    """Factor on the learning rates."""
    if share < WARM_UP:
        return max(share / WARM_UP, 0.02)
    done = min(1, (share - WARM_UP) / (1 - WARM_UP))
    return 0.5 * (1 + np.cos(np.pi * done)) + 0.003


def average_gradients(params, loss):
    """Means over the processes, of the gradients and of the loss."""
    flat = torch.cat([p.grad.reshape(-1).float() for p in params]
                     + [torch.tensor([loss])])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    at = 0
    for p in params:
        p.grad.copy_(flat[at:at + p.numel()].view_as(p))
        at += p.numel()
    return flat[-1].item()


def make_loader(cache, args, size, epoch, rank):
    """This process's part of an epoch."""
    samples = data.Augmented(cache, size, args.pseudo, args.seed, epoch)
    whole = len(samples.items) // BATCH * BATCH
    samples.items = samples.items[rank:whole:args.processes]
    samples.seed = (args.seed, epoch, rank)
    return DataLoader(samples, BATCH // args.processes, drop_last=True)


def make_optimizer(net, rates):
    """AdamW; rates of the encoder, which comes trained, and of the rest."""
    encoder = list(net.encoder.parameters())
    inside = {id(p) for p in encoder}
    rest = [p for p in net.parameters() if id(p) not in inside]
    return torch.optim.AdamW([{"params": encoder, "lr": rates[0]},
                              {"params": rest, "lr": rates[1]}],
                             weight_decay=0.01)


def train_epoch(net, ema, optimizer, loader, progress, rates):
    """One pass, or what of it fits into the time; the mean loss."""
    params = list(net.parameters())
    net.train()
    losses = []
    for step, (rgb, planes) in enumerate(loader):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = net(to_input(rgb))
        loss = batch_loss(outputs, planes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        losses.append(average_gradients(params, loss.item()))
        share = progress.share(step / len(loader))
        for group, base in zip(optimizer.param_groups, rates):
            group["lr"] = base * rate(share)
        torch.nn.utils.clip_grad_norm_(params, 5.0)
        optimizer.step()
        ema.update(net)
        if share >= 1:
            break
    return float(np.mean(losses))


def save(path, **content):
    """Write a checkpoint; the name never points at half a file."""
    torch.save(content, path + ".part")
    os.replace(path + ".part", path)


def start(args, net):
    """(optimizer, average, epoch): fresh, from a checkpoint, or resumed."""
    last = os.path.join(args.work, "last.pt")
    optimizer = make_optimizer(net, args.rates)
    if args.resume:
        stored = torch.load(last)
        net.load_state_dict(stored["net"])
        optimizer.load_state_dict(stored["optimizer"])
    elif args.init.endswith(".pt"):
        net.load_state_dict(torch.load(args.init)["ema"])
    else:
        net.encoder.load_folded(args.init)
    net.to(memory_format=torch.channels_last)
    ema = Ema(net)
    if args.resume:
        ema.state, ema.steps = stored["ema"], stored["ema_steps"]
        return optimizer, ema, stored["epoch"]
    ema.steps = WARM_STEPS if args.init.endswith(".pt") else 0
    return optimizer, ema, 0


def run(rank, args, began):
    """One process."""
    torch.set_num_threads(1)
    # Tiny gradients would otherwise make a step many times slower.
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    dist.init_process_group("gloo", init_method=f"file://{args.meeting}",
                            rank=rank, world_size=args.processes,
                            timeout=datetime.timedelta(hours=2))
    cache = data.Cache(args.cache, SPLIT_SEED)
    net = model.PetNet(args.kind)
    optimizer, ema, epoch = start(args, net)
    progress = Progress(args, began)
    progress.epoch = epoch
    while (share := progress.share()) < 1:
        size = SMALL_SIZE if share < args.switch else model.SIZE[args.kind]
        clock = time.time()
        loss = train_epoch(net, ema, optimizer,
                           make_loader(cache, args, size, epoch, rank),
                           progress, args.rates)
        clock = time.time() - clock
        progress.epoch = epoch = epoch + 1
        if rank > 0:
            continue
        iou, false = 0, 0
        if epoch % args.every == 0 or share > 0.95:
            iou, false = validate(ema.state, cache, args.kind)
        with open(os.path.join(args.work, "log.csv"), "a") as log:
            log.write(f"{epoch},{size},{loss:.4f},{iou:.4f},{false:.4f},"
                      f"{share:.3f},{clock:.0f}\n")
        save(os.path.join(args.work, "last.pt"), net=net.state_dict(),
             ema=ema.state, ema_steps=ema.steps, epoch=epoch, iou=iou,
             optimizer=optimizer.state_dict())


def export(args):
    """Write the averaged weights of a checkpoint as ONNX."""
    stored = torch.load(args.checkpoint)
    net = model.PetNet(args.kind).eval()
    net.load_state_dict(stored["ema"])
    model.export_onnx(net, args.export + ".part", args.kind)
    os.replace(args.export + ".part", args.export)
    print(f"{args.export}: epoch {stored['epoch']},"
          f" held-out IoU {stored['iou']:.4f},"
          f" {model.count_parameters(net)} parameters,"
          f" {model.count_macs(net, model.SIZE[args.kind]) / 1e6:.0f} M"
          f" multiply-adds")


def parse_arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--kind", default="petnet", choices=sorted(model.BLOCKS))
    add("--data", help="folder of the three tars, to fill an empty CACHE")
    add("--cache", help="folder of the prepared pictures and labels")
    add("--work", help="folder of the checkpoint and the log")
    add("--init", help="a checkpoint (.pt), also narrow.py's, or an"
        " EfficientNet-Lite .pth file")
    add("--epochs", type=int, default=0)
    add("--minutes", type=float, default=60, help="unless --epochs is given")
    add("--switch", type=float, default=0.75,
        help=f"share of the training with {SMALL_SIZE} pixels")
    add("--rates", type=lambda t: [float(r) for r in t.split(",")],
        default=[2e-4, 2e-3], help="highest rates of encoder and decoder")
    add("--pseudo", type=float, default=0,
        help="teacher-labelled pictures per labelled one (label.py)")
    add("--processes", type=int, default=2, choices=(1, 2, 4, 8))
    add("--every", type=int, default=2, help="epochs between validations")
    add("--seed", type=int, default=7)
    add("--resume", action="store_true", help="go on from WORK/last.pt")
    add("--export", metavar="ONNX", help="export --checkpoint, do not train")
    add("--checkpoint", help="a .pt file")
    return parser.parse_args()


def main():
    """Entry point."""
    args = parse_arguments()
    if args.export:
        export(args)
        return
    os.makedirs(args.work, exist_ok=True)
    if args.data:
        data.prepare(args.data, args.cache)
    args.meeting = os.path.abspath(os.path.join(
        args.work, f"meeting-{os.getpid()}-{int(time.time())}"))
    mp.spawn(run, (args, time.time()), args.processes)
    if os.path.exists(args.meeting):
        os.remove(args.meeting)


if __name__ == "__main__":
    main()
