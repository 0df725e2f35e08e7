# SPDX-License-Identifier: LGPL-2.1-or-later
"""The former service's clients, request by request: every set of parameters
that they send is answered in the form that they know."""

import base64
import itertools
import json
import os
import resource
import struct

from service import (LOOKS, Service, check, drawn_photo, finish, form, is_png,
                     quote, real_photo, wait_for)

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
ORIGIN = "https://shop.example"
PROCESS = "/api/v2/process-with-effects"
PHOTO = real_photo("Abyssinian_29.jpg") or drawn_photo()
TYPE = "image/jpeg" if PHOTO[:2] == b"\xff\xd8" else "image/png"


def is_effects_answer(answer, names, progressive=False, session=None):
    """Why the answer is not the JSON of these effects; "" if it is."""
    if answer.status != 200:
        return f"status {answer.status}: {answer.body[:200]}"
    for header in ("x-processing-time", "x-cache-hits", "x-session-id",
                   "x-effects-count"):
        if header not in answer.headers:
            return f"no header {header}"
    if answer.headers["cache-control"] != "no-cache":
        return "Cache-Control"
    if not answer.headers["content-type"].startswith("application/json"):
        return "Content-Type"
    data = answer.json()
    keys = {"success", "effects", "processing_time", "cache_info",
            "session_id", "total_effects", "failed_effects",
            "progressive_mode"}
    if set(data) != keys:
        return f"keys {sorted(set(data) ^ keys)}"
    if data["success"] is not True or sorted(data["effects"]) != sorted(names):
        return f"effects {list(data['effects'])}"
    if not all(is_png(base64.b64decode(v, validate=True))
               for v in data["effects"].values()):
        return "not PNG"
    if not isinstance(data["processing_time"]["total"], float):
        return "processing_time"
    cache = data["cache_info"]
    if set(cache) != {"background_removal_hit", "effect_cache_hits",
                      "total_cache_hits", "total_operations"} or \
            not isinstance(cache["background_removal_hit"], bool) or \
            sorted(cache["effect_cache_hits"]) != sorted(names) or \
            int(answer.headers["x-cache-hits"]) != cache["total_cache_hits"]:
        return f"cache_info {cache}"
    if data["total_effects"] != len(names) or \
            int(answer.headers["x-effects-count"]) != len(names) or \
            data["failed_effects"] is not None:
        return "counts"
    if data["progressive_mode"] is not progressive:
        return "progressive_mode"
    if answer.headers["x-session-id"] != data["session_id"] or \
            session not in (None, data["session_id"]):
        return "session"
    return ""


def is_picture_answer(answer, name):
    """Why the answer is not the picture; "" if it is."""
    if answer.status != 200 or answer.headers["content-type"] != "image/png":
        return f"status {answer.status}: {answer.body[:200]}"
    for header in ("x-processing-time", "x-cache-hits", "x-session-id",
                   "x-available-effects"):
        if header not in answer.headers:
            return f"no header {header}"
    if answer.headers["x-effect"] != name:
        return "X-Effect"
    return "" if is_png(answer.body) else "not PNG"


