import sys
from pathlib import Path

from telemetry import Dump, highest

dump = Dump(Path(sys.argv[1]).read_bytes())
top = highest(dump)
print(f"{len(dump)} samples; highest at {top.at} ms in stage {top.stage}, {top.temperature} degrees")
