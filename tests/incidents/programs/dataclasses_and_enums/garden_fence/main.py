import json
import sys

from garden import Garden

garden = Garden.read(json.load(sys.stdin), gate=0.5)
print(f"{garden.soil(0.2):.2f} cubic metres of soil")
print(f"{garden.fence():.2f} metres of fence")
