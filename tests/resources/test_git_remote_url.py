"""One repository has one identity, however its address is written, and no identity holds a credential."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.git.remote_url import local_path, name_of, normalised_url

words = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)
hosts = st.lists(words, min_size=2, max_size=3).map(".".join)
paths = st.lists(words, min_size=1, max_size=4).map("/".join)
secrets = st.from_regex(r"SECRET[A-Z0-9]{8}", fullmatch=True)


@given(hosts, paths, words, st.integers(1, 65535), st.sampled_from(["", ".git"]), st.sampled_from(["", "/", "//"]))
def test_all_forms_of_an_address_have_one_identity(
    host: str, path: str, user: str, port: int, ending: str, slashes: str
) -> None:
    forms = [
        f"https://{host}/{path}{ending}{slashes}",
        f"http://{user}@{host}:{port}/{path}{ending}{slashes}",
        f"https://{user}:pass%40word@{host.upper()}/{path}{ending}{slashes}",
        f"ssh://{user}@{host}:{port}/{path}{ending}{slashes}",
        f"git+ssh://{host}/{path}{ending}",
        f"git://{host}/{path}{ending}",
        f"{user}@{host}:{path}{ending}{slashes}",
        f"{host}:/{path}{ending}",
        f"  https://{host.title()}/{path}{ending}{slashes}\n",
    ]
    assert {normalised_url(form) for form in forms} == {f"{host}/{path}"}
    assert all(local_path(form.strip()) is None for form in forms)


@given(hosts, paths, secrets, words)
def test_no_identity_holds_a_credential(host: str, path: str, secret: str, user: str) -> None:
    forms = [
        f"https://{secret}@{host}/{path}",
        f"https://{user}:{secret}@{host}/{path}.git",
        f"https://{user}:{secret}@{secret}@{host}/{path}",
        f"https://{user}:x/{secret}@{host}/{path}",
        f"https://{user}:{secret}/x@{host}/{path}",
        f"https://{host}/{path}?private_token={secret}",
        f"https://{host}/{path}.git#{secret}",
        f"ssh://{user}:{secret}@{host}:22/{path}",
        f"{secret}@{host}:{path}",
        f"{user}:{secret}@{host}:{path}",
    ]
    for form in forms:
        assert secret.casefold() not in (normalised_url(form) or "").casefold(), form


@given(st.text())
def test_no_text_makes_it_fail(url: str) -> None:
    normalised_url(url)
    local_path(url)


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("ssh://git@ssh.github.com:443/ada/engine.git", "github.com/ada/engine"),
        ("https://example.com/group/sub%20group/engine", "example.com/group/sub group/engine"),
        ("https://example.com/~ada/engine", "example.com/~ada/engine"),
        ("git@[2001:db8::1]:ada/engine.git", "2001:db8::1/ada/engine"),
        ("ssh://git@[2001:db8::1]:22/ada/engine.git", "2001:db8::1/ada/engine"),
        ("https://example.com/Ada/Engine", "example.com/Ada/Engine"),
        ("https://example.com", None),
        ("", None),
    ],
)
def test_less_usual_addresses(url: str, identity: str | None) -> None:
    assert normalised_url(url) == identity


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/srv/git/engine.git", "/srv/git/engine.git"),
        ("../engine", "../engine"),
        ("engine", "engine"),
        ("./strange:name", "./strange:name"),
        ("file:///srv/my%20engine", "/srv/my engine"),
        ("file://localhost/srv/engine", "/srv/engine"),
        ("example.com:ada/engine", None),
        ("https://example.com/ada/engine", None),
    ],
)
def test_addresses_on_this_machine_are_told_from_others(url: str, path: str | None) -> None:
    assert local_path(url) == path


def test_the_name_is_the_last_two_parts() -> None:
    assert name_of("example.com/group/ada/engine") == "ada/engine"
    assert name_of("example.com/engine") == "engine"