def test_clients(service):
    """The calls that the shop's pages make."""
    calls = [
        ("api-client.js", "?return_all_effects=true",
         {"effects": "color,enhancedblackwhite", "session_id": "perkie_175"},
         ["color", "enhancedblackwhite"], "perkie_175"),
        ("pet-processor.js",
         "?return_all_effects=true&effects=enhancedblackwhite,popart,"
         "dithering,color", {},
         ["enhancedblackwhite", "popart", "dithering", "color"], None),
        ("inline preview", "?return_all_effects=true&effects="
         "enhancedblackwhite,color", {}, ["enhancedblackwhite", "color"],
         None),
        ("encoded list", "?return_all_effects=true&effects=" +
         quote("enhancedblackwhite,popart,dithering,color"), {},
         ["enhancedblackwhite", "popart", "dithering", "color"], None),
        ("all five", "?return_all_effects=true&effects="
         "enhancedblackwhite,popart,retro8bit,dithering,color", {}, LOOKS,
         None),
        ("old names", "?return_all_effects=true&effects="
         "optimized_popart,blackwhite", {},
         ["optimized_popart", "blackwhite"], None),
        ("the query wins over the form", "?return_all_effects=true&effects="
         "popart&session_id=q", {"effects": "color", "session_id": "f"},
         ["popart"], "q"),
        ("spaces in the list", "?return_all_effects=true&effects=" +
         quote("color, popart"), {}, ["color", "popart"], None),
        ("return_all_effects without effects", "?return_all_effects=true", {},
         ["enhancedblackwhite"], None),
        ("a session with spaces and umlauts",
         "?return_all_effects=true&effects=color&session_id=" +
         quote("Fluffy_17"), {}, ["color"], "Fluffy_17"),
    ]
    for what, query, fields, names, session in calls:
        answer = service.post_form(PROCESS + query, PHOTO, TYPE, **fields)
        why = is_effects_answer(answer, names, False, session)
        check(f"{what}: the effects", why == "", why)
    answer = service.post_form(PROCESS + "?load_single_effect=true&effects="
                               "popart,color", PHOTO, TYPE)
    why = is_effects_answer(answer, ["popart"], True)
    check("load_single_effect: the first only", why == "", why)
    answer = service.post_form(
        PROCESS + "?return_all_effects=true&effects=color,popart,color,color",
        PHOTO, TYPE)
    why = is_effects_answer(answer, ["color", "popart"])
    check("an effect named again and again: once", why == "" and
          answer.body.count(b'"color":') == 2 and
          answer.json()["cache_info"]["total_operations"] == 3, why)
    headers, body = form(PHOTO, TYPE.upper())
    body = body.replace(b"--XbOuNdArY\r\n", b"--XbOuNdArY \t\r\n")
    why = is_picture_answer(service.request("POST", PROCESS, body, headers),
                            "enhancedblackwhite")
    check("a type in capitals, blanks behind a boundary", why == "", why)
    for query, name in [("", "enhancedblackwhite"),
                        ("?effect=popart", "popart"),
                        ("?effect=optimized_popart", "optimized_popart"),
                        ("?effect=color&output_format=png&quality=95", "color"),
                        ("?effects=color,popart", "enhancedblackwhite")]:
        why = is_picture_answer(service.post_form(PROCESS + query, PHOTO,
                                                  TYPE), name)
        check(f"process-with-effects{query}: the picture", why == "", why)
    for query, name in [("", "enhancedblackwhite"),
                        ("?effect=dithering&thumbnail=true", "dithering"),
                        ("?effect=color&return_all_effects=true", "color")]:
        why = is_picture_answer(service.post_form("/api/v2/process" + query,
                                                  PHOTO, TYPE), name)
        check(f"process{query}: the picture", why == "", why)


def test_every_set(service):
    """Every combination of the parameters, in query or form."""
    values = {
        "return_all_effects": [None, "true", "false"],
        "load_single_effect": [None, "true", "false"],
        "effects": [None, "color,popart"],
        "effect": [None, "retro8bit"],
        "effect_params": [None, '{"popart": {"strength": 0.8}}'],
        "use_cache": [None, "true"],
        "session_id": [None, "s-1"],
    }
    bad = []
    count = 0
    for chosen in itertools.product(*values.values()):
        given = {k: v for k, v in zip(values, chosen) if v is not None}
        as_form = {k: given.pop(k) for k in ("effects", "session_id")
                   if k in given and count % 2}
        query = "?" + "&".join(f"{k}={quote(v)}" for k, v in given.items())
        every = {**given, **as_form}
        as_json = every.get("return_all_effects") == "true"
        single = every.get("load_single_effect") == "true"
        if (as_json or single) and "effects" in every and \
                not (single and "effect" in every):
            names = ["color"] if single else ["color", "popart"]
        else:
            names = [every.get("effect", "enhancedblackwhite")]
        answer = service.post_form(PROCESS + query, PHOTO, TYPE, **as_form)
        why = is_effects_answer(answer, names, single, every.get("session_id")
                                ) if as_json or single \
            else is_picture_answer(answer, names[0])
        if why:
            bad.append(f"{query} {as_form}: {why}")
        count += 1
    check(f"all of {count} sets of parameters are answered in the old form",
          not bad, "\n".join(bad[:5]))


