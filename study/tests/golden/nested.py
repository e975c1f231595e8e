"""Writes nested.json: the folds of nested cross-validation by scikit-learn, for tests/nested_golden.rs.

    pip install scikit-learn numpy
    python nested.py

Each case has an outer and an inner split in Foldwise's words. `outer` are the outer folds; `within` the inner folds of each, in
the numbers of all rows, as `cross_val_score(GridSearchCV(…, cv=inner), …, cv=outer)` makes them.
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, train_test_split


def k_fold(folds, seed):
    return {"k_fold": {"folds": folds, "seed": seed}}, lambda y, g: KFold(
        folds, shuffle=True, random_state=seed
    ).split(np.zeros(len(y)))


def stratified(folds, seed):
    return {"stratified_k_fold": {"folds": folds, "seed": seed}}, lambda y, g: StratifiedKFold(
        folds, shuffle=True, random_state=seed
    ).split(y, y)


def grouped(folds):
    return {"group_k_fold": {"folds": folds}}, lambda y, g: GroupKFold(folds).split(y, groups=g)


def hold_out(fraction, seed):
    return {"hold_out": {"fraction": fraction, "seed": seed}}, lambda y, g: [
        train_test_split(np.arange(len(y)), test_size=fraction, random_state=seed)
    ]


def case(rows, outer, inner):
    y = np.arange(rows) * 7 % 3
    g = np.arange(rows) // 4
    folds, within = [], []
    for train, test in outer[1](y, g):
        folds.append([train.tolist(), test.tolist()])
        inside = inner[1](y[train], g[train])
        within.append([[train[a].tolist(), train[b].tolist()] for a, b in inside])
    return {"rows": rows, "validation": inner[0] | {"outer": outer[0]}, "outer": folds, "within": within}


def main():
    cases = [
        case(20, k_fold(4, 1), k_fold(3, 2)),
        case(23, stratified(3, 5), stratified(2, 5)),
        case(24, grouped(3), grouped(2)),
        case(17, hold_out(0.3, 9), k_fold(2, 0)),
        case(30, k_fold(5, 3), hold_out(0.25, 4)),
        case(26, grouped(2), stratified(3, 1)),
    ]
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in cases)
    versions = json.dumps({"scikit-learn": sklearn.__version__, "numpy": np.__version__})
    text = f'{{"made_by": "nested.py", "versions": {versions}, "cases": [\n{lines}\n]}}\n'
    (pathlib.Path(__file__).parent / "nested.json").write_text(text)


main()
