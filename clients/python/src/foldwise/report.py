"""The report of a study; see `docs/report.md`, whose fields and words these are. What is absent is `None`."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

from foldwise import page
from foldwise.decode import decode
from foldwise.errors import DamagedError
from foldwise.measurements import Measurements

# Within a version fields may be added; none changes its meaning or goes.
VERSION = 1
# A notebook shows at most so many trials, as the table does.
TRIALS_SHOWN_MAX = 30


@dataclass(frozen=True)
class StudyInfo:
    """The study and where it stands."""

    name: str
    display_name: str
    state: str
    created: str
    description: str | None = None
    message: str | None = None
    ended: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Rule:
    """How trials are compared."""

    metric: str
    epoch: str
    allow_failed_folds: bool = False


@dataclass(frozen=True)
class Comparison:
    """A trial against the winner."""

    trial: int
    mean_difference: float
    t: float | None = None
    p: float | None = None
    low: float | None = None
    """The ends of the 95 % confidence interval of the difference."""
    high: float | None = None
    df: int | None = None


@dataclass(frozen=True)
class Choice:
    """What an epoch rule would choose."""

    trial: int
    mean: float


@dataclass(frozen=True)
class Alternatives:
    """What each epoch rule would choose."""

    best_epoch: Choice | None = None
    last_epoch: Choice | None = None
    best_common_epoch: Choice | None = None


@dataclass(frozen=True)
class Selection:
    """Which trial was chosen, and with what certainty."""

    rule: Rule
    winner: int | None = None
    ties: list[int] = field(default_factory=list)
    one_standard_error: int | None = None
    comparisons: list[Comparison] = field(default_factory=list, repr=False)
    note: str | None = None
    alternatives: Alternatives | None = None


@dataclass(frozen=True)
class Epoch:
    """An epoch of a run."""

    epoch: int
    train_loss: float | None = None
    train_accuracy: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None
    lr: float | None = None


@dataclass(frozen=True)
class Fold:
    """A trial on a fold."""

    fold: int
    state: str
    attempts: int = 0
    best_epoch: int | None = None
    best_val_accuracy: float | None = None
    best_val_loss: float | None = None
    score: float | None = None
    epochs: list[Epoch] = field(default_factory=list, repr=False)
    measurements: Measurements | None = None
    seconds: float | None = None
    worker: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class CommonEpoch:
    """The one epoch whose mean over the folds is best."""

    epoch: int
    mean: float


@dataclass(frozen=True)
class Trial:
    """A configuration of the space, and what it came to."""

    index: int
    params: dict[str, Any]
    parameters: int
    batch_norm_parameters: int | None = None
    mean: float | None = None
    std: float | None = None
    std_error: float | None = None
    best_epoch_mean: float | None = None
    last_epoch_mean: float | None = None
    best_common_epoch: CommonEpoch | None = None
    folds: list[Fold] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Final:
    """The final stage."""

    mode: str
    trial: int
    state: str
    params: dict[str, Any] = field(default_factory=dict)
    attempts: int = 0
    epochs: list[Epoch] = field(default_factory=list, repr=False)
    measurements: Measurements | None = None
    best_epoch: int | None = None
    val_accuracy: float | None = None
    val_loss: float | None = None
    test_accuracy: float | None = None
    test_loss: float | None = None
    tests: int | None = None
    weights_digest: str | None = None
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Outer:
    """An outer fold: what was chosen within it, and what it came to on the rest of the rows."""

    fold: int
    train_rows: int
    test_rows: int
    state: str
    trial: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    inner_means: list[float | None] = field(default_factory=list, repr=False)
    epochs: int | None = None
    score: float | None = None
    test_accuracy: float | None = None
    test_loss: float | None = None
    attempts: int = 0
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Nested:
    """The search itself, judged by outer folds."""

    outer: list[Outer] = field(default_factory=list, repr=False)
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    """The ends of the mean's 95 % confidence interval."""
    high: float | None = None
    inner_mean: float | None = None


@dataclass(frozen=True)
class Point:
    """A copy of weights on the principal components."""

    trial: int
    fold: int
    epoch: int
    first: float
    second: float
    norm: float | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None


