"""Tells whoever asked to be told."""

import logging

log = logging.getLogger("bus")


class Bus:
    def __init__(self):
        self.handlers = {}

    def subscribe(self, topic, handler):
        """A function that ends the subscription."""
        self.handlers.setdefault(topic, []).append(handler)

        def unsubscribe():
            if handler in self.handlers[topic]:
                self.handlers[topic].remove(handler)

        return unsubscribe

    def publish(self, topic, *arguments, **named):
        for handler in list(self.handlers.get(topic, ())):
            try:
                handler(*arguments, **named)
            except Exception:
                log.exception("a handler of %s failed", topic)
