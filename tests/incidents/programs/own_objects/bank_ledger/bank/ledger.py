"""Accounts and the transfers between them."""


class InsufficientFunds(Exception):
    def __init__(self, owner, missing):
        super().__init__(f"{owner} lacks {missing}")
        self.owner = owner
        self.missing = missing


class Account:
    """`overdraft` is how far the balance may go below nothing."""

    def __init__(self, owner, balance=0, overdraft=0):
        self.owner = owner
        self.balance = balance
        self.overdraft = overdraft
        self.history = []

    def withdraw(self, amount):
        left = self.balance - amount
        if left < self.overdraft:
            raise InsufficientFunds(self.owner, self.overdraft - left)
        self.balance = left
        self.history.append(-amount)

    def deposit(self, amount):
        self.balance += amount
        self.history.append(amount)


class Ledger:
    def __init__(self, accounts):
        self.accounts = {account.owner: account for account in accounts}

    def transfer(self, giver, taker, amount):
        self.accounts[giver].withdraw(amount)
        self.accounts[taker].deposit(amount)

    def replay(self, transfers):
        for transfer in transfers:
            self.transfer(*transfer)
        return {owner: account.balance for owner, account in self.accounts.items()}
