// The table of trials: sorted, filtered and cut into pages by the coordinator, so that ten thousand are as light as ten.

import { get, Refused } from "./api.js";
import { count, score, shortPaths, value } from "./format.js";
import { byId, draw, fill, make, say, state } from "./make.js";
import { detail } from "./trial.js";

/** Time after the last key before a filter is asked for, ms. */
const TYPING = 250;

export class Trials {
  /** `pin(trial, shown)` shows a trial's curve, `isPinned` tells. */
  constructor(number, curves) {
    this.number = number;
    this.curves = curves;
    this.study = null;
    this.open = null;
    this.asked = 0;
    const known = new URLSearchParams(location.search);
    this.wish = { sort: known.get("sort") ?? "score", order: known.get("order"), filter: known.get("filter") ?? "", state: known.get("state") ?? "", offset: Number(known.get("offset")) || 0, limit: 50 };
    this.listen();
  }

  listen() {
    let timer = null;
    const [filter, chosen, rows] = [byId("filter"), byId("filter-state"), byId("rows")];
    [filter.value, chosen.value] = [this.wish.filter, this.wish.state];
    const change = (change) => {
      Object.assign(this.wish, change, { offset: 0 });
      this.load();
    };
    filter.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => change({ filter: filter.value }), TYPING);
    });
    chosen.addEventListener("change", () => change({ state: chosen.value }));
    rows.addEventListener("change", () => change({ limit: Number(rows.value) }));
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
  }

  tell(study) {
    this.study = study;
    const names = [...shortPaths(study.searched).values()];
    const known = study.searched.findIndex((path) => typeof study.best_params[path] === "number");
    const example = known >= 0 ? `${names[known]}>=${value(study.best_params[study.searched[known]])} ` : "";
    say(byId("filter-hint"), `Conditions that all hold, such as ${example}score>0.8 state=finished, or a part of a value.${names.length > 0 ? ` Searched: ${names.join(", ")}.` : ""}`);
  }

  async load() {
    const asked = ++this.asked;
    const { sort, order, filter, state: chosen, offset, limit } = this.wish;
    const words = chosen ? `${filter} state=${chosen}` : filter;
    const wrong = byId("filter-wrong");
    try {
      const [told] = await Promise.all([get(`/api/studies/${this.number}/trials`, { sort, order, filter: words.trim(), offset, limit }), this.look()]);
      if (asked !== this.asked) return;
      say(wrong, "");
      this.show(told);
      this.remember();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (asked === this.asked) say(wrong, error.message);
    }
  }

  /** The address says what is shown, so that it can be passed on. */
  remember() {
    const kept = Object.entries({ ...this.wish, limit: "" }).filter(([key, of]) => of && !(key === "sort" && of === "score"));
    const text = new URLSearchParams(kept).toString();
    history.replaceState(null, "", text ? `?${text}` : location.pathname);
  }

  show(told) {
    const node = byId("trials");
    const focus = this.focused(node);
    const short = shortPaths(this.study.searched);
    const columns = [["trial", "trial"], ["state", "state"], ...this.study.searched.map((path) => [path, short.get(path), this.isNumeric(told, path)]), ["parameters", "parameters", true], ["score", "mean ± std", true]];
    const heads = columns.map(([key, label, number]) => this.head(key, label, number, told));
    heads.push(make("th", { scope: "col" }, "folds"));
    const range = this.range(told);
    const rows = told.trials.flatMap((row) => this.rows(row, columns, range));
    const empty = make("tr", {}, make("td", { colspan: columns.length + 1, class: "empty" }, "No trial meets the filter."));
    const table = make("table", {}, make("caption", { class: "visually-hidden" }, `Trials, sorted by ${told.sort}`), make("thead", {}, make("tr", {}, heads)), make("tbody", {}, rows.length > 0 ? rows : empty));
    fill(node, table);
    node.removeAttribute("aria-busy");
    this.pager(told);
    if (focus) (node.querySelector(`[data-key="${CSS.escape(focus)}"]`) ?? node).focus({ preventScroll: true });
  }

  focused(node) {
    const active = document.activeElement;
    return node.contains(active) && active !== node ? active.dataset.key : null;
  }

  isNumeric = (told, path) => told.trials.every((row) => typeof (row.params[path] ?? 0) === "number");

  head(key, label, number, told) {
    const sorted = told.sort === key;
    const turn = () => {
      const order = sorted ? (told.order === "asc" ? "desc" : "asc") : null;
      Object.assign(this.wish, { sort: key, order, offset: 0 });
      this.load();
    };
    const button = make("button", { type: "button", title: `sort by ${key}`, "data-key": `sort ${key}`, onclick: turn }, label);
    return make("th", { scope: "col", class: number && "number", "aria-sort": sorted ? (told.order === "asc" ? "ascending" : "descending") : "none" }, button);
  }

  /** The least and the greatest score of the page, for the strips of folds. */
  range(told) {
    const scores = told.trials.flatMap((row) => row.scores).filter((of) => of !== null);
    return [Math.min(...scores), Math.max(...scores)];
  }

  rows(row, columns, range) {
    const best = row.trial === this.study.best_trial;
    const opened = this.open?.trial === row.trial;
    const toggle = make("button", { type: "button", class: "plain", "data-key": `trial ${row.trial}`, "aria-expanded": String(opened), onclick: () => this.toggle(row.trial) }, String(row.trial));
    const searched = columns.slice(2, -2).map(([path, , number]) => make("td", { class: number && "number", title: path in row.params && JSON.stringify(row.params[path]) }, path in row.params ? value(row.params[path]) : ""));
    const tr = make("tr", { class: best && "is-best", "data-trial": row.trial }, make("td", {}, toggle), make("td", {}, state(row.state), best && make("span", { class: "star" }, "best")), searched, make("td", { class: "number" }, count(row.parameters)), make("td", { class: `number${row.state === "finished" ? "" : " partial"}` }, this.mean(row)), make("td", {}, strip(row, range)));
    return opened && this.open.node ? [tr, make("tr", { class: "detail" }, make("td", { colspan: columns.length + 1 }, this.open.node))] : [tr];
  }

  mean(row) {
    if (row.mean === null) return "";
    const spread = row.std === null ? "" : ` ± ${score(row.std)}`;
    const folds = row.scores.filter((of) => of !== null).length;
    return `${score(row.mean)}${spread}${folds < row.scores.length ? ` (${folds} of ${row.scores.length})` : ""}`;
  }

  async toggle(trial) {
    this.open = this.open?.trial === trial ? null : { trial, node: null };
    await this.load();
  }

  /** Looks again at the trial that is open, whose folds may have moved on. */
  async look() {
    const open = this.open;
    if (!open) return;
    const pin = (shown) => this.curves.pin(open.trial, shown).catch(refused);
    open.node = (await detail(this.study, open.trial, this.curves.pinned.has(open.trial), pin).catch(refused)) ?? open.node;
  }

  pager(told) {
    const { offset, matching, total } = told;
    const limit = this.wish.limit;
    const last = Math.max(0, Math.floor((matching - 1) / limit) * limit);
    const upTo = Math.min(matching, offset + limit);
    const of = matching === total ? count(total) : `${count(matching)} that match, of ${count(total)}`;
    const go = (to) => () => {
      this.wish.offset = to;
      this.load();
    };
    const pages = [["First", 0, offset === 0], ["Previous", Math.max(0, offset - limit), offset === 0], ["Next", offset + limit, upTo >= matching], ["Last", last, offset >= last]];
    const node = byId("pager");
    const focused = node.contains(document.activeElement) ? document.activeElement.dataset.page : null;
    fill(node, make("p", { role: "status" }, matching === 0 ? `0 of ${count(total)}` : `${count(offset + 1)}–${count(upTo)} of ${of}`), matching > limit && pages.map(([label, to, off]) => make("button", { type: "button", disabled: off, "data-page": label, onclick: go(to) }, label)));
    if (focused) node.querySelector(`[data-page="${focused}"]:enabled, button:enabled`)?.focus({ preventScroll: true });
  }
}

/** Says what was refused where filters are refused, too. */
function refused(error) {
  if (!(error instanceof Refused)) throw error;
  say(byId("filter-wrong"), error.message);
}

/** The scores of a trial's folds on the page's range: dots, with a line at their mean. */
function strip(row, [least, greatest]) {
  const known = row.scores.filter((of) => of !== null);
  if (known.length === 0) return "";
  const at = (of) => (greatest > least ? 4 + (92 * (of - least)) / (greatest - least) : 50);
  const node = draw("svg", { class: "strip", viewBox: "0 0 100 14", role: "img", "aria-label": `folds: ${row.scores.map((of) => (of === null ? "none" : score(of))).join(", ")}`, preserveAspectRatio: "none" });
  node.append(draw("line", { x1: 0, y1: 7, x2: 100, y2: 7 }), ...known.map((of) => draw("circle", { cx: at(of).toFixed(1), cy: 7, r: 3 })));
  node.append(draw("line", { class: "mean", x1: at(row.mean).toFixed(1), x2: at(row.mean).toFixed(1), y1: 1, y2: 13 }));
  return node;
}
