"""Writes the modules that go on from checkpoints.

    python modules.py        (PyTorch 2.11)

stateful.pt holds what a checkpoint has to bring back: dropout, batch norm, a frozen layer, a mean that is replaced in every
step and a count that is raised in place. counting.pt counts its steps with a number that is no tensor.
"""

from pathlib import Path

import torch

HERE = Path(__file__).parent


class Stateful(torch.nn.Module):
    mean: torch.Tensor
    steps: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.frozen = torch.nn.Linear(2, 6).requires_grad_(False)
        self.norm = torch.nn.BatchNorm1d(6)
        self.dropout = torch.nn.Dropout(0.3)
        self.layer_norm = torch.nn.LayerNorm(6)
        self.output = torch.nn.Linear(6, 3)
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * rows.mean(0)
            self.steps.add_(1)
        x = self.frozen(rows - self.mean) / (1.0 + 0.01 * self.steps)
        x = torch.nn.functional.gelu(self.norm(x))
        x = x * torch.sigmoid(x) + 0.3 * torch.tanh(x)
        return self.output(self.layer_norm(self.dropout(x)))


class Counting(torch.nn.Module):
    steps: int

    def __init__(self) -> None:
        super().__init__()
        self.output = torch.nn.Linear(2, 3)
        self.steps = 0

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.steps += 1
        return self.output(rows) / (1.0 + 0.1 * self.steps)


torch.manual_seed(1)
torch.jit.script(Stateful()).save(str(HERE / "stateful.pt"))
torch.jit.script(Counting()).save(str(HERE / "counting.pt"))
