// Refreshes the page in place, tells when the agent is gone, and adds buttons to copy. The page is whole without it.
(() => {
  "use strict";
  const PERIOD = 5000;
  const PATIENCE = 15000;
  const live = document.getElementById("live");
  const said = document.createElement("span");
  const since = document.createElement("span");
  const pause = document.createElement("button");
  said.setAttribute("role", "status");
  pause.type = "button";
  live.append(said, since, pause);

  let paused = false;
  let busy = false;
  let tag = "";
  let answered = Date.now();
  let gone = false;
  let ahead = 0; // how far the clock of the host is ahead of the one here (ms)
  const before = new Map();
  for (const part of document.querySelectorAll("[data-part]")) before.set(part.id, part.outerHTML);

  const span = (ms) => {
    const seconds = Math.max(0, Math.round(ms / 1000));
    const minutes = Math.floor(seconds / 60);
    const hours = Math.floor(minutes / 60);
    if (hours) return `${hours} h ${minutes % 60} min`;
    return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
  };
  const say = (text) => { if (said.textContent !== text) said.textContent = text; };

  const tell = () => {
    const at = document.getElementById("checked")?.dataset.at;
    const age = document.getElementById("age");
    if (at && age) age.textContent = ` (${span(Date.now() + ahead - Date.parse(at))} ago)`;
    pause.textContent = paused ? "Go on refreshing" : "Stop refreshing";
    document.body.classList.toggle("old", gone);
    since.textContent = gone ? ` Last answer ${span(Date.now() - answered)} ago.` : "";
    if (gone && !said.querySelector("strong")) {
      const strong = document.createElement("strong");
      strong.textContent = "The agent does not answer: what you see is old.";
      said.replaceChildren(strong);
    } else if (!gone) {
      say(paused ? "This page stands still." : `Refreshed every ${PERIOD / 1000} s.`);
    }
  };

  const copy = async (button, code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };

  const addButtons = (root) => {
    for (const code of root.querySelectorAll("[data-copy]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.setAttribute("aria-describedby", code.id);
      button.addEventListener("click", () => copy(button, code));
      code.after(button);
    }
  };

  // Nobody is disturbed who marks a text or fills in a form.
  const inUse = (part) => {
    const marked = getSelection();
    if (marked && !marked.isCollapsed && part.contains(marked.anchorNode)) return true;
    const focused = document.activeElement;
    return part.contains(focused) && focused.matches("input, select");
  };

  const replace = (part, fresh) => {
    const open = new Set([...part.querySelectorAll("details[open]")].map((one) => one.dataset.key));
    const aside = [...part.querySelectorAll(".scroll")].map((one) => [one.id, one.scrollLeft]);
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const path = focused && [focused.id, focused.closest("[data-key]")?.dataset.key, focused.getAttribute("aria-describedby")];
    for (const one of fresh.querySelectorAll("details")) one.open = open.has(one.dataset.key);
    part.replaceWith(fresh);
    addButtons(fresh);
    for (const [id, left] of aside) {
      const one = document.getElementById(id);
      if (one) one.scrollLeft = left;
    }
    if (path) {
      const [id, key, describes] = path;
      const found = (id && document.getElementById(id)) || (key && fresh.querySelector(`[data-key="${key}"] summary`))
        || (describes && fresh.querySelector(`[aria-describedby="${describes}"]`));
      found?.focus({ preventScroll: true });
    }
  };

  const show = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const parts = [...page.querySelectorAll("[data-part]")];
    if (!parts.length) throw new Error("this is not the page");
    const main = document.querySelector("main");
    if (!before.has("conditions") !== !page.getElementById("conditions")) { // from the start to the first report, or back
      location.reload();
      return;
    }
    document.title = page.title;
    document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
    for (const fresh of parts) {
      const part = document.getElementById(fresh.id);
      const html = fresh.outerHTML;
      if (!part) { main.append(document.importNode(fresh, true)); continue; }
      if (before.get(fresh.id) === html || inUse(part)) continue;
      if (fresh.id === "trace" && location.search.includes("address=")) continue; // made when it was asked for
      before.set(fresh.id, html);
      replace(part, document.importNode(fresh, true));
    }
  };

  const refresh = async () => {
    if (busy || paused || document.hidden) return;
    busy = true;
    try {
      const asked = new URLSearchParams(location.search);
      asked.delete("address");
      const answer = await fetch(`${location.pathname}?${asked}`, {
        headers: tag ? { "If-None-Match": tag } : {}, signal: AbortSignal.timeout(PATIENCE),
      });
      if (answer.status !== 304 && !answer.ok) throw new Error(`it answers ${answer.status}`);
      const date = Date.parse(answer.headers.get("Date"));
      if (date) ahead = date - Date.now();
      if (answer.status !== 304) {
        show(await answer.text());
        tag = answer.headers.get("ETag") ?? "";
      }
      answered = Date.now();
      gone = false;
    } catch {
      gone = true;
    } finally {
      busy = false;
      tell();
    }
  };

  pause.addEventListener("click", () => { paused = !paused; tell(); refresh(); });
  document.addEventListener("visibilitychange", refresh);
  addButtons(document);
  tell();
  refresh();
  setInterval(tell, 1000);
  setInterval(refresh, PERIOD);
})();
