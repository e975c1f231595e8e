"""The vocabulary of the tests: a coordinator and workers of the built programs, on ports and folders of their own."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import foldwise

# How long a test waits before it calls something lost: generous, for busy machines.
PATIENCE_S = 120.0
ROOT = Path(__file__).resolve().parents[3]
# Four trials on three folds, done in less than a second.
SMALL = """
name = "small"
seed = 7
[data.blobs]
classes = 3
features = 2
rows = 300
test_rows = 60
[validation]
k_fold = { folds = 3, seed = 1 }
[network]
mlp = { hidden = [16] }
[train]
epochs = 4
batch_size = 10
optimizer = { kind = "adam", lr = 0.01 }
[space]
"train.optimizer.lr" = [0.03, 0.01]
"network.mlp.hidden" = [[8], [16, 8]]
"""


def longer(name: str, *, epochs: int = 250, rates: str = "[0.03, 0.02, 0.01]") -> str:
    """A search whose runs are trained one by one, so that there is always one under way."""
    text = SMALL.replace("small", name).replace("epochs = 4", f"epochs = {epochs}").replace("[0.03, 0.01]", rates)
    return f"{text}[plan]\nwidth = 1\n"


def program() -> Path:
    """The built `foldwise`."""
    folder = Path(os.environ.get("FOLDWISE_BIN") or ROOT / "target" / "debug")
    path = folder / "foldwise"
    assert path.exists(), f"{path} is not built: run the tests with `cargo xtask test`, or set FOLDWISE_BIN"
    return path


class Running:
    """A process, killed when the test ends."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("FOLDWISE_")}
        variables.pop("RUST_LOG", None)
        self.process = subprocess.Popen(
            arguments,
            cwd=folder,
            env={**variables, "FOLDWISE_DATA": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._seen: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def line_with(self, text: str) -> str:
        """The next line with this text, when it comes."""
        while True:
            line = self._lines.get(timeout=PATIENCE_S)
            assert line is not None, f"never printed `{text}`, but: {self._seen}"
            self._seen.append(line)
            if text in line:
                return line

    def freeze(self) -> None:
        """Stops its threads, and waits until they are."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def thaw(self) -> None:
        """Lets them go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)


def foldwise_alone(folder: Path, *arguments: str) -> None:
    """Runs the command line without a coordinator."""
    subprocess.run([str(program()), *arguments], check=True, capture_output=True, cwd=folder)


class Cluster:
    """A coordinator, and workers where a test wants them."""

    def __init__(self, folder: Path, options: list[str] | None = None, address: str | None = None) -> None:
        self.folder = folder
        self._options = options or []
        self.address = f"{address or _own_address()}:0"
        self._workers: list[Running] = []
        self.start()

    def start(self) -> None:
        """Starts the coordinator, on the port that it had, if it had one."""
        state = str(self.folder / "state")
        arguments = [str(program()), "coordinator", "--listen", self.address, "--state", state, "--lease-seconds", "5"]
        self.coordinator = Running([*arguments, *self._options], self.folder)
        line = self.coordinator.line_with("listening on")
        self.address = line.split("://")[1].strip()

    def worker(self, slots: int = 1, *, name: str = "<b>", beside: Cluster | None = None) -> Running:
        """Starts a worker, which may be told of another coordinator too, and waits until it is registered."""
        url = ",".join(f"http://{cluster.address}" for cluster in (self, beside) if cluster is not None)
        arguments = [
            str(program()),
            "worker",
            "--coordinator",
            url,
            "--slots",
            str(slots),
            "--device",
            "cpu",
            "--name",
            name,
        ]
        worker = Running(arguments, self.folder)
        self._workers.append(worker)
        worker.line_with("registered")
        return worker

    def client(self) -> foldwise.Client:
        """A client of this coordinator."""
        return foldwise.connect(self.address)

    def foldwise(self, *arguments: str) -> str:
        """What the command line prints."""
        command = [str(program()), "--coordinator", self.address, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def close(self) -> None:
        """Ends everything."""
        for running in [*self._workers, self.coordinator]:
            running.kill()


_clusters = 0


def _own_address() -> str:
    """A loopback address that no other test has.

    While a coordinator is down nobody else can come by its port.
    """
    global _clusters  # noqa: PLW0603 (a counter of this process)
    _clusters += 1
    if sys.platform != "linux":
        return "127.0.0.1"
    process = os.getpid()
    return f"127.{process // 250 % 250 + 1}.{process % 250 + 1}.{_clusters % 250 + 1}"
