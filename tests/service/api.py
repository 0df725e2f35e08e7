# SPDX-License-Identifier: LGPL-2.1-or-later
"""pet-serve's own routes: answers, formats, refusals, cache, watching."""

import base64
import glob
import json
import os
import shutil
import struct
import subprocess
import tempfile
import zlib

from service import (LOOKS, PROGRAMS, Service, check, drawn_photo, finish,
                     form, is_png, picture, png_size, wait_for)

PHOTO = drawn_photo()


def batch_results(photo, *options):
    """What pet-batch makes of the photo."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "cat.png")
        with open(source, "wb") as file:
            file.write(photo)
        subprocess.run([os.path.join(PROGRAMS, "pet-batch"), "--device", "cpu",
                        "--quiet", *options, source, "-o", folder + "/out"],
                       check=True, stdout=subprocess.DEVNULL)
        found = {}
        for path in glob.glob(folder + "/out/cat/*.png"):
            with open(path, "rb") as file:
                found[os.path.basename(path)[:-4]] = picture(file.read())
        return found


def holds(path, data):
    """Whether a file is there and has these contents."""
    try:
        with open(path, "rb") as file:
            return file.read() == data
    except FileNotFoundError:
        return False


def black_png(side):
    """A picture without anything in it: petnet is not sure of it."""
    def chunk(name, data):
        return (struct.pack(">I", len(data)) + name + data +
                struct.pack(">I", zlib.crc32(name + data)))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = bytes(side * (1 + 3 * side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def test_without_second():
    """What the second network was to be asked about, and was not, is not kept."""
    photo = black_png(64)
    with tempfile.TemporaryDirectory() as lone:
        programs, plugins = lone + "/pipelines", lone + "/plugins"
        for folder, path in [(programs, PROGRAMS + "/pet-serve"),
                             (plugins, PROGRAMS + "/../plugins/libgstpet.so")]:
            os.mkdir(folder)
            shutil.copy(path, folder)
        cache = lone + "/cache"
        env = {"GST_PLUGIN_PATH": plugins, "GST_REGISTRY": lone + "/registry"}
        with Service("--jobs", "2", cache=cache, programs=programs,
                     env=env) as service:
            first = service.lines("?effects=color", photo).lines()["color"]
            again = service.lines("?effects=color", photo).lines()["color"]
            sure = service.lines("?effects=color", PHOTO).lines()["color"]
            check("without petnet-large: made", first["status"] == "done" and
                  is_png(first["data"]), first)
            check("and made again", not again["cached"], again["status"])
            check("noted in the result",
                  b"unasked=second-model" in first["data"])
            check("not where one was enough",
                  b"unasked" not in sure["data"])
            check("said once", service.errors().count("second network") == 1,
                  service.errors())
        with Service(cache=cache) as service:
            check("with it: made again", not service.lines(
                "?effects=color", photo).lines()["color"]["cached"])
            check("kept", service.lines(
                "?effects=color", photo).lines()["color"]["cached"])
            check("the other one, too", service.lines(
                "?effects=color", PHOTO).lines()["color"]["cached"])


def test_formats(service):
    """The three forms of an answer; all carry pet-batch's pictures."""
    expected = batch_results(PHOTO)
    answer = service.lines("", PHOTO)
    lines = answer.lines()
    check("lines: 200", answer.status == 200, answer.body[:300])
    check("lines: their type",
          answer.headers["content-type"] == "application/x-ndjson")
    check("lines: one per look", sorted(lines) == sorted(LOOKS), list(lines))
    check("lines: pet-batch's very pictures", all(
        picture(lines[look]["data"]) == expected[look] for look in LOOKS))
    check("lines: each says what it is", all(
        {"effect", "status", "type", "bytes", "cached", "key", "url",
         "milliseconds", "session"} <= set(line) and
        line["bytes"] == len(line["data"]) for line in lines.values()))
    check("not from the cache the first time",
          not any(line["cached"] for line in lines.values()))

    answer = service.post("/v2/process", PHOTO)
    parts = answer.parts()
    check("parts: multipart/mixed by default",
          answer.headers["content-type"].startswith("multipart/mixed"))
    check("parts: the same pictures", {
        h["X-Effect"]: picture(b) for h, b in parts} == expected)
    check("parts: lengths and types", all(
        int(h["Content-Length"]) == len(b) and
        h["Content-Type"] == "image/png" for h, b in parts))

    answer = service.post("/v2/process?effects=popart", PHOTO,
                          Accept="image/png")
    check("a picture where one is wanted",
          picture(answer.body) == expected["popart"])
    answer = service.post_form("/v2/process?effects=color", PHOTO, "image/png")
    check("the photo as a form's field", dict(
        (h["X-Effect"], picture(b)) for h, b in answer.parts()) ==
        {"color": expected["color"]})
    return lines


