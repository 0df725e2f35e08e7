# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service whose network is being loaded or cannot be, whose pipelines die or
stand still; tests/service/faulty.c brings the faults."""

import os
import threading

from service import (LOOKS, Service, check, drawn_photo, finish, is_png,
                     wait_for)

PHOTO = drawn_photo()
PATIENCE = os.environ["PET_JOB_TIMEOUT"]


class Faults:
    """A folder of faults, and services that have them."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)

    def on(self, name):
        """Begins one."""
        with open(os.path.join(self.folder, name), "wb"):
            pass

    def off(self, name):
        """Ends it."""
        os.unlink(os.path.join(self.folder, name))

    def has(self, name):
        """Whether it is (still) on."""
        return os.path.exists(os.path.join(self.folder, name))

    def service(self, *options, wait=True):
        """A Service in their midst."""
        preload = [os.environ.get("LD_PRELOAD", ""), os.environ["PET_FAULTY"]]
        return Service(*options, wait=wait, env={
            "PET_FAULTS": self.folder,
            "LD_PRELOAD": ":".join(filter(None, preload))})


def threads(service):
    """How many threads it has."""
    return len(os.listdir(f"/proc/{service.process.pid}/task"))


def good(answer):
    """All looks, whole."""
    return answer.status == 200 and sorted(answer.lines()) == sorted(LOOKS) \
        and all(line["status"] == "done" and is_png(line["data"])
                for line in answer.lines().values())


def test_loading(faults):
    """503 until there is a network, and only until then."""
    faults.on("load")
    with faults.service(wait=False) as service:
        check("loading: alive", service.get("/healthz").status == 200)
        answer = service.get("/readyz")
        check("loading: not ready", answer.status == 503, answer.body)
        answer = service.post("/v2/process", PHOTO)
        check("loading: 503 with Retry-After", answer.status == 503 and
              int(answer.headers["retry-after"]) > 0 and
              "error" in answer.json(), answer.body)
        answer = service.post_form("/api/v2/process-with-effects", PHOTO)
        check("loading: the former service's 503", answer.status == 503 and
              answer.json()["retry_after"] == 30, answer.body)
        answer = service.post("/warmup", b"")
        check("loading: /warmup says so",
              answer.json()["model_ready"] is False, answer.body)
        check("loading: the model's state", service.get("/health").json()[
            "model"]["ready"] is False)
        faults.off("load")
        check("loaded: ready", service.process.stdout.readline() == b"ready\n"
              and service.get("/readyz").status == 200)
        check("loaded: photos are taken", good(service.lines("", PHOTO)))
    faults.on("noload")
    service = faults.service(wait=False)
    check("cannot be loaded: ends with 2", service.process.wait(30) == 2 and
          "cannot be started" in service.errors(), service.errors())
    faults.off("noload")
    service.__exit__()


def test_stopped_while_loading(faults):
    """SIGTERM before it is ready."""
    faults.on("load")
    with faults.service(wait=False) as service:
        service.get("/healthz")
        service.process.terminate()
        check("SIGTERM while loading: refused meanwhile", wait_for(
            lambda: service.process.poll() is not None or
            refuses(service), 10))
        faults.off("load")
        check("SIGTERM while loading: ends with 0",
              service.process.wait(30) == 0, service.errors())


def refuses(service):
    """No new connections."""
    try:
        service.connect(1).close()
        return False
    except OSError:
        return True


def test_dying(faults):
    """A pipeline that fails takes its photo with it, no other."""
    with faults.service("--jobs", "2") as service:
        before = service.lines("", PHOTO).lines()
        check("two pipelines", wait_for(
            lambda: service.metrics()["pet_pipelines"] == 2))
        faults.on("push")
        answer = service.post("/v2/process?cache=no&effects=color", PHOTO,
                              Accept="image/png")
        check("a pipeline that dies: 500 with the reason",
              answer.status == 500 and "asked for" in answer.json()["error"],
              (answer.status, answer.body[:200]))
        check("a pipeline that dies: the next photo has another", good(
            service.lines("?cache=no", PHOTO)))
        check("a pipeline that dies: it is built anew", wait_for(
            lambda: service.metrics()["pet_pipelines"] == 2) and
            service.metrics()["pet_pipelines_restarted_total"] == 1,
            service.errors())
        faults.on("push")
        faults.on("load")
        service.post("/v2/process?cache=no", PHOTO)
        check("with one left all is answered", all(
            good(service.lines("?cache=no", PHOTO)) for _ in range(3)))
        faults.off("load")
        wait_for(lambda: service.metrics()["pet_pipelines"] == 2)
        after = service.lines("?cache=no", PHOTO).lines()
        check("the same pictures afterwards", all(
            after[look]["data"] == before[look]["data"] for look in LOOKS))
    with faults.service("--jobs", "1") as service:
        faults.on("load")
        faults.on("push")
        service.post("/v2/process?cache=no", PHOTO)
        check("the only pipeline died: 503 until there is one", service.post(
            "/v2/process", PHOTO).status == 503 and
            service.get("/readyz").status == 503)
        faults.off("load")
        check("and then 200", wait_for(
            lambda: service.get("/readyz").status == 200) and good(
                service.lines("", PHOTO)))


def done(answer):
    """The lines of the looks that came, if any."""
    return [] if answer.status != 200 else [
        line for line in answer.lines().values() if line["status"] == "done"]


def test_standing_still(faults):
    """Deadlines of a photo in work and of one that waits."""
    with faults.service("--jobs", "1", "--job-timeout", PATIENCE) as service:
        check("as usual", good(service.lines("?cache=no", PHOTO)))
        usual = threads(service)
        faults.on("disk")
        answers = []
        clients = [threading.Thread(target=lambda: answers.append(
            service.post("/v2/process?cache=no&effects=color", PHOTO,
                         Accept="image/png"))) for _ in range(2)]
        for client in clients:
            client.start()
        lines = service.lines("?cache=no", PHOTO)
        for client in clients:
            client.join()
        late = [answer for answer in answers if answer.status == 504]
        # A look is on its way before its file is written, so which of the three
        # waits in vain is up to their order.
        check("photos that take too long: 504",
              (late or lines.status == 504 or len(done(lines)) < len(LOOKS))
              and all("too long" in answer.json()["error"] for answer in late),
              [answer.body[:200] for answer in answers])
        check("what was ready before is whole", all(
            is_png(answer.body) for answer in answers if answer not in late) and
            all(is_png(line["data"]) for line in done(lines)))
        check("an answer that has begun: the rest has failed, and why",
              lines.status == 504 or sorted(
                  lines.lines()) == sorted(LOOKS) and
              len(done(lines)) < len(LOOKS) and all(
                  line["status"] == "done" or "too long" in line["reason"]
                  for line in lines.lines().values()), lines.body[:300])
        check("the pipelines are built anew", wait_for(
            lambda: service.metrics()["pet_pipelines"] == 1) and
            service.metrics()["pet_pipelines_restarted_total"] >= 1,
            service.errors())
        faults.off("disk")
        check("then all is as usual", good(service.lines("?cache=no", PHOTO)))
        check("and nothing is left of those that stood still", wait_for(
            lambda: threads(service) <= usual + 1),
            (threads(service), usual))
        check("SIGTERM: ends with 0", service.stop() == 0)


def main():
    with Service() as service:
        faults = Faults(os.path.join(service.folder, "faults"))
        test_loading(faults)
        test_stopped_while_loading(faults)
        test_dying(faults)
        test_standing_still(faults)
    finish()


main()
