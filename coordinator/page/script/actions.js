// What can be done to a study. Each is asked of the coordinator, which decides; cancelling is asked of the person first.

import { post, Refused } from "./api.js";
import { byId, fill, make, say, show } from "./make.js";
import { mayChange } from "./session.js";

const LABELS = { pause: "Pause", resume: "Resume", retry: "Retry", cancel: "Cancel…" };
const HINTS = {
  pause: "Workers come to the end of an epoch and hand back what they have",
  resume: "Hand out runs again",
  retry: "Try again what failed or was cancelled",
  cancel: "End the study; what is finished is kept",
};

/** Buttons for what a study allows now; `done` is given the study as it is after. */
export function actions(study, done) {
  const node = byId("actions");
  if (!mayChange) return;
  const shown = [...node.children].map((button) => button.dataset.action);
  if (shown.join() === study.actions.join()) return;
  const focused = node.contains(document.activeElement);
  const button = (action) => make("button", { type: "button", class: action === "cancel" && "danger", "data-action": action, title: HINTS[action], onclick: () => ask(action, study, done) }, LABELS[action]);
  fill(node, study.actions.map(button));
  if (focused) (node.querySelector("button") ?? byId("main")).focus({ preventScroll: true });
}

async function ask(action, study, done) {
  if (action === "cancel" && !(await confirmed(study))) return;
  const wrong = byId("refused");
  show(wrong, false);
  try {
    done(await post(`/api/studies/${study.number}/${action}`));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(wrong, error.message);
    show(wrong, true);
  }
}

function confirmed(study) {
  const dialog = byId("confirm");
  const left = study.runs.total - study.runs.finished - study.runs.failed;
  say(byId("confirm-text"), `${study.name} has ${left} runs that have not finished. What is finished is kept, and “Retry” takes the study up again.`);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    byId("confirm-yes").onclick = () => dialog.close("yes");
    byId("confirm-no").onclick = () => dialog.close("no");
    dialog.onclose = () => answer(dialog.returnValue === "yes");
  });
}
