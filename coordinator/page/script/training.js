// What trains at this moment, and where.

import { count, counted, trials } from "./format.js";
import { fill, make } from "./make.js";

export function training(node, study) {
  if (study.training.length === 0) {
    fill(node, make("p", { class: "empty" }, idle(study)));
    return;
  }
  const items = study.training.slice(0, 12).map((cohort) => {
    const what = cohort.is_final ? `final model, ${trials(cohort.first_trial, cohort.last_trial)}` : trials(cohort.first_trial, cohort.last_trial);
    const attempt = cohort.attempt > 1 ? `, attempt ${cohort.attempt}` : "";
    return make("li", {}, make("div", {}, make("span", { class: "state training" }, what)), make("div", { class: "muted" }, `${counted(cohort.runs, "run")} in cohort ${cohort.cohort} on ${cohort.worker}, slot ${cohort.slot}${attempt}`));
  });
  const more = study.training_total - items.length;
  fill(node, make("ul", { class: "training-list" }, items), more > 0 && make("p", { class: "muted" }, `and ${count(more)} more cohorts`));
}

function idle(study) {
  if (study.ended) return "The study is over.";
  if (study.state === "paused") return "Paused: workers hand back what they have, and get nothing new of this study.";
  if (!study.device) return ["No worker has asked for work yet. On each machine with devices: ", make("code", {}, `foldwise worker --coordinator ${location.origin}`)].flat();
  return "Nothing: all slots are with other studies, or no worker is there.";
}
