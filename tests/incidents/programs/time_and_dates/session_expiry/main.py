import sys
from pathlib import Path

from sessions import Sessions

sessions = Sessions(Path("sessions.json"))
for key in sys.argv[1:]:
    print(key, sessions.user(key) or "must log in")
