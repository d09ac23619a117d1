"""A real vLLM engine on this machine's CPU, with a tiny random model, on a loopback port."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from served_ui import free_port, wait_for

HERE = Path(__file__).parent / "real_engine"
ENVIRONMENT = HERE.parents[1] / ".venv-vllm"
"""The engine's own environment, which `make test-vllm` makes."""
NAME = "tiny"
_FLAGS = (
    *("--config", str(HERE.parents[1] / "deploy" / "vllm" / "serve.yaml")),
    *("--served-model-name", NAME, "--host", "127.0.0.1", "--dtype", "float32", "--enforce-eager"),
    *("--no-enable-chunked-prefill", "--kv-cache-memory-bytes", "64M", "--max-num-seqs", "64"),
)
"""Those that README recommends, and what a small CPU needs."""


def quiet_environment() -> dict[str, str]:
    """For the engine's processes: nothing is downloaded, nothing is told to anybody, and one thread is enough."""
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK"), "1")
    return {**os.environ, **offline, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def made_model(folder: Path) -> Path:
    model = folder / "model"
    program = HERE / "tiny_model.py"
    subprocess.run([ENVIRONMENT / "bin" / "python", program, model], env=quiet_environment(), check=True)
    return model


@contextmanager
def served_vllm(folder: Path, flags: Sequence[str] = ()) -> Iterator[str]:
    """The base URL of a server that is ready, with `flags` besides the usual ones; its files lie in the folder."""
    model, port, log = made_model(folder), free_port(), folder / "vllm.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [ENVIRONMENT / "bin" / "vllm", "serve", model, "--port", str(port), *_FLAGS, *flags],
            env={**quiet_environment(), "VLLM_SERVER_DEV_MODE": "1"},  # lets a benchmark empty the prefix cache
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    try:
        wait_for("the engine", lambda: _answers(process, port, log), 240)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(60)


def _answers(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, log.read_text(errors="replace")[-4000:]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except OSError:
        return False
