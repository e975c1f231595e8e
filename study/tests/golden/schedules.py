"""Writes schedules.json: learning rates and momenta by torch.optim.lr_scheduler, for tests/schedule_golden.rs.

Run it with `python3 schedules.py` where torch 2.11 is installed. A case is `[train]` of a spec in Foldwise's own words, from
which this script makes the schedulers: one that steps after each epoch or, of one cycle, after each step, and a warm-up
that steps after each step. Schedulers that multiply the rate are chained with the warm-up on one optimizer. Those that
set it (restarts and one cycle) would undo a chained warm-up, and a cosine that ends above zero or within the warm-up would
add to it; there the rate is the product of both, each on an optimizer of its own.
"""

import json
import random
from pathlib import Path

import torch
from torch.optim import lr_scheduler


def scheduler_of(train, per_epoch, optimizer):
    """The schedule's scheduler, and whether it steps after each step."""
    kind, of = next(iter(train["schedule"].items())) if "schedule" in train else ("constant", {})
    epochs = train["epochs"]
    if kind == "constant":
        return None, False
    if kind == "step":
        return lr_scheduler.StepLR(optimizer, of["every"], of.get("gamma", 0.1)), False
    if kind == "multi_step":
        return lr_scheduler.MultiStepLR(optimizer, of["milestones"], of.get("gamma", 0.1)), False
    if kind == "exponential":
        return lr_scheduler.ExponentialLR(optimizer, of["gamma"]), False
    if kind == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, of.get("epochs", epochs), of.get("min_lr", 0.0)), False
    if kind == "cosine_restarts":
        restarts = lr_scheduler.CosineAnnealingWarmRestarts
        return restarts(optimizer, of["first"], of.get("factor", 1), of.get("min_lr", 0.0)), False
    if kind == "one_cycle":
        momentum = of.get("momentum")
        return lr_scheduler.OneCycleLR(
            optimizer, max_lr=train["optimizer"]["lr"], total_steps=epochs * per_epoch, pct_start=of.get("rise", 0.3),
            anneal_strategy={"cosine": "cos", "linear": "linear"}[of.get("curve", "cosine")],
            div_factor=of.get("start_divisor", 25.0), final_div_factor=of.get("end_divisor", 1e4),
            three_phase=of.get("three_phases", False), cycle_momentum=momentum is not None,
            **({"max_momentum": momentum[0], "base_momentum": momentum[1]} if momentum else {}),
        ), True
    return lr_scheduler.ReduceLROnPlateau(
        optimizer, "max" if of.get("monitor") == "val_accuracy" else "min", of.get("factor", 0.1), of.get("patience", 10),
        of.get("threshold", 1e-4), "abs" if of.get("threshold_mode") == "absolute" else "rel", of.get("cooldown", 0),
        of.get("min_lr", 0.0), of.get("eps", 1e-8),
    ), False


def optimizer_of(settings):
    parameters = [torch.zeros(1, requires_grad=True)]
    if settings["kind"] == "adam":
        return torch.optim.Adam(parameters, lr=settings["lr"])
    return torch.optim.SGD(parameters, lr=settings["lr"], momentum=settings.get("momentum", 0.0))


def warm_up_of(train, per_epoch, optimizer):
    warm_up = train["warm_up"]
    steps = warm_up.get("steps") or warm_up["epochs"] * per_epoch
    return lr_scheduler.LinearLR(optimizer, warm_up.get("start", 1 / 3), 1.0, steps)


def run(case, schedules, warms):
    """Rates and momenta of each step, with the schedule and the warm-up on one optimizer where both are asked for."""
    train, per_epoch = case["train"], case["steps_per_epoch"]
    optimizer = optimizer_of(train["optimizer"])
    warm_up = warm_up_of(train, per_epoch, optimizer) if warms else None
    scheduler, each_step = scheduler_of(train, per_epoch, optimizer) if schedules else (None, False)
    rates, momenta = [], []
    for epoch in range(train["epochs"]):
        for _ in range(per_epoch):
            group = optimizer.param_groups[0]
            rates.append(group["lr"])
            momenta.append(group["betas"][0] if "betas" in group else group["momentum"])
            optimizer.step()
            # PyTorch divides by zero after the last step of a cycle that only rises.
            if each_step and len(rates) < train["epochs"] * per_epoch:
                scheduler.step()
            if warm_up:
                warm_up.step()
        if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
            scheduler.step(case["watched"][epoch])
        elif scheduler and not each_step:
            scheduler.step()
    return rates, momenta


def expected(case):
    train = case["train"]
    kind, of = next(iter(train["schedule"].items())) if "schedule" in train else ("constant", {})
    if "warm_up" not in train:
        rates, momenta = run(case, True, False)
    elif kind in ("cosine_restarts", "one_cycle") or of.get("min_lr") or of.get("epochs") == 1:
        rates, momenta = run(case, True, False)
        highest = train["optimizer"]["lr"]
        rates = [rate * warm / highest for rate, warm in zip(rates, run(case, False, True)[0])]
    else:
        rates, momenta = run(case, True, True)
    moves = "momentum" in of
    return {"rates": rates, "momenta": momenta if moves else None}