def test_wishes(service):
    """effects, max-size, settings, session."""
    lines = service.lines("?effects=color,popart&max-size=100&session=a.b-1",
                          PHOTO).lines()
    check("only the effects named", set(lines) == {"color", "popart"})
    check("max-size bounds the longest side",
          max(png_size(lines["color"]["data"])) == 100)
    check("the session is the caller's", lines["color"]["session"] == "a.b-1")
    one = service.lines("?effects=dithering&dithering.dot-size=1", PHOTO)
    two = service.lines("?effects=dithering", PHOTO)
    check("a setting changes the look and its key",
          one.lines()["dithering"]["key"] != two.lines()["dithering"]["key"])
    grain = service.lines("?effects=enhancedblackwhite"
                          "&enhancedblackwhite.seed=7", PHOTO).lines()
    check("settings are of one request only",
          service.lines("?effects=enhancedblackwhite&cache=no", PHOTO)
          .lines()["enhancedblackwhite"]["data"] !=
          grain["enhancedblackwhite"]["data"])
    headers, body = form(PHOTO, effects="retro8bit", max_size="64")
    headers["Accept"] = "application/x-ndjson"
    answer = service.request("POST", "/v2/process", body, headers)
    check("wishes as form fields", set(answer.lines()) == {"retro8bit"})
    for query, word in [("?effects=nose", "dithering"),
                        ("?optional=nose", "optional"),
                        ("?optional=color:101", "100"),
                        ("?max-size=-1", "max-size"),
                        ("?max-size=big", "max-size"),
                        ("?color.grain=1", "grain"),
                        ("?dithering.dot-size=9", "dot-size"),
                        ("?nose.size=9", "nose"),
                        ("?cache=maybe", "cache"),
                        ("?cache=", "cache"),
                        ("?session=a/b", "session"),
                        ("?session=..", "session")]:
        answer = service.lines(query, PHOTO)
        check(f"{query}: 400 that says why", answer.status == 400 and
              word in answer.json()["error"], answer.body)


def test_renditions(service, fine):
    """The former prints and those made for the wall."""
    expected = batch_results(PHOTO, "--rendition", "classic")
    lines = service.lines("?rendition=classic", PHOTO).lines()
    check("classic: pet-batch's very pictures", all(
        picture(lines[look]["data"]) == expected[look] for look in LOOKS))
    check("classic: keys of its own", all(
        lines[look]["key"] != fine[look]["key"] for look in LOOKS))
    check("dithering has two renditions", lines["dithering"]["data"] !=
          fine["dithering"]["data"])
    again = service.lines("?rendition=fine&effects=dithering", PHOTO).lines()
    check("fine is the default", again["dithering"]["cached"] and
          again["dithering"]["data"] == fine["dithering"]["data"])
    answer = service.post_form(
        "/api/v2/process-with-effects?return_all_effects=true"
        "&effects=" + ",".join(LOOKS), PHOTO)
    old = answer.json()["effects"]
    check("the former interface makes the former prints", all(
        picture(base64.b64decode(old[look])) == expected[look]
        for look in LOOKS))
    answer = service.lines(
        "?effects=dithering&dithering.method=bayer&dithering.ink=%23102030",
        PHOTO)
    check("choices and colours as settings", answer.status == 200 and
          answer.lines()["dithering"]["data"] != fine["dithering"]["data"],
          answer.body[:300])
    for query in ("rendition=nose", "effects=dithering&dithering.method=nose",
                  "effects=dithering&dithering.ink=nose",
                  "rendition=classic&effects=dithering&dithering.ink=none"):
        answer = service.lines("?" + query, PHOTO)
        check(f"{query}: 400 that says why", answer.status == 400 and
              "error" in answer.json(), answer.body)
    other = batch_results(PHOTO, "--effects", "dithering", "--rendition",
                          "classic")
    with Service("--rendition", "classic") as classic:
        lines = classic.lines("?effects=dithering", PHOTO).lines()
        check("--rendition classic is the default then",
              picture(lines["dithering"]["data"]) == other["dithering"])


