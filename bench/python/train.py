"""The other side of the training benchmarks: the same networks and work in plain PyTorch, by hand-written loops.

Reads a request of JSON a line on standard input, trains one epoch of what it describes and answers with seconds, or
with `error: …`. The first epoch of each request warms up and is not counted. Ways to train (`way`):

- `default`: as PyTorch is documented: default layout, the plain optimizer, rows in memory.
- `tuned`: channels-last layout and the fused optimizer.
- `compiled`: `tuned` with `torch.compile`.
- `loader`: `default` through a DataLoader with torchvision's transforms.
- `graph`: `tuned` with a step recorded once as a CUDA graph.
- `vmap`: `members` networks at once by `torch.func`, each with rows of its own.

In all of them losses and hits are summed as tensors and read once per epoch, as Foldwise does.
"""

import copy
import json
import sys

import torch
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

import network
import rows
from timing import seconds_of


class Plain:
    """One run, step by step."""

    def __init__(self, request):
        torch.manual_seed(1)
        self.device = torch.device(request["device"])
        self.batch, self.shuffle = request["batch"], request["shuffle"]
        self.tuned = request["way"] != "default" and request["way"] != "loader"
        self.network = network.network(request["layers"]).to(self.device)
        if self.tuned:
            self.network = self.network.to(memory_format=torch.channels_last)
        self.forward = torch.compile(self.network) if request["way"] == "compiled" else self.network
        graph = request["way"] == "graph"
        parameters = self.network.parameters()
        self.optimizer = network.optimizer(parameters, request["optimizer"], self.tuned, capturable=graph)
        self.loss = nn.CrossEntropyLoss()
        self.bf16 = request["precision"] == "bf16"
        self.loss_sum = torch.zeros((), device=self.device)
        self.hits = torch.zeros((), dtype=torch.long, device=self.device)
        self.prepare(request)

    def prepare(self, request):
        self.images, self.labels = rows.held(request["rows"], self.device, self.tuned)

    def batches(self):
        count = len(self.images)
        order = torch.randperm(count, device=self.device) if self.shuffle else torch.arange(count, device=self.device)
        for index in order.split(self.batch):
            yield self.images[index], self.labels[index]

    def step(self, images, labels):
        self.optimizer.zero_grad()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            outputs = self.forward(images)
            loss = self.loss(outputs, labels)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            self.loss_sum += loss * len(images)
            self.hits += (outputs.argmax(1) == labels).sum()

    def epoch(self):
        self.loss_sum.zero_(), self.hits.zero_()
        for images, labels in self.batches():
            self.step(images, labels)
        # Reading them waits for the device.
        return self.loss_sum.item(), self.hits.item()


class Loader(Plain):
    """One run through a DataLoader."""

    def prepare(self, request):
        self.loader = rows.loader(request["rows"], self.batch, self.shuffle, request["workers"], request["augment"])

    def batches(self):
        for images, labels in self.loader:
            yield images.to(self.device), labels.to(self.device)


class Graph(Plain):
    """One run whose step is recorded once and replayed; an epoch's last step must be full."""

    def prepare(self, request):
        super().prepare(request)
        self.inputs, self.targets = self.images[: self.batch].clone(), self.labels[: self.batch].clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                super().step(self.inputs, self.targets)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(self.graph):
            super().step(self.inputs, self.targets)

    def step(self, images, labels):
        if len(images) == self.batch:
            self.inputs.copy_(images)
            self.targets.copy_(labels)
            self.graph.replay()


class Vmap:
    """Many runs at once, each with weights, rows and dropout of its own."""

    def __init__(self, request):
        torch.manual_seed(1)
        self.device, self.members = torch.device(request["device"]), request["members"]
        self.batch, self.count = request["batch"], request["rows"]
        networks = [network.network(request["layers"]).to(self.device) for _ in range(self.members)]
        self.parameters, self.buffers = stack_module_state(networks)
        self.base = copy.deepcopy(networks[0]).to("meta")
        self.optimizer = network.optimizer(self.parameters.values(), request["optimizer"], fused=True)
        self.loss, self.bf16 = nn.CrossEntropyLoss(), request["precision"] == "bf16"
        self.images, self.labels = rows.held(self.count, self.device, channels_last=False)
        one = grad_and_value(self.one_loss, has_aux=True)
        self.all = vmap(one, in_dims=(0, 0, 0, 0), randomness="different")

    def one_loss(self, parameters, buffers, images, labels):
        outputs = functional_call(self.base, (parameters, buffers), (images,))
        return self.loss(outputs, labels), (outputs.argmax(1) == labels).sum()

    def epoch(self):
        loss_sum, hits = torch.zeros(self.members, device=self.device), 0
        orders = torch.stack([torch.randperm(self.count, device=self.device) for _ in range(self.members)])
        for index in orders.split(self.batch, dim=1):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                images, labels = self.images[index], self.labels[index]
                gradients, (losses, correct) = self.all(self.parameters, self.buffers, images, labels)
            for name, parameter in self.parameters.items():
                parameter.grad = gradients[name]
            self.optimizer.step()
            loss_sum += losses.detach() * index.shape[1]
            hits = hits + correct
        return loss_sum.sum().item(), hits.sum().item()


KINDS = {"loader": Loader, "graph": Graph, "vmap": Vmap}


def answer(request, runs, line):
    torch.set_num_threads(request["threads"])
    if line not in runs:
        runs[line] = KINDS.get(request["way"], Plain)(request)
        runs[line].epoch()
    return seconds_of(runs[line].epoch)


def main():
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}", flush=True)
    runs = {}
    for line in sys.stdin:
        try:
            print(answer(json.loads(line), runs, line), flush=True)
        except Exception as error:  # what is missing is said in the table
            print(f"error: {type(error).__name__}: {error}".splitlines()[0], flush=True)


main()
