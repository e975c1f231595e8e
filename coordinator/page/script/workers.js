// The workers: what they have, what they train, when they were last heard of.

import { count, counted, since } from "./format.js";
import { listen } from "./live.js";
import { byId, fill, make, say, state } from "./make.js";

function devices(worker) {
  const known = new Map();
  for (const slot of worker.slots) {
    const name = slot.model ? `${slot.device}, ${slot.model}` : slot.device;
    known.set(name, (known.get(name) ?? 0) + 1);
  }
  return [...known].map(([name, times]) => make("div", {}, times > 1 ? `${times} × ${name}` : name));
}

function load(worker) {
  const total = worker.slots.length;
  const node = make("div", { class: "bar", role: "meter", "aria-label": `slots of ${worker.name} that train`, "aria-valuemin": 0, "aria-valuemax": total, "aria-valuenow": worker.busy }, make("i", { class: "finished" }));
  node.firstChild.style.width = `${(100 * worker.busy) / Math.max(1, total)}%`;
  return [node, make("div", { class: "muted" }, `${worker.busy} of ${counted(total, "slot")}`)];
}

function work(worker) {
  const held = worker.slots.map((slot, place) => ({ place, lease: slot.lease })).filter(({ lease }) => lease);
  if (held.length === 0) return make("span", { class: "muted" }, "nothing");
  const shown = held.slice(0, 8).map(({ place, lease }) => {
    const attempt = lease.attempt > 1 ? `, attempt ${lease.attempt}` : "";
    return make("div", {}, `slot ${place}: `, make("a", { href: `/studies/${lease.study}` }, lease.study_name), make("span", { class: "muted" }, ` cohort ${lease.cohort}, ${counted(lease.runs, "run")}${attempt}`));
  });
  const more = held.length - shown.length;
  return more > 0 ? [...shown, make("div", { class: "muted" }, `and ${count(more)} more`)] : shown;
}

function row(worker) {
  const seen = worker.silent_seconds < 2 ? "now" : `${since(worker.silent_seconds)} ago`;
  return make("tr", {}, make("th", { scope: "row", class: "name" }, worker.name), make("td", {}, state(worker.state)), make("td", { class: "wide" }, load(worker)), make("td", { class: "device" }, devices(worker)), make("td", { class: "text" }, work(worker)), make("td", { class: "number" }, seen), make("td", { class: "muted" }, worker.software));
}

function nothing() {
  return make("div", { class: "card" }, make("p", { class: "empty" }, "No worker has registered. On each machine with devices: ", make("code", {}, `foldwise worker --coordinator ${location.origin}`)));
}

function show({ workers, total }) {
  const focused = document.activeElement?.getAttribute("href");
  const titles = ["worker", "state", "load", "devices", "in hand", "last heard", "software"];
  const columns = titles.map((title) => make("th", { scope: "col", class: title === "last heard" && "number" }, title));
  const table = make("table", {}, make("caption", { class: "visually-hidden" }, "Workers by name"), make("thead", {}, make("tr", {}, columns)), make("tbody", {}, workers.map(row)));
  const node = byId("workers");
  fill(node, total === 0 ? nothing() : make("div", { class: "card scroll", role: "region", "aria-label": "Workers", tabindex: 0 }, table));
  node.removeAttribute("aria-busy");
  if (focused) node.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  const slots = workers.flatMap((worker) => worker.slots).length;
  const busy = workers.reduce((sum, worker) => sum + worker.busy, 0);
  say(byId("summary"), total === 0 ? "" : `${counted(total, "worker")}, ${busy} of ${counted(slots, "slot")} training`);
}

listen({ workers: true }, { hello: () => {}, workers: show });
