"""A profile loads, or one sentence says what is wrong, where, and what to do."""

import json
from pathlib import Path

import jsonschema
import pytest

from orchestration_assets.reports.model import Profile
from orchestration_assets.reports.profile import EXAMPLE_PROFILE, json_resume_schema, load_profile
from resources.errors import BadInput


def write(folder: Path, text: str, name: str = "profile.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    with pytest.raises(BadInput) as error:
        load_profile(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


def test_the_printed_example_loads(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, EXAMPLE_PROFILE))
    assert profile.basics["name"] == "Ada Example"
    assert profile.variants["backend"] == ["postgresql", "api", "performance"]
    assert profile.education[0]["endDate"] == "2019", "a year written as a number is text in JSON Resume"
    assert profile.certificates[0]["date"] == "2023-05-01", "a date of TOML is text in JSON Resume"


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, EXAMPLE_PROFILE))
    again = load_profile(write(tmp_path, json.dumps(profile.model_dump()), "profile.json"))
    assert again == profile


def test_a_missing_file_is_an_empty_profile(tmp_path: Path) -> None:
    assert load_profile(tmp_path / "none.toml") == Profile()


def test_an_exported_json_resume_keeps_its_schema_and_meta_keys(tmp_path: Path) -> None:
    text = json.dumps(
        {"$schema": "https://example.com/schema.json", "meta": {"version": "v1.0.0"}, "basics": {"name": "Ada Example"}}
    )
    assert load_profile(write(tmp_path, text, "profile.json")).basics == {"name": "Ada Example"}


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    assert "line 2" in complaint(write(tmp_path, '[basics]\nname = "Ada\nemail = "ada@example.com"\n'))


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    assert "line 3" in complaint(write(tmp_path, '{\n"basics": {"name": "Ada"},\n"work": [,]\n}', "profile.json"))


def test_all_unknown_keys_are_named_with_a_guess(tmp_path: Path) -> None:
    said = complaint(
        write(tmp_path, '[basics]\nnane = "Ada"\n\n[[work]]\nname = "Example Works"\nstartdate = "2021"\n')
    )
    assert "line 2: `basics.nane` is not known (did you mean `name`?)" in said
    assert "line 6: `work[1].startdate` is not known (did you mean `startDate`?)" in said


def test_an_unknown_section_is_named_with_those_that_are_known(tmp_path: Path) -> None:
    said = complaint(write(tmp_path, '[zebra]\nx = "1"\n'))
    assert "`zebra` is not known" in said
    assert "certificates" in said


def test_the_line_is_that_of_the_right_list_entry(tmp_path: Path) -> None:
    text = '[[work]]\nname = "A"\nstartDate = "2020"\n\n[[work]]\nname = "B"\nstartDate = "2020-13"\n'
    said = complaint(write(tmp_path, text))
    assert "line 7: `work[2].startDate` must be a year, month or day" in said


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('basics = "Ada"', "`basics` must be a table"),
        ("[basics]\nname = 3", "`basics.name` must be text"),
        ('[work]\nname = "A"', "`work` must be a list"),
        ('[[work]]\nhighlights = "one"', "`work[1].highlights` must be a list"),
        ('variants = ["backend"]', "`variants` must be a table"),
        ('[variants]\nbackend = "python"', "variant `backend` must be a list of words"),
        ("[variants]\nbackend = [1]", "variant `backend` must be a list of words"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(tmp_path: Path, text: str, what: str) -> None:
    assert what in complaint(write(tmp_path, text))


def test_other_files_are_refused_with_one_sentence(tmp_path: Path) -> None:
    assert "neither .toml nor .json" in complaint(write(tmp_path, "basics:", "profile.yaml"))
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'[basics]\nname = "\xe9"\n')
    assert "line 2" in complaint(latin)
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    complaint(folder)
    assert "no table" in complaint(write(tmp_path, "[]", "list.json"))
    complaint(write(tmp_path, "[" * 100_000, "deep.json"))


def test_the_schema_is_a_valid_one_and_accepts_what_loads(tmp_path: Path) -> None:
    schema = json_resume_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    profile = load_profile(write(tmp_path, EXAMPLE_PROFILE))
    jsonschema.Draft7Validator(schema).validate(profile.model_dump(exclude={"variants"}))


@pytest.mark.parametrize(
    "section", ["volunteer", "awards", "publications", "skills", "interests", "references", "projects", "meta"]
)
def test_the_schema_knows_every_section_of_the_standard(section: str) -> None:
    properties = json_resume_schema()["properties"]
    assert isinstance(properties, dict)
    assert section in properties
