"""What can go wrong, for people: each error says what failed, why, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass


class FoldwiseError(Exception):
    """Anything that this package raises.

    `what` failed, `why`, and the `remedy`, where there is one.
    """

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        self.what, self.why, self.remedy = what, why, remedy
        super().__init__(what, why, remedy)

    def __str__(self) -> str:
        text = f"{self.what}: {self.why}" if self.why else self.what
        return f"{text}\n  → {self.remedy}" if self.remedy else text


class AddressError(FoldwiseError, ValueError):
    """An address that no coordinator can have."""


class UnavailableError(FoldwiseError, ConnectionError):
    """The coordinator stops, is too busy or cannot write: a later try may succeed."""


class UnreachableError(UnavailableError):
    """No coordinator answers."""


class DeadlineError(FoldwiseError, TimeoutError):
    """Something took longer than it was given."""


class RefusedError(FoldwiseError):
    """The coordinator understood, and said no."""


class NotFoundError(RefusedError, LookupError):
    """There is no such study, worker or file."""


class StudyError(FoldwiseError):
    """A study that ended otherwise than well; `name` says which, `state` how."""

    def __init__(self, what: str, why: str, remedy: str, *, name: str, state: str) -> None:
        super().__init__(what, why, remedy)
        self.name, self.state = name, state


class DamagedError(FoldwiseError):
    """What came is not what was asked for."""


class MissingPackageError(FoldwiseError, ImportError):
    """An optional package is not installed."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a spec."""

    path: str
    """Where in the spec, such as `train.optimizer.lr`; empty for the whole."""
    message: str
    """What is wrong, with a hint where there is one."""
    line: int | None = None
    """Where in the text, from 1; `None` where the spec was no text."""
    column: int | None = None
    """Likewise, in characters."""

    @classmethod
    def of(cls, path: str, description: str, *, placed: bool) -> Problem:
        """From the coordinator's words; the place counts only in a text that its writer has seen."""
        place = re.match(r"line (\d+), column (\d+): ", description)
        message = description[place.end() :] if place else description
        message = message.removeprefix(f"{path}: ") if path else message
        if place and placed:
            return cls(path, message, int(place[1]), int(place[2]))
        return cls(path, message)

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}, column {self.column}: "
        return f"{place}{self.path}: {self.message}" if self.path else f"{place}{self.message}"


class SpecError(RefusedError, ValueError):
    """A spec that makes no study, with all of its `problems`."""

    def __init__(self, what: str, problems: list[Problem]) -> None:
        self.problems = problems
        number = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(what, f"the spec has {number}")

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {problem}" for problem in self.problems)])

    def __reduce__(self) -> tuple[type[SpecError], tuple[str, list[Problem]]]:
        return SpecError, (self.what, self.problems)
