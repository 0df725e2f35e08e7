# SPDX-FileCopyrightText: 2026 the gst-plugins-pet authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""data.py's pictures and augmentation for a GPU: everything lies in its memory
as bytes, and a batch is drawn, warped, pasted and recoloured there at once."""

import io
import math
import multiprocessing
import os
import tarfile

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import data
import train

LABELLED_SIZE, UNLABELLED_SIZE, GROUND_SIZE = 512, 256, 320
NEAR_SHAPE = 0.12  # log of width by height
PATCHED = 0.2  # share of pictures with a rectangle of another one
GREY = (0.299, 0.587, 0.114)


def _decode(job):
    """(RGB, planes or None, log of width by height) of one picture, channels
    first."""
    picture, mask, size = job
    picture = Image.open(io.BytesIO(picture))
    shape = math.log(picture.width / picture.height)
    rgb = data.stretch(picture, size).transpose(2, 0, 1)
    if mask is None:
        return np.ascontiguousarray(rgb), None, shape
    mask = np.asarray(Image.open(io.BytesIO(mask)).convert("L"))
    planes = [data.cv2.resize(p, (size, size),
                              interpolation=data.cv2.INTER_AREA)
              for p in data.planes_from_mask(mask)]
    return np.ascontiguousarray(rgb), np.stack(planes), shape


class Pictures:
    """The archives, decoded, as bytes on the device."""

    def __init__(self, folder, device, limit=None):
        def read(name):
            with tarfile.open(os.path.join(folder, name)) as tar:
                return {m.name: tar.extractfile(m).read()
                        for m in tar.getmembers() if m.isfile()}

        def pick(files, prefixes):
            return sorted(n for n in files if n.startswith(prefixes))[:limit]

        labelled, other = read("train-512.tar"), read("unlabelled-256.tar")
        grounds = read("backgrounds-256.tar")
        names = [os.path.basename(n)[:-4]
                 for n in pick(labelled, ("images/",))]
        jobs = {
            "labelled": [(labelled[f"images/{n}.jpg"],
                          labelled[f"masks/{n}.png"], LABELLED_SIZE)
                         for n in names],
            "unlabelled": [(other[n], None, UNLABELLED_SIZE)
                           for n in pick(other, ("cat_", "dog_"))],
            "bg": [(grounds[n], None, GROUND_SIZE)
                   for n in pick(grounds, ("bg_",))],
            "neg": [(grounds[n], None, GROUND_SIZE)
                    for n in pick(grounds, ("neg_",))]}
        self.rgb, self.shapes, planes = {}, {}, None
        with multiprocessing.Pool() as pool:
            for kind, todo in jobs.items():
                done = pool.map(_decode, todo, 16)
                self.rgb[kind] = torch.from_numpy(
                    np.stack([d[0] for d in done])).to(device)
                self.shapes[kind] = torch.tensor([d[2] for d in done],
                                                 device=device)
                if kind == "labelled":
                    planes = np.stack([d[1] for d in done])
        self.planes = {"labelled": torch.from_numpy(planes).to(device)}
        self._split(names, device)

    def _split(self, names, device):
        """data.Cache's: what is held out, and how often the others come."""
        common = np.array([n.startswith(data.COMMON) for n in names])
        held, rest = data.split(common, train.SPLIT_SEED)
        self.held_out = torch.from_numpy(held).to(device)
        times = np.where(common, data.TAKE_COMMON, data.TAKE_RARE)
        self.chance = {"labelled": torch.zeros(len(names), device=device)}
        self.chance["labelled"][torch.from_numpy(rest).to(device)] = \
            torch.from_numpy(times[rest]).float().to(device)
        for kind in ("bg", "neg", "unlabelled"):
            self.chance[kind] = torch.ones(len(self.rgb[kind]), device=device)
        self.chance["neg"][:data.N_HELD_OUT_NEGATIVES] = 0

    def set_labels(self, planes, keep):
        """A teacher's planes of the unlabelled pictures."""
        self.planes["unlabelled"] = planes
        self.chance["unlabelled"] = keep.float()

    def draw(self, kind, count, shape=None):
        """Places of `count` pictures; with a shape (log of width by height),
        of those that have about this one."""
        chance = self.chance[kind]
        if shape is not None:
            away = (self.shapes[kind] - shape) / NEAR_SHAPE
            chance = chance * torch.exp(-0.5 * away ** 2).clamp(1e-6)
        return torch.multinomial(chance, count, True)


