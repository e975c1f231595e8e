// What a person asks first: the best so far, the time left, how many trials are whole, what went wrong.

import { ago, count, counted, duration, metric, params, score, took } from "./format.js";
import { fill, make } from "./make.js";

export function tiles(node, study) {
  const shown = [best(study), time(study)];
  const planned = study.device ? `${counted(study.cohorts, "cohort")} on ${study.device}${study.profile ? `, profile ${study.profile}` : ""}` : "planned when a worker asks";
  shown.push(["trials", count(study.trials), `${counted(study.folds, "fold")} each; ${planned}`]);
  if (study.runs.failed > 0) shown.push(["failed runs", count(study.runs.failed), "see below"]);
  else if (study.final_stage) shown.push(["final model", study.final_stage, "the winner, trained again and tested"]);
  else shown.push(["epochs", `up to ${count(study.epochs)}`, `for each of ${counted(study.runs.total, "run")}`]);
  fill(node, shown.map(([label, value, detail, kind]) => make("div", { class: kind }, make("dt", {}, label), make("dd", { class: "value" }, value), make("dd", { class: "detail" }, detail))));
}

function best(study) {
  const label = study.ended ? "best" : "best so far";
  if (study.best_trial === null) return [label, "–", "known when a trial has all its folds", "best"];
  const mean = study.best_mean === null ? "" : score(study.best_mean);
  const values = params(study.best_params);
  return [label, `${mean} `.trim() || `trial ${study.best_trial}`, `mean ${metric(study.metric)} of trial ${study.best_trial}${values ? `: ${values}` : ""}`, "best"];
}

function time(study) {
  if (study.ended) return ["took", took(study.created, study.ended), `ended ${ago(study.ended)}`];
  if (study.state === "paused") return ["time left", "paused", "nothing new is handed out"];
  if (study.seconds_left !== null) return ["time left", duration(study.seconds_left), "at the pace so far"];
  if (study.state === "finishing") return ["time left", "soon", "the final model trains"];
  return ["time left", "–", study.training_total > 0 ? "known after the first epochs" : "waiting for a worker"];
}
