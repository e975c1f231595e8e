// The one event stream of this page. It goes on after the last event when the line was cut, and rests while nobody looks:
// browsers keep few connections to one address, and a hidden tab needs none.

import { Refused } from "./api.js";
import { byId, say } from "./make.js";
import { check } from "./session.js";

/** Time after which a page that nobody looks at lets go of its stream, ms. */
const REST_AFTER = 20_000;
/** Pauses between tries, ms. */
const PAUSE_FIRST = 1_000;
const PAUSE_LONGEST = 15_000;

/**
 * Listens to what `query` names. `on` has a function for each event's name; `hello` is told whether everything has to be
 * asked for again, and `gone` that there is nothing to show any more.
 */
export function listen(query, on) {
  const sign = byId("connection");
  let source = null;
  let last = null;
  let pause = PAUSE_FIRST;
  let timer = null;

  function open() {
    clearTimeout(timer);
    close();
    const known = last ? { ...query, since: last } : query;
    source = new EventSource(`/api/events?${new URLSearchParams(known)}`);
    source.addEventListener("hello", (event) => {
      pause = PAUSE_FIRST;
      sign.classList.remove("lost");
      say(sign, "live");
      take(event, ({ resumed }) => {
        if (!resumed) on.hello();
      });
    });
    for (const [name, heard] of Object.entries(on)) {
      if (name !== "hello") source.addEventListener(name, (event) => take(event, heard));
    }
    source.onerror = () => {
      close();
      check();
      sign.classList.add("lost");
      say(sign, "connection lost, trying again");
      timer = setTimeout(open, pause);
      pause = Math.min(pause * 2, PAUSE_LONGEST);
    };
  }

  function take(event, heard) {
    if (event.lastEventId) last = event.lastEventId;
    if (heard(JSON.parse(event.data)) === "over") {
      close();
      clearTimeout(timer);
      say(sign, "");
    }
  }

  function close() {
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") {
      if (!source) open();
    } else {
      timer = setTimeout(() => {
        close();
        say(sign, "resting");
      }, REST_AFTER);
    }
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });
  open();
}

/** `act`, at most once in `pause` ms, and once more after the last call; not while it is under way. */
export function calmly(pause, act) {
  let waits = false;
  let again = false;
  return async function call() {
    if (waits) {
      again = true;
      return;
    }
    waits = true;
    again = false;
    const rest = new Promise((done) => setTimeout(done, pause));
    try {
      await act();
    } catch (error) {
      // What could not be had now is asked for with the next change, and the sign above says why.
      if (!(error instanceof Refused)) throw error;
    } finally {
      await rest;
      waits = false;
      if (again) call();
    }
  };
}
