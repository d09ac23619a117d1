import sys
from pathlib import Path

from album import arrange

folder = Path(sys.argv[1]).resolve()
print(arrange(folder, folder.with_name("album")), "pictures")