def cases():
    numbers = random.Random(5)
    falling = [1 / (1 + epoch) + 0.05 * numbers.random() for epoch in range(40)]
    stuck = [max(0.5, 1 - 0.05 * epoch) + 2e-4 * numbers.random() for epoch in range(40)]
    rising = [1 - value for value in falling]
    near = [0.9 * (1 - 0.5**epoch) + 0.02 * numbers.random() for epoch in range(40)]
    sgd = {"kind": "sgd", "lr": 0.3, "momentum": 0.9}
    for epochs, schedule in [
        (12, None),
        (12, {"step": {"every": 3}}), (12, {"step": {"every": 5, "gamma": 0.7}}), (7, {"step": {"every": 1, "gamma": 1.2}}),
        (12, {"multi_step": {"milestones": [2, 5, 9]}}), (12, {"multi_step": {"milestones": [4, 4, 7], "gamma": 0.5}}),
        (12, {"exponential": {"gamma": 0.83}}), (5, {"exponential": {"gamma": 1.0}}),
        (12, {"cosine": {}}), (12, {"cosine": {"min_lr": 0.02}}), (30, {"cosine": {"epochs": 7}}),
        (30, {"cosine": {"epochs": 6, "min_lr": 0.01}}), (9, {"cosine": {"epochs": 1}}),
        (20, {"cosine_restarts": {"first": 4}}), (30, {"cosine_restarts": {"first": 3, "factor": 2, "min_lr": 0.01}}),
        (14, {"cosine_restarts": {"first": 1, "factor": 3}}),
    ]:
        train = {"epochs": epochs, "batch_size": 8, "optimizer": sgd, **({"schedule": schedule} if schedule else {})}
        yield {"train": train, "steps_per_epoch": 3}
        for warm_up in [{"epochs": 2, "start": 0.1}, {"steps": 7}, {"steps": 1, "start": 0.5}]:
            yield {"train": {**train, "warm_up": warm_up}, "steps_per_epoch": 3}
    for cycle in [
        {}, {"curve": "linear"}, {"rise": 0.45, "start_divisor": 10.0, "end_divisor": 100.0},
        {"three_phases": True}, {"three_phases": True, "curve": "linear", "rise": 0.4},
        {"momentum": [0.95, 0.85]}, {"momentum": [0.95, 0.85], "curve": "linear", "three_phases": True},
        {"rise": 0.01}, {"rise": 0.0}, {"rise": 1.0},
    ]:
        for epochs, per_epoch in [(5, 4), (7, 3), (1, 11)]:
            for optimizer in [sgd, {"kind": "adam", "lr": 0.01}]:
                train = {"epochs": epochs, "batch_size": 8, "optimizer": optimizer, "schedule": {"one_cycle": cycle}}
                yield {"train": train, "steps_per_epoch": per_epoch}
        yield {"train": {**train, "warm_up": {"steps": 4, "start": 0.2}}, "steps_per_epoch": 11}
    for plateau, watched in [
        ({"patience": 1}, stuck), ({"patience": 0, "factor": 0.5}, falling), ({"patience": 2, "threshold": 0.05}, falling),
        ({"patience": 2, "threshold": 0.05, "threshold_mode": "absolute"}, falling),
        ({"patience": 1, "threshold": 0.01, "threshold_mode": "absolute", "monitor": "val_accuracy"}, rising),
        ({"patience": 1, "threshold": 0.01, "monitor": "val_accuracy", "factor": 0.6}, near),
        ({"patience": 1, "cooldown": 3, "factor": 0.5}, stuck), ({"patience": 0, "cooldown": 2, "factor": 0.5}, falling),
        ({"patience": 0, "cooldown": 1, "factor": 0.3, "min_lr": 0.01}, stuck),
        ({"patience": 0, "factor": 0.5, "eps": 0.02}, stuck), ({"patience": 0, "factor": 0.5, "min_lr": 0.07, "eps": 0.01}, stuck),
    ]:
        train = {"epochs": 40, "batch_size": 8, "optimizer": sgd, "schedule": {"reduce_on_plateau": plateau}}
        yield {"train": train, "steps_per_epoch": 2, "watched": watched}
    train = {**train, "schedule": {"reduce_on_plateau": {"patience": 0, "factor": 0.5, "eps": 0.0}}}
    yield {"train": {**train, "warm_up": {"epochs": 9}}, "steps_per_epoch": 2, "watched": stuck}


def main():
    golden = {"torch": torch.__version__.split("+")[0], "cases": [{**case, **expected(case)} for case in cases()]}
    Path(__file__).with_name("schedules.json").write_text(json.dumps(golden) + "\n")


main()
