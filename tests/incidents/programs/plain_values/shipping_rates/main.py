import argparse

from quoting import quote


def main():
    parser = argparse.ArgumentParser(description="Quote a parcel.")
    parser.add_argument("country")
    parser.add_argument("weight", type=float)
    parser.add_argument("--express", action="store_true")
    options = parser.parse_args()
    price = quote(options.country, options.weight, options.express)
    print(f"{options.country}: {price:.2f} EUR")


if __name__ == "__main__":
    main()
