// Numbers, times and values as people read them; as the command line shows them.

const whole = new Intl.NumberFormat("en");

export const count = (number) => whole.format(number);

export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** Four digits, which is what folds can tell apart. */
export function score(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  return size === 0 || (size >= 1e-3 && size < 1e6) ? value.toFixed(4) : value.toExponential(3);
}

export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 1) return "less than 1 s";
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} m`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

export function ago(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  return seconds < 5 ? "just now" : `${since(seconds)} ago`;
}

export function since(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

export const took = (from, to) => duration((Date.parse(to) - Date.parse(from)) / 1000);

/** A searched value; of a number the digits that a person compares. */
export function value(of) {
  if (typeof of === "number") return String(Number(of.toPrecision(6)));
  return typeof of === "string" ? of : JSON.stringify(of) ?? "";
}

/** The shortest end of each path that tells it from the others: `lr` for `train.optimizer.lr`. */
export function shortPaths(paths) {
  const short = new Map();
  for (const path of paths) {
    const parts = path.split(".");
    let length = 1;
    const end = () => parts.slice(-length).join(".");
    const unclear = () => paths.some((other) => other !== path && (other === end() || other.endsWith(`.${end()}`)));
    while (length < parts.length && unclear()) length += 1;
    short.set(path, end());
  }
  return short;
}

/** `lr 0.01, hidden [64,32]`. */
export function params(of) {
  const short = shortPaths(Object.keys(of));
  return Object.entries(of).map(([path, known]) => `${short.get(path)} ${value(known)}`).join(", ");
}

const METRICS = { val_accuracy: "validation accuracy", val_loss: "validation loss" };

export const metric = (word) => METRICS[word] ?? word;

/** `trial 3`, `trials 3 to 7`. */
export const trials = (first, last) => (first === last ? `trial ${first}` : `trials ${first} to ${last}`);
