import json
import sys

from bank import Account, Ledger


def balances(told):
    ledger = Ledger([Account(**account) for account in told["accounts"]])
    return ledger.replay(told["transfers"])


if __name__ == "__main__":
    for owner, balance in balances(json.load(sys.stdin)).items():
        print(f"{owner:<12}{balance:>8}")
