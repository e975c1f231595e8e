"""Writes selection.json: statistics by NumPy and SciPy, for tests/selection_golden.rs.

    pip install scipy==1.17.1 numpy==2.4.6
    python selection.py

Each case has a winner (the higher mean) and another trial. With a ratio of 0 the corrected test must be SciPy's
paired t-test, which gives t and p there; otherwise both follow from the paper's formula and SciPy's t distribution.
"""

import json
import pathlib

import numpy as np
import scipy
from scipy import stats


def summary(scores):
    return {
        "mean": float(np.mean(scores)),
        "std": float(np.std(scores, ddof=1)),
        "std_error": float(stats.sem(scores)),
    }


def corrected(difference, ratio):
    folds = len(difference)
    t = difference.mean() / np.sqrt((1 / folds + ratio) * difference.var(ddof=1))
    return float(t), float(2 * stats.t.sf(abs(t), folds - 1))


def case(winner, other, ratio):
    if np.mean(other) > np.mean(winner):
        winner, other = other, winner
    if ratio == 0:
        test = stats.ttest_rel(other, winner)
        t, p = float(test.statistic), float(test.pvalue)
    else:
        t, p = corrected(other - winner, ratio)
    error = np.sqrt((1 / len(winner) + ratio) * (other - winner).var(ddof=1))
    low, high = stats.t.interval(0.95, len(winner) - 1, loc=np.mean(other - winner), scale=error)
    return {
        "winner": winner.tolist(),
        "other": other.tolist(),
        "ratio": ratio,
        "winner_summary": summary(winner),
        "other_summary": summary(other),
        "mean_difference": float(np.mean(other - winner)),
        "t": t,
        "p": p,
        "low": float(low),
        "high": float(high),
    }


def cases():
    random = np.random.default_rng(20)
    for folds, ratio in [(2, 1.0), (3, 0.5), (5, 0.25), (5, 0.0), (10, 1 / 9), (10, 0.0), (50, 1 / 9), (100, 1 / 9)]:
        for gap, noise in [(0.0, 0.01), (0.01, 0.01), (0.2, 0.005), (0.0, 0.2)]:
            fold = random.normal(0.8, 0.02, folds)
            winner = fold + random.normal(0, noise, folds)
            yield case(winner, fold - gap + random.normal(0, noise, folds), ratio)
    yield case(np.array([0.9123, 0.9087, 0.9201, 0.9155, 0.9098]), np.array([0.9101, 0.9090, 0.9166, 0.9120, 0.9077]), 0.25)


def main():
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in cases())
    versions = json.dumps({"numpy": np.__version__, "scipy": scipy.__version__})
    text = f'{{"made_by": "selection.py", "versions": {versions}, "cases": [\n{lines}\n]}}\n'
    (pathlib.Path(__file__).parent / "selection.json").write_text(text)


main()
