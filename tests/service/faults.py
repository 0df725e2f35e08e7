# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that stall, leave and flood; storage that fails; a full disk;
signals; little memory."""

import http.server
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

from service import (LOOKS, PROGRAMS, Service, check, drawn_photo, finish, form,
                     is_png, real_photo, skip, wait_for)

PHOTO = drawn_photo()
LARGE = drawn_photo(900, 1200, "large")


def head(path="/v2/process", length=len(PHOTO), extra=""):
    """The beginning of a POST."""
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\n{extra}"
            f"Content-Length: {length}\r\n\r\n").encode()


def answer_of(client):
    """What comes before the connection ends, within a time."""
    data = b""
    try:
        while True:
            piece = client.recv(65536)
            if not piece:
                return data
            data += piece
    except OSError:
        return data


def idle(service):
    """Nothing is held any more."""
    metrics = service.metrics()
    return metrics["pet_places"] == 0 and metrics["pet_in_work"] == 0 and \
        metrics["pet_upload_buffer_bytes"] == 0 and \
        metrics["pet_budget_bytes"] == 0


def test_early(service):
    """Refused before the body has been sent."""
    client = service.connect(10)
    client.sendall(head(length=60 << 20))
    answer = answer_of(client)
    check("413 by Content-Length, before a byte of the body",
          b" 413 " in answer and b"Connection: close" in answer, answer)
    client = service.connect(10)
    bomb = PHOTO[:16] + (60000).to_bytes(4, "big") * 2
    client.sendall(head(length=40 << 20) + bomb + bytes(100))
    check("413 by the photo's header", b" 413 " in answer_of(client))
    client = service.connect(10)
    headers, body = form(PHOTO[:16] + (60000).to_bytes(4, "big") * 2 +
                         bytes(100))
    client.sendall(head(length=40 << 20, extra="Content-Type: " +
                        headers["Content-Type"] + "\r\n") + body[:-40])
    check("413 by the photo's header in a form", b" 413 " in answer_of(client))
    client = service.connect(10)
    client.sendall(head(length=40 << 20) + b"GIF89a" + bytes(100))
    check("415 by the first bytes", b" 415 " in answer_of(client))
    client = service.connect(10)
    client.sendall(b"POST /v2/process HTTP/1.1\r\nHost: x\r\n"
                   b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
    answer = client.recv(4000)
    check("413 instead of 100 Continue", b" 413 " in answer, answer)
    client.close()
    client = service.connect(10)
    client.sendall(b"POST /v2/process?effects=color HTTP/1.1\r\nHost: x\r\n"
                   b"Accept: image/png\r\nTransfer-Encoding: chunked\r\n\r\n")
    for i in range(0, len(PHOTO), 10000):
        piece = PHOTO[i:i + 10000]
        client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
    client.sendall(b"0\r\n\r\n")
    answer = client.recv(1000)
    check("an upload in chunks is taken", b" 200 " in answer, answer)
    client.close()
    client = service.connect(10)
    try:
        client.sendall(b"POST /v2/process HTTP/1.1\r\nHost: x\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"40000\r\n" + LARGE[:0x40000].ljust(0x40000, b"\0") + b"\r\n"
        for _ in range(400):
            client.sendall(piece)
    except OSError:
        pass
    check("endless chunks are not", b" 413 " in answer_of(client))
    check("nothing is held afterwards", wait_for(lambda: idle(service)))


def test_leaving(service):
    """Clients that are gone cost nothing."""
    for _ in range(8):
        client = service.connect()
        client.sendall(head() + PHOTO[:5000])
        client.close()
    check("left in mid-upload", wait_for(lambda: idle(service)))
    for _ in range(8):
        client = service.connect()
        client.sendall(head("/v2/process?cache=no", len(LARGE)) + LARGE)
        client.close()
    check("left before the answer", wait_for(lambda: idle(service)))
    for _ in range(4):
        client = service.connect()
        client.sendall(head("/v2/process?cache=no", len(LARGE)) + LARGE)
        client.recv(3000)
        client.close()
    check("left in mid-answer", wait_for(lambda: idle(service)))
    client = service.connect()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      b"\1\0\0\0\0\0\0\0")
    client.sendall(head("/v2/process?cache=no", len(LARGE)) + LARGE)
    client.close()
    check("left with a reset", wait_for(lambda: idle(service)))
    lines = service.lines("", PHOTO).lines()
    check("others are served as before", len(lines) == 5 and all(
        is_png(line["data"]) for line in lines.values()))
    metrics = service.metrics()
    check("they are counted",
          metrics['pet_photos_total{result="canceled"}'] > 0)


def test_slow():
    """Deadlines of uploads and of answers that nobody takes."""
    with Service("--upload-timeout", "1", "--send-timeout", "1") as service:
        slow = service.connect(20)
        slow.sendall(head() + PHOTO[:100])
        lazy = service.connect(20)
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(head("/v2/process?max-size=0", len(LARGE)) + LARGE)
        trickle = service.connect(20)
        trickle.sendall(head())
        begin = time.monotonic()
        try:
            while time.monotonic() - begin < 10:
                trickle.sendall(PHOTO[:1])
                time.sleep(0.2)
        except OSError:
            pass
        check("a trickle is cut off", time.monotonic() - begin < 9)
        check("an upload that stalls: 408", b" 408 " in answer_of(slow))
        check("an answer that nobody takes is given up",
              wait_for(lambda: idle(service) and
                       service.metrics()["pet_connections"] <= 2))
        lazy.close()


GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def read_answer(client):
    """(status line, body) of an answer with a length; b"" when it is closed."""
    file = client.makefile("rb", 0)
    status, length = file.readline(), 0
    while (line := file.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return status, file.read(length)


def is_closed(client, seconds):
    """Whether the other side ends it in time."""
    client.settimeout(seconds)
    try:
        return client.recv(1) == b""
    except socket.timeout:
        return False
    except OSError:
        return True


def test_kept_connections():
    """Connections that serve more than one request: how many, for how long."""
    with Service("--upload-timeout", "1", "--max-connections", "8",
                 "--jobs", "1") as service:
        client = service.connect(10)
        client.sendall(GET + GET)
        check("two requests at once: both are answered", [
            read_answer(client) for _ in range(2)] ==
            [(b"HTTP/1.1 200 OK\r\n", b"ok\n")] * 2)
        client.sendall(head("/v2/process?effects=nose") + PHOTO)
        check("a refused photo on the same connection",
              b" 400 " in read_answer(client)[0])
        client.sendall(GET)
        check("and one more request", b" 200 " in read_answer(client)[0])
        client.sendall(b"OPTIONS /v2/process HTTP/1.1\r\nHost: x\r\n\r\n" +
                       head("/v2/process?effects=nose") + PHOTO)
        check("a page that asks whether it may post, and posts", [
            read_answer(client)[0].split()[1] for _ in range(2)] ==
            [b"200", b"400"])
        client.sendall(b"GET /..%2f HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        check("a refused address, and one more request", [
            read_answer(client)[0].split()[1] for _ in range(2)] ==
            [b"400", b"200"])
        client.sendall(head() + PHOTO[:100])
        check("an upload that stalls there: 408", b" 408 " in answer_of(client))
        for _ in range(5):
            client = service.connect(10)
            client.sendall(GET)
            read_answer(client)
            client.close()
        check("those that clients close are gone", wait_for(
            lambda: service.metrics()["pet_connections"] == 1, 5))
        clients = [service.connect(10) for _ in range(30)]
        for client in clients:
            try:
                client.sendall(GET)
                read_answer(client)
            except OSError:
                pass
        check("idle ones make room", service.get("/healthz").status == 200
              and service.metrics()["pet_connections"] <= 8)
        begin = time.monotonic()
        check("the last idle one is kept for a while, and no longer",
              is_closed(clients[-1], 25) and time.monotonic() - begin > 5)
        idle_one = service.connect(10)
        idle_one.sendall(GET)
        read_answer(idle_one)
        busy = service.connect(10)
        busy.sendall(head("/v2/process?cache=no&max-size=0", len(LARGE)) +
                     LARGE)
        wait_for(lambda: service.metrics()["pet_places"] == 1)
        service.process.send_signal(signal.SIGTERM)
        check("SIGTERM closes idle ones while a photo is in work",
              is_closed(idle_one, 2))
        check("and answers the photo", answer_of(busy).count(b"IEND") == 5)
        check("and ends with 0", service.process.wait(20) == 0)


def test_full():
    """More clients than places, and more connections than allowed."""
    with Service("--queue", "1", "--jobs", "1") as service:
        waiting = []
        for _ in range(2):
            client = service.connect()
            client.sendall(head() + PHOTO[:100])
            waiting.append(client)
        check("the places are taken", wait_for(
            lambda: service.metrics()["pet_places"] == 2))
        answer = service.post("/v2/process", PHOTO)
        check("429 with Retry-After", answer.status == 429 and
              1 <= int(answer.headers["retry-after"]) <= 60, answer.headers)
        check("in the former form too", service.post_form(
            "/api/v2/process", PHOTO).json().keys() == {"detail"})
        check("not ready for more", service.get("/readyz").status == 503)
        check("but alive", service.get("/healthz").status == 200)
        for client in waiting:
            client.close()
        check("then there is room", wait_for(
            lambda: service.post("/v2/process", PHOTO).status == 200))
    with Service("--max-connections", "8") as service:
        clients = [service.connect() for _ in range(40)]
        check("more connections than allowed: others are served",
              service.get("/healthz").status == 200)
        check("never more than allowed",
              service.metrics()["pet_connections"] <= 8)
        for client in clients:
            client.close()


class Storage(http.server.BaseHTTPRequestHandler):
    """Takes what is PUT, answers 500 or hangs, by the path."""
    protocol_version = "HTTP/1.1"
    taken = {}

    def do_PUT(self):
        """PUT"""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/hang/"):
            time.sleep(3)
            return
        if self.path.startswith("/good/"):
            Storage.taken[self.path] = body
        self.send_response(201 if self.path.startswith("/good/") else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


def test_storage():
    """HTTP PUT: taken, refused, never answered, not there."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Storage)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    with Service("--store", base + "/good/p?sig=1") as service:
        lines = service.lines("?session=s", PHOTO).lines()
        check("PUT: each look, before its line", all(
            line["status"] == "done" for line in lines.values()) and
            set(Storage.taken) == {f"/good/p/s/{k}.png?sig=1" for k in LOOKS}
            and all(is_png(v) for v in Storage.taken.values()), lines)
        check("PUT: the URL without the signature", lines["color"]["url"] ==
              base + "/good/p/s/color.png", lines["color"])
    for what, where, word in [("answers 500", base + "/bad", "500"),
                              ("hangs", base + "/hang", "too long"),
                              ("is not there", "http://127.0.0.1:9/x", "")]:
        with Service("--store", where, "--store-timeout", "1") as service:
            answer = service.lines("?effects=color,popart", PHOTO)
            lines = answer.lines()
            check(f"a storage that {what}: failed with the reason",
                  answer.status == 200 and len(lines) == 2 and all(
                      line["status"] == "failed" and word in line["reason"]
                      for line in lines.values()), answer.body[:500])
            check(f"a storage that {what}: counted, and nothing is held",
                  service.metrics()["pet_store_errors_total"] == 2 and
                  wait_for(lambda: idle(service)))
    server.shutdown()


