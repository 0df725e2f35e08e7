# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs pet-serve for a test, speaks HTTP with it, and says TAP.

    with Service("--memory", "256M") as service:
        answer = service.post("/v2/process", photo)
        check("it is taken", answer.status == 200)
    finish()
"""

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

# By hand: those of the build folder.
PROGRAMS = os.environ.get("PET_PROGRAMS", os.path.join(
    os.path.dirname(__file__), "../../build/pipelines"))
SHARED = os.environ.get("PET_SHARED", "")
PNG = b"\x89PNG\r\n\x1a\n"
LOOKS = ["color", "enhancedblackwhite", "popart", "dithering", "retro8bit"]

_number = 0
_failed = 0


def check(what, good, detail=""):
    """One TAP line; returns whether it passed."""
    global _number, _failed
    _number += 1
    print(f"{'' if good else 'not '}ok {_number} - {what}", flush=True)
    if not good:
        _failed += 1
        if detail != "":
            print("# " + str(detail)[:600].replace("\n", "\n# "), flush=True)
    return good


def skip(what, why):
    """One TAP line of a test that cannot be made here."""
    global _number
    _number += 1
    print(f"ok {_number} - {what} # SKIP {why}", flush=True)


def finish():
    """The plan; ends the program."""
    print(f"1..{_number}")
    sys.exit(1 if _failed else 0)


def wait_for(condition, seconds=30):
    """Whether `condition()` becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def drawn_photo(width=480, height=640, name="drawn"):
    """A drawn cat as PNG."""
    path = os.path.join(tempfile.gettempdir(),
                        f"pet-{os.getpid()}-{name}.png")
    subprocess.run([os.path.join(PROGRAMS, "pet-draw"), path, str(width),
                    str(height)], check=True)
    with open(path, "rb") as file:
        data = file.read()
    os.unlink(path)
    return data


def real_photo(name):
    """A photo of the collection beside the checkout, or None."""
    path = os.path.join(SHARED, "photos", name)
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        return file.read()


class Answer:
    """What came back: status, headers (lower case), body."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read()

    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    def lines(self):
        """The body as lines of JSON, by effect; base64 decoded."""
        found = {}
        for text in self.body.decode().splitlines():
            line = json.loads(text)
            if "data" in line:
                line["data"] = base64.b64decode(line["data"])
            found[line["effect"]] = line
        return found

    def parts(self):
        """The parts of multipart/mixed: (headers, body)."""
        boundary = self.headers["content-type"].split("boundary=")[1]
        found = []
        for part in self.body.split(b"--" + boundary.encode())[1:-1]:
            head, body = part.split(b"\r\n\r\n", 1)
            headers = dict(line.split(": ", 1) for line
                           in head.decode().strip().split("\r\n"))
            found.append((headers, body[:-2]))
        return found


def form(photo, content_type="image/jpeg", boundary="XbOuNdArY", **fields):
    """(headers, body) of multipart/form-data."""
    body = b""
    for name, value in fields.items():
        body += (f"--{boundary}\r\nContent-Disposition: form-data; "
                 f"name=\"{name}\"\r\n\r\n{value}\r\n").encode()
    if photo is not None:
        body += (f"--{boundary}\r\nContent-Disposition: form-data; "
                 f"name=\"file\"; filename=\"dog.jpg\"\r\n"
                 f"Content-Type: {content_type}\r\n\r\n").encode()
        body += photo + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


class Service:
    """A running pet-serve on a free port of 127.0.0.1, with a cache and a log
    of its own."""

    def __init__(self, *options, cache=None, wait=True, env=None,
                 programs=PROGRAMS):
        self.folder = tempfile.mkdtemp(prefix="pet-serve-")
        self.cache = cache or os.path.join(self.folder, "cache")
        self.log = os.path.join(self.folder, "log")
        arguments = [os.path.join(programs, "pet-serve"), "--port", "0",
                     "--device", "cpu", *options]
        if "--cache" not in options:
            arguments += ["--cache", self.cache]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE,
                                            stderr=log,
                                            env={**os.environ, **(env or {})})
        line = self.process.stdout.readline().decode()
        if not line.startswith("listening on "):
            raise RuntimeError("pet-serve did not start: " + self.errors())
        self.address = line.split()[2]
        self.port = int(line.rsplit(":", 1)[1])
        if wait and self.process.stdout.readline() != b"ready\n":
            raise RuntimeError("pet-serve is not ready: " + self.errors())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def errors(self):
        """What it has said on standard error."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self, sig=signal.SIGTERM, seconds=30):
        """Ends it; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def connect(self, seconds=60):
        """A socket."""
        return socket.create_connection(("127.0.0.1", self.port), seconds)

    def request(self, method, path, body=None, headers=None, seconds=60):
        """An Answer, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=seconds)
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        """GET; header names with '_' for '-'."""
        return self.request("GET", path, headers={
            k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path, body, **headers):
        """POST of a photo."""
        return self.request("POST", path, body, {
            k.replace("_", "-"): v for k, v in headers.items()})

    def lines(self, query, photo):
        """POST /v2/process, answered as lines."""
        return self.post("/v2/process" + query, photo,
                         Accept="application/x-ndjson")

    def post_form(self, path, photo, content_type="image/jpeg", **fields):
        """POST of a form."""
        headers, body = form(photo, content_type, **fields)
        return self.request("POST", path, body, headers)

    def metrics(self):
        """/metrics as {name with labels: value}."""
        found = {}
        for line in self.get("/metrics").body.decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found


def quote(text):
    """For a query."""
    return urllib.parse.quote(text)


def is_png(data):
    """Whether it is a whole PNG."""
    return data.startswith(PNG) and data.endswith(b"IEND\xaeB`\x82")


def png_size(data):
    """(width, height)"""
    return (int.from_bytes(data[16:20], "big"),
            int.from_bytes(data[20:24], "big"))


def picture(data):
    """The chunks of a PNG that are the picture; what it says about how it was
    made is left out."""
    kept = []
    at = len(PNG)
    while at + 12 <= len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        if data[at + 4:at + 8] in (b"IHDR", b"PLTE", b"tRNS", b"IDAT"):
            kept.append(data[at + 4:at + 8 + size])
        at += 12 + size
    return kept
