// What the board does besides plain pages and forms: times in the reader's zone, countdowns, news,
// and the keys. Without it every page says the same, in UTC and as of when it was loaded.
"use strict";

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
// By the server's clock: a reader's own may be wrong.
const ahead = Date.parse(document.body.dataset.now) - Date.now();

function amount(span) {
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min`;
  if (span < 2 * DAY) return `${Math.floor(span / HOUR)} h`;
  return `${Math.floor(span / DAY)} days`;
}

function clock(span) {
  const seconds = Math.floor(span / SECOND), minutes = Math.floor(seconds / 60);
  if (span >= HOUR) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  const now = Date.now() + ahead;
  for (const each of document.querySelectorAll("time.ago")) {
    const span = now - Date.parse(each.dateTime);
    write(each, span < 10 * SECOND ? "just now" : `${amount(span)} ago`);
  }
  for (const each of document.querySelectorAll("time.left")) {
    const span = Date.parse(each.dateTime) - now;
    write(each, span > 0 ? `${clock(span)} left` : `over since ${amount(-span)}`);
    each.classList.toggle("soon", span < 5 * MINUTE);
  }
}

function inZone(root) {
  const format = {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    second: "2-digit", hour12: false, timeZoneName: "short",
  };
  for (const each of root.querySelectorAll("time.at, time.ago, time.left")) {
    const local = new Date(each.dateTime).toLocaleString("sv-SE", format);
    if (each.classList.contains("at")) write(each, local);
    each.title = local;
  }
  const weekly = {
    weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
    hour12: false,
  };
  for (const each of root.querySelectorAll("time.turn")) {
    each.title = new Date(each.dateTime).toLocaleString("sv-SE", format);
    write(each, new Date(each.dateTime).toLocaleString("en-GB", weekly).replaceAll(",", ""));
  }
}

// A form that somebody fills in, and a part that is open, outlive the news.
function busy(region) {
  const active = document.activeElement;
  const typing = region.contains(active) && active.matches("input, textarea, select");
  return typing || [...region.querySelectorAll("input:not([type=hidden]), textarea")].some(
    (each) => each.value !== each.defaultValue || each.checked !== each.defaultChecked,
  );
}

function renew(page) {
  const active = document.activeElement?.dataset?.row;
  for (const fresh of page.querySelectorAll("[data-live]")) {
    const shown = document.getElementById(fresh.id);
    if (!shown || shown.dataset.digest === fresh.dataset.digest || busy(shown)) continue;
    const open = new Set([...shown.querySelectorAll("details[open][id]")].map((each) => each.id));
    for (const each of fresh.querySelectorAll("details[id]")) each.open = open.has(each.id);
    shown.replaceWith(fresh);
    inZone(fresh);
  }
  if (active) document.querySelector(`[data-row="${CSS.escape(active)}"]`)?.focus();
  document.title = page.title;
  document.body.dataset.seen = page.body.dataset.seen ?? "";
  tick();
}

const AGAIN = 3 * SECOND;
const sign = document.getElementById("live");
let source = null, again = null;

function say(state, words) {
  sign.dataset.state = state;
  write(sign, words);
}

// What cannot be loaded now is tried again, and until then the page says that it is not as of now.
async function load() {
  clearTimeout(again);
  let answer = null;
  try {
    answer = await fetch(location.href, { headers: { "X-Board-Live": "1" } });
  } catch {
    // There is no connection.
  }
  if (answer?.status === 401) return location.reload();
  if (answer?.ok) {
    renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (source?.readyState === EventSource.OPEN) say("on", "live");
  } else {
    say("off", answer?.status === 503 ? "not live: the ledger is away" : "not live: no answer");
    again = setTimeout(load, AGAIN);
  }
}

function listen() {
  const address = encodeURIComponent(location.pathname + location.search);
  source = new EventSource(`/events?page=${address}&seen=${document.body.dataset.seen ?? ""}`);
  let missed = false;
  source.onopen = () => {
    if (missed) load();
    else say("on", "live");
    missed = false;
  };
  source.onerror = () => {
    missed = true;
    if (source.readyState !== EventSource.CLOSED) return say("off", "connecting …");
    say("off", "not live");
    setTimeout(() => { if (source?.readyState === EventSource.CLOSED) listen(); }, AGAIN);
    load();
  };
  source.addEventListener("changed", load);
  source.addEventListener("away", () => say("off", "not live: the ledger is away"));
  source.addEventListener("over", () => location.reload());
}

// A browser has six connections to one place, so a tab that nobody looks at gives its own back.
function onLook() {
  if (document.visibilityState === "visible") return listen();
  source?.close();
  source = null;
  clearTimeout(again);
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.target.matches("input, textarea, select")) return;
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  const rows = [...document.querySelectorAll("[data-row]")];
  if (step && rows.length) {
    const at = rows.indexOf(document.activeElement?.closest("[data-row]"));
    rows[Math.max(0, Math.min(rows.length - 1, at + step))].focus();
    event.preventDefault();
  } else if (event.key === "Enter" && event.target.matches("[data-row]")) {
    event.target.querySelector("a")?.click();
  }
}

// A field that is for one choice alone is there while that is chosen.
function fit() {
  const chosen = new Set([...document.querySelectorAll(".start select")].map((each) => each.value));
  for (const field of document.querySelectorAll("[data-only-for]")) {
    field.hidden = !chosen.has(field.dataset.onlyFor);
    for (const each of field.querySelectorAll("input, select")) each.disabled = field.hidden;
  }
}

inZone(document);
tick();
fit();
document.addEventListener("change", fit);
setInterval(tick, SECOND);
if (sign) {
  onLook();
  document.addEventListener("visibilitychange", onLook);
}
document.addEventListener("keydown", onKey);
