// SPDX-License-Identifier: LGPL-2.1-or-later

"use strict";

// Sends the photo to /v2/process and shows each print as its line arrives.

const TITLES = {
  color: "Colour",
  enhancedblackwhite: "Black and white",
  popart: "Pop art",
  dithering: "Dots",
  retro8bit: "8 bit",
};

const byId = (id) => document.getElementById(id);
let running = null; // AbortController of the photo in work
let urls = []; // object URLs of the photo shown

function say(text) {
  byId("status").textContent = text;
}

function complain(text) {
  byId("problem").textContent = text;
}

function showProgress(percent) {
  byId("progress").hidden = percent === null;
  byId("progress").value = percent || 0;
}

function makeCard(effect, photo) {
  const card = byId("print").content.firstElementChild.cloneNode(true);
  const slider = card.querySelector("input");
  card.id = "print-" + effect;
  card.querySelector("h2").textContent = TITLES[effect] || effect;
  card.querySelector("figcaption").textContent = "waiting";
  card.querySelector(".before").src = photo;
  card.querySelector(".before").alt = "The photo";
  slider.setAttribute("aria-label",
    "Before / after: " + (TITLES[effect] || effect));
  slider.addEventListener("input", () =>
    card.style.setProperty("--cut", slider.value + "%"));
  byId("prints").append(card);
  return card;
}

function keep(blob) {
  const url = URL.createObjectURL(blob);
  urls.push(url);
  return url;
}

async function showPrint(card, line, name) {
  const caption = card.querySelector("figcaption");
  card.dataset.state = line.status;
  if (line.status !== "done") {
    caption.textContent = line.status + ": " + line.reason;
    return;
  }
  const image = card.querySelector(".after");
  const link = card.querySelector(".download");
  let source = line.url;
  if (line.data) {
    const bytes = Uint8Array.from(atob(line.data), (c) => c.charCodeAt(0));
    source = keep(new Blob([bytes], { type: line.type }));
  }
  image.src = source;
  image.alt = "The pet as " + (TITLES[line.effect] || line.effect);
  await image.decode().catch(() => {});
  if (image.naturalWidth)
    card.style.setProperty("--ratio",
      image.naturalWidth + "/" + image.naturalHeight);
  caption.textContent = (line.cached ? "from the cache, " : "") +
    Math.round(line.milliseconds) + " ms, " +
    Math.round(line.bytes / 1024) + " KB";
  link.href = source;
  link.download = name + "-" + line.effect + ".png";
  link.hidden = false;
  link.setAttribute("aria-label",
    "Download " + (TITLES[line.effect] || line.effect));
  card.querySelector("input").disabled = false;
}

async function* readLines(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let parts = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done)
      return;
    const lines = value.split("\n");
    for (let i = 0; i < lines.length - 1; i++) {
      parts.push(lines[i]);
      const text = parts.join("");
      parts = [];
      if (text)
        yield JSON.parse(text);
    }
    parts.push(lines[lines.length - 1]);
  }
}

async function reasonOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error || text;
  } catch {
    return text;
  }
}

async function begin(file) {
  if (running)
    running.abort();
  running = new AbortController();
  urls.forEach((url) => URL.revokeObjectURL(url));
  urls = [];
  byId("prints").replaceChildren();
  complain("");
  showProgress(5);
  say("Sending " + file.name);
  const photo = keep(file);
  const cards = new Map(Object.keys(TITLES).map(
    (effect) => [effect, makeCard(effect, photo)]));
  return { signal: running.signal, cards };
}

async function process(file) {
  const { signal, cards } = await begin(file);
  const name = file.name.replace(/\.[^.]*$/, "");
  try {
    const response = await fetch("v2/process", {
      method: "POST",
      headers: { "Accept": "application/x-ndjson",
        "Content-Type": file.type || "application/octet-stream" },
      body: file,
      signal,
    });
    if (!response.ok) {
      throw new Error(response.status === 429
        ? "Many photos are waiting. Please try again in " +
          response.headers.get("Retry-After") + " seconds."
        : "This photo cannot be used: it " + await reasonOf(response));
    }
    let ready = 0;
    for await (const line of readLines(response.body)) {
      await showPrint(cards.get(line.effect) ||
        makeCard(line.effect, ""), line, name);
      ready++;
      showProgress(5 + 95 * ready / cards.size);
      say(ready + " of " + cards.size + " prints");
    }
    say("Done: " + ready + " prints of " + file.name);
    showProgress(null);
  } catch (error) {
    if (signal.aborted)
      return;
    showProgress(null);
    say("");
    byId("prints").replaceChildren();
    complain(error.message);
  }
}

function start() {
  const drop = byId("drop");
  byId("file").addEventListener("change", (event) => {
    if (event.target.files.length)
      process(event.target.files[0]);
    event.target.value = "";
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length)
      process(event.dataTransfer.files[0]);
  });
}

start();
