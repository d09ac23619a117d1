from dataclasses import dataclass, field

from shapes import SHAPES, Bed


@dataclass
class Garden:
    beds: list[Bed] = field(default_factory=list)
    gate: float = 0.0

    @classmethod
    def read(cls, told, **settings):
        beds = []
        for each in told:
            members = dict(each)
            beds.append(SHAPES[members.pop("shape")](**members))
        return cls(beds, **settings)

    def soil(self, depth):
        return sum(bed.area() for bed in self.beds) * depth

    def fence(self):
        return sum(bed.perimeter() - self.gate for bed in self.beds)