def test_full_disk():
    """A cache that cannot be written."""
    if os.path.exists("/dev/full") and os.geteuid() == 0 and os.system(
            "mkdir -p /tmp/pet-full && mount -t tmpfs -o size=200k none "
            "/tmp/pet-full 2>/dev/null") == 0:
        try:
            with Service(cache="/tmp/pet-full/cache") as service:
                lines = service.lines("", PHOTO).lines()
                check("cache disk full: all looks all the same", len(lines) ==
                      5 and all(is_png(v["data"]) for v in lines.values()))
                check("cache disk full: it is counted", service.metrics()[
                    "pet_cache_write_errors_total"] > 0)
                check("cache disk full: nothing is held", wait_for(
                    lambda: idle(service)))
            with Service("--memory", "12M", "--job-timeout", "8",
                         cache="/tmp/pet-full/cache") as service:
                lines = service.lines("?max-size=0", LARGE).lines()
                check("cache disk full, little memory: all looks", len(
                    lines) == 5 and all(v["status"] == "done"
                                        for v in lines.values()))
        finally:
            os.system("umount /tmp/pet-full && rmdir /tmp/pet-full")
    else:
        skip("cache disk full", "cannot mount a small file system")
    with Service("--cache", "none") as service:
        lines = service.lines("", PHOTO).lines()
        check("without a cache", all(is_png(v["data"])
                                     for v in lines.values()))
        check("without a cache, nothing is held", wait_for(
            lambda: idle(service)))
    with Service("--cache-size", "400K") as service:
        for size in range(100, 400, 30):
            service.lines(f"?max-size={size}", PHOTO)
        metrics = service.metrics()
        check("the cache keeps to its limit",
              0 < metrics["pet_cache_bytes"] <= 400 * 1024)
        used = sum(os.path.getsize(os.path.join(folder, name))
                   for folder, _, names in os.walk(service.cache)
                   for name in names)
        check("and so do its files", 0 < used <= 400 * 1024, used)
        check("a second process does not touch it", "another process" in
              second_process(service.cache))


