"""Shares of the variance of a full grid's means by a functional analysis of variance, and by scikit-learn's one-way F.

Writes expected.json beside it: `python expected.py`.
"""

import itertools
import json
import pathlib

import numpy
from sklearn.feature_selection import f_classif

random = numpy.random.default_rng(7)
SIZES = (2, 3, 4)
cases = []
for _ in range(4):
    means = random.normal(0.8, 0.05, SIZES) + numpy.linspace(0, 0.2, SIZES[1])[None, :, None]
    middle = means.mean()
    total = ((means - middle) ** 2).mean()
    alone, effects = [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        effect = means.mean(axis=others, keepdims=True) - middle
        effects.append(effect)
        alone.append(float((effect**2).mean() / total))
    pairs = []
    for one, other in itertools.combinations(range(3), 2):
        rest = ({0, 1, 2} - {one, other}).pop()
        effect = means.mean(axis=rest, keepdims=True) - middle - effects[one] - effects[other]
        pairs.append(float((effect**2).mean() / total))
    # The same shares from the one-way F: eta² = F df1 / (F df1 + df2).
    levels = list(itertools.product(*map(range, SIZES)))
    for axis in range(3):
        groups = numpy.array([level[axis] for level in levels])
        f, _ = f_classif(means.reshape(-1, 1), groups)
        one, two = SIZES[axis] - 1, means.size - SIZES[axis]
        assert numpy.isclose(f[0] * one / (f[0] * one + two), alone[axis])
    cases.append({"sizes": SIZES, "means": means.ravel().tolist(), "alone": alone, "pairs": pairs})
pathlib.Path(__file__).with_name("expected.json").write_text(json.dumps(cases, indent=1) + "\n")
