// The list of studies.

import { get } from "./api.js";
import { ago, count, counted, duration, metric, score, took } from "./format.js";
import { listen } from "./live.js";
import { byId, fill, make, say, show, state } from "./make.js";
import { bar, move, share } from "./progress.js";

const rows = new Map();
let next = null;
let body = null;

function cells(study, kept) {
  const done = study.runs.finished + study.runs.failed + study.runs.cancelled;
  const progress = kept?.progress ?? bar(study.runs, `progress of ${study.name}`);
  move(progress, study.runs);
  const best = study.best_mean === null ? "" : score(study.best_mean);
  const time = study.seconds_left !== null ? `${duration(study.seconds_left)} left` : study.ended ? `took ${took(study.created, study.ended)}` : "";
  return {
    progress,
    nodes: [
      make("td", { class: "text" }, make("a", { class: "name", href: `/studies/${study.number}`, "data-study": study.number }, study.name), make("div", { class: "muted" }, `${study.number} · ${counted(study.trials, "trial")} × ${counted(study.folds, "fold")}`)),
      make("td", {}, state(study.state)),
      make("td", { class: "wide" }, progress),
      make("td", { class: "number" }, `${count(done)} / ${count(study.runs.total)}`),
      make("td", { class: "number", title: best && metric(study.metric) }, best),
      make("td", { class: "number" }, time),
      make("td", { class: "number" }, make("time", { datetime: study.created, title: new Date(study.created).toLocaleString() }, ago(study.created))),
    ],
  };
}

function put(study) {
  const kept = rows.get(study.number);
  const { progress, nodes } = cells(study, kept);
  const row = kept?.row ?? make("tr");
  const focused = row.contains(document.activeElement);
  fill(row, nodes);
  if (focused) row.querySelector("a").focus({ preventScroll: true });
  rows.set(study.number, { row, progress, study });
  if (kept) return;
  const after = [...rows.keys()].filter((number) => number < study.number).sort((one, other) => other - one)[0];
  body.insertBefore(row, after === undefined ? null : rows.get(after).row);
}

function head() {
  body = make("tbody");
  const titles = [["study"], ["state"], ["progress"], ["runs", 1], ["best mean", 1], ["time", 1], ["submitted", 1]];
  const columns = titles.map(([title, number]) => make("th", { scope: "col", class: number && "number" }, title));
  const table = make("table", {}, make("caption", { class: "visually-hidden" }, "Studies, newest first"), make("thead", {}, make("tr", {}, columns)), body);
  fill(byId("studies"), make("div", { class: "card scroll", role: "region", "aria-label": "Studies", tabindex: 0 }, table));
}

function nothing() {
  const first = make("p", { class: "empty" }, "No study has been submitted yet. ", make("code", {}, "foldwise submit study.toml"), " hands one in, and it appears here; ", make("code", {}, "foldwise run study.toml"), " does all of it on one machine.");
  fill(byId("studies"), make("div", { class: "card" }, first));
  say(byId("summary"), "");
}

function sum(total) {
  const known = [...rows.values()].map(({ study }) => study);
  const going = known.filter((study) => !study.ended);
  say(byId("summary"), total === 0 ? "" : `${counted(total, "study").replace(/ys$/, "ies")}, ${going.length} under way`);
  const told = going.map((study) => `${study.name} ${study.state}, ${Math.floor(share(study.runs) * 10) * 10} % of runs over`);
  say(byId("told"), told.slice(0, 3).join("; "));
}

let total = 0;

async function load(before) {
  const list = await get("/api/studies", { before });
  total = list.total;
  if (!before) {
    rows.clear();
    body = null;
  }
  if (total === 0) nothing();
  else if (!body) head();
  list.studies.forEach(put);
  next = list.next;
  show(byId("more"), next !== null);
  byId("studies").removeAttribute("aria-busy");
  sum(total);
}

byId("more").addEventListener("click", () => load(next).catch(() => {}));

listen({}, {
  hello: () => load(null).catch(() => {}),
  studies: ({ studies, gone }) => {
    const newer = studies.filter((study) => !rows.has(study.number));
    if (!body && newer.length > 0) head();
    total += newer.length - gone.filter((number) => rows.has(number)).length;
    studies.filter((study) => rows.has(study.number) || next === null || study.number > next).forEach(put);
    for (const number of gone) {
      rows.get(number)?.row.remove();
      rows.delete(number);
    }
    if (rows.size === 0) nothing();
    else sum(total);
  },
});
