from world import Player, Room


def build():
    hall, kitchen = Room("hall"), Room("kitchen", "lamp", "knife")
    pantry, cellar = Room("pantry", "rusty key"), Room("cellar", "chest")
    hall.connect("north", kitchen)
    kitchen.connect("east", pantry)
    kitchen.connect("west", cellar, key="rusty key")
    return Player(hall)


def play(commands):
    player = build()
    for command in commands:
        verb, _, rest = command.strip().partition(" ")
        if verb in ("take", "unlock"):
            yield getattr(player, verb)(rest)
        elif verb:
            yield player.walk(verb)