def test_more_looks(service):
    """Those that are made when they are asked for."""
    expected = batch_results(PHOTO, "--effects", "watercolor,mosaic")
    lines = service.lines("?effects=watercolor,mosaic", PHOTO).lines()
    check("watercolor and mosaic: pet-batch's very pictures",
          sorted(lines) == ["mosaic", "watercolor"] and all(
              picture(line["data"]) == expected[look]
              for look, line in lines.items()), list(lines))
    answer = service.get(lines["mosaic"]["url"])
    check("they are results like all others", answer.status == 200 and
          answer.body == lines["mosaic"]["data"])
    answer = service.post_form("/api/v2/process?effect=watercolor", PHOTO)
    check("the former interface has those that its clients know",
          answer.status == 400 and service.get(
              "/api/v2/effects").json()["available_effects"] == LOOKS and
          service.get("/api/v2/effect/watercolor").status == 404)


def test_refusals(service):
    """What is not a photo, and what is no route."""
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    cases = [
        ("HEIC", heic, 415, "JPEG"),
        ("WebP", b"RIFF\x10\0\0\0WEBPVP8 " + bytes(200), 415, "WebP"),
        ("a page", b"<!doctype html><html></html>" * 20, 415, "HTML"),
        ("nothing", b"", 400, "empty"),
        ("two bytes", b"ab", 415, "neither"),
        ("a cut PNG", PHOTO[:len(PHOTO) // 2], 422, "end"),
        ("a JPEG's beginning", b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(400),
         422, ""),
        ("a bomb of 60000 x 60000", PHOTO[:16] + (60000).to_bytes(4, "big") *
         2 + PHOTO[24:], 413, "megapixels"),
    ]
    for what, data, status, word in cases:
        answer = service.post("/v2/process", data)
        check(f"{what}: {status} with the reason", answer.status == status and
              word in answer.json()["error"],
              (answer.status, answer.body[:300]))
        answer = service.post_form("/v2/process", data)
        check(f"{what}, in a form: {status}", answer.status == status,
              (answer.status, answer.body[:300]))
    for what, headers, body in [
            ("a form without file", *form(None, effects="color")),
            ("a photo under another name", *other_form("photo")),
            ("a form without end", form(PHOTO)[0], form(PHOTO)[1][:-30]),
            ("a form without boundary",
             {"Content-Type": "multipart/form-data"}, b"x"),
            ("garbage as a form", form(None)[0], b"\0" * 5000)]:
        answer = service.request("POST", "/v2/process", body, headers)
        check(f"{what}: 400", answer.status == 400 and
              "error" in answer.json(), (answer.status, answer.body))
    check("an unknown address: 404", service.get("/nose").status == 404)
    answer = service.get("/v2/process")
    check("a wrong method: 405 with Allow", answer.status == 405 and
          "POST" in answer.headers["allow"])
    for method, path, allowed in [("PUT", "/healthz", "GET"),
                                  ("PUT", "/v2/process", "POST"),
                                  ("DELETE", "/api/v2/process", "POST")]:
        for size in (10, 1000000):
            answer = service.request(method, path, b"x" * size)
            check(f"{method} {path}, {size} bytes: 405 with Allow",
                  answer.status == 405 and allowed in answer.headers["allow"],
                  (answer.status, answer.headers))
    check("a body where nothing is: 404", service.request(
        "PUT", "/nose", b"x" * 1000000).status == 404)
    for method in ("GET", "OPTIONS"):
        answer = service.request(method, "/healthz", b"x" * 1000000)
        check(f"{method} with a body where none belongs: 413",
              answer.status == 413, answer.status)


def test_other_forms(service):
    """A form's other files are not the photo, and not in its way."""
    for what, photo in [("a photo", PHOTO), ("a little one", PHOTO[:500])]:
        headers, body = other_form("photo", photo)
        for path, key in [("/v2/process", "error"),
                          ("/api/v2/process", "detail")]:
            answer = service.request("POST", path, body, headers)
            check(f"{what} under another name, {path}: 400 that says so",
                  answer.status == 400 and
                  'no field "file"' in answer.json()[key], answer.body)
        both = body[:body.rindex(b"--XbOuNdArY--")] + form(PHOTO)[1]
        answer = service.request("POST", "/v2/process?effects=color", both,
                                 headers)
        check(f"{what} beside the photo: 200", answer.status == 200,
              answer.body[:300])
    headers, body = other_form("effects", b"color")
    both = body[:body.rindex(b"--XbOuNdArY--")] + form(PHOTO)[1]
    headers["Accept"] = "application/x-ndjson"
    answer = service.request("POST", "/v2/process", both, headers)
    check("a wish in a file", list(answer.lines()) == ["color"], answer.body)
    answer = service.post_form("/v2/process", PHOTO, effects="x" * 100000)
    check("a field that is too long: 400", answer.status == 400 and
          "too long" in answer.json()["error"], answer.body)


def other_form(name, photo=PHOTO):
    """A form whose file has another name."""
    headers, body = form(photo)
    return headers, body.replace(b'name="file"', f'name="{name}"'.encode(), 1)


def raw(service, text, body=b""):
    """(status, head, body) of an answer that ends with its connection."""
    with service.connect(20) as client:
        client.sendall(text.replace("\n", "\r\n").encode() + body)
        data = b""
        while piece := client.recv(65536):
            data += piece
    top, _, rest = data.partition(b"\r\n\r\n")
    return int(top.split()[1]), top.lower(), rest


def test_old_clients(service):
    """HTTP/1.0: no chunks; no Host."""
    length = f"Content-Length: {len(PHOTO)}\n\n"
    for host in ("Host: x\n", ""):
        status, top, body = raw(
            service, "POST /v2/process?effects=color,popart&max-size=64 "
            f"HTTP/1.0\n{host}Accept: application/x-ndjson\n{length}", PHOTO)
        check(f"HTTP/1.0, {host.strip() or 'no Host'}: two lines, no chunks",
              status == 200 and b"transfer-encoding" not in top and sorted(
                  json.loads(line)["effect"] for line in body.splitlines()) ==
              ["color", "popart"], (top, body[:200]))
    status, top, body = raw(
        service, "POST /v2/process?effects=color&max-size=64 HTTP/1.0\n"
        f"Host: x\nAccept: image/png\n{length}", PHOTO)
    check("HTTP/1.0: a picture has its length", status == 200 and
          f"content-length: {len(body)}".encode() in top and is_png(body), top)
    status, _, body = raw(service, "GET /healthz HTTP/1.0\n\n")
    check("HTTP/1.0: GET without Host", (status, body) == (200, b"ok\n"))


def test_lengths(service):
    """Where a body ends must be clear before anything is read of it."""
    top = "POST /v2/process?effects=color HTTP/1.1\nHost: x\n"
    for what, headers in [
            ("negative", "Content-Length: -5\n\n"),
            ("two", "Content-Length: 5\nContent-Length: 6\n\n"),
            ("two in one", "Content-Length: 5, 6\n\n"),
            ("signed", "Content-Length: +5\n\n"),
            ("beyond 63 bits", "Content-Length: 18446744073709551617\n\n"),
            ("beside chunks", "Transfer-Encoding: chunked\n"
             "Content-Length: 5\n\n")]:
        status, answer, body = raw(service, top + headers, b"abcdefgh")
        check(f"a length that is {what}: 400 and the end", status == 400 and
              (what == "two in one" or b"connection: close" in answer and
               "length" in json.loads(body)["error"]), (answer, body))
    status, _, body = raw(service, "GET /api/v2/stats HTTP/1.1\nHost: x\n"
                          "Content-Length: -5\n\n")
    check("in the former form where it belongs", status == 400 and
          list(json.loads(body)) == ["detail"], body)
    answer = service.post("/v2/process?effects=color&session=a%00b", PHOTO)
    check("a zero byte in the query: 400", answer.status == 400 and
          "zero" in answer.json()["error"], answer.body)
    answer = service.post_form("/v2/process", PHOTO, session="a\0b")
    check("a zero byte in the form: 400", answer.status == 400 and
          "zero" in answer.json()["error"], answer.body)


def test_unreadable(service):
    """What libsoup refuses on its own has a reason, too."""
    for path, key in [("/v2/results/..%2f..%2f/color.png", "error"),
                      ("/%00", "error"),
                      ("/api/v2/effect/..%2f", "detail")]:
        status, top, body = raw(service, f"GET {path} HTTP/1.1\nHost: x\n"
                                "Connection: close\n\n")
        check(f"{path}: 400 with the reason", status == 400 and
              b"content-type: application/json" in top and
              "path" in json.loads(body)[key], (top, body))
    for text in ("nonsense\n\n", "GET /healthz\n\n", "GET / HTTP/1.1\n\n",
                 "GET /%zz HTTP/1.1\nHost: x\n\n"):
        status, top, body = raw(service, text)
        check(f"{text[:20]!r}: 400 with the reason", status == 400 and
              b"content-type: application/json" in top and
              "headers" in json.loads(body)["error"], (top, body))
    status, top, body = raw(service, "HEAD /..%2f HTTP/1.1\nHost: x\n"
                            "Connection: close\n\n")
    check("HEAD: without it", status == 400 and body == b"", (top, body))
    answer = service.get("/healthz")
    check("others are answered as before", answer.status == 200 and
          answer.body == b"ok\n" and
          answer.headers["content-type"] == "text/plain", answer.headers)


def test_cache(service, lines):
    """Results by their key."""
    again = service.lines("", PHOTO).lines()
    check("the second time from the cache",
          all(line["cached"] for line in again.values()))
    check("with the same bytes and keys", all(
        again[k]["data"] == lines[k]["data"] and
        again[k]["key"] == lines[k]["key"] for k in LOOKS))
    url = lines["popart"]["url"]
    answer = service.get(url)
    check("GET of a result", answer.status == 200 and
          answer.body == lines["popart"]["data"])
    check("it never changes", "immutable" in answer.headers["cache-control"]
          and answer.headers["etag"] == f'"{lines["popart"]["key"]}"')
    answer = service.get(url, If_None_Match=answer.headers["etag"])
    check("304 to who has it", answer.status == 304 and answer.body == b"")
    answer = service.request("HEAD", url)
    check("HEAD says its size", answer.status == 200 and answer.body == b"" and
          int(answer.headers["content-length"]) ==
          len(lines["popart"]["data"]), (answer.status, answer.headers))
    for bad in ["/v2/results/" + "0" * 40 + "/color.png", "/v2/results/x",
                "/v2/results/../../etc/passwd",
                url.replace("popart", "color"), url + "/x",
                url.replace(".png", ".jpg")]:
        check(f"{bad[:30]}: 404", service.get(bad).status == 404)
    (path,) = glob.glob(f"{service.cache}/*/{lines['color']['key']}.*")
    for what, data in [("half of it", lines["color"]["data"][:-1000]),
                       ("zeros", bytes(len(lines["color"]["data"]))),
                       ("nothing", b"")]:
        wait_for(lambda: holds(path, lines["color"]["data"]))
        with open(path, "wb") as file:
            file.write(data)
        check(f"{what} is left of a file: it is none",
              service.get(lines["color"]["url"]).status == 404)
        again = service.lines("?effects=color", PHOTO).lines()["color"]
        check("it is made again", not again["cached"] and
              again["data"] == lines["color"]["data"], again["status"])
    before = service.metrics()["pet_effects_total{result=\"made\"}"]
    service.lines("?cache=no&effects=color", PHOTO)
    check("cache=no makes it anew", service.metrics()[
        "pet_effects_total{result=\"made\"}"] == before + 1)
    for word in ("yes", "YES", "1", "true"):
        service.lines(f"?cache={word}&effects=color", PHOTO)
    check("cache=yes does not", service.metrics()[
        "pet_effects_total{result=\"made\"}"] == before + 1)
    service.lines("?cache=false&effects=color", PHOTO)
    check("cache=false does", service.metrics()[
        "pet_effects_total{result=\"made\"}"] == before + 2)


def test_watching(service):
    """healthz, readyz, health, metrics."""
    check("alive", service.get("/healthz").status == 200)
    check("ready", service.get("/readyz").status == 200)
    health = service.get("/health").json()
    check("/health has the former fields", set(health) >= {
        "status", "timestamp", "response_time", "model", "storage_connected",
        "memory", "endpoints"} and health["status"] == "healthy" and
        health["model"]["ready"] is True)
    check("/health has the pressure fields", all(isinstance(
        health[k], (int, float)) for k in (
            "memory_pressure", "memory_usage_mb", "memory_available_mb",
            "gpu_memory_percent")))
    metrics = service.metrics()
    for name in ['pet_photos_total{result="done"}',
                 'pet_effects_dropped_total{reason="memory"}',
                 'pet_stage_seconds_count{stage="segment"}',
                 "pet_queue_depth", "pet_budget_bytes", "pet_pressure",
                 "pet_budget_limit_bytes", "pet_budget_peak_bytes"]:
        check(f"metrics: {name}", name in metrics)
    check("photos are counted", metrics['pet_photos_total{result="done"}'] > 3)
    check("nothing is charged when idle", wait_for(
        lambda: service.metrics()["pet_budget_bytes"] == 0 and
        service.metrics()["pet_places"] == 0))
    text = service.get("/metrics").body.decode()
    helped = {line.split()[2] for line in text.splitlines()
              if line.startswith("# TYPE")}
    check("each metric has its type", all(
        any(line.startswith(h) for h in helped)
        for line in text.splitlines() if not line.startswith("#")))


def test_store():
    """Results in a folder instead of in the answer."""
    with tempfile.TemporaryDirectory() as folder:
        with Service("--store", folder, "--store-url",
                     "https://cdn.example/p") as service:
            lines = service.lines("?session=s1&effects=color,popart",
                                  PHOTO).lines()
            check("store: no bytes in the answer",
                  not any("data" in line for line in lines.values()))
            check("store: the URL of each", lines["color"]["url"] ==
                  "https://cdn.example/p/s1/color.png", lines)
            check("store: whole files", all(
                is_png(open(f"{folder}/s1/{look}.png", "rb").read())
                for look in ("color", "popart")))
            check("store: nothing else is left", sorted(
                os.listdir(folder + "/s1")) == ["color.png", "popart.png"])
            answer = service.post("/v2/process?session=s2&effects=color",
                                  PHOTO)
            check("store: parts are JSON then", json.loads(
                answer.parts()[0][1])["url"].endswith("/s2/color.png"))
        odd = os.path.relpath(folder) + "/a?b c"
        with Service("--store", odd, "--cache", "none") as service:
            url = service.lines("?session=s&effects=color", PHOTO).lines()[
                "color"]["url"]
            check("store: the URL of a folder that is named from here",
                  url == "file://" + folder + "/a%3Fb%20c/s/color.png" and
                  is_png(open(odd + "/s/color.png", "rb").read()), url)
        with Service("--store", folder) as service:
            os.mkdir(folder + "/s3")
            os.mkdir(folder + "/s3/color.png")
            line = service.lines("?session=s3&effects=color",
                                 PHOTO).lines()["color"]
            check("store: what cannot be written has failed",
                  line["status"] == "failed" and "written" in line["reason"],
                  line)


def main():
    with Service() as service:
        lines = test_formats(service)
        test_wishes(service)
        test_renditions(service, lines)
        test_more_looks(service)
        test_refusals(service)
        test_old_clients(service)
        test_other_forms(service)
        test_lengths(service)
        test_unreadable(service)
        test_cache(service, lines)
        test_watching(service)
        check("SIGTERM: ends with 0", service.stop() == 0, service.errors())
        check("nothing was complained about", "CRITICAL" not in
              service.errors() and "WARNING" not in service.errors(),
              service.errors())
    test_store()
    test_without_second()
    with Service("--listen", "::1") as service:
        check("an IPv6 address: as a URL has it",
              service.address == f"http://[::1]:{service.port}",
              service.address)
    with Service("--max-upload", "100K") as service:
        check("how much a small limit is", "max 100KB" in service.post(
            "/v2/process", bytes(200 << 10)).json()["error"])
    finish()


main()
