"""Rooms, doors between them, and who walks through them."""

OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}


class Room:
    def __init__(self, name, *things):
        self.name = name
        self.things = set(things)
        self.exits = {}
        self.locked = {}

    def connect(self, direction, room, key=None):
        self.exits[direction] = room
        room.exits[OPPOSITE[direction]] = self
        if key:
            self.locked[direction] = key


class Player:
    def __init__(self, room):
        self.room = room
        self.carries = set()

    def walk(self, direction):
        if direction not in self.room.exits:
            return "There is a wall."
        if direction in self.room.locked:
            return "It is locked."
        self.room = self.room.exits[direction]
        return f"You are in the {self.room.name}."

    def take(self, thing):
        if thing not in self.room.things:
            return "There is none here."
        self.room.things.remove(thing)
        self.carries.add(thing)
        return "Taken."

    def unlock(self, direction):
        key = self.room.locked[direction]
        if key not in self.carries:
            return f"You need the {key}."
        del self.room.locked[direction]
        return "It opens."
