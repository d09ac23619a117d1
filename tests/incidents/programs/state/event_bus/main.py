import logging
import sys

from bus import Bus
from greenhouse import Window


def watch(temperatures):
    bus = Bus()
    window = Window(bus)
    for degrees in temperatures:
        bus.publish("temperature", degrees)
        if window.alarms and degrees < window.warm:
            bus.publish("reset")
    bus.publish("alarm", degrees=max(temperatures))
    return window


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    window = watch([float(degrees) for degrees in sys.argv[1:]])
    print("open" if window.is_open else "closed", window.alarms)
