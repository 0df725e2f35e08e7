# SPDX-License-Identifier: LGPL-2.1-or-later
"""Photos as cameras and phones write them: 50 MP, lying on their side, with
EXIF; several at once with little memory."""

import os
import struct
import subprocess
import tempfile
import threading

from service import (LOOKS, Service, check, drawn_photo, finish, is_png,
                     png_size, real_photo)

WIDTH, HEIGHT = 8160, 6120  # 49.9 MP


def exif(orientation):
    """An APP1 segment as phones write it: maker, model, orientation, and a
    thumbnail's worth of maker's notes."""
    texts = [(0x010f, b"Example\0"), (0x0110, b"Phone 50\0")]
    entries, data = [], b""
    offset = 8 + 2 + 12 * 4 + 4
    for tag, text in texts:
        entries.append(struct.pack("<HHII", tag, 2, len(text),
                                   offset + len(data)))
        data += text
    entries.append(struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0))
    notes = bytes(range(256)) * 40
    entries.append(struct.pack("<HHII", 0x927c, 7, len(notes),
                               offset + len(data)))
    data += notes
    tiff = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + \
        b"".join(entries) + bytes(4) + data
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def large_photo(folder, orientation):
    """A JPEG of 50 MP that a camera held upright has written lying."""
    source = os.path.join(folder, "source")
    target = os.path.join(folder, "large.jpg")
    small = real_photo("redpanda-10mp.jpg") or drawn_photo(1020, 765, "wide")
    with open(source, "wb") as file:
        file.write(small)
    subprocess.run([
        "gst-launch-1.0", "-q", "filesrc", f"location={source}", "!",
        "petdec", "max-size=2040", "!", "videoconvert", "!", "videoscale", "!",
        f"video/x-raw,format=I420,width={WIDTH},height={HEIGHT}", "!",
        "jpegenc", "quality=85", "!", "filesink", f"location={target}"],
        check=True)
    with open(target, "rb") as file:
        data = file.read()
    return data[:2] + exif(orientation) + data[2:]


def whole(answer):
    """All looks, upright."""
    lines = answer.lines()
    return answer.status == 200 and sorted(lines) == sorted(LOOKS) and all(
        is_png(line["data"]) and png_size(line["data"]) == (1152, 1536)
        for line in lines.values())


def main():
    with tempfile.TemporaryDirectory() as folder:
        photo = large_photo(folder, 6)
    with Service("--memory", "128M", "--jobs", "2") as service:
        answer = service.lines("", photo)
        check(f"{len(photo) >> 20} MB, 50 MP: five looks, upright",
              whole(answer), answer.body[:300])
        answers = []
        clients = [threading.Thread(target=lambda: answers.append(
            service.lines("?cache=no", photo))) for _ in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        check("four at once: 200 or 429", all(
            whole(answer) or answer.status == 429 for answer in answers) and
            any(answer.status == 200 for answer in answers),
            [(answer.status, answer.body[:100]) for answer in answers])
        metrics = service.metrics()
        check("the memory accounted stays below the limit",
              metrics["pet_budget_peak_bytes"] <= 128 << 20, metrics[
                  "pet_budget_peak_bytes"])
        answer = service.post_form(
            "/api/v2/process-with-effects?return_all_effects=true"
            "&effects=color", photo)
        check("by the former interface, which refused it",
              answer.status == 200 and list(answer.json()["effects"]) ==
              ["color"], answer.body[:300])
        answer = service.lines("?max-size=0&effects=color", photo)
        check("as it is: 50 MP out, or not done for want of memory",
              answer.status in (200, 422, 500), answer.body[:300])
        check("nothing was complained about", "CRITICAL" not in
              service.errors(), service.errors())
    with Service("--max-megapixels", "40") as service:
        check("413 where the limit is below", service.post(
            "/v2/process", photo).status == 413)
    finish()


main()
