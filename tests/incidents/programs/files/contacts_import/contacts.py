"""Imports the address books that people export from elsewhere."""

import csv
from pathlib import Path


def load(path: Path, delimiter: str = ";") -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [contact(row) for row in csv.DictReader(file, delimiter=delimiter)]


def contact(row: dict[str, str]) -> dict[str, str]:
    name = row.get("name", "").strip()
    return {"name": name or row["email"].partition("@")[0], "email": row["email"].lower(), "phone": row["phone"]}


def without_doubles(contacts: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({each["email"]: each for each in contacts}.values())
