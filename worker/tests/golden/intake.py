"""Writes intake.json: rows normalized by NumPy with the statistics of the training rows alone, for the trainer's tests.

Run it with `python3 intake.py` where NumPy is installed. Per data: rows as 32-bit numbers, channels first (`null` is a
hole), the training rows of three folds, and per fold the mean and deviation of each feature or channel, holes left out,
and all rows filled with that mean, normalized by both, in the same layout.
"""

import json
from pathlib import Path

import numpy as np

COUNT, FOLDS = 30, 3


def plain(values):
    return [None if np.isnan(value) else float(value) for value in values.ravel()]


def told(rows, shape):
    folds = []
    flat = rows.reshape(COUNT, shape[0], -1).astype(np.float64)
    for fold in range(FOLDS):
        train = [row for row in range(COUNT) if row % FOLDS != fold]
        mean, std = np.nanmean(flat[train], axis=(0, 2)), np.nanstd(flat[train], axis=(0, 2))
        std[std == 0] = 1
        filled = np.where(np.isnan(flat), mean[:, None], flat)
        scaled = (filled - mean[:, None]) / std[:, None]
        folds.append({"train": train, "mean": plain(mean), "std": plain(std), "filled": plain(filled), "scaled": plain(scaled)})
    return {"shape": shape, "rows": plain(rows), "folds": folds}


def main():
    random = np.random.default_rng(3)
    vectors = random.normal([0, 50, -3, 0.1], [1, 2, 0.01, 0], (COUNT, 4))
    # Far off in a row of each fold, so that each fold's statistics are its own.
    for row in range(FOLDS):
        vectors[row] += [30 + row, 9, 1, 0]
    pictures = random.normal(0, 1, (COUNT, 2, 3, 2)) * np.array([1, 5]).reshape(1, 2, 1, 1) + 2
    holed = vectors.copy()
    holed[random.random(holed.shape) < 0.2] = np.nan
    holed_pictures = pictures.copy()
    holed_pictures[random.random(pictures.shape) < 0.1] = np.nan
    golden = {
        "vectors": told(vectors.astype(np.float32), [4]), "pictures": told(pictures.astype(np.float32), [2, 3, 2]),
        "holed vectors": told(holed.astype(np.float32), [4]),
        "holed pictures": told(holed_pictures.astype(np.float32), [2, 3, 2]),
    }
    Path(__file__).with_name("intake.json").write_text(json.dumps(golden) + "\n")


main()
