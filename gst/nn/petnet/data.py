# SPDX-FileCopyrightText: 2026 the gst-plugins-pet authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Training data of petnet: unpacking the tars once, and augmentation.

Everything is kept as square pictures, stretched like the inference input
(aspect ratio not kept).  A mask becomes two planes: the target in 0..1 and
the weight of that target; the unknown border of a trimap gets a ramp across
the band and a small weight.
"""

import io
import os
import tarfile

import cv2
import numpy as np
from PIL import Image
from torch.utils.data import Dataset

LABELLED_SIZE, OTHER_SIZE = 384, 256
BORDER_WEIGHT = 0.35
UNSURE_WEIGHT = 0.15  # where a teacher says one half
PSEUDO_WEIGHT = 0.7
PASTED = {"train": 0.3, "pseudo": 0.15}
NEGATIVES = 0.1  # share of pictures without a pet
COVERED = 0.15  # share of the pets with something else in front of their outline
PLAIN = 0.2  # of the grounds that pets are pasted on
# Of the labelled pictures 511 are of three breeds.  Held out are as many of
# these and of the others as the test set has, and an epoch takes each of them
# with these chances (1.5: once, and again every other time).
COMMON = ("Abyssinian", "Bengal", "american_bulldog")
N_HELD_OUT_COMMON, N_HELD_OUT_RARE, N_HELD_OUT_NEGATIVES = 24, 40, 24
TAKE_COMMON, TAKE_RARE = 0.7, 1.6


def stretch(picture, size):
    """RGB picture to size x size with the antialiased triangle filter."""
    return np.asarray(picture.convert("RGB").resize((size, size),
                                                    Image.BILINEAR))


def planes_from_mask(mask):
    """0/128/255 mask to (target, weight), both uint8 0..255.

    Inside the band the target climbs from 0 at the background to 1 at the
    pet, steepest half-way, where the outline most likely is.
    """
    known_pet, known_bg = mask == 255, mask == 0
    if not known_pet.any() or not known_bg.any():
        target = known_pet.astype(np.float32)
    else:
        to_pet = cv2.distanceTransform((~known_pet).astype(np.uint8),
                                       cv2.DIST_L2, 3)
        to_bg = cv2.distanceTransform((~known_bg).astype(np.uint8),
                                      cv2.DIST_L2, 3)
        ramp = to_bg / np.maximum(to_pet + to_bg, 1e-6)
        target = np.clip((ramp - 0.5) * 3 + 0.5, 0, 1)
        target[known_pet], target[known_bg] = 1, 0
    weight = np.where(known_pet | known_bg, 1.0, BORDER_WEIGHT)
    return (np.uint8(target * 255 + 0.5), np.uint8(weight * 255 + 0.5))


def planes_from_teacher(prob):
    """Teacher's uint8 probability to (target, weight)."""
    p = prob.astype(np.float32) / 255
    sure = np.abs(2 * p - 1)
    weight = PSEUDO_WEIGHT * (UNSURE_WEIGHT + (1 - UNSURE_WEIGHT) * sure)
    target = np.clip((p - 0.5) * 2 + 0.5, 0, 1)
    return np.uint8(target * 255 + 0.5), np.uint8(weight * 255 + 0.5)


def _read_tar(path):
    """Member name -> bytes."""
    with tarfile.open(path) as tar:
        return {m.name: tar.extractfile(m).read()
                for m in tar.getmembers() if m.isfile()}


def _open(data):
    return Image.open(io.BytesIO(data))


def _prepare_labelled(files, save):
    """The pictures with masks: RGB and (target, weight) planes."""
    size = (LABELLED_SIZE, LABELLED_SIZE)
    names = sorted(os.path.basename(n)[:-4] for n in files
                   if n.startswith("images/"))
    rgb, planes = [], []
    for name in names:
        rgb.append(stretch(_open(files[f"images/{name}.jpg"]), size[0]))
        mask = np.asarray(_open(files[f"masks/{name}.png"]).convert("L"))
        planes.append(np.stack(
            [cv2.resize(p, size, interpolation=cv2.INTER_AREA)
             for p in planes_from_mask(mask)], -1))
    save("train-rgb.npy", np.stack(rgb))
    save("train-planes.npy", np.stack(planes))
    save("train-names.npy", np.array(names))


