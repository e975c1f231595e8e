// The report: what was found so far, in files to keep.

import { fill, make } from "./make.js";

const FORMS = [
  ["html", "HTML", "all of it with its figures, in one file"],
  ["json", "JSON", "everything, with all digits"],
  ["csv", "CSV", "one line per run"],
  ["txt", "text", "the table and what follows from it"],
];

export function report(node, number) {
  const links = FORMS.map(([form, label, about]) => make("li", {}, make("a", { href: `/studies/${number}/report/${form}`, download: true }, label), make("span", { class: "muted" }, ` ${about}`)));
  fill(node, make("ul", { class: "downloads" }, links));
}
