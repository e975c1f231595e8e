// Learning curves: for each shown trial the mean over its folds, epoch by epoch, as the runs go.

import { get } from "./api.js";
import { Chart, sample } from "./chart.js";
import { count, metric, score } from "./format.js";
import { byId, fill, make, say, show } from "./make.js";

/** Trials that are drawn at a time. */
const SHOWN_MAX = 8;
const MEASURES = [
  { key: "val_accuracy", label: "validation accuracy", at: 4 },
  { key: "val_loss", label: "validation loss", at: 2 },
  { key: "train_accuracy", label: "training accuracy", at: 3 },
  { key: "train_loss", label: "training loss", at: 1 },
];

export class Curves {
  constructor(number) {
    this.number = number;
    /** Trial → fold → epoch → point. */
    this.trials = new Map();
    /** Trial → its colour's place; kept as long as it is shown. */
    this.places = new Map();
    this.pinned = new Set();
    this.study = null;
    this.node = byId("curves");
    this.empty = make("p", { class: "empty" }, "Curves appear with the first epoch.");
    this.area = make("div", { hidden: true });
    this.node.append(this.empty, this.area);
    this.chart = new Chart(this.area);
    this.keys = make("ul", { class: "keys" });
    this.table = make("div");
    this.area.append(this.keys, make("details", {}, make("summary", {}, "Values as a table"), this.table));
    this.select = byId("measure");
    this.select.addEventListener("change", () => this.draw());
  }

  /** The study as it is now. */
  tell(study) {
    const first = this.study === null;
    const best = this.study?.best_trial;
    this.study = study;
    if (first) {
      fill(this.select, MEASURES.map(({ key, label }) => make("option", { value: key, selected: key === study.metric }, label)));
    }
    const unknown = study.best_trial !== null && study.best_trial !== best && !this.trials.has(study.best_trial);
    if (first) return;
    if (unknown) this.load().catch(() => {});
    else if (best !== study.best_trial) this.draw();
  }

  /** Asks for the curves that matter, and those that the person chose. */
  async load() {
    const told = await get(`/api/studies/${this.number}/curves`);
    const trials = told.trials.filter((trial) => !this.pinned.has(trial)).slice(0, SHOWN_MAX - this.pinned.size);
    if (this.pinned.size > 0) {
      const chosen = await get(`/api/studies/${this.number}/curves`, { trials: [...this.pinned].join(",") });
      told.runs.push(...chosen.runs);
    }
    const shown = new Set([...this.pinned, ...trials]);
    this.trials = new Map();
    told.runs.filter((run) => shown.has(run.trial)).forEach((run) => this.put(run));
    this.draw();
  }

  /** Epochs as they are trained. Whether curves have to be asked for, because the beginning of some is not known here. */
  take({ runs, left_out: leftOut }) {
    let unknown = leftOut > 0;
    for (const run of runs) {
      if (run.fold >= this.study.folds) continue;
      if (run.epochs[0][0] > 1 && !this.trials.get(run.trial)?.has(run.fold)) {
        unknown ||= this.trials.size < SHOWN_MAX;
        continue;
      }
      if (!this.trials.has(run.trial) && this.trials.size >= SHOWN_MAX && !this.makeRoom(runs)) continue;
      this.put(run);
    }
    this.draw();
    return unknown;
  }

  /** Shows a trial, or no longer. */
  async pin(trial, shown) {
    if (shown) this.pinned.add(trial);
    else this.pinned.delete(trial);
    while (this.pinned.size > SHOWN_MAX) this.pinned.delete(this.pinned.values().next().value);
    await this.load();
  }

  /** Lets go of a trial that does not train any more, is not the best and was not chosen. */
  makeRoom(runs) {
    const live = new Set(runs.map((run) => run.trial));
    const spare = [...this.trials.keys()].find((trial) => !live.has(trial) && !this.pinned.has(trial) && trial !== this.study.best_trial);
    return spare === undefined ? false : this.trials.delete(spare);
  }

  put(run) {
    if (!this.trials.has(run.trial)) this.trials.set(run.trial, new Map());
    const folds = this.trials.get(run.trial);
    const known = folds.get(run.fold) ?? new Map();
    const first = run.epochs[0]?.[0] ?? 0;
    // Another attempt goes over the same epochs again.
    for (const epoch of known.keys()) if (epoch >= first) known.delete(epoch);
    run.epochs.forEach((point) => known.set(point[0], point));
    folds.set(run.fold, known);
  }

  draw() {
    const { at, label } = MEASURES.find(({ key }) => key === this.select.value) ?? MEASURES[0];
    const lines = [...this.trials.keys()].sort((one, other) => one - other).map((trial) => this.line(trial, at)).filter((line) => line.means.size > 0);
    show(this.empty, lines.length === 0);
    show(this.area, lines.length > 0);
    if (lines.length === 0) return say(this.empty, this.trials.size > 0 ? `There is no ${label} in this study.` : "Curves appear with the first epoch.");
    const epochs = [...new Set(lines.flatMap((line) => [...line.means.keys()]))].sort((one, other) => one - other);
    lines.forEach((line) => { line.values = epochs.map((epoch) => line.means.get(epoch) ?? null); });
    this.chart.update(epochs, lines);
    return this.describe(lines, label);
  }

  line(trial, at) {
    const sums = new Map();
    for (const fold of this.trials.get(trial).values()) {
      for (const [epoch, point] of fold) {
        if (point[at] === null) continue;
        const [sum, folds] = sums.get(epoch) ?? [0, 0];
        sums.set(epoch, [sum + point[at], folds + 1]);
      }
    }
    const means = new Map([...sums].map(([epoch, [sum, folds]]) => [epoch, sum / folds]));
    const strong = trial === this.study.best_trial;
    return { trial, label: `trial ${trial}`, place: this.place(trial), strong, means, folds: this.trials.get(trial).size };
  }

  /** A colour that no other shown trial has. */
  place(trial) {
    for (const known of this.places.keys()) if (!this.trials.has(known)) this.places.delete(known);
    if (!this.places.has(trial)) {
      const taken = new Set(this.places.values());
      let free = 0;
      while (taken.has(free)) free += 1;
      this.places.set(trial, free);
    }
    return this.places.get(trial);
  }

  describe(lines, label) {
    const last = (line) => [...line.means].reduce((one, other) => (other[0] > one[0] ? other : one));
    fill(this.keys, lines.map((line) => make("li", { class: line.strong && "is-best" }, sample(line.place), `${line.label}${line.strong ? " (best)" : ""}`, make("span", { class: "values" }, score(last(line)[1])))));
    const rows = lines.map((line) => make("tr", {}, make("th", { scope: "row" }, line.label), make("td", { class: "number" }, String(line.folds)), make("td", { class: "number" }, count(last(line)[0])), make("td", { class: "number" }, score(last(line)[1]))));
    const titles = ["trial", "folds", "last epoch", `mean ${label} there`].map((title) => make("th", { scope: "col" }, title));
    fill(this.table, make("table", {}, make("caption", {}, `${metric(label)} of the shown trials, mean over folds`), make("thead", {}, make("tr", {}, titles)), make("tbody", {}, rows)));
  }
}
