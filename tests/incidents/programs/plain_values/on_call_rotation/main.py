import argparse

from rota import calendar


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("people", nargs="+")
    parser.add_argument("--week", type=int, required=True)
    parser.add_argument("--weeks", type=int, default=1)
    parser.add_argument("--away", default="", help="names, with commas between them")
    return parser.parse_args()


def main():
    chosen = options()
    away = tuple(name.strip().lower() for name in chosen.away.split(",") if name.strip())
    weeks = range(chosen.week, chosen.week + chosen.weeks)
    for line in calendar(weeks, [name.lower() for name in chosen.people], away):
        print(line)


if __name__ == "__main__":
    main()
