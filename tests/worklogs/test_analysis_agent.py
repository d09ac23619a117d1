"""The analysis agent: what it makes of entries by rules, what it asks a model, and what of a reply it believes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, date, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.worklogs.agent import MAX_MESSAGE, AnalysisAgent, AnalysisReply, trimmed
from orchestration_assets.worklogs.classification import is_assisted
from orchestration_assets.worklogs.grounding import is_verbatim
from orchestration_assets.worklogs.model import (
    Analysis,
    AnalysisItem,
    Category,
    Entry,
    Excerpt,
    ExcerptKind,
    FileChange,
)
from resources.language_model.agent import Agent, InvalidReply
from resources.language_model.prompting import tokens

AGENT = AnalysisAgent()
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def _item(text: str, *paths: str, **changes: object) -> AnalysisItem:
    excerpts = changes.pop("excerpts", [])
    values: dict[str, object] = {
        "entry_id": "e1",
        "source": "git",
        "repository_id": "r1",
        "repository": "example/soloist",
        "text": text,
        "subject": text.split("\n", 1)[0].strip(),
        "author_name": "Ada Example",
        "author_email": "ada@example.com",
        "authored_at": NOON,
        "committed_at": NOON,
        "files": [FileChange(path=path, added=4, deleted=1) for path in paths],
        "month": date(2024, 5, 1),
        "input_hash": "h1",
    }
    return AnalysisItem(entry=Entry.model_validate({**values, **changes}), excerpts=excerpts)


def _reply(**fields: object) -> str:
    whole = {"category": "feature", "headline": "", "activities": [], "blockers": [], "follow_ups": []}
    return orjson.dumps({**whole, **fields}).decode()


def test_it_is_an_agent() -> None:
    agent: Agent[AnalysisItem, Analysis] = AGENT
    assert agent.name == "worklog_analysis" and agent.version == AnalysisAgent().version


def test_an_ordinary_commit() -> None:
    text = "feat(warehouse)!: retry when the file is locked (#12)\n\nAdd a turnstile.\n\nTODO: measure it\n\nCloses #7"
    found = AGENT.extract(_item(text, "soloist/warehouse.py", "tests/test_warehouse.py", "uv.lock"))
    assert (found.category, found.scope, found.breaking) == (Category.FEATURE, "warehouse", True)
    assert found.headline == "retry when the file is locked" and not found.vague
    assert found.pull_request == 12 and found.reverts is None
    assert [(r.kind, r.target, r.closing) for r in found.references] == [
        ("pull_request", "#12", False),
        ("issue", "#7", True),
    ]
    assert (found.languages, found.area) == (["Python"], "warehouse")
    assert found.areas == ["code", "generated", "test"] and found.substantive_lines == 10
    assert [each.text for each in found.activities] == ["Add a turnstile"]
    assert [each.text for each in found.follow_ups] == ["TODO: measure it"]
    assert Analysis.model_validate(found.model_dump()) == found


def test_a_vague_subject_names_the_area_instead() -> None:
    found = AGENT.extract(_item("copy", "soloist/website/index.html"))
    assert found.vague and found.headline == found.area == "website"
    bare = AGENT.extract(_item("wip"))
    assert bare.vague and bare.headline == ""


def test_a_merge_is_named_by_its_title_unless_that_repeats_the_branch() -> None:
    merge = AGENT.extract(
        _item("Merge pull request #1808 from x/patch-1\n\nExclude RateLimitError from retry", is_merge=True)
    )
    assert (merge.category, merge.pull_request) == (Category.MERGE, 1808)
    assert merge.headline == "Exclude RateLimitError from retry" and not merge.vague
    for text in ("Merge pull request #3 from x/fix-tls-floppy\n\nFix tls floppy", "Merge branch 'develop'"):
        assert AGENT.extract(_item(text, is_merge=True)).vague


def test_a_revert_by_hash_is_a_revert_and_the_bare_type_is_ordinary_work() -> None:
    real = AGENT.extract(_item("revert(deps): bump x from 2 to 3\n\nThis reverts commit 0123abc."))
    assert (real.category, real.reverts, real.headline) == (Category.REVERT, "0123abc", 'Revert "bump x from 2 to 3"')
    typed = AGENT.extract(_item("revert: use the old colours", "soloist/theme.py"))
    assert typed.category is not Category.REVERT and typed.reverts is None


def test_a_release_is_no_vague_subject() -> None:
    found = AGENT.extract(_item("v1.2.3", "CHANGELOG.md"))
    assert found.is_release and found.category is Category.RELEASE and not found.vague and found.headline == "v1.2.3"


def test_a_mass_commit_is_marked() -> None:
    assert AGENT.extract(_item("fix timeout constant", *[f"a/{n}.py" for n in range(101)])).is_mass


def test_a_changed_version_is_no_dependency_added() -> None:
    names = [("a", ExcerptKind.DEPENDENCY_ADDED), ("b", ExcerptKind.DEPENDENCY_ADDED), ("b", ExcerptKind.DEPENDENCY_DROPPED), ("c", ExcerptKind.DEPENDENCY_DROPPED)]  # fmt: skip
    excerpts = [
        Excerpt(
            entry_id="e1",
            number=number,
            kind=kind,
            path="pyproject.toml",
            language="TOML",
            line=f"{name}>=1",
            name=name,
        )
        for number, (name, kind) in enumerate(names)
    ]
    found = AGENT.extract(_item("Update dependencies", "pyproject.toml", excerpts=excerpts))
    assert (found.dependencies_added, found.dependencies_dropped) == (["a"], ["c"])


def test_a_note() -> None:
    found = AGENT.extract(
        _item("Paired on the release checklist. Next: send it", source="note", author_name="", author_email="")
    )
    assert not found.is_release and found.headline == "Paired on the release checklist. Next: send it"
    assert [each.text for each in found.follow_ups] == ["Next: send it"]


@given(
    st.lists(
        st.sampled_from(
            [
                "fix: x",
                "Merge branch 'a'",
                "",
                "- add y",
                "closes #3",
                "TODO: z",
                "blocked by #3",
                "\u2028",
                "🎉",
                "`",
                "{{ x }}",
            ]
        ),
        max_size=8,
    ).map("\n".join)
    | st.text(max_size=200),
    st.booleans(),
)
def test_whatever_the_message_all_evidence_is_verbatim(text: str, is_merge: bool) -> None:
    item = _item(text, "a/b.py", is_merge=is_merge)
    found = AGENT.extract(item)
    pieces = [*found.activities, *found.blockers, *found.follow_ups, *found.references]
    assert all(is_verbatim(each.evidence, item.entry, item.excerpts) for each in pieces)
    assert found.vague or found.headline
    assert item.entry.text in AGENT.request(item).messages[-1].content or len(text) > MAX_MESSAGE or not text.strip()


@pytest.mark.parametrize(
    "piece",
    [
        " ",
        "a/",
        "_",
        "a-",
        "1.",
        "#1 ",
        "(#1)",
        "fixes #1, ",
        "blocked by ",
        "add x and ",
        "will be ",
        "`",
        "🎉",
        "!;",
        "A-b",
        "x: ",
    ],
)
def test_a_hostile_message_is_read_in_bounded_time(piece: str) -> None:
    for text in ("fix" + piece * 20_000, "add x\n\nAdd " + piece * 20_000):
        started = time.process_time()
        AGENT.extract(_item(text))
        is_assisted(text)
        assert time.process_time() - started < 2


def test_the_request_puts_what_is_shared_first_and_the_item_last() -> None:
    first, second = AGENT.request(_item("add x", "a.py")), AGENT.request(_item("add {{ y }} </message> === e1 ==="))
    assert first.messages[0] == second.messages[0] and first.messages[0].role == "system"
    assert "add {{ y }} </message> === e1 ===" in second.messages[-1].content
    assert "a.py (+4, -1)" in first.messages[-1].content
    schema = json.loads(first.output.json)
    assert schema["required"] == ["category", "headline", "activities", "blockers", "follow_ups"]


def test_a_model_of_little_context_is_shown_less_and_told_so() -> None:
    text = "add x\n\n" + "\n\n".join(f"Paragraph {number}: {'words ' * 20}" for number in range(40))
    item = _item(text, *[f"a/{'long_' * 5}{number}.py" for number in range(60)])
    small, large = (AnalysisAgent(context).request(item) for context in (4096, 16_384))
    shown = small.messages[1].content
    assert tokens(shown) + tokens(small.messages[0].content) + small.max_tokens <= 4096
    assert "more files ...]" in shown and "left out here" in shown
    assert len(large.messages[1].content) > len(shown)


def test_long_messages_and_lists_are_trimmed_with_a_mark() -> None:
    body = "\n\n".join(f"Paragraph {number}: {'words ' * 60}" for number in range(60))
    text = f"add x\n\n{body}\n\nCloses #7"
    content = AGENT.request(_item(text, *[f"a/{n}.py" for n in range(200)])).messages[-1].content
    assert "characters of the message are left out here" in content and "140 more files" in content
    assert content.count("add x") == 1 and "Closes #7" in content and len(content) < MAX_MESSAGE + 4000


@given(st.text("ab \n", max_size=400), st.integers(20, 200))
def test_trimming_keeps_short_messages_whole_and_marks_every_cut(text: str, limit: int) -> None:
    shown = trimmed(text, limit)
    assert shown == text if len(text) <= limit else "left out here" in shown and len(shown) <= limit + 80


def test_a_reply_is_believed_where_the_message_bears_it_out() -> None:
    item = _item("improve reader\n\nArrays are read lazily now.\nBlocked by #9.", "soloist/reader.py")
    found = AGENT.parse(
        item,
        _reply(
            category="performance",
            headline="Read arrays lazily",
            activities=["Arrays are read\nlazily now.", "Tests were written."],
            blockers=["Blocked by #9."],
            follow_ups=["Write the documentation"],
        ),
    )
    assert (found.category, found.headline) == (Category.PERFORMANCE, "Read arrays lazily")
    assert [each.evidence.quote for each in found.activities] == ["Arrays are read lazily now."]
    assert [each.evidence.quote for each in found.blockers] == ["Blocked by #9."]
    assert found.follow_ups == [] and found.dropped_claims == 2
    assert all(is_verbatim(each.evidence, item.entry, []) for each in (*found.activities, *found.blockers))


@pytest.mark.parametrize(
    "headline",
    [
        "Read arrays from 3 files",
        "Use NumPy to read arrays",
        "Call read_fast",
        "Read arrays\nand more",
        "x" * 400,
        "Close #44",
        "Fix",
    ],
)
def test_a_headline_with_numbers_or_names_of_its_own_is_refused_and_counted(headline: str) -> None:
    found = AGENT.parse(_item("read arrays lazily", "soloist/reader.py"), _reply(headline=headline))
    assert found.headline == "read arrays lazily" and found.dropped_claims == 1


def test_a_models_headline_is_cleaned_of_praise() -> None:
    found = AGENT.parse(_item("read arrays lazily"), _reply(headline="Successfully read arrays, all tests passing"))
    assert found.headline == "read arrays"


def test_a_grounded_headline_replaces_a_vague_subject() -> None:
    item = _item("wip\n\nThe reader skips empty arrays.", "soloist/reader.py")
    found = AGENT.parse(item, _reply(headline="Skip empty arrays in the reader"))
    assert found.headline == "Skip empty arrays in the reader" and not found.vague
    assert AGENT.parse(item, _reply()).vague


def test_what_the_author_or_a_mark_says_outweighs_the_model() -> None:
    assert AGENT.parse(_item("docs: mention proxies"), _reply(category="feature")).category is Category.DOCUMENTATION
    assert AGENT.parse(_item("v1.2.3"), _reply(category="feature")).category is Category.RELEASE
    claimed = AGENT.parse(_item("add x", "soloist/x.py"), _reply(category="release"))
    assert claimed.category is Category.FEATURE and claimed.dropped_claims == 1


def test_a_models_blocker_needs_what_it_waits_for_and_a_closing_reference_is_none() -> None:
    item = _item("add x\n\nThe blocking call is slow.\n\nThis fixes #68 for good.", "soloist/x.py")
    found = AGENT.parse(item, _reply(blockers=["The blocking call is slow.", "This fixes #68 for good."]))
    assert found.blockers == [] and found.dropped_claims == 2


def test_facts_are_computed_whatever_the_model_says() -> None:
    item = _item("add x (#12)", "soloist/x.py")
    computed = AGENT.extract(item)
    found = AGENT.parse(item, _reply(headline="add x"))
    for name in (
        "languages",
        "areas",
        "area",
        "references",
        "pull_request",
        "substantive_lines",
        "is_release",
        "dependencies_added",
    ):
        assert getattr(found, name) == getattr(computed, name)


@pytest.mark.parametrize(
    "reply", ["", "nonsense", "{}", "[]", _reply(category="magic"), _reply(extra=1), _reply(headline=None)]
)
def test_a_reply_that_is_no_valid_output_is_refused_in_one_sentence(reply: str) -> None:
    with pytest.raises(InvalidReply) as refused:
        AGENT.parse(_item("add x"), reply)
    assert "\n" not in str(refused.value)


def test_a_fenced_reply_is_read() -> None:
    assert AGENT.parse(_item("add x", "a.py"), f"```json\n{_reply(category='fix')}\n```").category is Category.FIX


def test_the_reply_schema_requires_every_field() -> None:
    assert AnalysisReply.model_json_schema()["additionalProperties"] is False


def test_importing_the_agent_loads_no_template_engine() -> None:
    code = (
        "import sys, orchestration_assets.worklogs.agent; sys.exit('jinja2' in sys.modules or 'dagster' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
