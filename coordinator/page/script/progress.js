// How far a study is: a bar of its runs by where they stand, and the same in words.

import { count, counted } from "./format.js";
import { fill, make } from "./make.js";

const PARTS = ["finished", "failed", "training", "cancelled"];

/** `12 of 40 runs finished, 2 training`. */
export function words(runs) {
  const more = ["failed", "training", "waiting", "cancelled"].filter((part) => runs[part] > 0);
  const told = more.map((part) => `${count(runs[part])} ${part}`);
  return [`${count(runs.finished)} of ${counted(runs.total, "run")} finished`, ...told].join(", ");
}

/** Runs that are over, of all, from 0 to 1. */
export const share = (runs) => (runs.total > 0 ? (runs.finished + runs.failed + runs.cancelled) / runs.total : 0);

/** The bar alone. */
export function bar(runs, label, large = false) {
  const node = make("div", { class: large ? "bar large" : "bar", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 });
  node.append(...PARTS.map((part) => make("i", { class: part })));
  move(node, runs);
  return node;
}

/** Moves a bar to where its study is now. */
export function move(node, runs) {
  node.setAttribute("aria-valuenow", Math.floor(share(runs) * 100));
  node.setAttribute("aria-valuetext", words(runs));
  PARTS.forEach((part, place) => {
    node.children[place].style.width = `${(100 * runs[part]) / Math.max(1, runs.total)}%`;
  });
}

/** What the bar's parts mean, with their numbers. */
export function legend(node, runs) {
  const parts = ["finished", "training", "waiting", "failed", "cancelled"];
  const shown = parts.filter((part) => runs[part] > 0 || part === "finished");
  fill(node, shown.map((part) => make("span", { class: part }, make("b", {}, count(runs[part])), ` ${part}`)));
}
