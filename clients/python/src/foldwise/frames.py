"""Reports as pandas DataFrames in tidy form: a line per trial, per fold, or per epoch; a column per searched path.

Lists among the searched values become JSON text, as in the CSV, so that lines can be grouped by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from foldwise.errors import MissingPackageError
from foldwise.report import Epoch, Fold, Report, Trial, shown_value

if TYPE_CHECKING:
    import pandas

# Numbers of pandas that may be missing.
_INTEGER, _FLOAT, _TEXT = "Int64", "float64", "object"
Column = tuple[str, str, Callable[..., Any]]

_TRIAL: list[Column] = [
    ("parameters", _INTEGER, lambda trial: trial.parameters),
    ("mean", _FLOAT, lambda trial: trial.mean),
    ("std", _FLOAT, lambda trial: trial.std),
    ("std_error", _FLOAT, lambda trial: trial.std_error),
    ("best_epoch_mean", _FLOAT, lambda trial: trial.best_epoch_mean),
    ("last_epoch_mean", _FLOAT, lambda trial: trial.last_epoch_mean),
    ("best_common_epoch", _INTEGER, lambda trial: trial.best_common_epoch and trial.best_common_epoch.epoch),
    (
        "best_common_epoch_mean",
        _FLOAT,
        lambda trial: trial.best_common_epoch and trial.best_common_epoch.mean,
    ),
    ("scored_folds", _INTEGER, lambda trial: sum(fold.score is not None for fold in trial.folds)),
]
_FOLD: list[Column] = [
    ("parameters", _INTEGER, lambda trial, _: trial.parameters),
    *(
        (name, kind, lambda _, fold, name=name: getattr(fold, name))
        for name, kind in [
            ("score", _FLOAT),
            ("best_epoch", _INTEGER),
            ("best_val_accuracy", _FLOAT),
            ("best_val_loss", _FLOAT),
            ("attempts", _INTEGER),
            ("seconds", _FLOAT),
            ("worker", _TEXT),
            ("error", _TEXT),
        ]
    ),
]
_EPOCH: list[Column] = [
    (name, _INTEGER if name == "epoch" else _FLOAT, lambda epoch, name=name: getattr(epoch, name))
    for name in ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr")
]


def trials(report: Report) -> pandas.DataFrame:
    """A line per trial: its values, its statistics, and how it compares with the winner."""
    lines = [(trial,) for trial in report.trials]
    compared = {one.trial: one for one in report.selection.comparisons}
    difference: list[Column] = [
        (
            "mean_difference",
            _FLOAT,
            lambda trial: getattr(compared.get(trial.index), "mean_difference", None),
        ),
        ("p", _FLOAT, lambda trial: getattr(compared.get(trial.index), "p", None)),
        ("winner", "bool", lambda trial: trial.index == report.selection.winner),
    ]
    return _frame(lines, [_index(), *_params(report), *_TRIAL, *difference])


def folds(report: Report) -> pandas.DataFrame:
    """A line per trial and fold: the columns of the CSV, and the worker."""
    lines: list[tuple[Trial, Fold]] = [(trial, fold) for trial in report.trials for fold in trial.folds]
    before: list[Column] = [
        _index(),
        ("fold", _INTEGER, lambda _, fold: fold.fold),
        ("state", _TEXT, lambda _, fold: fold.state),
    ]
    return _frame(lines, [*before, *_params(report), *_FOLD])


def epochs(report: Report) -> pandas.DataFrame:
    """A line per trial, fold and epoch of the search; those of the final stage are `report.final.epochs`."""
    lines: list[tuple[Trial, Fold, Epoch]] = [
        (trial, fold, epoch) for trial in report.trials for fold in trial.folds for epoch in fold.epochs
    ]
    own: list[Column] = [(name, kind, _third(read)) for name, kind, read in _EPOCH]
    fold: Column = ("fold", _INTEGER, lambda _, fold, __: fold.fold)
    return _frame(lines, [_index(), fold, *_params(report), *own])


def _third(read: Callable[..., Any]) -> Callable[..., Any]:
    return lambda _trial, _fold, epoch: read(epoch)


def _index() -> Column:
    return ("trial", _INTEGER, lambda trial, *_: trial.index)


def _params(report: Report) -> list[Column]:
    paths = dict.fromkeys(path for trial in report.trials for path in trial.params)
    return [(path, "", lambda trial, *_, path=path: shown_value(trial.params.get(path))) for path in paths]


def _frame(lines: Iterable[tuple[Any, ...]], columns: list[Column]) -> pandas.DataFrame:
    pd = _pandas()
    lines = list(lines)
    made = {}
    for name, kind, read in columns:
        values = [read(*line) for line in lines]
        # Searched values are what pandas takes them for.
        made[name] = pd.Series(values, dtype=kind) if kind else pd.Series(values, dtype=None if values else "object")
    frame: pandas.DataFrame = pd.DataFrame(made)
    return frame


def _pandas() -> Any:
    try:
        import pandas  # noqa: PLC0415 (it is optional)
    except ImportError:
        what, why = "cannot make a DataFrame", "pandas is not installed"
        remedy = "pip install 'foldwise[pandas]', or use study.report(), which needs no pandas"
        raise MissingPackageError(what, why, remedy) from None
    return pandas
