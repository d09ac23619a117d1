"""vLLM in the process of a run: the same agents, the same validation, no server."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
from served_vllm import ENVIRONMENT, HERE, made_model, quiet_environment

ROOT = HERE.parents[1]

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(not ENVIRONMENT.exists(), reason="the engine is not installed; `make test-vllm` does so"),
]


def test_every_item_is_answered_in_its_schema_and_what_is_too_long_is_a_failure(tmp_path: Path) -> None:
    model = made_model(tmp_path)
    program = (
        f"import sys, runpy; sys.path.insert(0, {str(ROOT)!r}); sys.path.append({sysconfig.get_paths()['purelib']!r}); "
        f"sys.argv = ['offline_run.py', {str(model)!r}]; runpy.run_path({str(HERE / 'offline_run.py')!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [ENVIRONMENT / "bin" / "python", "-c", program],
        env={**quiet_environment(), "VLLM_ENABLE_V1_MULTIPROCESSING": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["valid"] == 39, found
    (reason,) = found["failures"]
    assert reason.startswith("vLLM refuses the request")
    given, cached, made = found["tokens"]
    assert given > cached > 0
    assert made > 0
    assert os.linesep.join(done.stdout.splitlines()[:-1]) == "", "vLLM writes where the command's own output goes"
