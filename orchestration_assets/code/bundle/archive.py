"""The archive of a project: its files below one folder, as tar and gzip, the same bytes for the same files."""

from __future__ import annotations

import gzip
import io
import tarfile

from orchestration_assets.code.quality.files import Sources


def archive(folder: str, sources: Sources) -> bytes:
    """A `.tar.gz`: sorted, of no time and nobody's."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, data in sorted(sources.items()):
            entry = tarfile.TarInfo(f"{folder}/{path}")
            entry.size = len(data)
            entry.mode = 0o755 if data.startswith(b"#!") else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), 9, mtime=0)
