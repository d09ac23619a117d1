import sys

from flags.flags import Flags

flags = Flags.load()
for name in sys.argv[1:]:
    print(name, [person for person in range(10) if flags.is_on(name, person)])
