"""What may not leave in an exported text is found, and ordinary text is not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.reports.secret_scan import entropy, findings, redact

# Put together here, so that no scanner takes this file for a leak.
SECRETS = [
    ("AWS key", "AKIA" + "QWERTYUIOP234567"),
    ("AWS key", "aws_secret_access_key = " + "abcdEFGHijklMNOPqrstUVWXyz0123456789/+AB"),
    ("GitHub token", "gh" + "p_" + "a1B2" * 9),
    ("GitHub token", "github" + "_pat_" + "11ABCDEFG0" * 4),
    ("GitLab token", "glp" + "at-" + "x9Y8z7W6v5U4t3S2r1Q0"),
    ("Slack token", "xox" + "b-123456789012-abcdefABCDEF"),
    ("webhook URL", "https://hooks.slack.com/services/" + "T0000/B0000/abcdefgh"),
    ("Stripe key", "sk_" + "live_" + "a1b2c3d4e5f6g7h8"),
    ("API key", "sk" + "-proj-" + "AbCdEf0123456789_-xyz"),
    ("private key", "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIabc\n-----END RSA " + "PRIVATE KEY-----"),
    ("JSON web token", "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxIn0.abcDEF123"),
    ("credentials in a URL", "postgres://admin:" + "hunter2@db.example.com/x"),
    ("bearer token", "Authorization: Bearer " + "abcdef0123456789"),
    ("password or key", "password = " + "'hunter2hunter2'"),
    ("password or key", "DB_PASSWORD=" + "s3cr3t-Va1ue"),
    ("password or key", "api_key: " + "9f8e7d6c5b4a"),
    ("e-mail address", "write to bo@sample.example"),
    ("private address", "http://localhost:3000/admin"),
    ("private address", "https://jenkins:8080/job/1"),
    ("private address", "see wiki.corp/page"),
    ("private address", "db.prod.internal:5432"),
    ("private address", "ping 192.168.0.17"),
    ("private address", "http://10.1.2.3/x"),
    ("private address", "[::1] is taken"),
]

ORDINARY = [
    "Add password: reset flow by mail",
    "Rename token: the old name was misleading",
    "Read password=os.environ['DB_PASSWORD'] at start",
    "Use token: ${GITHUB_TOKEN} in the workflow",
    "Bump version to 10.2.3",
    "Point the docs to https://example.com/guide?page=2",
    "Add @pytest.fixture for localhost",
    "Handle secret rotation",
    "Merge sk-learn pipelines",
    "Sort keys by author:date",
    "Support IPv6 addresses such as 2001:db8::1",
]


@pytest.mark.parametrize(("kind", "text"), SECRETS)
def test_finds_each_kind_of_secret_and_takes_it_out(kind: str, text: str) -> None:
    found = findings(f"before {text} after")
    assert kind in [finding.kind for finding in found]
    cleaned = redact(f"before {text} after")
    assert cleaned.startswith("before ")
    assert "removed]" in cleaned
    assert findings(cleaned) == []


@pytest.mark.parametrize("text", ORDINARY)
def test_leaves_ordinary_subjects_alone(text: str) -> None:
    assert findings(text) == []
    assert redact(text) == text


def test_lets_the_profiles_own_address_through() -> None:
    assert findings("Ada@example.com", allowed=["ada@example.com"]) == []
    assert findings("bo@sample.example", allowed=["ada@example.com"])


def test_finds_private_words_whole_and_whatever_their_case() -> None:
    assert redact("Import for ACME Corp, not acmeish", private_words=["acme corp"]) == (
        "Import for [private word removed], not acmeish"
    )


def test_overlapping_findings_become_one() -> None:
    url = "https://ada:" + "pa55word@wiki.internal/x"
    assert len(findings(url)) == 1
    assert "pa55word" not in redact(url)
    assert "internal" not in redact(url)


def test_entropy_is_in_bits_a_character() -> None:
    assert entropy("") == 0
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2


@pytest.mark.parametrize(
    "piece", ["a", "a.", "a-", "a_", "://", "token=", "-----BEGIN ", "eyJa", "1.1.", "http://a", "@a."]
)
def test_takes_linear_time_on_hostile_text(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    started = time.process_time()
    findings(text)
    assert time.process_time() - started < 2


@given(st.text(max_size=200), st.sampled_from([text for _, text in SECRETS]), st.text(max_size=50))
def test_findings_are_ordered_disjoint_and_within_the_text(before: str, secret: str, after: str) -> None:
    text = f"{before} {secret} {after}"
    end = 0
    for finding in findings(text):
        assert end <= finding.start < finding.end <= len(text)
        end = finding.end
