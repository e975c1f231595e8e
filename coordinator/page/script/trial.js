// One trial, opened in the table: its values, its folds, what went wrong with them.

import { get } from "./api.js";
import { count, score, value } from "./format.js";
import { fill, make, state } from "./make.js";

/** What is shown below a trial's row. `pin` shows or hides its curve. */
export async function detail(study, trial, pinned, pin) {
  const told = await get(`/api/studies/${study.number}/trials/${trial}`);
  const values = Object.entries(told.params).flatMap(([path, of]) => [make("dt", {}, make("code", {}, path)), make("dd", {}, value(of))]);
  const box = make("input", { type: "checkbox", checked: pinned, "data-key": `pin ${trial}`, onchange: (event) => pin(event.target.checked) });
  const about = make("div", {}, make("h3", {}, `Trial ${trial}`), make("dl", { class: "values" }, values, make("dt", {}, "parameters"), make("dd", {}, count(told.parameters)), make("dt", {}, "epochs"), make("dd", {}, `up to ${count(told.epochs)}`)), make("p", { class: "more" }, make("label", {}, box, " show its learning curve")));
  const rows = told.folds.map((fold) => make("tr", {}, make("th", { scope: "row" }, String(fold.fold)), make("td", {}, state(fold.state)), make("td", { class: "number" }, score(fold.score)), make("td", { class: "number" }, fold.epoch === null ? "" : count(fold.epoch)), make("td", { class: "number" }, count(fold.attempts)), make("td", {}, fold.worker)));
  const titles = ["fold", "state", "score", "epoch", "attempts", "worker"].map((title) => make("th", { scope: "col" }, title));
  const folds = make("div", { class: "scroll" }, make("table", {}, make("caption", { class: "visually-hidden" }, `Folds of trial ${trial}`), make("thead", {}, make("tr", {}, titles)), make("tbody", {}, rows)), [...new Set(told.folds.map((fold) => fold.error).filter((error) => error))].map((error) => make("p", { class: "note" }, error)));
  const node = make("div", { class: "detail-grid" });
  fill(node, about, folds);
  return node;
}
