#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 the gst-plugins-pet authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Train petnet or petnet-large on a GPU, with a teacher; README.md has the
commands.

  distil.py --data DATA --kind petnet --init petnet.pt \
      --teacher large.pt --checkpoint distilled.pt --minutes 10

The teacher (petnet-large, also of itself) labels the unlabelled pictures once,
asked about them, their mirror images and two sizes; with --follow it also sees every
picture that the pupil sees, and the pupil learns its answer beside the label.
Rates are half a cosine over the clock.  Checkpoints hold averaged weights
(train.py's "ema").
"""

import argparse
import copy
import math
import random
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

import data
import label
import model
import train
import views

SHARES = (0.14, 0.73)  # of a batch, labelled and not; the rest have no pet


HALF = {"cuda": torch.float16, "cpu": torch.bfloat16}
# The sides of pictures in their own shape, in the step that the network's strides
# ask for: of all that a network is asked about (docs/nn.md) those of most photos.
STEP, OWN_SHAPES = 32, ((13, 9), (9, 13), (11, 11))


def to_input(rgb):
    """0..1 to the network's -1..1, channels last in memory."""
    return (rgb * 2 - 1).contiguous(memory_format=torch.channels_last)


def load(path, kind, device):
    """A network in eval mode."""
    net = model.PetNet(kind)
    net.load_state_dict(torch.load(path, map_location="cpu")["ema"])
    return net.to(device).to(memory_format=torch.channels_last).eval()


def folded(net):
    """A copy in eval mode without batch norms."""
    net = copy.deepcopy(net).eval()
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                if isinstance(module[i + 1], nn.BatchNorm2d):
                    module[i] = fuse_conv_bn_eval(module[i], module[i + 1])
                    module[i + 1] = nn.Identity()
    return net


@torch.no_grad()
def answers(teacher, side, rgb):
    """Probabilities at the pictures' size, one set per way of asking."""
    sets = []
    for size in (side, side * 7 // 6 // 32 * 32):
        x = F.interpolate(rgb, (size, size), mode="bilinear",
                          align_corners=False)
        for flip in (False, True):
            out = teacher(to_input(x.flip(3) if flip else x)).float()
            out = out.flip(3) if flip else out
            sets.append(torch.sigmoid(F.interpolate(
                out, rgb.shape[2:], mode="bilinear", align_corners=False,
                antialias=True)))
    return torch.stack(sets)


@torch.no_grad()
def label_all(teacher, kind, pictures, cast):
    """The teacher's planes of the unlabelled pictures, label.py's choice of
    them, and how many those are."""
    planes, keep = [], []
    for rgb in pictures.rgb["unlabelled"].split(64):
        with cast():
            each = answers(teacher, model.SIZE[kind], rgb.float() / 255)
        mean = each.mean(0)
        masks = each > 0.5
        agree = masks.all(0).sum((1, 2, 3)) \
            / masks.any(0).sum((1, 2, 3)).clamp(1)
        area = (mean > 0.5).float().mean((1, 2, 3))
        unsure = ((mean > 0.15) & (mean < 0.85)).float().mean((1, 2, 3))
        keep.append((agree > label.LEAST_AGREEMENT) & (area > label.SMALLEST)
                    & (area < label.LARGEST)
                    & (unsure < label.MOST_UNSURE * area))
        weight = data.PSEUDO_WEIGHT * (data.UNSURE_WEIGHT + (
            1 - data.UNSURE_WEIGHT) * (2 * mean - 1).abs())
        target = (2 * mean - 0.5).clamp(0, 1)
        planes.append((torch.cat([target, weight], 1) * 255 + 0.5).byte())
    keep = torch.cat(keep)
    pictures.set_labels(torch.cat(planes), keep)
    return int(keep.sum())


def nearest_shape(shapes):
    """Places in OWN_SHAPES, of logs of width by height."""
    own = torch.tensor([math.log(w / h) for w, h in OWN_SHAPES],
                       device=shapes.device)
    return (shapes[:, None] - own).abs().argmin(1)


@torch.no_grad()
def validate(net, size, pictures, chosen=None):
    """Mean IoU of the held-out pets, mean false area on held-out negatives, of
    height and width `size`."""
    def masks(rgb):
        x = F.interpolate(rgb.float() / 255, size, mode="bilinear",
                          align_corners=False, antialias=True)
        return torch.cat([net(to_input(part)) for part in x.split(16)]) > 0

    chosen = pictures.held_out if chosen is None else chosen
    planes = F.interpolate(pictures.planes["labelled"][chosen].float(),
                           size, mode="nearest")
    known, pet = planes[:, 1:] > 254, planes[:, :1] > 127
    mask = masks(pictures.rgb["labelled"][chosen])
    both = (mask & pet & known).sum((1, 2, 3)).float()
    either = ((mask | pet) & known).sum((1, 2, 3)).clamp(1)
    false = masks(pictures.rgb["neg"][:data.N_HELD_OUT_NEGATIVES])
    return (both / either).mean().item(), false.float().mean().item()


def validate_shapes(net, pictures):
    """Mean IoU of the held-out pets, each in about its own shape."""
    nearest = nearest_shape(pictures.shapes["labelled"][pictures.held_out])
    total = 0
    for i, (width, height) in enumerate(OWN_SHAPES):
        chosen = pictures.held_out[nearest == i]
        if len(chosen):
            total += len(chosen) * validate(
                net, (STEP * height, STEP * width), pictures, chosen)[0]
    return total / len(pictures.held_out)


def loss_of(outputs, target, weight, wanted, follow):
    """train.batch_loss, and the teacher's answer."""
    logits, aux = (o.float() for o in outputs)
    pooled = F.avg_pool2d(torch.cat([target, weight], 1), 16)
    loss = train.loss_parts(logits, target, weight) \
        + 0.3 * train.loss_parts(aux, pooled[:, :1], pooled[:, 1:])
    if wanted is not None:
        loss = loss + follow * train.loss_parts(
            logits, wanted, torch.ones_like(wanted))
    return loss


def say(text):
    """For a log that somebody watches."""
    print(text, flush=True)


class Trainer:
    """A pupil, its teacher and the pictures."""

    def __init__(self, args, device):
        self.args, self.device = args, device
        self.pictures = views.Pictures(args.data, device, args.limit)
        self.side = model.SIZE[args.kind]
        self.teacher_kind = args.teacher_kind
        self.teacher = load(args.teacher, self.teacher_kind, device)
        self.asked = None
        self.net = load(args.init, args.kind, device)
        nearest = nearest_shape(self.pictures.shapes["unlabelled"])
        self.often = torch.bincount(nearest, minlength=len(OWN_SHAPES)).cpu()
        a, b = (round(share * args.batch) for share in SHARES)
        self.views = views.Views(
            self.pictures, max(self.side, model.SIZE[self.teacher_kind])
            if args.follow else self.side, device,
            (a, b, args.batch - a - b))

    def size(self):
        return (self.side, self.side)

    def cast(self):
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    @torch.no_grad()
    def batch(self):
        """(input, target, weight, the teacher's answer or None); square, or
        of a shape of their own."""
        size, shape = (self.side, self.side), None
        if random.random() < self.args.own:
            width, height = OWN_SHAPES[
                torch.multinomial(self.often.float(), 1).item()]
            size, shape = (STEP * height, STEP * width), math.log(width / height)
        rgb, target, weight = self.views.batch(shape)
        planes = torch.cat([target, weight], 1)
        if self.args.follow:
            planes = torch.cat([planes, self.answer(rgb)], 1)
        if rgb.shape[2:] != size:
            rgb, planes = (F.interpolate(p, size, mode="bilinear",
                                         align_corners=False, antialias=True)
                           for p in (rgb, planes))
        target, weight, wanted, *_ = *planes.split(1, 1), None
        return to_input(rgb), target, weight, wanted

    def answer(self, rgb):
        """The teacher's."""
        if self.asked is None:
            self.asked = folded(self.teacher).to(HALF[self.device.type])
            if self.device.type == "cuda":
                self.asked = torch.compile(self.asked)
        return torch.sigmoid(self.asked(
            to_input(rgb).to(HALF[self.device.type])).float())

    def begin(self):
        """Labels, and what learns."""
        began = time.time()
        kept = label_all(self.teacher, self.teacher_kind, self.pictures,
                         self.cast)
        say(f"{kept} labelled in {time.time() - began:.0f} s,"
            f" held out {validate(self.net, self.size(), self.pictures)},"
            f" in their shape {validate_shapes(self.net, self.pictures):.4f}")
        torch.backends.cudnn.benchmark = True
        self.net.train()
        self.optimizer = train.make_optimizer(self.net, self.args.rates)
        self.average = train.Ema(self.net, self.args.decay)
        self.average.steps = train.WARM_STEPS

    def learn(self, share):
        """One batch, at this share of the time; the loss, on the device."""
        x, target, weight, wanted = self.batch()
        with self.cast():
            outputs = self.net(x)
        loss = loss_of(outputs, target, weight, wanted, self.args.follow)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for group, base in zip(self.optimizer.param_groups, self.args.rates):
            group["lr"] = base * train.rate(share)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.args.clip)
        self.optimizer.step()
        self.average.update(self.net)
        return loss.detach()

    def run(self):
        """Train for the time given."""
        self.begin()
        args, marks, losses, step = self.args, list(self.args.marks), [], 0
        began = said = time.time()
        while ((share := (time.time() - began) / 60 / args.minutes) < 1
               and step != args.steps):
            losses.append(self.learn(share))
            step += 1
            if time.time() - said > args.every:
                rate = len(losses) * args.batch / (time.time() - said)
                said = time.time()
                self.report(f"step {step}, {share:.3f}, {rate:.0f} pictures/s",
                            losses)
                losses = []
            if marks and share > marks[0]:
                self.save(f"{args.checkpoint}.{marks.pop(0)}", 0.0)
        self.save(args.checkpoint, self.report(f"step {step}", losses))

    def save(self, path, iou):
        state = {k: v.cpu() for k, v in self.average.state.items()}
        train.save(path, ema=state, epoch=0, iou=iou)

    def report(self, text, losses):
        """The averaged weights' held-out IoU, said and returned."""
        net = model.PetNet(self.args.kind).to(self.device).to(
            memory_format=torch.channels_last).eval()
        net.load_state_dict(self.average.state)
        torch.backends.cudnn.benchmark = False
        iou, false = validate(net, self.size(), self.pictures)
        own = validate_shapes(net, self.pictures)
        torch.backends.cudnn.benchmark = True
        loss = torch.stack(losses).mean().item() if losses else 0.0
        say(f"{text}, loss {loss:.4f}, held out {iou:.4f},"
            f" in their shape {own:.4f}, false area {false:.4f}")
        if not math.isfinite(loss):
            raise SystemExit("the loss is no number any more")
        return iou


def parse_arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", required=True, help="folder of the three archives")
    add("--kind", default="petnet", choices=sorted(model.BLOCKS))
    add("--init", required=True, help="a checkpoint of that kind")
    add("--teacher", required=True, help="a checkpoint")
    add("--teacher-kind", default="petnet-large",
        choices=sorted(model.BLOCKS))
    add("--follow", type=float, default=0,
        help="weight of the teacher's answer about the pupil's own picture")
    add("--own", type=float, default=0,
        help="share of the batches that are in the photos' own shape")
    add("--checkpoint", required=True, help="what is written")
    add("--marks", default=[], type=lambda t: [float(m) for m in t.split(",")],
        help="shares of the time after which"
        " CHECKPOINT.SHARE is written, too")
    add("--minutes", type=float, default=10)
    add("--steps", type=int, default=-1, help="at most")
    add("--batch", type=int, default=96)
    add("--decay", type=float, default=0.999, help="of the averaged weights")
    add("--rates", type=lambda t: [float(r) for r in t.split(",")],
        default=[4e-4, 1.6e-3], help="highest rates of encoder and decoder")
    add("--clip", type=float, default=3.0, help="of the gradient's norm")
    add("--every", type=float, default=30, help="seconds between reports")
    add("--limit", type=int, help="of pictures per archive, for trying out")
    add("--device", default="cuda")
    add("--seed", type=int, default=7)
    return parser.parse_args()


def main():
    """Entry point."""
    args = parse_arguments()
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    torch.backends.cudnn.benchmark_limit = 3
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    Trainer(args, torch.device(args.device)).run()


if __name__ == "__main__":
    main()
