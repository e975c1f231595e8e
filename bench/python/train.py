"""The other side of the `train` benchmark: the same networks and work in plain PyTorch, hand-written.

Reads one request a line on standard input, `case layout threads rows`, trains one epoch of `rows` rows and
answers with seconds. Layout `default` is PyTorch's own; `tuned` is channels-last with the fused optimizer. Rows
lie in memory; losses and hits are summed as tensors and read once per epoch, as Foldwise does.
"""

import sys
import time

import torch
from torch import nn

BATCH = 64


def perceptron():
    layers, width = [nn.Flatten()], 784
    for units in (64, 32):
        layers += [nn.Linear(width, units), nn.BatchNorm1d(units), nn.ReLU(), nn.Dropout(0.3)]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, 10))


def convolutional():
    layers, width = [], 1
    for channels in (32, 64, 128):
        layers += [nn.Conv2d(width, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]
        width = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.25), nn.Linear(width, 10))


NETWORKS = {"mlp-64-32": perceptron, "cnn-94k": convolutional}


class Run:
    def __init__(self, case, layout, rows):
        torch.manual_seed(1)
        self.images = torch.randint(256, (rows, 1, 28, 28)).float().div_(255)
        self.labels = torch.randint(10, (rows,))
        self.network = NETWORKS[case]()
        self.tuned = layout == "tuned"
        if self.tuned:
            self.network = self.network.to(memory_format=torch.channels_last)
            self.images = self.images.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-3, fused=self.tuned)
        self.loss = nn.CrossEntropyLoss()

    def epoch(self):
        start = time.perf_counter()
        loss_sum, hits = torch.zeros(()), torch.zeros((), dtype=torch.long)
        for index in torch.randperm(len(self.images)).split(BATCH):
            images, labels = self.images[index], self.labels[index]
            self.optimizer.zero_grad()
            outputs = self.network(images)
            loss = self.loss(outputs, labels)
            loss.backward()
            self.optimizer.step()
            with torch.no_grad():
                loss_sum += loss * len(index)
                hits += (outputs.argmax(1) == labels).sum()
        loss_sum.item(), hits.item()
        return time.perf_counter() - start


def main():
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}", flush=True)
    runs = {}
    for line in sys.stdin:
        case, layout, threads, rows = line.split()
        torch.set_num_threads(int(threads))
        if (case, layout) not in runs:
            runs[case, layout] = Run(case, layout, int(rows))
            runs[case, layout].epoch()
        print(runs[case, layout].epoch(), flush=True)


main()
