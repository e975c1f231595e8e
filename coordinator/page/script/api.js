// Questions to the coordinator that served this page.

import { check } from "./session.js";

/** An answer that is a refusal, in the coordinator's words. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { Accept: "application/json" }, credentials: "same-origin" });
  } catch {
    throw new Refused(0, "The coordinator does not answer.");
  }
  if (answer.status === 401) await check();
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, told.error ?? `The coordinator answered ${answer.status}.`);
  return told;
}

export const get = (path, query = {}) => {
  const known = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(known).toString();
  return ask(text ? `${path}?${text}` : path, { method: "GET" });
};

export const post = (path) => ask(path, { method: "POST" });
