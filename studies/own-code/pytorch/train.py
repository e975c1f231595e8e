#!/usr/bin/env python3
"""Trains one network in PyTorch for Foldwise, with checkpoints; docs/own-code.md describes what it is told and what it says."""

import json
import math
import os
import signal

import numpy as np
import torch
from torch import nn


class Stop:
    """Set when Foldwise asks to come to an end: this epoch still, and then a checkpoint."""

    def __init__(self):
        self.wanted = False
        signal.signal(signal.SIGTERM, self.want)

    def want(self, *_):
        self.wanted = True


def load(table, numbers, device):
    x, y = np.load(table["x"], mmap_mode="r"), np.load(table["y"], mmap_mode="r")
    if numbers is not None:
        x, y = x[numbers], y[numbers]
    x = torch.as_tensor(np.array(x, dtype=np.float32))
    return x.flatten(1).to(device), torch.as_tensor(np.array(y)).to(device)


def network(parameters, features, classes):
    layers = []
    for width in parameters["hidden"]:
        layers += [nn.Linear(features, width), nn.ReLU(), nn.Dropout(parameters["dropout"])]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, classes))


def train(model, optimizer, x, y, batch_size):
    model.train()
    loss_sum, hits = 0.0, 0
    for rows in torch.randperm(len(x)).split(batch_size):
        outputs = model(x[rows])
        loss = nn.functional.cross_entropy(outputs, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(rows)
        hits += (outputs.argmax(1) == y[rows]).sum().item()
    return {"loss": loss_sum / len(x), "accuracy": hits / len(x)}


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    outputs = model(x)
    loss = nn.functional.cross_entropy(outputs, y).item()
    return {"loss": loss, "accuracy": (outputs.argmax(1) == y).float().mean().item()}


def random_states(device):
    """Where random numbers are: rows are put in order on the CPU, and dropout draws on the device."""
    states = {"random": torch.get_rng_state()}
    if device != "cpu":
        states["random_cuda"] = torch.cuda.get_rng_state(device)
    return states


def go_on_with(kept, device):
    torch.set_rng_state(kept["random"])
    # A checkpoint from a CPU has none for a GPU, and dropout begins with the seed there.
    if device != "cpu" and "random_cuda" in kept:
        torch.cuda.set_rng_state(kept["random_cuda"], device)


def main():
    with open(os.environ["FOLDWISE_JOB"], encoding="utf-8") as file:
        job = json.load(file)
    report = os.fdopen(int(os.environ["FOLDWISE_REPORT_FD"]), "w", encoding="utf-8", buffering=1)

    def say(**line):
        print(json.dumps(line), file=report)

    stop = Stop()
    torch.manual_seed(job["seed"])
    torch.set_num_threads(job["threads"])
    data, parameters, device = job["data"], job["parameters"], job["device"]
    x, y = load(data["train"], np.load(data["train_rows"]), device)
    held_out = data["validation_rows"] and load(data["train"], np.load(data["validation_rows"]), device)
    model = network(parameters, x.shape[1], job["target"]["classes"]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=parameters["lr"])

    first = 1
    if job["checkpoint"]:
        # Another attempt may have had another device. Model and optimizer take their states to this one.
        kept = torch.load(job["checkpoint"]["path"], map_location="cpu", weights_only=True)
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        go_on_with(kept, device)
        first = job["checkpoint"]["epoch"] + 1

    for epoch in range(first, job["epochs"] + 1):
        line = {"epoch": epoch, "train": train(model, optimizer, x, y, parameters["batch_size"])}
        if not math.isfinite(line["train"]["loss"]):
            say(diverged=epoch)
            return
        if held_out:
            line["validation"] = evaluate(model, *held_out)
        say(**line, lr=parameters["lr"])
        # Foldwise takes the file, and keeps it if the last one is old enough.
        name = f"checkpoint-{epoch}.pt"
        states = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**states, **random_states(device)}, name)
        say(checkpoint=name, epoch=epoch)
        if stop.wanted:
            return

    done = {"done": True}
    if job["stage"] == "final":
        # Whoever reads it may have no GPU.
        torch.save({name: weights.cpu() for name, weights in model.state_dict().items()}, "model.pt")
        done["weights"] = "model.pt"
    if data["test"]:
        tested = data["test_rows"] and np.load(data["test_rows"])
        done["test"] = evaluate(model, *load(data["test"], tested, device))
    say(**done)


if __name__ == "__main__":
    main()
