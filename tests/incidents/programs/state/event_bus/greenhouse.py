class Window:
    """Opens when it gets warm. Above the limit it calls for help, once, and then no longer looks."""

    def __init__(self, bus, *, warm=25.0, limit=30.0):
        self.bus = bus
        self.warm = warm
        self.limit = limit
        self.is_open = False
        self.alarms = 0
        self.stop_temperature = bus.subscribe("temperature", self.on_temperature)
        bus.subscribe("alarm", self.on_alarm)
        bus.subscribe("reset", self.on_reset)

    def on_temperature(self, degrees):
        self.is_open = degrees > self.warm
        if degrees > self.limit:
            self.bus.publish("alarm", degrees=degrees)

    def on_alarm(self, degrees):
        self.alarms += 1
        self.stop_temperature()

    def on_reset(self):
        self.bus.subscribe("temperature", self.on_temperature)
