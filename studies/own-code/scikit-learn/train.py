#!/usr/bin/env python3
"""Trains one support vector machine for Foldwise; docs/own-code.md describes what it is told and what it says."""

import json
import os
import pickle

import numpy as np
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def rows(table, numbers=None):
    """Features and targets of the rows with these numbers, or of all."""
    x, y = (np.load(table[name], mmap_mode="r") for name in ("x", "y"))
    return (x[:], y[:]) if numbers is None else (x[numbers], y[numbers])


def scores(model, x, y, classes):
    probabilities = model.predict_proba(x)
    loss = log_loss(y, probabilities, labels=range(classes))
    return {"loss": float(loss), "accuracy": float(np.mean(model.predict(x) == y))}


def main():
    with open(os.environ["FOLDWISE_JOB"], encoding="utf-8") as file:
        job = json.load(file)
    report = os.fdopen(int(os.environ["FOLDWISE_REPORT_FD"]), "w", encoding="utf-8", buffering=1)

    def say(**line):
        print(json.dumps(line), file=report)

    data, parameters = job["data"], job["parameters"]
    classes = job["target"]["classes"]
    x, y = rows(data["train"], np.load(data["train_rows"]))
    machine = SVC(kernel=parameters["kernel"], C=parameters["C"], probability=True, random_state=job["seed"])
    model = make_pipeline(StandardScaler(), machine).fit(x, y)

    epoch = {"epoch": 1, "train": scores(model, x, y, classes)}
    if data["validation_rows"]:
        held_out = rows(data["train"], np.load(data["validation_rows"]))
        epoch["validation"] = scores(model, *held_out, classes)
    say(**epoch)

    done = {"done": True}
    if job["stage"] == "final":
        with open("model.pickle", "wb") as file:
            pickle.dump(model, file)
        done["weights"] = "model.pickle"
    if data["test"]:
        tested = data["test_rows"] and np.load(data["test_rows"])
        done["test"] = scores(model, *rows(data["test"], tested), classes)
    say(**done)


if __name__ == "__main__":
    main()
