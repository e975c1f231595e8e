"""Writes splits.json: the folds that scikit-learn makes, for tests/split_golden.rs.

    pip install scikit-learn==1.9.1 numpy==2.4.6 blake3
    python splits.py

Small cases list every row; large ones give the digest that `foldwise_study::split::digest` documents.
"""

import json
import pathlib
import struct
import warnings

import blake3
import numpy as np
import sklearn
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    train_test_split,
)

SEEDS = [0, 1, 42, 2**32 - 1]
LISTED_ROWS_MAX = 24

# How classes and groups follow from the row number; the test computes the same.
LABELS = {
    "cyclic_10": lambda i: (i * 7) % 10,
    "imbalanced": lambda i: 5 if i % 11 == 3 else 0 if i % 3 == 1 else 9,
    "rare": lambda i: 2 if i in (4, 5) else (i * i) % 7 % 2 * 3,
    "blocks": lambda i: 40 - i // 5,
    "uneven": lambda i: int((i * 2654435761 % 2**32) ** 0.5) % 17,
}


def labels(name, rows):
    return np.array([LABELS[name](i) for i in range(rows)], dtype=np.int64)


def digest(folds):
    hasher = blake3.blake3(derive_key_context="foldwise 1 folds")
    hasher.update(struct.pack("<Q", len(folds)))
    for fold in folds:
        for rows in fold:
            hasher.update(struct.pack("<Q", len(rows)))
            hasher.update(np.asarray(rows, dtype="<u4").tobytes())
    return hasher.hexdigest()


def case(validation, rows, folds, classes=None, groups=None):
    folds = [(train.tolist(), test.tolist()) for train, test in folds]
    entry = {"validation": validation, "rows": rows}
    if classes:
        entry["classes"] = classes
    if groups:
        entry["groups"] = groups
    entry["digest"] = digest(folds)
    if rows <= LISTED_ROWS_MAX and len(folds) <= 6:
        entry["folds"] = folds
    return entry


def k_folds():
    for rows, folds in [(10, 2), (11, 3), (23, 5), (5, 5), (1000, 7), (60000, 5)]:
        spec = {"folds": folds, "shuffle": False}
        yield case({"k_fold": spec}, rows, KFold(folds).split(np.zeros(rows)))
        for seed in SEEDS:
            spec = {"folds": folds, "shuffle": True, "seed": seed}
            split = KFold(folds, shuffle=True, random_state=seed)
            yield case({"k_fold": spec}, rows, split.split(np.zeros(rows)))


def stratified_k_folds():
    for rows, folds, name in [
        (20, 2, "imbalanced"),
        (23, 3, "rare"),
        (22, 4, "imbalanced"),
        (1001, 7, "uneven"),
        (60000, 5, "cyclic_10"),
        (60000, 3, "imbalanced"),
    ]:
        y = labels(name, rows)
        spec = {"folds": folds, "shuffle": False}
        yield case({"stratified_k_fold": spec}, rows, StratifiedKFold(folds).split(y, y), name)
        for seed in SEEDS:
            spec = {"folds": folds, "shuffle": True, "seed": seed}
            split = StratifiedKFold(folds, shuffle=True, random_state=seed)
            yield case({"stratified_k_fold": spec}, rows, split.split(y, y), name)


def repeated_k_folds():
    for rows, folds, repeats in [(11, 3, 2), (101, 4, 10), (60000, 5, 3)]:
        for seed in SEEDS:
            spec = {"folds": folds, "repeats": repeats, "seed": seed}
            split = RepeatedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
            yield case({"repeated_k_fold": spec}, rows, split.split(np.zeros(rows)))
    for rows, folds, repeats, name in [(23, 3, 2, "rare"), (500, 4, 5, "uneven"), (60000, 5, 3, "cyclic_10")]:
        y = labels(name, rows)
        for seed in SEEDS:
            spec = {"folds": folds, "repeats": repeats, "seed": seed}
            split = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
            yield case({"repeated_stratified_k_fold": spec}, rows, split.split(y, y), name)


def group_k_folds():
    for rows, folds, name in [
        (12, 2, "blocks"),
        (24, 5, "blocks"),
        (20, 3, "imbalanced"),
        (200, 6, "blocks"),
        (1000, 4, "uneven"),
        (60000, 5, "uneven"),
    ]:
        groups = labels(name, rows)
        split = GroupKFold(folds).split(groups, groups=groups)
        yield case({"group_k_fold": {"folds": folds}}, rows, split, groups=name)


def hold_outs():
    for rows, fraction in [(10, 0.2), (11, 0.25), (24, 0.1), (2, 0.5), (1000, 0.333), (60000, 1 / 6)]:
        spec = {"fraction": fraction, "shuffle": False}
        yield case({"hold_out": spec}, rows, [train_test_split(np.arange(rows), test_size=fraction, shuffle=False)])
        for seed in SEEDS:
            spec = {"fraction": fraction, "seed": seed}
            split = train_test_split(np.arange(rows), test_size=fraction, random_state=seed)
            yield case({"hold_out": spec}, rows, [split])
    for rows, fraction, name in [
        (20, 0.25, "imbalanced"),
        (23, 0.2, "rare"),
        (20, 0.5, "blocks"),
        (24, 0.3, "blocks"),
        (100, 0.33, "cyclic_10"),
        (997, 0.1, "uneven"),
        (60000, 1 / 6, "cyclic_10"),
        (60000, 0.07, "imbalanced"),
    ]:
        y = labels(name, rows)
        for seed in SEEDS:
            spec = {"fraction": fraction, "stratified": True, "seed": seed}
            split = train_test_split(np.arange(rows), test_size=fraction, random_state=seed, stratify=y)
            yield case({"hold_out": spec}, rows, [split], name)


def main():
    warnings.simplefilter("ignore")
    makers = [k_folds, stratified_k_folds, repeated_k_folds, group_k_folds, hold_outs]
    cases = [entry for maker in makers for entry in maker()]
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in cases)
    versions = json.dumps({"scikit-learn": sklearn.__version__, "numpy": np.__version__})
    text = f'{{"made_by": "splits.py", "versions": {versions}, "cases": [\n{lines}\n]}}\n'
    (pathlib.Path(__file__).parent / "splits.json").write_text(text)


main()
