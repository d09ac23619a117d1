import sys
from datetime import date

from birthdays import soon


def main():
    people = {}
    for line in sys.stdin:
        if line.strip():
            name, born = line.split()
            people[name] = date.fromisoformat(born)
    for day, name, age in soon(people):
        print(f"{day:%d %b}  {name} turns {age}")


if __name__ == "__main__":
    main()
