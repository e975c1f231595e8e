// The report's paragraph and its figures, drawn by the coordinator for light and for dark grounds.

import { get } from "./api.js";
import { byId, fill, make, say, show } from "./make.js";

/** Figures of a larger search under way are drawn when somebody asks: each time takes all its results. */
const RUNS_UNASKED = 5_000;

/** Figures that are shown until somebody wants them all. */
const FIRST = 6;

export class Figures {
  constructor(number) {
    this.number = number;
    this.all = false;
    this.known = "";
  }

  /** Whether the report may have changed since the last look. */
  isStale(study) {
    const edition = `${study.runs.finished}-${study.runs.failed}-${study.state}-${study.trials}`;
    if (edition === this.known) return false;
    this.known = edition;
    if (study.runs.finished === 0) return false;
    const unasked = study.ended !== null || study.runs.total <= RUNS_UNASKED;
    if (!unasked && byId("figures").childElementCount === 0) this.offer();
    return unasked;
  }

  offer() {
    const button = make("button", { type: "button", onclick: () => this.load() }, "Draw the figures so far");
    fill(byId("figures"), make("p", {}, button));
  }

  async load() {
    const edition = encodeURIComponent(this.known);
    const told = await get(`/api/studies/${this.number}/report`);
    say(byId("summary"), told.summary);
    const shown = told.figures.map((figure, place) => this.figure(figure, edition, place >= FIRST && !this.all));
    const more = make("button", { type: "button", onclick: () => this.showAll() }, `Show all ${told.figures.length} figures`);
    fill(byId("figures"), shown, told.figures.length > FIRST && !this.all && more);
  }

  showAll() {
    this.all = true;
    const hidden = [...byId("figures").querySelectorAll("figure[hidden]")];
    byId("figures").querySelector("button").remove();
    hidden.forEach((figure) => show(figure, true));
    hidden[0]?.querySelector("a").focus({ preventScroll: true });
  }

  figure({ name, title, caption }, edition, hidden) {
    const address = `/studies/${this.number}/figures/${name}.svg`;
    const source = (query, media) => make("source", { srcset: `${address}?${query}edition=${edition}`, media });
    const narrow = "(max-width: 40rem)";
    const dark = "(prefers-color-scheme: dark)";
    const sources = [source("width=360&dark=true&", `${narrow} and ${dark}`), source("width=360&", narrow), source("width=600&dark=true&", dark)];
    const picture = make("picture", {}, sources, make("img", { src: `${address}?width=600&edition=${edition}`, alt: title, loading: "lazy" }));
    const alone = make("a", { href: address, download: `${name}-${this.number}.svg`, "aria-label": `${title} as SVG` }, "SVG");
    return make("figure", { hidden }, picture, make("figcaption", {}, caption, " ", alone));
  }
}
