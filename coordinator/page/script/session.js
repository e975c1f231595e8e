// Who looks at this page. Where the coordinator wants to know, nothing else of the page begins before somebody signed in:
// every other part waits for this one.

import { byId, make, say, show } from "./make.js";

const PATH = "/api/session";

async function ask(method, body) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(PATH, { method, headers, body: body && JSON.stringify(body), credentials: "same-origin" });
  const told = await answer.json().catch(() => ({}));
  return { answer, told };
}

/** Looks whether somebody is still signed in, and asks for it where not. */
export async function check() {
  const { told } = await ask("GET").catch(() => ({ told: {} }));
  if (told.required) location.reload();
}

function form() {
  const wrong = make("p", { class: "wrong", role: "alert", hidden: true });
  const field = make("input", { type: "password", id: "token", name: "token", autocomplete: "current-password", required: true, spellcheck: false, "aria-describedby": "token-hint" });
  const button = make("button", { type: "submit" }, "Sign in");
  const enter = async (event) => {
    event.preventDefault();
    button.disabled = true;
    show(wrong, false);
    try {
      const { answer, told } = await ask("POST", { token: field.value });
      if (answer.ok) {
        location.reload();
        return;
      }
      say(wrong, told.error ?? `The coordinator answered ${answer.status}.`);
    } catch {
      say(wrong, "The coordinator does not answer.");
    }
    show(wrong, true);
    button.disabled = false;
    field.select();
  };
  const hint = make("p", { class: "muted", id: "token-hint" }, "As ", make("code", {}, "foldwise token create"), " showed it. It is not kept in this browser; you stay signed in for twelve hours.");
  return make("form", { class: "card sign-in", id: "sign-in", onsubmit: enter }, make("h1", {}, "Sign in"), make("label", { for: "token" }, "Token"), make("div", { class: "line" }, field, button), hint, wrong);
}

function leave() {
  const out = make("button", { type: "button", class: "plain", id: "sign-out" }, "Sign out");
  out.addEventListener("click", async () => {
    await ask("DELETE").catch(() => {});
    location.reload();
  });
  return out;
}

const { told } = await ask("GET").catch(() => ({ told: {} }));
if (told.required) {
  document.title = "Sign in · Foldwise";
  byId("main").replaceChildren(form());
  byId("token").focus();
  await new Promise(() => {});
}
if (told.name) {
  const who = make("p", { class: "who" }, `${told.name} (${told.role}) `, told.session && leave());
  byId("connection").after(who);
}

/** Whether studies may be steered by whoever looks. */
export const mayChange = told.may_change ?? true;
