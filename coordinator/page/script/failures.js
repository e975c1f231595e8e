// What went wrong: causes with how often, the last of it in full.

import { get } from "./api.js";
import { ago, count, counted, trials } from "./format.js";
import { byId, fill, make, show, state } from "./make.js";

const OUTCOMES = { given_up: "given up", split: "split in halves", waiting: "waits for another attempt", training: "is tried again", made_up_for: "was made up for" };

export class Failures {
  constructor(number) {
    this.number = number;
    this.known = "";
  }

  /** Whether there is anything new to ask for. */
  isStale(study) {
    const edition = `${study.runs.failed} ${study.troubled_cohorts} ${study.runs.finished} ${study.state}`;
    const stale = edition !== this.known && (study.runs.failed > 0 || study.troubled_cohorts > 0);
    this.known = edition;
    if (study.runs.failed === 0 && study.troubled_cohorts === 0) show(byId("failures-section"), false);
    return stale;
  }

  async load() {
    const told = await get(`/api/studies/${this.number}/failures`);
    show(byId("failures-section"), told.causes.length > 0);
    const causes = told.causes.map((cause) => make("tr", {}, make("th", { scope: "row" }, cause.words), make("td", { class: "number" }, count(cause.times)), make("td", { class: "number" }, count(cause.lost_runs))));
    const titles = [["cause"], ["times", 1], ["runs lost for good", 1]].map(([title, number]) => make("th", { scope: "col", class: number && "number" }, title));
    const table = make("table", {}, make("caption", { class: "visually-hidden" }, "Causes of failures"), make("thead", {}, make("tr", {}, titles)), make("tbody", {}, causes));
    const diverged = told.diverged.map((run) => `trial ${run.trial} fold ${run.fold} in epoch ${run.epoch}`);
    fill(byId("failures"), make("div", { class: "scroll" }, table), told.last.map((failed) => this.failure(failed)), diverged.length > 0 && make("p", { class: "failure" }, `The loss was no longer finite: ${diverged.join("; ")}.`));
  }

  failure(failed) {
    const head = make("div", {}, state(failed.outcome === "given_up" ? "failed" : "waiting"), ` ${counted(failed.runs, "run")} of ${trials(failed.first_trial, failed.last_trial)} on ${failed.worker || "a worker"}, attempt ${failed.attempt}, ${ago(failed.time)}: ${OUTCOMES[failed.outcome]}`);
    return make("article", { class: "failure" }, head, make("pre", { tabindex: 0, role: "group", "aria-label": "error" }, failed.message));
  }
}
