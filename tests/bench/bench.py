# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the bench tables share: peers, pictures, interleaved timing, printing.

A table is a program of this folder: it measures us and the others in the same
run, in turn, and prints medians of CPU time and their ratios to the peer. The
peers (Pillow, OpenCV, ONNX Runtime, rembg) live in a virtual environment of
their own, build-bench/peers, which the first call makes."""

import ctypes
import functools
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("PET_BUILD", "build"))
PLACE = os.path.join(ROOT, "build-bench")
SHARED = os.environ.get("PET_SHARED", os.path.join(ROOT, "..", "shared"))
PACKAGES = ["numpy", "pillow", "opencv-python-headless", "onnxruntime", "rembg"]
WIDTH, HEIGHT = 1152, 1536


def use_peers(more=()):
    """Goes on in the peers' Python, which is made when it is not there; `more`
    are packages that only some tables want."""
    place = os.environ.get("PET_BENCH_PEERS", os.path.join(PLACE, "peers"))
    python = os.path.join(place, "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(place):
        if more:
            subprocess.run([python, "-m", "pip", "install", "-q", *more],
                           check=True)
        return
    mark = os.path.join(place, "complete")
    if not os.path.exists(mark):
        print("Installing the peers into", place, file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES],
                       check=True)
        with open(mark, "w", encoding="ascii"):
            pass
    model = os.path.join(SHARED, "models", "u2netp.onnx")
    home = os.path.join(place, "u2net")
    if os.path.exists(model) and not os.path.exists(home):
        os.makedirs(home)
        shutil.copy(model, home)
    os.environ["U2NET_HOME"] = home
    os.environ["PET_BENCH_PEERS"] = place
    os.execv(python, [python, *sys.argv])


def version(package):
    """Version of a Python package of the peers."""
    from importlib.metadata import version as installed
    return f"{package} {installed(package)}"


def tool_version(*command):
    """First line of what a program says of itself, or None."""
    if shutil.which(command[0]) is None:
        return None
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (out.stdout or out.stderr).strip().splitlines()
    return lines[0] if lines else command[0]


def environment():
    """For child processes that use the plugin."""
    return dict(os.environ, GST_PLUGIN_PATH=os.path.join(BUILD, "plugins"),
                GST_REGISTRY=os.path.join(PLACE, "registry.bin"))


def photo():
    """The photo of all tables: 12 MP where ../shared is, a drawn one else."""
    path = os.path.join(SHARED, "photos", "more", "dog-polly-12mp.jpg")
    if os.path.exists(path):
        return path
    drawn = os.path.join(PLACE, "drawn.jpg")
    os.makedirs(PLACE, exist_ok=True)
    subprocess.run([os.path.join(BUILD, "pipelines", "pet-draw"), drawn],
                   check=True)
    return drawn


@functools.cache
def cut_out(effect=None):
    """The photo's cut-out as a numpy array, reduced to 1536 pixels."""
    import numpy
    os.makedirs(PLACE, exist_ok=True)
    raw = os.path.join(PLACE, "cut-out.raw")
    subprocess.run(
        ["gst-launch-1.0", "-q", "filesrc", "location=" + photo(), "!",
         "petdec", f"max-size={HEIGHT}", "!", "petsegment", "!",
         "video/x-raw,format=RGBA", "!", "filesink", "location=" + raw],
        check=True, env=environment(), stdout=subprocess.DEVNULL)
    flat = numpy.fromfile(raw, numpy.uint8)
    picture = flat.reshape(HEIGHT, -1, 4)
    return picture if effect is None else kernels().effect(effect, picture)


def hard_cut_out():
    """The cut-out with an alpha of 0 or 255."""
    picture = cut_out().copy()
    pet = picture[..., 3] >= 128
    picture[~pet] = 0
    picture[pet, 3] = 255
    return picture


