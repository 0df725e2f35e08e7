# SPDX-License-Identifier: LGPL-2.1-or-later
"""The README's curl lines, as they stand; every route has one."""

import json
import os
import re
import subprocess
import tempfile

from service import Service, check, drawn_photo, finish

ROOT = os.environ["PET_ROOT"]


def readme_lines():
    """The lines of the README's ```curl block."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        block = file.read().split("```curl\n")[1].split("```")[0]
    return block.strip().splitlines()


def route_paths():
    """(method, path) of every route."""
    with open(os.path.join(ROOT, "pipelines/serve-routes.c"),
              encoding="utf-8") as file:
        return re.findall(r'^  \{ "(GET|POST)", "([^"]+)"', file.read(), re.M)


def run(line, folder, port, key):
    """(exit status of curl, its output, the file it wrote or b'')"""
    line = line.replace(":8080", f":{port}").replace("$KEY", key)
    result = subprocess.run(
        ["bash", "-c", line.replace("curl ", "curl --fail --max-time 60 ", 1)],
        cwd=folder, capture_output=True, check=False,
        # A sanitizer's run time is for our programs.
        env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"})
    found = re.search(r"-o (\S+)", line)
    data = b""
    if found and os.path.exists(os.path.join(folder, found.group(1))):
        with open(os.path.join(folder, found.group(1)), "rb") as file:
            data = file.read()
        os.unlink(os.path.join(folder, found.group(1)))
    return result.returncode, result.stdout, data


def main():
    lines = readme_lines()
    with tempfile.TemporaryDirectory() as folder, Service() as service:
        with open(folder + "/dog.jpg", "wb") as file:
            file.write(drawn_photo(160, 200))
        key = ""
        for line in lines:
            status, output, data = run(line, folder, service.port, key)
            good = status == 0 and (
                data.startswith(b"\x89PNG") if " -o " in line else output)
            check(line[:100], good, (status, output[:300]))
            if not key and b'"key"' in output:
                key = json.loads(next(
                    t for t in output.splitlines() if b'"color"' in t))["key"]
    text = "\n".join(lines)
    missing = [path for _, path in route_paths() if path.rstrip("*")
               not in text and not path.startswith(("/page.", "/index", "/ws/",
                                                    "/api/v2/ws/"))
               and path + "/" not in text]
    check("every route has its line", not missing, missing)
    finish()


main()
