"""One calm line that says how a study stands: rewritten in place in terminals and notebooks, now and then in logs."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any

from foldwise.status import Status

# Pauses between two looks of the same state: in place, and in logs.
_PAUSE_S, _LOG_PAUSE_S = 0.2, 10.0
_BAR_CHARACTERS = 24


def line(status: Status) -> str:
    """The line."""
    runs, share = status.runs, status.runs.over / max(status.runs.total, 1)
    full = int(share * _BAR_CHARACTERS)
    bar = "━" * full + ("╸" if 0 < full < _BAR_CHARACTERS else "") + "─" * (_BAR_CHARACTERS - full - 1)
    sentence = status.sentence()
    rest = f"  {sentence}" if sentence else ""
    return f"{status.display_name} {bar[:_BAR_CHARACTERS]} {runs.over:,}/{runs.total:,} runs{rest}"


class Silence:
    """Shows nothing."""

    def show(self, status: Status) -> None:
        """A new status."""

    def say(self, text: str) -> None:
        """Something that happened beside the study."""

    def close(self) -> None:
        """The last line stays."""


class Log(Silence):
    """A line per state, and one every ten seconds where something moved."""

    def __init__(self) -> None:
        self._last: Status | None = None
        self._at = 0.0

    def show(self, status: Status) -> None:
        """Writes it if it is news."""
        now, last = time.monotonic(), self._last
        moved = last is None or last.runs.over != status.runs.over
        if last is None or last.state != status.state or (moved and now - self._at >= _LOG_PAUSE_S):
            self._last, self._at = status, now
            self.say(line(status))

    def say(self, text: str) -> None:
        """Writes it."""
        print(text, file=sys.stderr, flush=True)


class Terminal(Silence):
    """Rewrites the last line of the standard error."""

    def __init__(self) -> None:
        self._at, self._drawn, self._line = 0.0, "", ""

    def show(self, status: Status) -> None:
        """Draws it, if the last one was long enough ago."""
        self._line = line(status)
        if time.monotonic() - self._at >= _PAUSE_S or status.is_over:
            self._draw()

    def say(self, text: str) -> None:
        """Above the line."""
        self._write(f"\r\x1b[K{text}\n")
        self._drawn = ""
        self._draw()

    def close(self) -> None:
        """Leaves the last line as it is."""
        self._draw()
        if self._drawn:
            self._write("\n")

    def _draw(self) -> None:
        if self._line != self._drawn:
            self._at, self._drawn = time.monotonic(), self._line
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r\x1b[K{self._line[:width]}")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


class Notebook(Silence):
    """Updates one output of a cell."""

    def __init__(self, display: Any) -> None:
        self._handle = display({"text/plain": ""}, raw=True, display_id=True)
        self._at, self._drawn, self._line, self._note = 0.0, "", "", ""

    def show(self, status: Status) -> None:
        """Updates it, if the last one was long enough ago."""
        self._line, self._note = line(status), ""
        if time.monotonic() - self._at >= _PAUSE_S or status.is_over:
            self.close()

    def say(self, text: str) -> None:
        """Below the line, until the study goes on."""
        self._note = text
        self.close()

    def close(self) -> None:
        """Shows what was not shown yet."""
        text = "\n".join(part for part in (self._line, self._note) if part)
        if text != self._drawn:
            self._at, self._drawn = time.monotonic(), text
            self._handle.update({"text/plain": text}, raw=True)


def progress(wanted: bool) -> Silence:
    """What fits where this runs."""
    if not wanted:
        return Silence()
    # Whoever runs in a notebook has IPython loaded: it need not be a dependency.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if hasattr(shell, "kernel"):
        from IPython.display import display  # type: ignore[import-not-found, unused-ignore] # noqa: PLC0415

        return Notebook(display)
    return Terminal() if sys.stderr.isatty() else Log()
