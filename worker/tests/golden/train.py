"""Writes train.safetensors: what PyTorch does with four small networks, for the trainer's tests to match.

Run it with `python3 train.py` where torch 2.11 and safetensors are installed. Each network is trained ten steps
of eight rows, in order, with each optimizer. Written per network: rows and targets, the weights at the start, and
per optimizer the loss of each step, the weights and statistics at the end, and the loss in evaluation. No bias stands
before batch norm: it would have no effect and so no gradient but rounding, which Adam scales up.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

STEPS, BATCH = 10, 8

NETWORKS = {
    "mlp": ((6,), 3, lambda: [
        nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 5), nn.Sigmoid(), nn.Linear(5, 3),
    ]),
    "cnn": ((2, 9, 9), 3, lambda: [
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 5, (2, 3), padding=(0, 1)), nn.Sigmoid(), nn.AvgPool2d(2, stride=1),
        nn.Flatten(), nn.Linear(30, 7, bias=False), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3),
    ]),
    "gap": ((2, 9, 9), 3, lambda: [
        nn.Conv2d(2, 6, 3, stride=2, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.AvgPool2d(2, padding=1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3),
    ]),
    "regression": ((2,), 1, lambda: [nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)]),
}

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.02, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.02, weight_decay=0.1, betas=(0.8, 0.95), eps=1e-4),
}


def losses_of(name, outputs, targets):
    if name == "regression":
        return nn.functional.mse_loss(outputs, targets)
    if name == "gap":
        return nn.functional.mse_loss(outputs, nn.functional.one_hot(targets, 3).float())
    return nn.functional.cross_entropy(outputs, targets)


def main():
    torch.manual_seed(0)
    golden = {}
    for name, (shape, outputs, layers) in NETWORKS.items():
        rows = torch.randn(STEPS * BATCH, *shape)
        if name == "regression":
            targets = torch.sin(rows.sum(1, keepdim=True))
        else:
            targets = torch.randint(outputs, (len(rows),))
        start = nn.Sequential(*layers()).state_dict()
        golden[f"{name}/rows"], golden[f"{name}/targets"] = rows, targets
        golden.update({f"{name}/start/{key}": value.clone() for key, value in start.items()})
        for optimizer, make in OPTIMIZERS.items():
            network = nn.Sequential(*layers())
            network.load_state_dict(start)
            step = make(network.parameters())
            losses = []
            for batch, target in zip(rows.split(BATCH), targets.split(BATCH)):
                step.zero_grad()
                loss = losses_of(name, network(batch), target)
                loss.backward()
                step.step()
                losses.append(loss.detach())
            network.eval()
            with torch.no_grad():
                evaluated = losses_of(name, network(rows), targets)
            case = f"{name}/{optimizer}"
            golden[f"{case}/losses"], golden[f"{case}/evaluated"] = torch.stack(losses), evaluated
            golden.update({f"{case}/end/{key}": value.clone() for key, value in network.state_dict().items()})
    save_file(golden, Path(__file__).with_name("train.safetensors"))


main()
