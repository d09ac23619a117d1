"""Skills are found in running text where their names stand for them, and nowhere else; hostile text costs no more than other text."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_assets.skills.taxonomy import load_taxonomy
from orchestration_assets.skills.text_matching import TextMatcher, normalised

TAXONOMY = load_taxonomy()
NAMES = [name for skill in TAXONOMY.skills.values() for name in (skill.name, *skill.aliases, *skill.ambiguous_aliases)]
CERTAIN = [
    (name, skill.id)
    for skill in TAXONOMY.skills.values()
    for name in ((*skill.aliases,) if skill.ambiguous else (skill.name, *skill.aliases))
]
DOUBTFUL = [
    name
    for skill in TAXONOMY.skills.values()
    for name in ((skill.name,) if skill.ambiguous else ()) + skill.ambiguous_aliases
    if name.isalpha()
]
WORDS = "the fix in using with moved from to and or rewrote parser library code API app 3 2.0 1.80 next act Ada's go-back a.b".split()
JUNK = [
    "/",
    "(",
    ")",
    ".",
    "..",
    "_",
    "-",
    "--",
    "`",
    "://",
    "@",
    "=",
    "\n",
    "\t",
    "é",
    "使用",
    "\x00",
    "🙂",
    "'s",
    "#",
    ":",
    "::",
    ",",
    " ",
]


def found(text: str) -> list[str]:
    return [match.skill for match in TAXONOMY.find_in_text(text)]


@pytest.mark.parametrize(
    ("text", "skills"),
    [
        ("Rewrote the parser in Rust", "rust"),
        ("Used Flask 3 for the API", "flask"),
        ("moved from Express to Fastify", "express fastify"),
        ("ported to golang", "go"),
        ("Glue between C++ and C#, on .NET 8", "cpp csharp dotnet"),
        (".NET and Node.js", "dotnet nodejs"),
        ("CI/CD for all", "continuous-integration"),
        ("a NextJS front for the NodeJS server", "nextjs nodejs"),
        ("next.js, vue.js.", "nextjs vue"),
        ("Set up pre-commit hooks", "pre-commit"),
        ("TailwindCSS and VSCode and VS Code", "tailwind-css visual-studio-code visual-studio-code"),
        ("Go 1.22 upgrade", "go"),
        ("HTML/CSS/JavaScript", "html css javascript"),
        ("TypeScript/React", "typescript react"),
        ("[Django](https://example.com/rust)", "django"),
        ("feat(django): log in", "django"),
        ("**Docker**, `Redis`", "docker redis"),
        ("Python, Rust and Go", "python rust go"),
        ("macOS, iOS and GraphQL", "macos ios graphql"),
        ("the Weights & Biases run", "weights-and-biases"),
        ("Moved from Spark to Polars", "apache-spark polars"),
        ("Built a client with Requests", "requests"),
        ("Wrote a tool with Click", "click"),
        ("Python3.11 and Python 3.12", "python python"),
        ("- PostgreSQL: tuned", "postgresql"),
        ("Learned Rust", "rust"),
        ("an S3 bucket", "amazon-s3"),
    ],
)
def test_names_are_found_where_they_stand_for_the_skill(text: str, skills: str) -> None:
    assert found(text) == skills.split()


@pytest.mark.parametrize(
    "text",
    [
        *"the|these|hello|version|line-length|exclude|fix|update|make sure|go back|express an opinion|rich text".split(
            "|"
        ),
        *"clean up requests|swift response|react to feedback|spring cleaning|a flask of water|helm the ship".split("|"),
        *"next step|next steps|in go mode|guard rails|black box|the rest|act on it|a digit|net profit|dot the i".split(
            "|"
        ),
        *"a spark of joy|airflow in the office|a restful night|with swagger|zig zag|5 ml of it|the oracle said".split(
            "|"
        ),
        *"put the cache aside|please test first|retry on call failure|from A to C|plan C in the works".split("|"),
        *"Make sure it works|Go back|Express mode|React to feedback|Click 2 buttons|Boost 10% in speed".split("|"),
        *"docs: Make API calls faster|Rich text editor|Use Go to the top|Dash to the shop|Give it a Rest".split("|"),
        *"planned for Spring 2024|We moved to Phoenix|the arrow points up|brew a coffee|Act 3|Fine-tuning the layout".split(
            "|"
        ),
    ],
)
def test_ordinary_words_are_no_skills(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("name", ["Ada", "Julia", "Rich", "Ruby", "Crystal", "Jasmine", "Ray", "Pascal"])
@pytest.mark.parametrize(
    "text", ["Paired with {} today", "Met {} in Berlin", "{}'s laptop", "Moved it, {} said", "Thanks to {}!"]
)
def test_people_are_no_skills(name: str, text: str) -> None:
    assert found(text.format(name)) == []


@pytest.mark.parametrize(
    "text",
    [
        "requests_made = 3",
        "git_python python_git __python__",
        "getPythonPath and pythonPath",
        "django.db.models foo.python.bar",
        "requests.get(url) python(x)",
        "std::python $PYTHON #python @python",
        "see https://docs.python.org/3/library, http://example.com/rust/flask?x=docker#redis",
        "www.python.org",
        "mail ada@python.org or docker@example.com",
        "git@example.com:python/docker.git",
        "edit src/python/django/models.py, ./docker/run, /usr/lib/python, ~/redis and ../kafka",
        "C:\\python\\docker",
        "psf/python psf/docker.py",
        "docker.md and python.txt",
        "--python -docker --lang=python python=3 python==3.11",
        "at 5c99d3f and deadbeef-d3-c99f-js1a",
        "wip-python-thing my-docker-notes",
        "biases weights biases",
    ],
)
def test_code_addresses_and_paths_name_no_skill(text: str) -> None:
    assert found(text) == []


def test_the_longest_name_wins_and_what_is_found_is_where_it_says() -> None:
    text = "React Native on GitHub Actions"
    assert [(match.skill, text[match.start : match.end]) for match in TAXONOMY.find_in_text(text)] == [
        ("react-native", "React Native"),
        ("github-actions", "GitHub Actions"),
    ]


def test_every_name_that_is_no_ordinary_word_is_found() -> None:
    missed = {name: skill for name, skill in CERTAIN if found(f"Worked on {name} today") != [skill]}
    assert missed == {}


def test_no_name_that_is_an_ordinary_word_is_found_alone_in_lower_case() -> None:
    assert {word for word in DOUBTFUL if found(f"we saw the {word.lower()} today")} == set()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(NAMES), st.sampled_from(WORDS), st.sampled_from(JUNK), st.text(max_size=5)),
            st.sampled_from([" ", " ", " ", "", "\n", ", ", "/", "-"]),
        ),
        max_size=25,
    )
)
def test_matches_are_in_order_never_overlap_and_name_their_skill(parts: list[tuple[str, str]]) -> None:
    text = "".join(part + gap for part, gap in parts)
    matches = TAXONOMY.find_in_text(text)
    assert all(one.end <= other.start for one, other in pairwise(matches))
    for match in matches:
        assert 0 <= match.start < match.end <= len(text)
        assert TAXONOMY.canonical(text[match.start : match.end]) == match.skill


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(name: str) -> None:
    assert normalised(normalised(name)) == normalised(name)


def test_the_first_of_two_equal_names_counts() -> None:
    matcher = TextMatcher([("one thing", "a", False), ("one-thing", "b", False)])
    assert [match.skill for match in matcher.find("one thing, onething")] == ["a", "a"]


HOSTILE = [
    *(
        "a/",
        "a.",
        "(",
        "_",
        "a_",
        "-",
        "--a",
        "a@",
        "a://",
        "a",
        " ",
        "\n",
        "aA",
        "'",
        "#",
        "C+",
        "+",
        ".net",
        "::",
        "\\",
        "使用",
    ),
    *(
        "js ",
        "js/",
        "js.",
        "Go ",
        "Go, ",
        "Go 1 ",
        "in Go ",
        "wrote in Go ",
        "(Go ",
        '"',
        "1.",
        "Rust and ",
        " `Go`",
        "Go" + " " * 50,
    ),
    *("ci/cd ", "google cloud ", "command line interface ", "a b c d ", "x@y.z ", "Go\t", "Go and\n"),
]


def seconds(text: str) -> float:
    """Of this process alone: other work on the machine does not count."""
    start = time.process_time()
    TAXONOMY.find_in_text(text)
    return time.process_time() - start


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """Eight times the text takes some eight times as long, where quadratic work would take sixty-four times as long."""
    short, long = ((piece * (size // len(piece) + 1))[:size] for size in (5_000, 40_000))
    once = min(seconds(short) for _ in range(3))
    assert min(seconds(long) for _ in range(2)) < max(24 * once, 0.05)


@pytest.mark.integration
def test_a_megabyte_of_hostile_text_takes_a_few_seconds_at_most() -> None:
    share = 1_000_000 // len(HOSTILE)
    assert seconds("".join(piece * (share // len(piece)) for piece in HOSTILE)) < 4
