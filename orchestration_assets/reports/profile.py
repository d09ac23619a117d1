"""Loads the profile: what no history knows about its owner (name, employment, education, spoken languages, variants).

What belongs here: reading and checking the file. TOML or JSON; fields and dates are those of JSON Resume v1
(`data/json_resume.schema.json`), so a profile that loads always makes a valid resume. A missing file is an empty
profile: the resume then says what is missing.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import cast

from orchestration_assets.reports.model import Profile
from resources.errors import BadInput

SCHEMA = Path(__file__).parent / "data" / "json_resume.schema.json"
MAX_BYTES = 1_000_000

EXAMPLE_PROFILE = """\
# What no history knows about you. The words are those of JSON Resume (jsonresume.org); leave out what none should see.

[basics]
name = "Ada Example"
label = "Software developer"
email = "ada@example.com"
url = "https://example.com"
summary = "I build tools for people who write software."
location = { city = "Exampleton", countryCode = "GB" }
profiles = [{ network = "GitHub", username = "ada-example", url = "https://example.com/ada-example" }]

[[work]]
name = "Example Works"
position = "Developer"
startDate = "2021-03"        # a year, a month or a day; no endDate means until today
summary = "Internal tools."
highlights = ["Kept the build under five minutes."]

[[education]]
institution = "University of Exampleton"
area = "Computer science"
studyType = "Bachelor"
endDate = 2019

[[languages]]
language = "English"
fluency = "Native speaker"

[[certificates]]
name = "Certified Example"
issuer = "Example Board"
date = 2023-05-01

# Targeted resumes: a name, and the skills, categories or words that it favours.
[variants]
backend = ["postgresql", "api", "performance"]
tooling = ["cli", "ci", "release"]
"""

_WRITTEN_AS_NUMBERS = ("score", "phone", "postalCode")
_IGNORED = ("$schema", "meta")  # part of an exported JSON Resume, of no use here


def load_profile(path: Path) -> Profile:
    """The profile in a `.toml` or `.json` file; an empty one where there is no file.

    Raises `BadInput` with the file, the line where it is known, and what to do: for a file that cannot be read or
    parsed, a key that is not known (all are named), a value of the wrong type, a date that is none.
    """
    if not path.exists():
        return Profile()
    text = _read(path)
    parsed = _plain(_parse(path, text))
    if not isinstance(parsed, dict):
        raise BadInput(
            f"The profile {path} holds no table of sections; start from the example that `soloist profile` prints."
        )
    table = {key: value for key, value in parsed.items() if key not in _IGNORED}
    if problems := list(_problems(table)):
        told = "; ".join(f"{_place(text, where)}{what}" for where, what in problems[:5])
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise BadInput(f"The profile {path} cannot be used: {told}{more}. Correct or remove this.")
    return Profile.model_validate(table)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(
                f"The profile {path} exceeds {MAX_BYTES // 1000} kB; a profile holds text only, so name another."
            )
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise BadInput(f"The profile {path} is not UTF-8 text (line {line}); save it as UTF-8.") from error
    except OSError as error:
        reason = error.strerror or error
        raise BadInput(f"The profile {path} cannot be read ({reason}); check the path and its permissions.") from error


def _parse(path: Path, text: str) -> object:
    if path.suffix.lower() not in (".toml", ".json"):
        raise BadInput(f"The profile {path} is neither .toml nor .json; rename it, or convert it to one of these.")
    try:
        parsed: object = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(
            f"The profile {path} is not valid JSON (line {error.lineno}: {error.msg}); correct that line."
        ) from error
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        line = where.group(1) if where else str(text.count("\n") + 1)
        reason = re.sub(r"\s*\(at .*\)$", "", str(error))
        raise BadInput(f"The profile {path} is not valid TOML (line {line}: {reason}); correct that line.") from error
    except (RecursionError, ValueError) as error:
        raise BadInput(
            f"The profile {path} cannot be parsed ({type(error).__name__}); start from the printed example."
        ) from error
    return parsed


def _plain(value: object, key: str = "") -> object:
    """TOML's dates, and years written as numbers, become the text that JSON Resume wants; empty texts are dropped."""
    if isinstance(value, dict):
        return {name: _plain(part, name) for name, part in value.items() if part != "" and part is not None}
    if isinstance(value, list):
        return [_plain(part, key) for part in value]
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number and (key.lower().endswith("date") or key in _WRITTEN_AS_NUMBERS) else value


