// Elements from what they hold. Texts stay texts: nothing that a study or a worker says becomes markup.

/** An element with attributes, listeners (`onclick`) and children; what is null or false is left out. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  set(node, attributes);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** The same in SVG. */
export function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(node, attributes);
  node.append(...children);
  return node;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Puts children in place of those there are. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

/** Sets a text where it differs, so that what is read aloud is not read again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows something where there is something to show. */
export function show(node, shown) {
  node.hidden = !shown;
}

export const byId = (id) => document.getElementById(id);

/** The word of a state with its sign. */
export function state(word, badge = false) {
  return make("span", { class: `state ${word}${badge ? " badge" : ""}` }, word.replaceAll("_", " "));
}
