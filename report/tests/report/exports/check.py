"""Reads what `foldwise report --format tensorboard` and `--format parquet` wrote with the packages that people read it with.

    pip install tensorboard pandas pyarrow
    foldwise report STUDY --format tensorboard --output runs
    foldwise report STUDY --format parquet --output tables
    foldwise report STUDY --format json --output report.json
    python check.py runs tables report.json
"""

import json
import math
import pathlib
import sys

import pandas
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

runs, tables, report = (pathlib.Path(argument) for argument in sys.argv[1:])
report = json.loads(report.read_text())
folds = [(trial, fold) for trial in report["trials"] for fold in trial["folds"] if fold["epochs"]]
digits = len(str(max(len(report["trials"]) - 1, 0)))
for trial, fold in folds:
    events = EventAccumulator(str(runs / f"trial-{trial['index']:0{digits}}" / f"fold-{fold['fold']}"))
    events.Reload()
    for tag, key in [("loss/train", "train_loss"), ("accuracy/validation", "val_accuracy"), ("loss/validation", "val_loss")]:
        expected = [(epoch["epoch"], epoch[key]) for epoch in fold["epochs"] if key in epoch]
        found = [(event.step, event.value) for event in events.Scalars(tag)] if expected else []
        assert len(found) == len(expected), (tag, found, expected)
        for (step, value), (epoch, wanted) in zip(found, expected):
            assert step == epoch and math.isclose(value, wanted, rel_tol=1e-6), (tag, step, value, wanted)
    start = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(start).session_start_info
    assert set(start.hparams) == set(trial["params"]), start
    for path, value in trial["params"].items():
        if isinstance(value, (int, float)):
            assert start.hparams[path].number_value == value
read = {name: pandas.read_parquet(tables / f"{name}.parquet") for name in ["trials", "folds", "epochs"]}
assert len(read["trials"]) == len(report["trials"])
means = [trial.get("mean", math.nan) for trial in report["trials"]]
assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(read["trials"]["mean"], means))
assert len(read["folds"]) == sum(len(trial["folds"]) for trial in report["trials"])
epochs = sum(len(fold["epochs"]) for _, fold in folds) + len(report.get("final", {}).get("epochs", []))
assert len(read["epochs"]) == epochs, (len(read["epochs"]), epochs)
print(read["trials"].dtypes)
print(f"{len(folds)} runs, {epochs} epochs: as in the report")