def test_little_memory_without_cache():
    """Looks that are kept for the client hold up none of the others."""
    for memory in ("1M", "12M"):
        with Service("--cache", "none", "--memory", memory, "--jobs", "1",
                     "--job-timeout", "8") as service:
            answer = service.post_form(
                "/api/v2/process-with-effects?return_all_effects=true&effects="
                + ",".join(LOOKS), LARGE, "image/png")
            check(f"{memory}, no cache: all looks in one answer",
                  answer.status == 200 and
                  sorted(answer.json()["effects"]) == sorted(LOOKS) and
                  answer.json()["failed_effects"] is None, answer.body[-300:])
            lines = service.lines("?max-size=0", LARGE).lines()
            check(f"{memory}, no cache: each look as it is ready", all(
                line["status"] == "done" and is_png(line["data"])
                for line in lines.values()) and len(lines) == 5)
            many_at_once(service, f"{memory}, no cache")
            check(f"{memory}, no cache: nothing is held", wait_for(
                lambda: idle(service)))


def many_at_once(service, what):
    """Clients that all want everything."""
    answers = []
    clients = [threading.Thread(target=lambda: answers.append(
        service.post_form("/api/v2/process-with-effects?effects=color,popart&"
                          "return_all_effects=true", PHOTO, "image/png")))
               for _ in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    check(f"{what}: all of several clients", len(answers) == 4 and all(
        a.status in (200, 429) for a in answers) and all(
            len(a.json()["effects"]) == 2 for a in answers
            if a.status == 200), [a.body[-200:] for a in answers])


def test_kept_is_bounded():
    """A client that takes nothing, without a cache: what is kept for it does not
    grow by that of others."""
    photo = real_photo("more/cat-galaxy-s2-orient6-8mp.jpg")
    if photo is None:
        skip("what is kept for clients is bounded", "no photo is that large")
        return
    with Service("--cache", "none", "--memory", "20M", "--jobs", "1") as service:
        lazy = service.connect(30)
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(head("/v2/process?max-size=2400", len(photo)) + photo)
        wait_for(lambda: service.metrics()["pet_in_work"] == 1)
        wait_for(lambda: service.metrics()["pet_in_work"] == 0)
        answers = []
        other = threading.Thread(target=lambda: answers.append(
            service.lines("?effects=color", PHOTO)))
        other.start()
        check("kept for a client that takes nothing: the next waits", wait_for(
            lambda: service.metrics()["pet_queue_depth"] == 1) and not wait_for(
                lambda: service.metrics()["pet_in_work"] == 1, 1))
        lazy.close()
        other.join()
        check("kept for a client that takes nothing: it leaves, and others "
              "are served", answers[0].status == 200 and
              answers[0].lines()["color"]["status"] == "done",
              answers[0].body[:300])


def second_process(cache):
    """What a pet-serve says that is given the cache of another."""
    with Service(cache=cache) as other:
        good = other.lines("?effects=color", PHOTO).status == 200
        return other.errors() if good else "failed"


def test_signals():
    """SIGTERM under load, SIGKILL and restart."""
    with Service("--jobs", "1") as service:
        results = []

        def post():
            results.append(service.lines("?cache=no&max-size=400", LARGE))

        threads = [threading.Thread(target=post) for _ in range(5)]
        for thread in threads:
            thread.start()
        wait_for(lambda: service.metrics()["pet_places"] == 5)
        status = service.stop(signal.SIGTERM)
        for thread in threads:
            thread.join()
        check("SIGTERM under load: ends with 0", status == 0, status)
        check("SIGTERM under load: every photo is answered", len(results) == 5
              and all(r.status == 200 and len(r.lines()) == 5
                      for r in results), [r.status for r in results])
    with tempfile.TemporaryDirectory() as folder:
        cache = folder + "/cache"
        with Service(cache=cache) as service:
            first = service.lines("", PHOTO).lines()
            client = service.connect()
            client.sendall(head("/v2/process", len(LARGE)) + LARGE)
            client.recv(500)
            service.stop(signal.SIGKILL)
            client.close()
        with Service(cache=cache) as service:
            again = service.lines("", PHOTO).lines()
            check("SIGKILL: the results outlive it", all(
                again[k]["cached"] and again[k]["data"] == first[k]["data"]
                for k in LOOKS))
            rest = [name for _, _, names in os.walk(cache) for name in names
                    if name.startswith(".tmp")]
            check("SIGKILL: no torn file is left", not rest, rest)


def test_memory():
    """Little memory: required looks always, optional ones dropped."""
    with Service("--memory", "8M", "--jobs", "1") as service:
        query = "?cache=no&max-size=0&optional=retro8bit:5,popart:10"
        lines = service.lines(query, LARGE).lines()
        check("little memory: the required looks are done", all(
            lines[k]["status"] == "done" and is_png(lines[k]["data"])
            for k in ("color", "enhancedblackwhite", "dithering")), {
                k: v["status"] for k, v in lines.items()})
        check("little memory: optional ones are dropped and named", all(
            lines[k]["status"] == "dropped" and lines[k]["reason"]
            or lines[k]["status"] == "done" for k in ("retro8bit", "popart"))
            and lines["retro8bit"]["status"] == "dropped",
            {k: (v["status"], v.get("reason")) for k, v in lines.items()})
        answer = service.post_form(
            "/api/v2/process-with-effects?return_all_effects=true&"
            "effects=color,popart", PHOTO, "image/png")
        check("little memory: the former interface", answer.status == 200 and
              set(answer.json()["effects"]) == {"color", "popart"})


def test_usage():
    """The command line."""
    for options in (["--jobs", "0"], ["--nose"], ["stray"],
                    ["--memory", "x"], ["--listen", "nowhere"],
                    ["--store", "http://:::/"], ["--store", "http://"],
                    ["--store", ""], ["--store", "ftp://host/prints"],
                    ["--store", __file__], ["--store", __file__ + "/below"],
                    ["-jx"], ["-j0"], ["-jobs", "1"],
                    ["--model", "no such Zoë.onnx"]):
        try:
            Service(*options).stop()
            check(f"{options}: refused", False)
        except RuntimeError as error:
            check(f"{options}: refused with a reason",
                  "pet-serve: " in str(error) and "?" not in str(error),
                  error)
    with Service("-j1") as service:
        status = subprocess.run(
            [os.path.join(PROGRAMS, "pet-serve"), "--device", "cpu", "--cache",
             "none", "--port", str(service.port)], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, check=False)
        check("a port that is taken: 2, and nothing is ready",
              status.returncode == 2 and status.stdout == b"" and
              b"in use" in status.stderr, status)
        check("-j1: as --jobs 1", service.metrics()["pet_pipelines"] == 1)


def main():
    with Service() as service:
        test_early(service)
        test_leaving(service)
        check("nothing was complained about", "CRITICAL" not in
              service.errors(), service.errors())
    test_slow()
    test_kept_connections()
    test_full()
    test_storage()
    test_full_disk()
    test_little_memory_without_cache()
    test_kept_is_bounded()
    test_signals()
    test_memory()
    test_usage()
    finish()


main()
