"""Makes the protocol's Python stubs: `python clients/python/stubs.py`, after a change in `proto/`.

With `--into FOLDER` they are written there instead, which is how a test finds out whether they are fresh.
"""

import argparse
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parent
# What this client speaks, by the folders that protobuf looks for them in.
SOURCES = {
    CLIENT.parents[1] / "proto": ["foldwise/v1/run.proto", "foldwise/v1/study.proto"],
    CLIENT / "proto": ["foldwise/rpc/details.proto"],
}


def make(into: Path) -> None:
    """Writes the stubs below a folder."""
    into.mkdir(parents=True, exist_ok=True)
    for root, files in SOURCES.items():
        compiler = [sys.executable, "-m", "grpc_tools.protoc", f"-I{root}"]
        subprocess.run([*compiler, f"--python_out={into}", f"--pyi_out={into}", *files], check=True)
        for folder in {Path(file).parent for file in files}:
            marker = into / folder / "__init__.py"
            marker.write_text(f'"""Made by stubs.py from {folder.as_posix()}."""\n', encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=CLIENT / "src")
    make(parser.parse_args().into)
