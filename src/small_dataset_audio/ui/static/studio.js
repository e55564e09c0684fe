// What the page does by itself: sound, dropped files, light and dark. Everything else is asked of the program.
(() => {
  "use strict";

  // ---- light and dark: the system's choice, unless somebody chose here
  const chosen = localStorage.getItem("sda-theme");
  const dark = (on) => document.body.classList.toggle("dark", on);
  const darkNow = () => chosen === "dark" || (!chosen && matchMedia("(prefers-color-scheme: dark)").matches);
  document.addEventListener("DOMContentLoaded", () => dark(darkNow()));
  dark(darkNow());

  // ---- one sound at a time, wherever on the page it is
  const audio = new Audio();
  audio.preload = "auto";
  let source = "";
  const all = () => document.querySelectorAll(".sd-sound");

  // An outline may show the first minute alone: how many times as long the sound is
  const portion = (sound) => { const { whole, length } = sound.querySelector(".sd-view").dataset; return Number(whole) / Number(length); };

  function show() {
    const share = audio.duration ? audio.currentTime / audio.duration : 0;
    for (const sound of all()) {
      const on = sound.dataset.src === source;
      const playing = on && !audio.paused;
      sound.classList.toggle("on", on);
      const button = sound.querySelector(".sd-play");
      if (button && button.getAttribute("aria-pressed") !== String(playing)) button.setAttribute("aria-pressed", String(playing));
      const at = sound.querySelector(".sd-at");
      if (on && at) at.style.left = `${100 * share * portion(sound)}%`;
    }
    if (!audio.paused) requestAnimationFrame(show);
  }

  function play(sound, share) {
    if (source !== sound.dataset.src) {
      source = sound.dataset.src;
      audio.src = source;
    } else if (share === undefined && !audio.paused) {
      audio.pause();
      return;
    }
    if (share !== undefined) {
      const go = () => { audio.currentTime = share * audio.duration; };
      if (audio.readyState > 0) go(); else audio.addEventListener("loadedmetadata", go, { once: true });
    }
    audio.play().catch(() => undefined);
  }

  for (const name of ["play", "pause", "ended", "seeked"]) audio.addEventListener(name, show);

  document.addEventListener("click", (event) => {
    const sound = event.target.closest(".sd-sound");
    if (!sound) return;
    if (event.target.closest(".sd-play")) play(sound);
    const view = event.target.closest(".sd-view");
    if (view) {
      const box = view.getBoundingClientRect();
      play(sound, Math.min(0.999, Math.max(0, (event.clientX - box.left) / box.width)) / portion(sound));
    }
  });

  // A and B: the other one, from the same moment on
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-switch]");
    if (!pressed) return;
    const [a, b] = pressed.closest(".sd-ab").querySelectorAll(".sd-sound");
    const at = source === a.dataset.src || source === b.dataset.src ? audio.currentTime : 0;
    const other = source === a.dataset.src ? b : a;
    play(other, Math.min(0.999, at / Number(other.querySelector(".sd-view").dataset.whole)));
  });

  // A moment of a sound that is elsewhere on the page
  document.addEventListener("click", (event) => {
    const asked = event.target.closest("[data-hear]");
    if (!asked) return;
    const sound = [...all()].find((one) => one.dataset.src === asked.dataset.hear);
    const length = sound && Number(sound.querySelector(".sd-view").dataset.whole);
    if (length) play(sound, Math.min(0.999, Number(asked.dataset.from) / length));
  });

  document.addEventListener("keydown", (event) => {
    const sound = event.target.closest && event.target.closest(".sd-sound");
    if (!sound || sound.dataset.src !== source || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    audio.currentTime = Math.max(0, audio.currentTime + (event.key === "ArrowLeft" ? -1 : 1));
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".sd-theme")) return;
    const on = !document.body.classList.contains("dark");
    localStorage.setItem("sda-theme", on ? "dark" : "light");
    dark(on);
  });

  // ---- a piece that is shown anew keeps what the keyboard is on, and what is being typed
  const key = (one) => [one.tagName, one.dataset.act || one.dataset.change || one.className, one.getAttribute("aria-label") || one.textContent].join("|");
  let held = null;
  document.addEventListener("focusin", (event) => {
    const piece = event.target.closest(".sd-piece");
    held = piece ? { piece, key: key(event.target), element: event.target } : null;
  });
  new MutationObserver(() => {
    if (!held || held.element.isConnected || document.activeElement !== document.body) return;
    const again = [...held.piece.querySelectorAll("button, input, a, summary")].find((one) => key(one) === held.key);
    if (!again) return;
    const before = held.element;
    if (before.matches("input[type=text]") && before.value !== before.defaultValue) again.value = before.value;
    again.focus({ preventScroll: true });
    if (again.matches("input[type=text]")) again.setSelectionRange(before.value.length, before.value.length);
  }).observe(document.documentElement, { childList: true, subtree: true });

  // ---- recordings that are dropped or chosen: sent one by one, under the name of their folder
  async function filesOf(entry, path) {
    if (entry.isFile) return [[path + entry.name, await new Promise((done, failed) => entry.file(done, failed))]];
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!some.length) return found;
      for (const inner of some) found.push(...(await filesOf(inner, `${path}${entry.name}/`)));
    }
  }

  async function send(box, files) {
    const news = box.querySelector("[data-drop-news]");
    const wanted = files.filter(([name]) => !name.split("/").pop().startsWith("."));
    if (!wanted.length) { news.textContent = "There was no file in that."; return; }
    const first = wanted[0][0];
    const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", " ");
    const corpus = box.dataset.drop === "near" ? `to be like ${stamp}` : first.includes("/") ? first.split("/")[0] : `recordings ${stamp}`;
    const isModel = box.dataset.drop === "model";
    const isNear = box.dataset.drop === "near";
    const refused = [];
    for (const [index, [name, file]] of wanted.entries()) {
      news.textContent = `${index + 1} of ${wanted.length}: ${name}`;
      const inside = isNear ? file.name : name.startsWith(`${corpus}/`) ? name.slice(corpus.length + 1) : name;
      const into = isModel ? "" : `corpus=${encodeURIComponent(corpus)}&`;
      const address = `/studio/upload?${into}name=${encodeURIComponent(isModel ? file.name : inside)}`;
      try {
        const answer = await fetch(address, { method: "POST", body: file });
        if (!answer.ok) refused.push(`${name}: ${(await answer.text()).trim()}`);
      } catch { refused.push(`${name}: the studio did not answer`); }
    }
    news.textContent = refused.length ? `Not taken: ${refused.join("; ")}` : "";
    if (refused.length < wanted.length) tell(box, { act: "dropped", corpus, names: wanted.map(([, file]) => file.name) });
  }

  // A piece of the page listens for this on its outermost element and tells the program.
  function tell(inside, detail) {
    inside.dispatchEvent(new CustomEvent("studio", { detail, bubbles: true }));
  }

  // ---- the map: a place that is pressed is written into x and y, and what is written there is what the buttons mean
  document.addEventListener("input", (event) => {
    const axis = event.target.dataset && event.target.dataset.coordinate;
    if (!axis) return;
    for (const button of event.target.closest(".sd-mapped").querySelectorAll("[data-act]")) button.dataset[axis] = event.target.value;
  });
  document.addEventListener("click", (event) => {
    const map = event.target.closest("[data-map]");
    if (!map) return;
    const [left, bottom, width, height] = map.dataset.map.split(",").map(Number);
    const limit = Number(map.dataset.limit), box = map.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width, up = (box.bottom - event.clientY) / box.height;
    const place = { x: (across - left) / width, y: (up - bottom) / height };
    for (const input of map.closest(".sd-mapped").querySelectorAll("[data-coordinate]")) {
      input.value = Math.min(10, Math.max(-10, limit * (2 * place[input.dataset.coordinate] - 1))).toFixed(1);
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const mark = map.querySelector(".sd-pressed");
    mark.hidden = false;
    mark.style.left = `${100 * across}%`;
    mark.style.bottom = `${100 * up}%`;
  });

  const boxOf = (event) => event.target.closest && event.target.closest("[data-drop]");
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      const box = boxOf(event);
      if (box) box.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => { const box = boxOf(event); if (box) box.classList.remove("over"); });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    const box = boxOf(event);
    if (!box) return;
    box.classList.remove("over");
    const items = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
    const plain = [...event.dataTransfer.files].map((file) => [file.name, file]);
    const found = [];
    for (const entry of items.filter(Boolean)) found.push(...(await filesOf(entry, "")));
    send(box, found.length ? found : plain);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pick]");
    if (!button) return;
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.webkitdirectory = button.dataset.pick === "folder";
    input.addEventListener("change", () => {
      send(button.closest("[data-drop]"), [...input.files].map((file) => [file.webkitRelativePath || file.name, file]));
    });
    input.click();
  });
})();
