// Lines over epochs, drawn by uPlot in the page's colours, light and dark.

import uPlot from "/page/vendor/uplot/uPlot.esm.js";
import { draw, make, say } from "./make.js";
import { score } from "./format.js";

const HEIGHT = 260;
/** Lines are told apart by colour and by dashes. */
const DASHES = [[], [], [], [], [6, 3], [6, 3], [2, 3], [2, 3]];
const COLORS = 8;

const dark = matchMedia("(prefers-color-scheme: dark)");
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Whether a line is a single point, which has to be drawn as one. */
const isDot = (line) => line.values.filter((value) => value !== null).length < 2;

/** A small sample of a line, for a key. */
export function sample(place) {
  const line = draw("line", { x1: 0, y1: 5, x2: 22, y2: 5, stroke: `var(--c${place % COLORS})`, "stroke-width": 2.5 });
  const dashes = DASHES[place % DASHES.length];
  if (dashes.length > 0) line.setAttribute("stroke-dasharray", dashes.join(" "));
  return draw("svg", { width: 22, height: 10, "aria-hidden": "true" }, line);
}

/** A chart in a node. `update` takes epochs and `{ label, place, strong, values }` for each line. */
export class Chart {
  constructor(node) {
    this.plot = null;
    this.shape = "";
    this.last = null;
    this.host = make("div", { class: "plot", "aria-hidden": "true" });
    this.reading = make("p", { class: "reading", "aria-hidden": "true" });
    node.append(this.host, this.reading);
    new ResizeObserver(() => this.plot?.setSize({ width: this.width(), height: HEIGHT })).observe(this.host);
    dark.addEventListener("change", () => this.draw(true));
  }

  width() {
    return Math.max(200, Math.floor(this.host.clientWidth));
  }

  update(epochs, lines) {
    this.last = { epochs, lines };
    this.draw(false);
  }

  draw(anew) {
    if (!this.last || this.host.clientWidth === 0) return;
    const { epochs, lines } = this.last;
    const data = [epochs, ...lines.map((line) => line.values)];
    const shape = lines.map((line) => `${line.label}/${line.place}/${line.strong}/${isDot(line)}`).join();
    if (this.plot && !anew && shape === this.shape) {
      this.plot.setData(data);
      return;
    }
    this.plot?.destroy();
    this.shape = shape;
    this.plot = new uPlot(this.options(lines), data, this.host);
  }

  options(lines) {
    const font = "12px system-ui, sans-serif";
    const axis = { stroke: color("--muted"), font, grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1, size: 4 } };
    return {
      width: this.width(),
      height: HEIGHT,
      scales: { x: { time: false } },
      axes: [
        { ...axis, label: "epoch", labelSize: 18, labelFont: font, size: 32, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
        { ...axis, size: 58 },
      ],
      legend: { show: false },
      cursor: { drag: { x: true, y: false }, focus: { prox: 24 }, points: { size: 6 } },
      focus: { alpha: 0.35 },
      series: [{}, ...lines.map((line) => this.series(line))],
      hooks: { setCursor: [(plot) => this.read(plot)] },
    };
  }

  series(line) {
    return {
      label: line.label,
      stroke: color(`--c${line.place % COLORS}`),
      width: line.strong ? 2.75 : 1.5,
      dash: DASHES[line.place % DASHES.length],
      spanGaps: true,
      points: { show: isDot(line), size: 5 },
    };
  }

  read(plot) {
    const place = plot.cursor.idx;
    if (place === null || place === undefined || !this.last) return say(this.reading, "");
    const known = this.last.lines.filter((line) => line.values[place] !== null && line.values[place] !== undefined);
    return say(this.reading, `epoch ${this.last.epochs[place]}: ${known.map((line) => `${line.label} ${score(line.values[place])}`).join(" · ")}`);
  }
}