class Views:
    """Batches of `size` pixels: (RGB 0..1, target, weight)."""

    def __init__(self, pictures, size, device, counts):
        self.pictures, self.size, self.device = pictures, size, device
        self.shape = None
        self.counts = counts  # labelled, unlabelled, without a pet
        self.steps = LUMA.to(device)
        line = (torch.arange(size, device=device) + 0.5) / size * 2 - 1
        self.y, self.x = torch.meshgrid(line, line, indexing="ij")

    def uniform(self, count, low, high, *more):
        return torch.rand(count, *more, device=self.device) * (high - low) + low

    def normal(self, count, sigma, *more):
        return torch.randn(count, *more, device=self.device) * sigma

    def placements(self, count, smallest, pasted=0, small_pasted=0.3):
        """Random rotation, scale, aspect, shift and flip as data.placement
        makes them, in -1..1 of the output to -1..1 of the source."""
        low = torch.full((count,), math.log(smallest), device=self.device)
        if pasted:
            far = torch.rand(pasted, device=self.device) < 0.4
            low[:pasted] = torch.where(far, math.log(small_pasted),
                                       low[:pasted])
        scale = torch.exp(low + torch.rand(count, device=self.device)
                          * (math.log(2.3) - low))
        aspect = torch.exp(self.normal(count, 0.16).clamp(-0.45, 0.45))
        angle = self.normal(count, 10).clamp(-30, 30) * math.pi / 180
        flip = torch.where(torch.rand(count, device=self.device) < 0.5, -1, 1)
        c, s = torch.cos(angle) / scale, torch.sin(angle) / scale
        room = (1 - 1 / scale).abs() + 0.1
        shift = self.uniform(count, -1, 1, 2) * room[:, None]
        rows = [torch.stack([c * aspect * flip, -s * aspect, shift[:, 0]], 1),
                torch.stack([s / aspect * flip, c / aspect, shift[:, 1]], 1)]
        return torch.stack(rows, 1)

    def warp(self, source, matrix, reflect=True):
        """Bytes at matrix, 0..1; four samples a pixel where the source is
        large enough to alias."""
        times = 2 if source.shape[2] > 1.2 * self.size else 1
        size = times * self.size
        grid = places(matrix, size)
        out = F.grid_sample(source.float() / 255, grid, "bilinear",
                            "reflection" if reflect else "zeros", False)
        return F.avg_pool2d(out, times) if times > 1 else out

    def take(self, kind, count, smallest=0.6):
        """Warped pictures of a kind without their planes."""
        chosen = self.pictures.draw(kind, count, self.shape)
        return self.warp(self.pictures.rgb[kind][chosen],
                         self.placements(count, smallest))

    def pets(self, kind, count, pasted):
        """RGB, target and weight of `count` pets, the first `pasted` of them
        on other grounds."""
        chosen = self.pictures.draw(kind, count, self.shape)
        matrix = self.placements(count, 0.6, pasted)
        rgb = self.warp(self.pictures.rgb[kind][chosen], matrix)
        planes = self.pictures.planes[kind][chosen]
        target, weight = self.warp(planes, matrix).chunk(2, 1)
        if pasted:
            loose = self.warp(planes[:pasted, :1], matrix[:pasted], False)
            self.paste(rgb[:pasted], loose, target[:pasted], weight[:pasted])
        return rgb, target, weight

    def paste(self, rgb, loose, target, weight):
        """Put pets, whose target is `loose`, on other grounds, in place."""
        ground, below, its_weight = self.grounds(len(rgb))
        sigma = torch.full((len(rgb),), 0.8, device=self.device)
        share = blur(loose, sigma, 1)
        rgb.mul_(share).add_(ground * (1 - share))
        target.copy_(torch.maximum(loose, below))
        weight.copy_(torch.maximum(loose, its_weight))

    def grounds(self, count):
        """Walls, scenes and other pets, with the planes of these."""
        walls, others = count // 5, count // 5
        scenes = count - walls - others
        negatives = scenes // 3
        rgb = [self.walls(walls), self.take("bg", scenes - negatives, 1.0),
               self.take("neg", negatives, 1.0)]
        below = torch.zeros(count, 1, self.size, self.size, device=self.device)
        weight = torch.ones_like(below)
        if others:
            more, target, its_weight = self.pets("labelled", others, 0)
            rgb.append(more)
            below[-others:], weight[-others:] = target, its_weight
        order = torch.randperm(count, device=self.device)
        return torch.cat(rgb)[order], below[order], weight[order]

    def walls(self, count):
        """data.plain_ground."""
        kind = torch.randint(3, (count, 1), device=self.device)
        value = torch.where(kind == 0, 0.0, torch.where(
            kind == 1, 1.0, self.uniform(count, 0, 1, 1))).expand(-1, 3)
        colour = torch.where(torch.rand(count, 1, device=self.device) < 0.5,
                             self.uniform(count, 0, 1, 3), value)
        slope = self.normal(count, 20 / 255, 2) * (
            torch.rand(count, 1, device=self.device) < 0.7)
        shade = (slope[:, :1, None] * self.x + slope[:, 1:, None] * self.y)
        return (colour[:, :, None, None] + shade[:, None]).clamp(0, 1)

    def batch(self, shape=None):
        """One batch, square; of pictures that have about this shape (log of
        width by height), or of all."""
        self.shape = shape
        n_labelled, n_other, n_without = self.counts
        parts = [self.pets("labelled", n_labelled,
                           round(data.PASTED["train"] * n_labelled)),
                 self.pets("unlabelled", n_other,
                           round(data.PASTED["pseudo"] * n_other))]
        plain = torch.cat([self.take("neg", n_without * 3 // 4),
                           self.take("bg", n_without - n_without * 3 // 4)])
        nothing = torch.zeros(n_without, 1, self.size, self.size,
                              device=self.device)
        parts.append((plain, nothing, torch.ones_like(nothing)))
        rgb, target, weight = (torch.cat(p) for p in zip(*parts))
        n = n_labelled + n_other
        self.strap(rgb, target, self.some(n_labelled, 0.15))
        self.cover(rgb, target, weight, self.some(n, data.COVERED))
        self.defocus(rgb, self.some(len(rgb), 0.2))
        self.shade(rgb, self.some(len(rgb), 0.2))
        rgb = self.recolour(rgb)
        self.patch(rgb, target, weight, self.some(len(rgb), PATCHED))
        return rgb, target, weight

    def patch(self, rgb, target, weight, chosen):
        """A rectangle of other pictures of the batch, with what it shows
        (CutMix, arXiv:1905.04899)."""
        other = torch.randint(len(rgb), (len(chosen),), device=self.device)
        centre = self.uniform(len(chosen), -1, 1, 2, 1, 1)
        half = self.uniform(len(chosen), 0.2, 0.7, 2, 1, 1)
        inside = (((self.x - centre[:, 0]).abs() < half[:, 0])
                  & ((self.y - centre[:, 1]).abs() < half[:, 1]))[:, None]
        parts = [torch.where(inside, plane[other], plane[chosen])
                 for plane in (rgb, target, weight)]
        for plane, part in zip((rgb, target, weight), parts):
            plane[chosen] = part

    def some(self, count, share):
        """Places of a share of the first `count`."""
        order = torch.randperm(count, device=self.device)
        return order[:round(share * count)]

    def point(self, where):
        """A random place, in -1..1, of each mask."""
        at = (torch.rand_like(where) * where).flatten(1).argmax(1)
        return (torch.stack([at % self.size, at // self.size], 1) + 0.5) \
            / self.size * 2 - 1

    def strap(self, rgb, target, chosen):
        """data.in_harness."""
        inside = (target[chosen] > 0.8).float()
        enough = inside.sum((1, 2, 3)) > 400
        at = torch.stack([self.x, self.y], -1)
        mask = torch.zeros_like(inside)
        for i in range(3):
            ends = [self.point(inside) for _ in range(3)]
            near = self.normal(len(chosen), 0.25, 2, 2)
            free = torch.rand(len(chosen), 1, device=self.device) < 0.5
            ends[1] = torch.where(free, ends[0] + near[:, 0], ends[1])
            ends[2] = torch.where(free, ends[0] + 2 * near[:, 1], ends[2])
            width = torch.exp(self.uniform(len(chosen), math.log(0.015),
                                           math.log(0.09)))
            used = torch.rand(len(chosen), device=self.device) < (1, .67, .33)[i]
            for a, b in zip(ends, ends[1:]):
                a, along = a[:, None, None], (b - a)[:, None, None]
                t = (((at - a) * along).sum(-1, True)
                     / (along ** 2).sum(-1, True).clamp(1e-6)).clamp(0, 1)
                away = (at - a - t * along).norm(dim=-1)
                edge = (width[:, None, None] - away) * self.size / 2
                mask = torch.maximum(mask, (edge.clamp(0, 1)
                                            * used[:, None, None])[:, None])
        share = mask * (target[chosen] > 0.5) * enough[:, None, None, None]
        colour = self.uniform(len(chosen), 0, 1, 3, 1, 1)
        second = self.uniform(len(chosen), 0, 1, 3, 1, 1)
        period = self.uniform(len(chosen), 15, 55, 1, 1, 1)
        striped = torch.rand(len(chosen), 1, 1, 1, device=self.device) < 0.4
        colour = torch.where(striped & (torch.sin(self.y * period * math.pi)
                                        > 0), second, colour)
        grey = F.avg_pool2d(rgb[chosen], 9, 1, 4).mean(1, True)
        colour = colour * (0.5 + 0.5 * grey
                           / grey.mean((1, 2, 3), True).clamp(0.004))
        rgb[chosen] = (rgb[chosen] * (1 - share) + colour * share).clamp(0, 1)

    def cover(self, rgb, target, weight, chosen):
        """Augmented._cover of data.py."""
        picture, its_target = rgb[chosen], target[chosen]
        hard = (its_target > 0.5).float()
        outline = F.max_pool2d(hard, 3, 1, 1) - hard
        enough = (outline.sum((1, 2, 3)) > 40).float()[:, None, None]
        piece = self.take("bg", len(chosen))
        centre = self.point(outline)[:, :, None, None]
        axes = 2 * torch.exp(self.uniform(len(chosen), math.log(0.04),
                                          math.log(0.2), 2))[:, :, None, None]
        angle = self.uniform(len(chosen), 0, math.pi)[:, None, None]
        dx, dy = self.x - centre[:, 0], self.y - centre[:, 1]
        u = (dx * angle.cos() + dy * angle.sin()) / axes[:, 0]
        v = (dy * angle.cos() - dx * angle.sin()) / axes[:, 1]
        radius = (u ** 2 + v ** 2).sqrt()
        edge = (1 - radius) * axes.amin(1) * self.size / 2
        soft = self.uniform(len(chosen), 1, 4)[:, None, None]
        share = ((edge / soft + 0.5).clamp(0, 1) * enough)[:, None]
        inside = (share > 0.5).float()
        near = inside * (its_target > 0.8)
        mean = (picture * near).sum((2, 3), True) \
            / near.sum((2, 3), True).clamp(1)
        own = (piece * inside).sum((2, 3), True) \
            / inside.sum((2, 3), True).clamp(1)
        like = (torch.rand(len(chosen), 1, 1, 1, device=self.device) < 0.5) \
            & (near.sum((2, 3), True) > 20)
        pull = self.uniform(len(chosen), 0.4, 1, 1, 1, 1) * like
        piece = (piece + (mean - own) * pull).clamp(0, 1)
        rgb[chosen] = picture * (1 - share) + piece * share
        target[chosen] = its_target * (1 - share)
        weight[chosen] = torch.where(inside > 0, 1.0, weight[chosen])

    def defocus(self, rgb, chosen):
        """data.out_of_focus."""
        n = len(chosen)
        angle = self.uniform(n, 0, 2 * math.pi)[:, None, None]
        along = angle.cos() * self.x + angle.sin() * self.y \
            - self.uniform(n, -0.4, 0.5)[:, None, None]
        share = (along / self.uniform(n, 0.1, 0.6)[:, None, None]
                 ).clamp(0, 1)[:, None]
        sigma = self.uniform(n, 0.75, 2.5) * self.size / 320
        soft = F.interpolate(blur(F.avg_pool2d(rgb[chosen], 2), sigma, 8),
                             scale_factor=2, mode="bilinear",
                             align_corners=False)
        rgb[chosen] = rgb[chosen] * (1 - share) + soft * share

    def shade(self, rgb, chosen):
        """data.half_in_shade."""
        field = torch.exp(self.normal(len(chosen), 0.4, 1, 4, 4))
        field = F.interpolate(field, (self.size, self.size), mode="bicubic",
                              align_corners=False)
        rgb[chosen] = (rgb[chosen] * field).clamp(0, 1)

    def recolour(self, rgb):
        """data.recolour."""
        n = len(rgb)

        def each(values):
            return values.view(n, -1, 1, 1)

        gain = torch.exp(self.normal(n, 0.15, 1) + self.normal(n, 0.06, 3))
        contrast = torch.exp(self.normal(n, 0.18))
        mean = rgb.mean((1, 2, 3), True)
        rgb = (rgb - mean) * each(contrast) + mean
        grey = rgb.mean(1, True)
        saturation = torch.exp(self.normal(n, 0.25)) \
            * (torch.rand(n, device=self.device) >= 0.05)
        rgb = (grey + (rgb - grey) * each(saturation)) * each(gain)
        power = torch.where(torch.rand(n, device=self.device) < 0.3,
                            torch.exp(self.normal(n, 0.35)), 1.0)
        rgb = rgb.clamp(0, 1) ** each(power)
        soft = self.some(n, 0.2)
        rgb[soft] = blur(rgb[soft], self.uniform(len(soft), 0.4, 1.8), 5)
        noisy = self.some(n, 0.2)
        rgb[noisy] += torch.randn_like(rgb[noisy]) \
            * self.uniform(len(noisy), 2 / 255, 14 / 255, 1, 1, 1)
        rgb = rgb.clamp(0, 1)
        coded = self.some(n, 0.15)
        rgb[coded] = coarse(rgb[coded], self.uniform(len(coded), 25, 80),
                            self.steps)
        return torch.round(rgb.clamp(0, 1) * 255) / 255


def places(matrix, size):
    """F.affine_grid of squares, without its matrix products."""
    line = (torch.arange(size, device=matrix.device) + 0.5) / size * 2 - 1
    m = matrix[:, :, :, None, None]
    return torch.stack([m[:, i, 0] * line + (m[:, i, 1] * line[:, None]
                                             + m[:, i, 2])
                        for i in (0, 1)], -1)


def blur(pictures, sigma, radius):
    """Gaussian blur, each picture with its own sigma in pixels."""
    n, channels, height, width = pictures.shape
    if n == 0:
        return pictures
    at = torch.arange(-radius, radius + 1, device=pictures.device)
    kernel = torch.exp(-0.5 * (at / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, True)).repeat_interleave(channels, 0)
    x = F.pad(pictures.reshape(1, n * channels, height, width),
              (radius, radius, radius, radius), "reflect")
    x = F.conv2d(x, kernel[:, None, None, :], groups=n * channels)
    x = F.conv2d(x, kernel[:, None, :, None], groups=n * channels)
    return x.view(n, channels, height, width)


LUMA = torch.tensor(
    [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
     14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
     18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
     49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99
     ]).view(8, 8).float()


def coarse(rgb, quality, table):
    """What JPEG of this quality (libjpeg's scale) leaves; ITU-T T.81, its
    Annex K.1 table for all components, colours not subsampled."""
    n, _, height, width = rgb.shape
    k = torch.arange(8, device=rgb.device).float()
    dct = torch.cos((k[None] + 0.5) * k[:, None] * math.pi / 8) / 2
    dct[0] /= math.sqrt(2)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    steps = (table.T * scale.view(n, 1, 1, 1, 1, 1)).clamp(1)
    r, g, b = rgb.unbind(1)
    y = GREY[0] * r + GREY[1] * g + GREY[2] * b
    x = torch.stack([y - 0.5, (b - y) / 1.772, (r - y) / 1.402], 1) * 255
    x = x.view(n, 3, height // 8, 8, width // 8, 8) @ dct.T
    x = x.permute(0, 1, 2, 4, 5, 3) @ dct.T
    x = (torch.round(x / steps) * steps) @ dct
    x = x.permute(0, 1, 2, 5, 3, 4) @ dct
    x = x.reshape(n, 3, height, width) / 255
    y, b, r = x[:, 0] + 0.5, x[:, 1] * 1.772, x[:, 2] * 1.402
    r, b = r + y, b + y
    return torch.stack([r, (y - GREY[0] * r - GREY[2] * b) / GREY[1], b], 1)