def prepare(data_dir, work):
    """Unpack the three tars into .npy files below work; once."""
    if os.path.exists(os.path.join(work, "cache-done")):
        return
    os.makedirs(work, exist_ok=True)

    def save(name, array):
        np.save(os.path.join(work, name), array)

    _prepare_labelled(_read_tar(os.path.join(data_dir, "train-512.tar")),
                      save)
    for tar, name, prefixes in (
            ("unlabelled-256.tar", "unlabelled", ("cat_", "dog_")),
            ("backgrounds-256.tar", "bg", ("bg_",)),
            ("backgrounds-256.tar", "neg", ("neg_",))):
        files = _read_tar(os.path.join(data_dir, tar))
        names = sorted(n for n in files if n.startswith(prefixes))
        save(f"{name}-rgb.npy", np.stack([stretch(_open(files[n]), OTHER_SIZE)
                                          for n in names]))
        save(f"{name}-names.npy", np.array(names))
    open(os.path.join(work, "cache-done"), "w").close()


def split(common, seed):
    """Places of the held-out pictures and of the others."""
    order = np.random.default_rng(seed).permutation(len(common))
    first, rare = order[common[order]], order[~common[order]]
    held_out = np.concatenate([first[:N_HELD_OUT_COMMON],
                               rare[:N_HELD_OUT_RARE]])
    return held_out, np.setdiff1d(order, held_out)


class Cache:
    """The arrays that prepare () wrote, mapped into memory, and the split."""

    def __init__(self, work, seed):
        def load(name):
            return np.load(os.path.join(work, name), mmap_mode="r")

        self.rgb, self.planes = load("train-rgb.npy"), load("train-planes.npy")
        self.bg, self.neg = load("bg-rgb.npy"), load("neg-rgb.npy")
        self.unlabelled = load("unlabelled-rgb.npy")
        self.common = np.array([str(n).startswith(COMMON)
                                for n in load("train-names.npy")])
        self.held_out, self.train = split(self.common, seed)
        self.held_out_neg = np.arange(N_HELD_OUT_NEGATIVES)
        self.train_neg = np.arange(N_HELD_OUT_NEGATIVES, len(self.neg))
        self.teacher, self.pseudo = None, np.zeros(0, int)
        if os.path.exists(os.path.join(work, "teacher.npy")):
            self.teacher = load("teacher.npy")
            self.pseudo = np.flatnonzero(load("teacher-keep.npy"))


