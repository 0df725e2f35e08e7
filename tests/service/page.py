# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page at / in headless Chromium, as a visitor uses it; where chromium and
chromedriver are installed.

    tests/service/page.py [FOLDER]    keeps screenshots in FOLDER
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from service import (LOOKS, Service, check, drawn_photo, finish, real_photo,
                     wait_for)

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """A WebDriver client of a few lines."""

    def __init__(self, width, height, phone=False):
        # A sanitizer's run time is for our programs.
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"})
        self.port = None
        for line in self.driver.stdout:
            if b"on port " in line and b"successfully" in line:
                self.port = int(line.rsplit(b"port ", 1)[1].strip(b" .\n"))
                break
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu",
                     "--disable-dev-shm-usage", "--no-proxy-server",
                     f"--window-size={width},{height}"]
        options = {"args": arguments, "binary": shutil.which("chromium")}
        if phone:
            options["mobileEmulation"] = {"deviceMetrics": {
                "width": width, "height": height, "pixelRatio": 2,
                "touch": True}}
        self.session = None
        self.session = self.call("POST", "", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"}}}})["sessionId"]

    def call(self, method, path, body=None):
        """One command."""
        url = f"http://127.0.0.1:{self.port}/session"
        if self.session:
            url += f"/{self.session}{path}"
        request = urllib.request.Request(
            url, None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)["value"]

    def open(self, url):
        """Loads a page."""
        self.call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """Runs a script in the page."""
        return self.call("POST", "/execute/sync",
                         {"script": script, "args": list(arguments)})

    def find(self, selector):
        """The first element."""
        return self.call("POST", "/element", {
            "using": "css selector", "value": selector})[ELEMENT]

    def type(self, selector, text):
        """Types, or chooses a file."""
        self.call("POST", f"/element/{self.find(selector)}/value",
                  {"text": text})

    def picture(self, name):
        """Keeps a screenshot of the whole page where they are wanted."""
        if len(sys.argv) > 1:
            data = self.call("GET", "/screenshot")
            with open(os.path.join(sys.argv[1], name + ".png"), "wb") as file:
                file.write(base64.b64decode(data))

    def complaints(self):
        """What the page's console says."""
        return [entry["message"] for entry in self.call(
            "POST", "/se/log", {"type": "browser"})
            if entry["level"] == "SEVERE"]

    def close(self):
        """Ends it."""
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(20)


# Contrast of the text of each element with what lies behind it (WCAG 2.2,
# 1.4.3), the lowest first.
CONTRAST = """
const channels = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255).map((c) =>
  c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const color = channels(getComputedStyle(e).backgroundColor);
    if (color.length < 4 || color[3] > 0) return color;
  }
  return [255, 255, 255];
};
return [...document.querySelectorAll("body *")].filter((e) =>
  e.offsetParent && [...e.childNodes].some((n) =>
    n.nodeType === 3 && n.textContent.trim())).map((e) => {
  const [a, b] = [light(channels(getComputedStyle(e).color)),
    light(behind(e))].sort((x, y) => y - x);
  return [(a + 0.05) / (b + 0.05), e.tagName + "." + e.className];
}).sort((x, y) => x[0] - y[0])[0];
"""


def count_ready(browser):
    """Prints that are shown."""
    return browser.run("return document.querySelectorAll("
                       "'.print[data-state=done]').length")


def use_page(browser, service, photo, name):
    """Drops a photo in and looks at what comes."""
    browser.open(f"http://127.0.0.1:{service.port}/")
    check(f"{name}: the page is there", browser.run(
        "return document.title") == "Pet prints")
    browser.type("#file", photo)
    seen = set()
    end = time.monotonic() + 60
    while time.monotonic() < end and max(seen, default=0) < 5:
        seen.add(count_ready(browser))
        time.sleep(0.01)
    check(f"{name}: five prints", max(seen) == 5, seen)
    check(f"{name}: each is a picture with a size", browser.run(
        "return [...document.querySelectorAll('.after')].every("
        "i => i.naturalWidth > 100 && i.alt)"))
    check(f"{name}: each can be downloaded", browser.run(
        "return [...document.querySelectorAll('.download')].map("
        "a => a.download)") == [
            os.path.basename(photo)[:-4] + f"-{look}.png" for look in LOOKS])
    check(f"{name}: it says that it is done", wait_for(
        lambda: "Done" in browser.run(
            "return document.getElementById('status').textContent"), 10))
    browser.run("const i = document.querySelectorAll('.print input')[2];"
                "i.value = 30; i.dispatchEvent(new Event('input'))")
    check(f"{name}: the slider moves the line", browser.run(
        "return getComputedStyle(document.querySelectorAll('.line')[2])"
        ".left !== getComputedStyle(document.querySelectorAll('.line')[1])"
        ".left"))
    check(f"{name}: nothing is wider than the window", browser.run(
        "return document.documentElement.scrollWidth <= innerWidth"))
    check(f"{name}: controls have names", browser.run(
        "return [...document.querySelectorAll('input, a, img, progress')]"
        ".every(e => e.alt || e.getAttribute('aria-label') || "
        "(e.labels && e.labels.length > 0))"))
    check(f"{name}: names contain what is seen", browser.run(
        "return [...document.querySelectorAll('.print')].every(p => "
        "p.querySelector('input').getAttribute('aria-label').includes("
        "p.querySelector('.slider span').textContent) && "
        "p.querySelector('.download').getAttribute('aria-label').includes("
        "p.querySelector('.download').textContent))"))
    check(f"{name}: the keyboard reaches every control", browser.run(
        "return [...document.querySelectorAll('input, .download')].every("
        "e => e.tabIndex >= 0 && !e.disabled)"))
    check(f"{name}: controls are large enough to hit", browser.run(
        "return [...document.querySelectorAll('#drop, .print input, "
        ".download')].every(e => e.getBoundingClientRect().height >= 24)"))
    browser.picture(name)
    for scheme in ("light", "dark"):
        browser.call("POST", "/goog/cdp/execute", {
            "cmd": "Emulation.setEmulatedMedia", "params": {"features": [
                {"name": "prefers-color-scheme", "value": scheme}]}})
        ratio, what = browser.run(CONTRAST)
        check(f"{name}, {scheme}: text stands out", ratio >= 4.5,
              (ratio, what))
        browser.picture(f"{name}-{scheme}")


def main():
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        print("1..0 # SKIP chromium and chromium-driver are not installed")
        return
    with tempfile.TemporaryDirectory() as folder, Service() as service:
        photo = os.path.join(folder, "kitty.jpg")
        with open(photo, "wb") as file:
            file.write(real_photo("dog-bella.jpg") or drawn_photo())
        bad = os.path.join(folder, "IMG_1.heic")
        with open(bad, "wb") as file:
            file.write(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
        for name, width, height, phone in (("desktop", 1280, 1000, False),
                                           ("phone", 390, 844, True)):
            browser = Browser(width, height, phone)
            try:
                use_page(browser, service, photo, name)
                check(f"{name}: the console is quiet",
                      not browser.complaints())
                browser.type("#file", bad)
                check(f"{name}: a HEIC photo is explained", wait_for(
                    lambda b=browser: "JPEG" in b.run(
                        "return document.getElementById('problem')"
                        ".textContent"), 10))
                browser.picture(name + "-heic")
            finally:
                browser.close()
    finish()


main()
