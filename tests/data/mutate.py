# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes damaged copies of photos, with good ones between them.

usage: mutate.py OUT CLEAN COUNT SEED PHOTO...

Writes COUNT files to OUT: bytes changed, bits flipped, cut short, pieces
left out, doubled, or taken from another photo. Every 25th is a good copy,
which is written to CLEAN under the same name too. Equal arguments, equal
bytes.
"""

import os
import random
import sys

EVERY_GOOD = 25


def change_bytes(rng, data, other):
    for _ in range(rng.choice((1, 3, 40, 400))):
        data[rng.randrange(2, len(data))] = rng.randrange(256)
    return data


def flip_bits(rng, data, other):
    for _ in range(rng.choice((1, 2, 8, 64))):
        data[rng.randrange(2, len(data))] ^= 1 << rng.randrange(8)
    return data


def change_header(rng, data, other):
    """The first bytes hold sizes, tables and metadata."""
    for _ in range(rng.choice((1, 2, 5))):
        data[rng.randrange(2, min(len(data), 700))] = rng.choice(
            (0, 1, 0x7f, 0x80, 0xfe, 0xff, rng.randrange(256)))
    return data


def cut(rng, data, other):
    return data[:rng.randrange(len(data))]


def leave_out(rng, data, other):
    start = rng.randrange(2, len(data))
    del data[start:start + rng.choice((1, 2, 100, 5000))]
    return data


def double(rng, data, other):
    start = rng.randrange(2, len(data))
    piece = data[start:start + rng.choice((2, 100, 5000))]
    return data[:start] + piece + data[start:]


def splice(rng, data, other):
    return data[:rng.randrange(len(data))] + other[rng.randrange(len(other)):]


WAYS = (change_bytes, flip_bits, change_header, change_header, cut, leave_out,
        double, splice)


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def main():
    out, clean, count, seed = sys.argv[1:5]
    rng = random.Random(int(seed))
    photos = []
    for path in sys.argv[5:]:
        with open(path, "rb") as file:
            photos.append((os.path.splitext(path)[1], file.read()))
    for number in range(int(count)):
        suffix, data = rng.choice(photos)
        if number % EVERY_GOOD == EVERY_GOOD - 1:
            name = f"{number:05d}-good{suffix}"
            write(clean, name, data)
        else:
            way = rng.choice(WAYS)
            name = f"{number:05d}-{way.__name__}{suffix}"
            data = way(rng, bytearray(data), rng.choice(photos)[1])
        write(out, name, data)


if __name__ == "__main__":
    main()
