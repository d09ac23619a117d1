import argparse

from loans import cost, schedule


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--amount", type=float, required=True)
    parser.add_argument("--rate", type=float, default=5, help="percent a year")
    parser.add_argument("--months", type=int, default=12)
    wanted = parser.parse_args()
    payments = schedule(wanted.amount, wanted.rate / 100, wanted.months)
    for payment in payments:
        print("{:>3} {:>10.2f} {:>10.2f} {:>12.2f}".format(*payment))
    print(f"The loan costs {cost(payments):.2f}.")


if __name__ == "__main__":
    main()