def opaque_picture():
    """The photo of the cut-out's size, by Pillow."""
    import numpy
    from PIL import Image
    cut = cut_out()
    image = Image.open(photo()).convert("RGBA")
    return numpy.array(image.resize((cut.shape[1], cut.shape[0])))


class Kernels:
    """The plain C core in this process (libpet-bench.so)."""

    def __init__(self):
        path = os.path.join(BUILD, "tests", "bench", "libpet-bench.so")
        self.library = ctypes.CDLL(path)
        self.library.bench_png.restype = ctypes.c_long

    def effect(self, name, source, result=None):
        """Renders a look with its defaults; returns the result."""
        import numpy
        if result is None:
            result = numpy.empty_like(source)
        height, width, _ = source.shape
        if self.library.bench_effect(
                name.encode(), source.ctypes.data_as(ctypes.c_void_p),
                result.ctypes.data_as(ctypes.c_void_p), width, height) != 0:
            raise RuntimeError(name)
        return result

    def png(self, picture, level):
        """Bytes of the PNG, which is thrown away."""
        height, width, channels = picture.shape
        return self.library.bench_png(
            picture.ctypes.data_as(ctypes.c_void_p), width, height, channels,
            level)


@functools.cache
def kernels():
    """The one Kernels of this process."""
    return Kernels()


def interleaved(contestants, rounds=15):
    """{name: function} -> {name: median CPU milliseconds of this thread}.
    One call of each in turn, `rounds` times, after one that is not counted."""
    times = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, function in contestants.items():
            start = time.thread_time_ns()
            function()
            if number > 0:
                times[name].append((time.thread_time_ns() - start) / 1e6)
    return {name: statistics.median(t) for name, t in times.items()}


def process(command, **options):
    """Runs a program; returns (wall ms, CPU ms, peak MiB) of it."""
    start = time.monotonic_ns()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, **options)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = (time.monotonic_ns() - start) / 1e6
    if child.returncode != 0:
        raise RuntimeError(f"{command}: exit {child.returncode}")
    return (wall, (usage.ru_utime + usage.ru_stime) * 1e3,
            usage.ru_maxrss / 1024)


def element(launch, picture, file_name, rounds=5):
    """Runs `launch` (elements between ! signs) on one RGBA picture again and
    again in one thread; returns (median CPU ms, bytes out)."""
    path = os.path.join(PLACE, file_name)
    picture.tofile(path)
    height, width, _ = picture.shape
    out = subprocess.run(
        [os.path.join(BUILD, "tests", "bench", "bench-element"), path,
         str(width), str(height), str(rounds), launch],
        check=True, capture_output=True, text=True, env=environment())
    milliseconds, size = out.stdout.split()
    return float(milliseconds), int(size)


def title(text, *versions):
    """Head of a table: what it is, and with what it was measured."""
    print(f"\n## {text}\n")
    known = [v for v in versions if v]
    if known:
        print("Peers: " + "; ".join(known) + ".\n")


def table(heads, rows):
    """A Markdown table; numbers to the right."""
    cells = [[f"{c:.2f}" if isinstance(c, float) else str(c) for c in row]
             for row in rows]
    widths = [max(len(str(line[i])) for line in [heads, *cells])
              for i in range(len(heads))]

    def line(row):
        first = str(row[0]).ljust(widths[0])
        rest = [str(c).rjust(w) for c, w in zip(row[1:], widths[1:])]
        return "| " + " | ".join([first, *rest]) + " |"

    print(line(heads))
    print("|" + "|".join(["-" * (widths[0] + 2)] + [
        "-" * (w + 1) + ":" for w in widths[1:]]) + "|")
    for row in cells:
        print(line(row))


def machine():
    """One line on where this was measured."""
    name = "unknown processor"
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for text in file:
            if text.startswith("model name"):
                name = text.split(":", 1)[1].strip()
                break
    load = os.getloadavg()[0]
    return (f"{os.cpu_count()} cores, {name}, load {load:.1f} at the start, "
            f"{time.strftime('%Y-%m-%d')}")


def peak_mib():
    """Most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
