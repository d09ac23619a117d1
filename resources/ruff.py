"""Ruff on files that nobody vouches for: it reads code and runs none of it, and heeds no settings but those of the call."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from resources.errors import SoloistError


def check(
    folder: Path, rules: Sequence[str], options: Sequence[str], seconds: int
) -> subprocess.CompletedProcess[bytes]:
    """What `ruff check` says, as JSON, of all files in `folder` by these rules. Raises SoloistError where ruff is missing, and
    TimeoutExpired."""
    # Loads its finder only; the program itself is native.
    from ruff import find_ruff_bin

    ours = ["--isolated", "--no-cache", "--output-format=json", "--exit-zero", f"--select={','.join(rules)}"]
    try:
        return subprocess.run(
            [os.fsdecode(find_ruff_bin()), "check", *ours, *options, "."],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=seconds,
        )
    except FileNotFoundError as error:
        raise SoloistError(
            f"ruff cannot be started ({error.strerror}); install it beside Soloist: pip install ruff."
        ) from None