Where = tuple[str | int, ...]

_TYPES: dict[str, tuple[type, str]] = {
    "object": (dict, "a table"),
    "array": (list, "a list"),
    "string": (str, "text in quotation marks"),
}


@lru_cache(maxsize=1)
def json_resume_schema() -> dict[str, object]:
    """Our JSON Schema of JSON Resume v1 (draft 7)."""
    return cast(dict[str, object], json.loads(SCHEMA.read_text(encoding="utf-8")))


def _problems(table: Mapping[str, object]) -> Iterator[tuple[Where, str]]:
    properties = cast(Mapping[str, Mapping[str, object]], json_resume_schema()["properties"])
    known = {name: properties[name] for name in Profile.model_fields if name != "variants"}
    yield from _unknown(table, [*known, "variants"], ())
    for name, schema in known.items():
        if name in table:
            yield from check(table[name], schema, (name,))
    variants = table.get("variants", {})
    if not isinstance(variants, dict):
        yield ("variants",), "`variants` must be a table of lists of words"
        return
    for name, favoured in variants.items():
        if not isinstance(favoured, list) or not all(isinstance(word, str) for word in favoured):
            yield ("variants", name), f"variant `{name}` must be a list of words"


def check(value: object, schema: Mapping[str, object], where: Where) -> Iterator[tuple[Where, str]]:
    """What of a value does not fit: types, patterns and known keys, the part of JSON Schema that our schema uses."""
    if "$ref" in schema:
        definitions = cast(Mapping[str, Mapping[str, object]], json_resume_schema()["definitions"])
        schema = definitions[str(schema["$ref"]).rsplit("/", 1)[-1]]
    wanted, called = _TYPES[str(schema["type"])]
    if not isinstance(value, wanted):
        yield where, f"`{_path(where)}` must be {called}"
    elif isinstance(value, dict):
        properties = cast(Mapping[str, Mapping[str, object]], schema["properties"])
        yield from _unknown(value, list(properties), where)
        for name, part in value.items():
            if name in properties:
                yield from check(part, properties[name], (*where, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from check(part, cast(Mapping[str, object], schema["items"]), (*where, index))
    elif isinstance(value, str) and "pattern" in schema and not re.fullmatch(str(schema["pattern"]), value):
        yield (
            where,
            f"`{_path(where)}` must be a year, month or day such as 2024, 2024-06 or 2024-06-29, not {value[:40]!r}",
        )


def _unknown(table: Mapping[str, object], known: list[str], where: Where) -> Iterator[tuple[Where, str]]:
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known)}"
            yield (*where, key), f"`{_path((*where, key))}` is not known ({hint})"


def _path(where: Where) -> str:
    """`work[2].startDate`: entries of a list are counted from 1, as a reader does."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")


def _place(text: str, where: Where) -> str:
    """`line 12: `, found by the keys on the way; "" where the keys could mean several lines."""
    start, end = 0, len(text)
    for step, part in enumerate(where):
        if isinstance(part, int):
            continue
        index = where[step + 1] if step + 1 < len(where) else 0
        headers = list(
            re.finditer(rf"^[\t ]*\[\[?[\t ]*[\"']?{re.escape(part)}[\"']?[\t ]*\]", text[start:end], re.MULTILINE)
        )
        if headers:
            header = headers[index if isinstance(index, int) and index < len(headers) else 0]
            start += header.start()
            following = re.compile(r"^[\t ]*\[", re.MULTILINE).search(text, start + len(header.group()))
            end = following.start() if following else end
            continue
        keys = list(re.finditer(rf"(?<![\w-])[\"']?{re.escape(part)}[\"']?[\t ]*[=:]", text[start:end]))
        if len(keys) != 1:
            return ""
        start += keys[0].start()
    return f"line {text.count(chr(10), 0, start) + 1}: "