def test_errors(service):
    """{"detail": ...} and the status that they had."""
    page = b"<html></html>" * 50
    cases = [
        ("not an image by its type", PROCESS, PHOTO, "text/plain", 400,
         "File must be an image"),
        ("not an image by its bytes", PROCESS, page, "image/jpeg", 400, ""),
        ("a broken photo", PROCESS, PHOTO[:len(PHOTO) // 3], TYPE, 400, ""),
        ("broken effect_params", PROCESS + "?effect_params=" + quote("{x"),
         PHOTO, TYPE, 400, "effect_params"),
        ("effect_params that are no object", PROCESS + "?effect_params=3",
         PHOTO, TYPE, 400, "effect_params"),
        ("an unknown effect", PROCESS + "?return_all_effects=true&effects="
         "watercolor,color", PHOTO, TYPE, 400,
         "Invalid effects: ['watercolor']. Available effects: ['color', "),
        ("an unknown single effect", PROCESS + "?effect=mosaic", PHOTO, TYPE,
         400, "'retro8bit'"),
        ("a truth value that is none", PROCESS + "?use_cache=perhaps", PHOTO,
         TYPE, 422, "use_cache"),
        ("no file", PROCESS, None, TYPE, 400, "file"),
        ("HEIC", PROCESS, HEIC, "image/heic", 400, "HEIC"),
        ("too large a file", PROCESS, bytes(51 << 20), TYPE, 413, "too large"),
        ("too many pixels", PROCESS, drawn_photo(16, 16)[:16] +
         (20000).to_bytes(4, "big") * 2 + bytes(100), "image/png", 413,
         "pixels"),
    ]
    for what, path, data, kind, status, word in cases:
        try:
            answer = service.post_form(path, data, kind)
        except (BrokenPipeError, ConnectionResetError) as error:
            # The answer came before the body had been sent.
            check(f"{what}: {status}", status == 413, error)
            continue
        check(f"{what}: {status}", answer.status == status and
              list(answer.json()) == ["detail"] and
              word in answer.json()["detail"], (answer.status, answer.body))


def test_others(service):
    """The other routes."""
    for path in ("/", "/api/v2/"):
        data = service.get(path).json()
        check(f"GET {path}", {"service", "version", "available_effects"} <=
              set(data) and data["available_effects"] == LOOKS)
    data = service.get("/api/v2/effects").json()
    check("GET /api/v2/effects", set(data) == {
        "available_effects", "effect_details", "recommended_effects",
        "total_effects"} and data["total_effects"] == 5 and
        set(data["effect_details"]) == set(LOOKS))
    check("GET /api/v2/effect/NAME", service.get("/api/v2/effect/dithering")
          .json()["parameters"]["dot-size"]["default"] == 2)
    for method, path, status in [
            ("GET", "/api/v2/nose", 404), ("POST", "/api/v2/effects", 405),
            ("GET", "/api/v2/process", 405), ("GET", "/warmup", 405),
            ("GET", PROCESS, 405)]:
        answer = service.request(method, path)
        check(f"{method} {path}: {status} in its form",
              answer.status == status and list(answer.json()) == ["detail"],
              (answer.status, answer.body))
    answer = service.get("/api/v2/effect/nose")
    check("an unknown one: 404", answer.status == 404 and
          "detail" in answer.json())
    service.post_form(PROCESS + "?return_all_effects=true&effects=color,popart"
                      "&session_id=sess", PHOTO, TYPE)
    answer = service.get("/api/v2/download-effect/sess/popart")
    check("GET /api/v2/download-effect", answer.status == 200 and
          is_png(answer.body))
    check("of a look not made: 404",
          service.get("/api/v2/download-effect/sess/dithering").status == 404)
    answer = service.post("/api/v2/switch-effect?session_id=sess",
                          json.dumps({"effect": "color"}).encode(),
                          Content_Type="application/json")
    check("POST /api/v2/switch-effect", answer.status == 200 and
          is_png(answer.body) and answer.headers["x-effect"] == "color")
    check("without an effect: 422", service.post(
        "/api/v2/switch-effect?session_id=sess", b"{}").status == 422)
    check("with no body: 400", service.post(
        "/api/v2/switch-effect?session_id=sess", b"").status == 400)
    check("with no JSON: 400", service.post(
        "/api/v2/switch-effect?session_id=sess", b"nose").status == 400)
    data = service.get("/api/v2/stats").json()
    check("GET /api/v2/stats", data["total_requests"] > 10)
    data = service.get("/api/v2/health/detailed").json()
    check("GET /api/v2/health/detailed", data["status"] == "healthy" and
          {"timestamp", "components"} <= set(data))
    data = service.post("/warmup", b"[object Object]",
                        Content_Type="application/json").json()
    check("POST /warmup", set(data) >= {
        "status", "error", "model_ready", "total_time", "endpoint",
        "timestamp", "container_ready"} and data["model_ready"] is True and
        data["error"] is False)
    check("POST /load-model", service.post("/load-model", b"").json()[
        "status"] == "already_loaded")
    check("GET /model-info", service.get("/model-info").json()["ready"])
    check("HEAD /health", service.request("HEAD", "/health").status == 200)


def test_cors(service):
    """Pages on other origins."""
    answer = service.request("OPTIONS", PROCESS, headers={
        "Origin": ORIGIN, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-session-id"})
    check("preflight", answer.status in (200, 204) and
          answer.headers["access-control-allow-origin"] == ORIGIN and
          "POST" in answer.headers["access-control-allow-methods"] and
          "x-session-id" in answer.headers["access-control-allow-headers"],
          answer.headers)
    headers, body = form(PHOTO, TYPE)
    headers["Origin"] = ORIGIN
    answer = service.request("POST", PROCESS, body, headers)
    check("the answer may be read", answer.headers.get(
        "access-control-allow-origin") == ORIGIN and "X-Processing-Time" in
        answer.headers["access-control-expose-headers"])
    headers, body = form(PHOTO, "text/plain")
    headers["Origin"] = ORIGIN
    answer = service.request("POST", PROCESS, body, headers)
    check("errors too", answer.status == 400 and answer.headers.get(
        "access-control-allow-origin") == ORIGIN)
    for origin, good in [("https://a1.preview.example", True),
                         ("https://.preview.example", False),
                         ("https://evil.example/.preview.example", False),
                         ("https://evil.example", False)]:
        answer = service.get("/health", Origin=origin)
        check(f"origin {origin}: {'allowed' if good else 'not'}", (
            "access-control-allow-origin" in answer.headers) == good)


class WebSocket:
    """A client of a few lines."""

    def __init__(self, service, path, origin=ORIGIN):
        self.socket = service.connect(20)
        self.socket.sendall((
            f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Origin: {origin}\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = self.file.readline()
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def send(self, text):
        """A masked text frame of up to 125 bytes."""
        mask = os.urandom(4)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(text.encode()))
        self.socket.sendall(bytes([0x81, 0x80 | len(data)]) + mask + data)

    def receive(self):
        """A message; None when it is closed."""
        head = self.file.read(2)
        if len(head) < 2 or head[0] & 15 == 8:
            return None
        size = head[1] & 127
        if size == 126:
            size = struct.unpack(">H", self.file.read(2))[0]
        return json.loads(self.file.read(size))


def test_websocket(service):
    """Progress while a request with the session runs."""
    for path in ("/ws/enhanced-progress/ws-1",
                 "/api/v2/ws/enhanced-progress/ws-1"):
        answer = service.get(path)
        check(f"GET {path} says what it is", answer.status == 200 and
              "WebSocket" in answer.json()["protocol"])
        client = WebSocket(service, path)
        check("it is upgraded", b" 101 " in client.status, client.status)
        client.send('{"type":"ping"}')
        pong = client.receive()
        check("ping is answered with pong", pong["type"] == "pong", pong)
        client.send("not json")
        client.send('{"type":3}')
        service.post_form(PROCESS + "?return_all_effects=true&effects=color,"
                          "popart&session_id=ws-1&use_cache=false", PHOTO,
                          TYPE)
        messages = []
        while not messages or messages[-1]["type"] != "completion_summary":
            message = client.receive()
            if message is None:
                break
            messages.append(message)
        check("messages have stage, progress and text", messages and all(
            {"stage", "progress", "message", "text", "session_id"} <= set(m)
            and 0 <= m["progress"] <= 100 for m in messages), messages)
        steps = [m["progress"] for m in messages]
        check("progress grows to 100", steps == sorted(steps) and
              steps[-1] == 100 and len(set(steps)) >= 5, steps)
        check("both looks are told of", {
            m["effect"]["name"] for m in messages
            if m["type"] == "effect_progress"} == {"color", "popart"})
        client.file.close()
        client.socket.close()
    for origin, status in [("https://evil.example", b" 403 "),
                           ("https://a1.preview.example", b" 101 "),
                           ("http://x", b" 101 "), ("http://x.y", b" 403 "),
                           ("null", b" 403 ")]:
        client = WebSocket(service, "/ws/enhanced-progress/ws-1", origin)
        check(f"of a page on {origin}:{status.decode().rstrip()}",
              status in client.status, client.status)
        client.file.close()
        client.socket.close()
    check("closed ones are forgotten", wait_for(
        lambda: service.metrics()["pet_websockets"] == 0))


def test_stopping_beside_websockets():
    """A WebSocket, open or closed, is no request that is in work."""
    with Service() as service:
        client = WebSocket(service, "/ws/enhanced-progress/x")
        client.file.close()
        client.socket.close()
        check("a closed WebSocket is forgotten", wait_for(
            lambda: service.metrics()["pet_websockets"] == 0))
        check("SIGTERM after it: ends with 0", service.stop(seconds=10) == 0)
    with Service() as service:
        client = WebSocket(service, "/ws/enhanced-progress/x")
        check("SIGTERM beside an open one: ends with 0",
              service.stop(seconds=10) == 0)
        client.file.close()
        client.socket.close()


def test_nested():
    """JSON that is nothing but brackets; a stack that has no room for it."""
    limits = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, limits[1]))
    with Service("--jobs", "1") as service:
        resource.setrlimit(resource.RLIMIT_STACK, limits)
        deep = "[" * 32000 + "]" * 32000
        for text in (deep, '{"effect":' + deep + "}", "[" * 64000):
            try:
                statuses = [
                    service.post("/api/v2/switch-effect?session_id=s",
                                 text.encode()).status,
                    service.post_form(PROCESS, PHOTO, TYPE,
                                      effect_params=text).status]
            except OSError as error:
                statuses = [error]
            check(f"{text[:12]}... {len(text)} bytes: 400",
                  statuses == [400, 400], statuses)
        check("it lives", service.get("/healthz").status == 200)


def main():
    with Service("--allow-origin", f"{ORIGIN},https://*.preview.example",
                 "--max-size", "512") as service:
        test_clients(service)
        test_every_set(service)
        test_errors(service)
        test_others(service)
        test_cors(service)
        test_websocket(service)
        check("nothing was complained about", "CRITICAL" not in
              service.errors() and "WARNING" not in service.errors(),
              service.errors())
    test_stopping_beside_websockets()
    test_nested()
    finish()


main()