@dataclass(frozen=True)
class Components:
    """Kept copies of weights of one size, on their principal components."""

    weights: int
    explained: list[float] = field(default_factory=list)
    points: list[Point] = field(default_factory=list, repr=False)
    left_out: int = 0


@dataclass(frozen=True)
class Profile:
    """The device profile that cohorts were planned with."""

    name: str
    digest: str


@dataclass(frozen=True)
class Data:
    """The rows."""

    name: str
    digest: str
    train_rows: int
    test_rows: int | None = None
    classes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Provenance:
    """What the numbers were made from, and with."""

    foldwise: str
    data: Data
    software: list[str] = field(default_factory=list)
    device: str | None = None
    profile: Profile | None = None
    device_models: list[str] = field(default_factory=list)
    folds_digest: str | None = None
    cohorts: int | None = None
    cohort_splits: int | None = None
    reproducible: str | None = None


@dataclass(frozen=True, repr=False)
class Report:
    """A study's report. `raw` is the JSON that it was made from, with everything that a newer coordinator says."""

    version: int
    study: StudyInfo
    spec: dict[str, Any]
    selection: Selection
    trials: list[Trial]
    provenance: Provenance
    nested: Nested | None = None
    final: Final | None = None
    components: list[Components] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """From what `foldwise report --format json` writes."""
        try:
            raw = json.loads(text)
        except ValueError as error:
            raise DamagedError("cannot read the report", f"it is no JSON: {error}") from None
        version = raw.get("version") if isinstance(raw, dict) else None
        if version != VERSION:
            remedy = "take the package that came with the coordinator"
            raise DamagedError("cannot read the report", f"its version is {version}, not {VERSION}", remedy)
        return replace(decode(cls, raw, "report"), raw=raw)

    @property
    def winner(self) -> Trial | None:
        """The trial with the best mean score; `None` where none can win, or not yet."""
        return next((trial for trial in self.trials if trial.index == self.selection.winner), None)

    def ranked(self) -> list[Trial]:
        """The trials by mean score, best first; those without one follow in their order."""
        sign = 1.0 if self.selection.rule.metric.endswith("loss") else -1.0
        mean = {trial.index: math.inf if trial.mean is None else sign * trial.mean for trial in self.trials}
        winner = self.selection.winner
        return sorted(self.trials, key=lambda trial: (mean[trial.index], trial.index != winner))

    def __repr__(self) -> str:
        study, best = self.study, self.winner
        won = "" if best is None else f", winner trial {best.index} with a mean of {best.mean}"
        return f"<Report of {study.name} '{study.display_name}': {study.state}, {len(self.trials)} trials{won}>"

    def _repr_html_(self) -> str:
        ranked = self.ranked()
        paths = list(dict.fromkeys(path for trial in ranked for path in trial.params))
        p = {one.trial: one.p for one in self.selection.comparisons}
        rows = [
            [
                trial.index,
                *(shown_value(trial.params.get(path)) for path in paths),
                f"{trial.parameters:,}",
                *map(_digits, (trial.mean, trial.std, trial.std_error, p.get(trial.index))),
            ]
            for trial in ranked[:TRIALS_SHOWN_MAX]
        ]
        short = [path.rsplit(".", 1)[-1] for path in paths]
        names = [end if short.count(end) == 1 else path for end, path in zip(short, paths, strict=True)]
        shown = f"the best {TRIALS_SHOWN_MAX} of " if len(ranked) > TRIALS_SHOWN_MAX else ""
        caption = (
            f"{self.study.display_name} ({self.study.name}): {self.study.state}, {shown}{len(ranked):,} trials by "
            f"{self.selection.rule.metric} at each run's {self.selection.rule.epoch} epoch"
        )
        head = ["trial", *names, "parameters", "mean", "std", "std_error", "p"]
        return page.table(head, rows, caption)


def shown_value(value: object) -> object:
    """A searched value that a table can hold: lists and objects as JSON, everything else as it is."""
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value


def _digits(number: float | None) -> str | None:
    return None if number is None else f"{number:.4g}"