class Augmented(Dataset):
    """One epoch's samples; each sample's randomness depends on its place."""

    def __init__(self, cache, size, pseudo_ratio, seed, epoch):
        self.cache, self.size, self.seed = cache, size, (seed, epoch)
        rng = np.random.default_rng(self.seed)
        take = np.where(cache.common, TAKE_COMMON, TAKE_RARE)
        times = np.floor(take + rng.random(len(take))).astype(int)
        items = [("train", i) for i in cache.train for _ in range(times[i])]
        if len(cache.pseudo) and pseudo_ratio > 0:
            count = min(int(pseudo_ratio * len(items)), len(cache.pseudo))
            items += [("pseudo", i) for i in
                      rng.choice(cache.pseudo, count, replace=False)]
        n_neg = round(NEGATIVES * len(items))
        items += [("neg", i) for i in rng.choice(cache.train_neg, n_neg)]
        rng.shuffle(items)
        self.items = [(kind, int(i)) for kind, i in items]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, place):
        cv2.setNumThreads(1)
        kind, i = self.items[place]
        rng = np.random.default_rng((*self.seed, place))
        cache, size = self.cache, self.size
        if kind == "neg":
            pool, j = ((cache.neg, i) if rng.random() < 0.75 else
                       (cache.bg, int(rng.integers(len(cache.bg)))))
            rgb = warp(pool[j], placement(rng, OTHER_SIZE, size), size)
            target = np.zeros((size, size), np.uint8)
            weight = np.full((size, size), 255, np.uint8)
        else:
            rgb, target, weight = self._pet(kind, i, rng)
        if rng.random() < 0.5:
            rgb, target, weight = (np.ascontiguousarray(a[:, ::-1])
                                   for a in (rgb, target, weight))
        if kind == "train" and rng.random() < 0.15:
            rgb = in_harness(rgb, target, rng)
        if kind != "neg" and rng.random() < COVERED:
            rgb, target, weight = self._cover(rgb, target, weight, rng)
        if rng.random() < 0.2:
            rgb = out_of_focus(rgb, rng)
        if rng.random() < 0.2:
            rgb = half_in_shade(rgb, rng)
        rgb = recolour(rgb, rng)
        return rgb.transpose(2, 0, 1).copy(), np.stack([target, weight])

    def _pet(self, kind, i, rng):
        """Warped picture, target and weight; sometimes on a new ground."""
        cache, size = self.cache, self.size
        if kind == "pseudo":
            rgb = cache.unlabelled[i]
            planes = np.stack(planes_from_teacher(cache.teacher[i]), -1)
        else:
            rgb, planes = cache.rgb[i], cache.planes[i]
        pasted = rng.random() < PASTED[kind]
        smallest = 0.3 if pasted and rng.random() < 0.4 else 0.6
        matrix = placement(rng, rgb.shape[0], size, smallest)
        rgb = warp(rgb, matrix, size)
        if not pasted:
            planes = warp(planes, matrix, size)
            return rgb, planes[..., 0], planes[..., 1]
        alpha = warp(planes, matrix, size, reflect=False)[..., 0]
        return self._paste(rgb, alpha, rng)

    def _cover(self, rgb, target, weight, rng):
        """Put a round piece of another picture on the pet's outline, at times
        in the pet's own colour: toys, cushions, hands."""
        size = self.size
        outline = np.argwhere(cv2.morphologyEx(
            np.uint8(target > 127), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)))
        if len(outline) < 40:
            return rgb, target, weight
        pool = self.cache.bg
        piece = warp(pool[int(rng.integers(len(pool)))],
                     placement(rng, OTHER_SIZE, size), size)
        y, x = outline[rng.integers(len(outline))]
        axes = size * np.exp(rng.uniform(np.log(0.04), np.log(0.2), 2))
        shape = np.zeros((size, size), np.uint8)
        cv2.ellipse(shape, (int(x), int(y)), (int(axes[0]), int(axes[1])),
                    rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
        inside = shape > 127
        if rng.random() < 0.5:
            near = rgb[inside & (target > 200)]
            if len(near) > 20:
                shift = near.mean(0) - piece[inside].mean(0)
                piece = np.clip(piece + shift * rng.uniform(0.4, 1), 0, 255)
        share = cv2.GaussianBlur(shape, (0, 0), rng.uniform(0.5, 2)) / 255.0
        rgb = np.uint8(rgb * (1 - share[..., None]) + piece * share[..., None]
                       + 0.5)
        target = np.uint8(target * (1 - share) + 0.5)
        weight = np.where(inside, np.uint8(255), weight)
        return rgb, target, weight

    def _paste(self, rgb, alpha, rng):
        """Put the pet on another scene or beside another pet."""
        cache, size = self.cache, self.size
        target, weight = alpha, np.full_like(alpha, 255)
        kind = rng.random()
        if kind < PLAIN:
            ground = plain_ground(rng, size)
        elif kind < 0.8:
            pool = cache.bg
            j = int(rng.integers(len(pool) + len(cache.train_neg)))
            if j >= len(pool):
                pool, j = cache.neg, cache.train_neg[j - len(pool)]
            ground = warp(pool[j], placement(rng, OTHER_SIZE, size, 1.0),
                          size)
        else:
            j = int(rng.choice(cache.train))
            matrix = placement(rng, LABELLED_SIZE, size)
            ground = warp(cache.rgb[j], matrix, size)
            planes = warp(cache.planes[j], matrix, size)
            target = np.maximum(alpha, planes[..., 0])
            weight = np.maximum(planes[..., 1], alpha)
        a = cv2.GaussianBlur(alpha, (3, 3), 0)[..., None].astype(np.float32)
        a /= 255
        return np.uint8(rgb * a + ground * (1 - a) + 0.5), target, weight


def plain_ground(rng, size):
    """A studio's wall: one colour, often none, brighter on one side."""
    value = rng.choice([0, 255, rng.uniform(0, 255)])
    colour = np.full(3, value)
    if rng.random() < 0.5:
        colour = rng.uniform(0, 255, 3)
    slope = rng.normal(0, 20, 2) * (rng.random() < 0.7)
    y, x = np.mgrid[-1:1:size * 1j, -1:1:size * 1j]
    shade = slope[0] * x + slope[1] * y
    return np.uint8(np.clip(colour + shade[..., None] + 0.5, 0, 255))


def placement(rng, source, size, smallest=0.6):
    """Random rotation, scale, aspect and shift: output to source pixels."""
    scale = np.exp(rng.uniform(np.log(smallest), np.log(2.3)))
    aspect = np.exp(np.clip(rng.normal(0, 0.16), -0.45, 0.45))
    angle = np.deg2rad(np.clip(rng.normal(0, 10), -30, 30))
    step = source / size / scale
    c, s = np.cos(angle) * step, np.sin(angle) * step
    linear = np.array([[c * aspect, -s * aspect], [s / aspect, c / aspect]])
    room = 0.5 * abs(1 - 1 / scale) + 0.05
    centre = source * (0.5 + rng.uniform(-room, room, 2))
    offset = centre - linear @ np.full(2, size / 2)
    return np.hstack([linear, offset[:, None]])


def warp(image, matrix, size, reflect=True):
    """Sample image at matrix; halved first where it would alias."""
    matrix = matrix.copy()
    if np.linalg.det(matrix[:, :2]) > 1.5 ** 2:
        image = cv2.resize(image, None, fx=0.5, fy=0.5,
                           interpolation=cv2.INTER_AREA)
        matrix *= 0.5
    # pixel centres lie at +0.5
    matrix[:, 2] += matrix[:, :2] @ np.full(2, 0.5) - 0.5
    border = cv2.BORDER_REFLECT if reflect else cv2.BORDER_CONSTANT
    return cv2.warpAffine(np.asarray(image), matrix, (size, size),
                          flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=border)


def in_harness(rgb, target, rng):
    """A strap or three on the pet, which stay part of it."""
    inside = np.argwhere(target > 200)
    if len(inside) < 400:
        return rgb
    size = rgb.shape[0]
    straps = np.zeros((size, size), np.uint8)
    for _ in range(rng.integers(1, 4)):
        ends = inside[rng.integers(len(inside), size=3)][:, ::-1]
        line = np.int32(ends if rng.random() < 0.5 else
                        [ends[0], ends[0] + rng.normal(0, size / 8, 2),
                         ends[0] + rng.normal(0, size / 4, 2)])
        width = int(size * np.exp(rng.uniform(np.log(0.015), np.log(0.09))))
        cv2.polylines(straps, [line], False, 255, max(width, 1), cv2.LINE_AA)
    colour = rng.uniform(0, 255, 3)
    ground = np.full(rgb.shape, colour, np.float32)
    if rng.random() < 0.4:
        rows = np.arange(size) // max(size // int(rng.integers(30, 110)), 1)
        ground[rows % 2 == 0] = rng.uniform(0, 255, 3)
    grey = cv2.GaussianBlur(rgb, (0, 0), size / 80).mean(2, keepdims=True)
    ground *= 0.5 + 0.5 * grey / max(grey.mean(), 1)
    share = (straps / 255.0 * (target > 128))[..., None]
    return np.uint8(np.clip(rgb * (1 - share) + ground * share, 0, 255))


def out_of_focus(rgb, rng):
    """Blurred on one side, as what lies behind a head close by."""
    size = rgb.shape[0]
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1:1:size * 1j, -1:1:size * 1j]
    along = (np.cos(angle) * x + np.sin(angle) * y - rng.uniform(-0.4, 0.5))
    share = np.clip(along / rng.uniform(0.1, 0.6), 0, 1)[..., None]
    blurred = cv2.GaussianBlur(rgb, (0, 0),
                               rng.uniform(1.5, 5) * size / 320)
    return np.uint8(rgb * (1 - share) + blurred * share + 0.5)


