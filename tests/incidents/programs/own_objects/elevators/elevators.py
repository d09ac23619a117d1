"""A house with some elevators, and which of them comes."""


class Elevator:
    def __init__(self, name, floor=0, in_service=True):
        self.name = name
        self.floor = floor
        self.in_service = in_service
        self.riders = 0

    def __repr__(self):
        return f"<Elevator {self.name} on floor {self.floor}>"

    def is_free(self):
        return self.in_service and not self.riders

    def board(self, people=1):
        self.riders += people

    def travel(self, floor):
        moved = abs(floor - self.floor)
        self.floor = floor
        return moved


class House:
    def __init__(self, *elevators):
        self.elevators = elevators
        self.moved = 0

    def nearest(self, floor):
        free = [elevator for elevator in self.elevators if elevator.is_free()]
        return min(free, key=lambda elevator: abs(elevator.floor - floor), default=None)

    def call(self, start, end):
        elevator = self.nearest(start)
        self.moved += elevator.travel(start)
        elevator.board()
        self.moved += elevator.travel(end)
        return elevator
