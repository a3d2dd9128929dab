"""Headers of any bytes let nobody in and break nothing."""

from pathlib import Path

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from sidekick.control.access import AccessSettings, Doorkeeper
from sidekick.control.access.doorkeeper import Person
from tests.api.door import EVERYWHERE, TOKENS, USERS

NAMES = ("host", "origin", "sec-fetch-site", "authorization", "cookie", "x-csrf-token", "x-forwarded-for", "x-user")
PROXY = {"proxy": {"networks": ["10.0.0.0/8"], "header": "X-User", "admins": ["root"]}}
WORDS = (
    "[",
    "]:",
    "::1",
    "10.0.0.1",
    "localhost",
    "http://",
    "Bearer ",
    "sidekick_session=",
    "same-origin",
    "null",
    "%",
)
likely = st.lists(st.sampled_from(WORDS), max_size=4).map(lambda words: "".join(words).encode())
value = st.one_of(st.binary(max_size=60), likely)
headers = st.lists(st.tuples(st.sampled_from(NAMES).map(str.encode), value), max_size=8)
peers = st.sampled_from([("127.0.0.1", 5), ("fe80::1%eth0", 5), ("", 0), None])


def asked(headers: list[tuple[bytes, bytes]], peer: tuple[str, int] | None) -> Request:
    server = {"scheme": "http", "server": ("127.0.0.1", 2802), "path": "/", "query_string": b""}
    return Request({"type": "http", "method": "POST", "headers": headers, "client": peer, **server})


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Doorkeeper:
    wanted = AccessSettings.model_validate(USERS | TOKENS | PROXY)
    return Doorkeeper(wanted, tmp_path_factory.mktemp("home"), EVERYWHERE, "https://sidekick.example.com")


@given(headers, peers)
def test_no_headers_let_anybody_in(
    guarded: Doorkeeper, headers: list[tuple[bytes, bytes]], peer: tuple[str, int] | None
) -> None:
    request = asked(headers, peer)
    assert guarded.refusal(request) == ""
    assert guarded.visitor(request) is None
    assert guarded.forged(request, Person("mara", may_change=True, token="secret")) in (True, False)


@given(value, value)
def test_without_a_login_only_names_of_this_host_are_answered(host: bytes, origin: bytes) -> None:
    opened = Doorkeeper(AccessSettings(), Path("nowhere"), "127.0.0.1", "")
    request = asked([(b"host", host), (b"origin", origin)], ("127.0.0.1", 5))
    if not opened.refusal(request):
        assert b"localhost" in host.lower() or b"127." in host or b"::1" in host
        visitor = opened.visitor(request)
        assert visitor
        own = {scheme + host.lower() for scheme in (b"http://", b"https://")}
        assert opened.forged(request, visitor) == (origin.lower() not in own)
