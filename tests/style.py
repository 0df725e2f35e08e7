# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rules of the code that a program can check; TAP on standard output.

usage: style.py ROOT

Who includes whom, headers that compile alone, length of files and functions,
SPDX lines, blanks, and clang-format's look (where version 14 is installed).
"""

import os
import re
import shutil
import subprocess
import sys

# Folder -> folders whose headers it may include. First match wins.
ALLOWED = [
    ("gst/base", {"base"}),
    ("gst/image", {"image", "base"}),
    ("gst/codec", {"codec", "base"}),
    ("gst/nn", {"nn", "image", "base"}),
    ("gst/memory", {"memory", "base"}),
    ("gst/meta", {"meta", "base"}),
    ("plugins", {"memory", "meta", "nn", "codec", "image", "base"}),
    ("pipelines", {"meta", "codec", "image", "base"}),
    ("cuda", {"nn", "image", "base"}),
]
USES_GLIB = ("plugins", "pipelines", "gst/memory", "gst/meta", "tests")
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 80
SOURCES = (".c", ".h", ".cu")


def tracked(root):
    """Names of the files under version control, or all outside build folders."""
    try:
        out = subprocess.run(["git", "-C", root, "ls-files", "-co",
                              "--exclude-standard"], check=True,
                             capture_output=True, text=True).stdout
        return [name for name in out.splitlines()
                if os.path.isfile(os.path.join(root, name))]
    except (OSError, subprocess.CalledProcessError):
        return [os.path.relpath(os.path.join(folder, name), root)
                for folder, _, names in os.walk(root) for name in names
                if not os.path.relpath(folder, root).startswith("build")]


def check_includes(name, text):
    """Yields what is wrong with the includes of one source file."""
    rule = next((allowed for folder, allowed in ALLOWED
                 if name.startswith(folder + "/")), None)
    for header in re.findall(r'^#\s*include\s+"([^"]+)"', text, re.M):
        folder = header.split("/")[0] if "/" in header else None
        if rule is not None and folder is not None and folder not in rule:
            yield f"includes {header}"
    for header in re.findall(r"^#\s*include\s+<([^>]+)>", text, re.M):
        if re.match(r"(glib|gio|gst)[/.-]", header + "/") \
                and not name.startswith(USES_GLIB):
            yield f"includes <{header}>: the core is plain C"
        if header.startswith("dnnl") and "onednn/" not in name:
            yield f"includes <{header}> outside onednn/"
        if re.match(r"cuda|cudnn", header) \
                and not name.startswith(("cuda/", "tests/cuda/")):
            yield f"includes <{header}> outside cuda/"


def function_lengths(text):
    """Yields (name, lines) of each function, by GStreamer's look: its opening
    and closing braces stand alone in the first column."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = "\n".join(lines[max(0, start - 8):start])
            names = re.findall(r"^(\w+) \(", head, re.M)
            yield (names[-1] if names else "?", number - start + 1)
            start = None


def check_lengths(name, text):
    """Yields files and functions that are too long."""
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{lines} lines, more than {MAX_FILE_LINES}"
    for function, length in function_lengths(text):
        if length > MAX_FUNCTION_LINES:
            yield f"{function}: {length} lines, more than {MAX_FUNCTION_LINES}"


def check_text(name, text):
    """Yields formal faults of any source file."""
    if "SPDX-License-Identifier: LGPL-2.1-or-later" not in text[:200]:
        yield "has no SPDX line"
    if "\t" in text and not name.endswith((".csv",)):
        yield "has a tab"
    if re.search(r"[ \t]+$", text, re.M):
        yield "has trailing blanks"
    if text and not text.endswith("\n"):
        yield "ends without a newline"
    if re.search(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", text):
        yield "leaves something open"


def check_header_alone(root, name, flags):
    """Yields the compiler's complaint about a header included by itself."""
    code = f'#include "{os.path.join(root, name)}"\n'
    result = subprocess.run(
        ["cc", "-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
         "-Wno-unused-function", "-Wno-unused-variable", "-Wno-unused-parameter",
         "-DPET_HAVE_ONEDNN=0", "-DPET_HAVE_GST_CUDA=0", "-I" + os.path.join(root, "gst"),
         "-I" + os.path.join(root, "cuda"),
         "-I" + os.path.join(root, "tests"), "-x", "c", "-"] + flags,
        input=code, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        yield "does not compile alone: " + result.stderr.splitlines()[0]


def check_format(root, name):
    """Yields whether clang-format would change the file."""
    path = os.path.join(root, name)
    result = subprocess.run(["clang-format-14", "--dry-run", "-Werror", path],
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        yield "clang-format: " + (result.stderr.splitlines() or ["?"])[0]


def report(number, what, faults):
    """Prints one TAP line; returns whether it passed."""
    print(f"{'not ' if faults else ''}ok {number} - {what}")
    for fault in faults[:20]:
        print(f"# {fault}")
    return not faults


def main():
    root = os.path.abspath(sys.argv[1])
    names = [n for n in tracked(root) if n.endswith(SOURCES)]
    texts = {}
    for name in names:
        with open(os.path.join(root, name), encoding="utf-8") as file:
            texts[name] = file.read()
    flags = subprocess.run(
        ["pkg-config", "--cflags", "gstreamer-check-1.0",
         "gstreamer-video-1.0", "json-glib-1.0", "libsoup-3.0"],
        capture_output=True, text=True, check=False).stdout.split()

    def over(check, chosen):
        return [f"{name}: {fault}" for name in chosen
                for fault in check(name)]

    scripts = [n for n in tracked(root)
               if n.endswith((".py", ".sh", "meson.build"))]
    for name in scripts:
        with open(os.path.join(root, name), encoding="utf-8") as file:
            texts[name] = file.read()
    headers = [n for n in names if n.endswith(".h")]
    # Headers that need a library which may not be there.
    alone = [n for n in headers if "/onednn/" not in n
             and n != "plugins/gstpetcudapool.h"
             and (not re.match(r"(tests/)?cuda/", n) or n == "cuda/pet-cuda.h")]
    checks = [
        ("includes go one way", over(
            lambda n: check_includes(n, texts[n]), names)),
        ("files and functions are short", over(
            lambda n: check_lengths(n, texts[n]), names)),
        ("sources are formally sound", over(
            lambda n: check_text(n, texts[n]), names + scripts)),
        ("every header compiles alone", over(
            lambda n: check_header_alone(root, n, flags),
            alone)),
    ]
    passed = True
    for number, (what, faults) in enumerate(checks, 1):
        passed &= report(number, what, faults)
    what = "clang-format finds nothing to change"
    if shutil.which("clang-format-14"):
        passed &= report(len(checks) + 1, what, over(
            lambda n: check_format(root, n), names))
    else:
        print(f"ok {len(checks) + 1} - {what} # SKIP no clang-format-14")
    print(f"1..{len(checks) + 1}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
