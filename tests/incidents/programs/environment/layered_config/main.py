import sys

from layers import get, load


def main(*names):
    config = load()
    for name in names or ("server", "log"):
        print(name, "=", get(config, name))


if __name__ == "__main__":
    main(*sys.argv[1:])