def half_in_shade(rgb, rng):
    """Light that changes slowly across the picture."""
    field = np.exp(rng.normal(0, 0.4, (4, 4)).astype(np.float32))
    field = cv2.resize(field, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.uint8(np.clip(rgb * field[..., None], 0, 255))


def recolour(rgb, rng):
    """Colour, contrast, blur, noise, JPEG; uint8 in and out."""
    x = rgb.astype(np.float32)
    gain = np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.06, 3))
    contrast = np.exp(rng.normal(0, 0.18))
    mean = x.mean()
    x = (x - mean) * contrast + mean
    grey = x.mean(2, keepdims=True)
    saturation = 0 if rng.random() < 0.05 else np.exp(rng.normal(0, 0.25))
    x = (grey + (x - grey) * saturation) * gain.astype(np.float32)
    if rng.random() < 0.3:
        x = 255 * (np.clip(x, 0, 255) / 255) ** np.float32(
            np.exp(rng.normal(0, 0.35)))
    if rng.random() < 0.2:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.8))
    if rng.random() < 0.2:
        x += rng.standard_normal(x.shape, np.float32) * rng.uniform(2, 14)
    x = np.uint8(np.clip(x + 0.5, 0, 255))
    if rng.random() < 0.15:
        quality = int(rng.integers(25, 80))
        x = cv2.imdecode(cv2.imencode(
            ".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)
    return x
