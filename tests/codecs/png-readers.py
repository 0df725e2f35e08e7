#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our PNGs in other programs: png-readers.py PNG-SAMPLES

Has PNG-SAMPLES write one of each kind and lets pngcheck, libspng, ImageMagick,
Pillow and Chromium read them: every pixel has to be what it was, also under
alpha 0 (Chromium, which multiplies by alpha, is asked for opaque pictures and
for the alpha of the others). What is not installed is skipped."""

import base64
import ctypes
import ctypes.util
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

SPNG_FMT_RGBA8 = 1
SPNG_DECODE_TRNS = 1

PAGE = """<html><body>%s</body><script>
function hash (data, from, step) {
  let h = 2166136261;
  for (let i = from; i < data.length; i += step)
    h = Math.imul (h ^ data[i], 16777619);
  return h >>> 0;
}
window.onload = () => {
  const seen = {};
  for (const image of document.images) {
    const canvas = document.createElement ('canvas');
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext ('2d');
    context.drawImage (image, 0, 0);
    const pixels = context.getImageData (0, 0, canvas.width, canvas.height);
    seen[image.id] = [hash (pixels.data, 0, 1), hash (pixels.data, 3, 4)];
  }
  document.body.textContent = JSON.stringify (seen);
};
</script></html>"""
IMAGE = '<img id="%s" src="data:image/png;base64,%s">'


class Sample:
    """A PNG and the pixels that it was made of."""

    def __init__(self, raw):
        stem, size, _ = raw.rsplit(".", 2)
        self.width, self.height = map(int, size.split("x"))
        self.path = stem + ".png"
        self.name = os.path.basename(stem)
        with open(raw, "rb") as file:
            self.pixels = file.read()
        self.opaque = set(self.pixels[3::4]) == {255}


def pngcheck(samples):
    """{name: None or what it says}, as all readers."""
    done = subprocess.run(["pngcheck", "-q", *(s.path for s in samples)],
                          text=True, capture_output=True, check=False)
    return {s.name: s.path in done.stdout or None for s in samples} | {
        "status": done.returncode or None}


def imagemagick(samples):
    """All in one run, one after the other."""
    done = subprocess.run(
        ["convert", *(s.path for s in samples), "-depth", "8", "rgba:-"],
        capture_output=True, check=False)
    found, start = {}, 0
    for sample in samples:
        end = start + len(sample.pixels)
        found[sample.name] = (None if done.stdout[start:end] == sample.pixels
                              else "other pixels")
        start = end
    return found


def pillow_one(sample):
    """Pillow, converted to RGBA."""
    from PIL import Image
    with Image.open(sample.path) as image:
        image.load()
        same = image.convert("RGBA").tobytes() == sample.pixels
    return None if same else "other pixels"


def pillow(samples):
    """One by one."""
    return {s.name: pillow_one(s) for s in samples}


def spng_one(sample):
    """libspng by its C interface."""
    library = ctypes.CDLL(ctypes.util.find_library("spng"))
    library.spng_ctx_new.restype = ctypes.c_void_p
    with open(sample.path, "rb") as file:
        data = file.read()
    context = ctypes.c_void_p(library.spng_ctx_new(0))
    out = ctypes.create_string_buffer(len(sample.pixels))
    library.spng_set_png_buffer(context, data, ctypes.c_size_t(len(data)))
    status = library.spng_decode_image(
        context, out, ctypes.c_size_t(len(out)), SPNG_FMT_RGBA8,
        SPNG_DECODE_TRNS)
    library.spng_ctx_free(context)
    if status != 0:
        return f"error {status}"
    return None if out.raw == sample.pixels else "other pixels"


def spng(samples):
    """One by one."""
    return {s.name: spng_one(s) for s in samples}


def fnv(data):
    """The page's hash."""
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 & 0xffffffff
    return value


def chromium(samples):
    """All on one page."""
    images = ""
    for sample in samples:
        with open(sample.path, "rb") as file:
            data = base64.b64encode(file.read()).decode()
        images += IMAGE % (sample.name, data)
    page = os.path.join(os.path.dirname(samples[0].path), "page.html")
    with open(page, "w", encoding="ascii") as file:
        file.write(PAGE % images)
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
         "--virtual-time-budget=60000", "--dump-dom", "file://" + page],
        text=True, capture_output=True, check=False, timeout=240)
    start = done.stdout.find("{\"")
    body = done.stdout[start:done.stdout.find("}", start) + 1]
    seen = json.loads(body) if start >= 0 and "]}" in body else {}
    found = {}
    for sample in samples:
        want = [fnv(sample.pixels), fnv(sample.pixels[3::4])]
        part = slice(0, 2) if sample.opaque else slice(1, 2)
        got = seen.get(sample.name, [])
        found[sample.name] = (None if got[part] == want[part]
                              else "other pixels")
    return found


def has_pillow():
    """True where it can be imported."""
    try:
        import PIL  # noqa: F401
    except ImportError:
        return False
    return True


def has_imagemagick():
    """Others' programs are called convert, too."""
    if shutil.which("convert") is None:
        return False
    done = subprocess.run(["convert", "-version"], capture_output=True,
                          text=True, check=False)
    return done.stdout.startswith("Version: ImageMagick")


READERS = [
    ("pngcheck", lambda: shutil.which("pngcheck"), pngcheck),
    ("libspng", lambda: ctypes.util.find_library("spng"), spng),
    ("ImageMagick", has_imagemagick, imagemagick),
    ("Pillow", has_pillow, pillow),
    ("Chromium", lambda: shutil.which("chromium"), chromium),
]


def report(number, name, problems):
    """Prints a line of TAP; returns whether it is a good one."""
    bad = {key: what for key, what in problems.items() if what is not None}
    for sample, problem in bad.items():
        print(f"# {sample}: {problem}")
    print(f"{'not ' if bad else ''}ok {number} - {name} reads all of them")
    return not bad


def main():
    """One test per reader."""
    good = True
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        samples = [Sample(raw) for raw in
                   sorted(glob.glob(os.path.join(folder, "*.rgba")))]
        for number, (name, is_there, read) in enumerate(READERS, 1):
            if is_there():
                good = report(number, name, read(samples)) and good
            else:
                print(f"ok {number} - {name} # SKIP not installed")
    print(f"1..{len(READERS)}")
    sys.exit(not good)


main()
