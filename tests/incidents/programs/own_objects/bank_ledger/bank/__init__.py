from bank.ledger import Account, InsufficientFunds, Ledger

__all__ = ["Account", "InsufficientFunds", "Ledger"]
