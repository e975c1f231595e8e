// One study: what it is, how far it is, what it found, and what can be done to it.

import { actions } from "./actions.js";
import { get } from "./api.js";
import { Curves } from "./curves.js";
import { Failures } from "./failures.js";
import { Figures } from "./figures.js";
import { ago, counted, duration, metric, score } from "./format.js";
import { calmly, listen } from "./live.js";
import { byId, fill, make, say, show, state } from "./make.js";
import { bar, legend, move, share, words } from "./progress.js";
import { report } from "./report.js";
import { Trials } from "./table.js";
import { tiles } from "./tiles.js";
import { training } from "./training.js";

/** Time between two looks at the table, the curves and failures, the figures, ms. */
const TABLE_PAUSE = 2_000;
const LOOK_PAUSE = 5_000;
const FIGURES_PAUSE = 20_000;
/** Time between two sentences that are read aloud, ms. */
const TOLD_PAUSE = 60_000;

const number = Number(location.pathname.split("/").pop());
const curves = new Curves(number);
const trials = new Trials(number, curves);
const failures = new Failures(number);
const figures = new Figures(number);
const loadTable = calmly(TABLE_PAUSE, () => trials.load());
const loadCurves = calmly(LOOK_PAUSE, () => curves.load());
const loadFailures = calmly(LOOK_PAUSE, () => failures.load());
const loadFigures = calmly(FIGURES_PAUSE, () => figures.load());
const tell = calmly(TOLD_PAUSE, () => say(byId("told"), sentence(known)));
let known = null;
let progress = null;

function sentence(study) {
  const best = study.best_mean === null ? "" : `, best mean ${score(study.best_mean)} of trial ${study.best_trial}`;
  const left = study.seconds_left === null ? "" : `, ${duration(study.seconds_left)} left`;
  return `${study.state}: ${words(study.runs)}${best}${left}`;
}

/** Shows the study as it is; asks for the table and failures again where they must have changed. */
function take(study) {
  const changed = !known || JSON.stringify([known.runs, known.state, known.best_trial]) !== JSON.stringify([study.runs, study.state, study.best_trial]);
  known = study;
  title(study);
  if (!progress) {
    progress = bar(study.runs, "progress of the study", true);
    byId("progress").append(progress, make("p", { class: "legend" }));
    report(byId("report"), number);
  }
  move(progress, study.runs);
  legend(byId("progress").lastElementChild, study.runs);
  tiles(byId("tiles"), study);
  training(byId("training"), study);
  // Nothing trains any more: the curves have the room.
  show(byId("training").parentElement, study.ended === null);
  actions(study, take);
  curves.tell(study);
  trials.tell(study);
  if (changed) loadTable();
  if (failures.isStale(study)) loadFailures();
  if (figures.isStale(study)) loadFigures();
  tell();
  show(byId("missing"), false);
  show(byId("study"), true);
}

function title(study) {
  const done = Math.floor(100 * share(study.runs));
  document.title = `${study.ended || done === 0 ? "" : `${done} % · `}${study.name} · Foldwise`;
  say(byId("number"), `study ${study.number}`);
  say(byId("name"), study.name);
  const badge = byId("state");
  if (badge.textContent !== study.state) fill(badge, state(study.state, true));
  const epoch = study.epoch_rule === "last" ? "last" : "best";
  say(byId("about"), `${counted(study.trials, "trial")} × ${counted(study.folds, "fold")}, compared by ${metric(study.metric)} at each run's ${epoch} epoch · submitted ${ago(study.created)}`);
  for (const part of ["description", "message"]) {
    say(byId(part), study[part]);
    show(byId(part), study[part] !== "" && study[part] !== study.state);
  }
}

function missing(title, message) {
  known = null;
  document.title = `${title} · Foldwise`;
  fill(byId("missing"), make("h1", {}, title), make("p", { class: "lead" }, message, " ", make("a", { href: "/" }, "All studies")));
  show(byId("missing"), true);
  show(byId("study"), false);
  say(byId("connection"), "");
}

async function everything() {
  const study = await get(`/api/studies/${number}`);
  take(study);
  loadTable();
  loadCurves();
}

async function start() {
  try {
    take(await get(`/api/studies/${number}`));
  } catch (error) {
    missing(error.status === 404 ? "No such study" : "The study cannot be shown", error.message);
    return;
  }
  loadCurves();
  listen({ study: number }, {
    hello: () => everything().catch(() => {}),
    study: take,
    epochs: (event) => {
      if (curves.take(event)) loadCurves();
    },
    gone: () => {
      missing("No such study", "The study was deleted.");
      return "over";
    },
  });
}

start();
