"""Who comes in, as whom, and for how long."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sidekick.control.access import AccessError, AccessSettings, Doorkeeper
from sidekick.control.access.password import check_hash, generate, hash_password, matches
from tests.api.door import (
    ADMIN_TOKEN,
    EVERYWHERE,
    HASH,
    PASSWORD,
    READER_TOKEN,
    TOKENS,
    USERS,
    door,
)

PAUSE = "/api/outputs/slack/pause"


async def test_on_loopback_everybody_may_do_everything(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        assert (await client.get("/api/outputs")).status == 200
        assert (await client.post(PAUSE)).status == 200
        assert opened.site.outputs.done == [("pause", "slack", "local")]
    assert not (tmp_path / "password").exists()


async def test_beyond_loopback_a_password_is_made_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with door(tmp_path, address=EVERYWHERE) as opened, opened.client() as client:
        (told,) = re.findall(r"log in as admin with the password (\S+),", caplog.text)
        assert (await client.get("/api/outputs")).status == 401
        assert (await client.log_in("admin", told)).headers["Location"] == "/outputs"
        assert (await client.get("/api/outputs")).status == 200
    kept = tmp_path / "password"
    assert told not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    caplog.clear()
    async with door(tmp_path, address=EVERYWHERE) as opened, opened.client() as client:
        assert (await client.log_in("admin", told)).status == 303
        assert told not in caplog.text


def test_a_password_s_file_that_is_none_or_cannot_be_written_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    with pytest.raises(AccessError, match="holds no hash"):
        Doorkeeper(AccessSettings(), tmp_path, EVERYWHERE, "")
    (tmp_path / "file").write_text("")
    with pytest.raises(AccessError, match="cannot be"):
        Doorkeeper(AccessSettings(login=True), tmp_path / "file", "127.0.0.1", "")


@pytest.mark.parametrize("settings", [{"login": True}, USERS, TOKENS], ids=str)
async def test_whoever_names_somebody_lets_nobody_else_in_on_loopback(tmp_path: Path, settings: dict[str, Any]) -> None:
    async with door(tmp_path, settings) as opened, opened.client() as client:
        assert (await client.get("/api/outputs")).status == 401


async def test_a_login_lasts_until_its_end_or_until_it_is_left(tmp_path: Path) -> None:
    now = [0.0]
    async with (
        door(tmp_path, USERS, {"session": "1h"}, clock=lambda: now[0]) as opened,
        opened.client() as client,
        opened.client() as other,
    ):
        answer = await client.log_in("mara")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie
        assert (await other.get("/api/outputs")).status == 401
        now[0] = 3599
        assert (await client.get("/api/outputs")).status == 200
        now[0] = 3600
        assert (await client.get("/api/outputs")).status == 401
        await client.log_in("mara")
        page = await client.get("/outputs")
        assert "mara" in page.text
        token = re.findall(r'name="token" value="(\w+)"', page.text)[0]
        await client.post("/logout", b"token=wrong", Content_Type="application/x-www-form-urlencoded")
        assert (await client.get("/api/outputs")).status == 200
        stolen = {"Cookie": cookie.partition(";")[0]}
        await client.post("/logout", f"token={token}".encode(), Content_Type="application/x-www-form-urlencoded")
        assert (await client.get("/api/outputs")).status == 401
        assert (await other.get("/api/outputs", **stolen)).status == 401


async def test_a_login_ends_the_session_before_it(tmp_path: Path) -> None:
    async with door(tmp_path, USERS) as opened, opened.client() as client, opened.client() as other:
        before = {"Cookie": (await client.log_in("kim")).headers["Set-Cookie"].partition(";")[0]}
        assert (await other.get("/api/outputs", **before)).status == 200
        await client.log_in("mara")
        assert (await other.get("/api/outputs", **before)).status == 401
        assert (await client.get("/api/outputs")).status == 200


async def test_the_cookie_is_for_tls_alone_where_the_page_is_behind_tls(tmp_path: Path) -> None:
    async with door(tmp_path, USERS, url="https://sidekick.example.com") as opened, opened.client() as client:
        assert "Secure" in (await client.log_in("mara")).headers["Set-Cookie"]
    proxy = {"proxy": {"networks": ["127.0.0.0/8"]}}
    async with door(tmp_path, USERS, proxy) as opened, opened.client() as client:
        assert "Secure" in (await client.log_in("mara", X_Forwarded_Proto="https")).headers["Set-Cookie"]


async def test_who_is_no_user_any_more_or_has_another_password_is_logged_out(tmp_path: Path) -> None:
    async with door(tmp_path, USERS) as opened, opened.client() as mara, opened.client() as kim:
        await mara.log_in("mara")
        await kim.log_in("kim")
        changed = {"users": {"mara": USERS["users"]["mara"], "kim": {"password": hash_password("other")}}}
        opened.keeper.configure(AccessSettings.model_validate(changed), "127.0.0.1", "")
        assert (await mara.get("/api/outputs")).status == 200
        assert (await kim.get("/api/outputs")).status == 401


async def test_wrong_names_and_passwords_are_told_alike_and_not_for_long(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    async with door(tmp_path, USERS, clock=lambda: now[0]) as opened, opened.client() as client:
        texts = {(await client.log_in(name, "guess")).text for name in ("mara", "nobody", "\0\u202e")}
        assert len(texts) == 1
        for _ in range(7):
            assert (await client.log_in("mara", "guess")).status == 403
        assert "guess" not in caplog.text
        answer = await client.log_in("mara", PASSWORD)
        assert answer.status == 403
        assert "Too many wrong passwords" in answer.text
        async with opened.client("127.0.0.2") as other:
            assert (await other.log_in("mara")).status == 303
        now[0] = 301.0
        assert (await client.log_in("mara", PASSWORD)).status == 303


async def test_the_log_tells_which_user_s_login_failed_but_no_other_name_for_it_may_be_a_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with door(tmp_path, USERS) as opened, opened.client() as client:
        await client.log_in(PASSWORD, "mara")
        await client.log_in("mara", "guess")
    told = [record.getMessage() for record in caplog.records if "wrong name" in record.getMessage()]
    assert [("127.0.0.1" in line, "mara" in line, PASSWORD in line) for line in told] == [
        (True, False, False),
        (True, True, False),
    ]


async def test_who_has_one_password_guesses_at_no_more_others(tmp_path: Path) -> None:
    async with door(tmp_path, USERS) as opened, opened.client() as client:
        for _ in range(10):
            assert (await client.log_in("kim")).status == 303
            assert "is wrong" in (await client.log_in("mara", "guess")).text
        assert "Too many" in (await client.log_in("mara", "guess")).text
        assert (await client.log_in("kim")).status == 403


async def test_a_token_is_somebody_with_a_role(tmp_path: Path) -> None:
    async with door(tmp_path, TOKENS, address=EVERYWHERE) as opened, opened.client() as client:
        admin, reader = f"Bearer {ADMIN_TOKEN}", f"bearer {READER_TOKEN}"
        assert (await client.post(PAUSE, Authorization=admin)).status == 200
        assert opened.site.outputs.done == [("pause", "slack", "deploy")]
        assert (await client.get("/api/outputs", Authorization=reader)).status == 200
        refused = await client.post(PAUSE, Authorization=reader)
        assert (refused.status, refused.error) == (403, "grafana may look at everything and change nothing.")
        for wrong in ("Bearer", "Bearer ", f"Bearer {ADMIN_TOKEN}x", f"Basic {ADMIN_TOKEN}", "Bearer \xff"):
            assert (await client.get("/api/outputs", Authorization=wrong)).status == 401
        assert len(opened.site.outputs.done) == 1


async def test_a_reader_looks_at_everything_and_changes_nothing(tmp_path: Path) -> None:
    async with door(tmp_path, USERS) as opened, opened.client() as client:
        await client.log_in("kim")
        page = await client.get("/outputs")
        assert page.status == 200
        token = re.findall(r'name="token" value="(\w+)"', page.text)[0]
        form = f"do=pause&token={token}".encode()
        answer = await client.post("/outputs/slack", form, Content_Type="application/x-www-form-urlencoded")
        assert (answer.status, "change nothing" in answer.text) == (409, True)
        assert (await client.post(PAUSE, X_CSRF_Token=token)).status == 403
        assert opened.site.outputs.done == []


@given(st.text(max_size=80))
def test_a_hash_is_of_its_form_or_refused(text: str) -> None:
    for hashed in (text, f"scrypt:{text}", f"{HASH}{text}:", HASH.replace("scrypt:1", f"scrypt:{text}x")):
        with pytest.raises(ValueError, match="sidekick password"):
            check_hash(hashed)


def test_a_hash_that_would_take_all_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="too much memory"):
        check_hash(HASH.replace("scrypt:1:1", "scrypt:20:8"))


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_may_be_a_password(text: str) -> None:
    assert not matches(text, HASH)
    assert len(generate()) == 20


def test_a_password_matches_its_hash_alone() -> None:
    made = hash_password(PASSWORD)
    assert matches(PASSWORD, made)
    assert not matches(PASSWORD + " ", made)
    assert hash_password(PASSWORD) != made


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"users": {"mara": {"password": "plain"}}}, "no hash"),
        ({"users": {"a b": {"password": HASH}}}, "a name is of"),
        ({"users": {"mara": {"password": HASH, "role": "root"}}}, "admin"),
        ({"tokens": {"ci": {"token": "short"}}}, "16 characters"),
        ({"proxy": {"header": "X-User"}}, "networks"),
        ({"proxy": {"header": "X-User", "networks": ["everywhere"]}}, "everywhere"),
    ],
    ids=str,
)
def test_settings_that_would_let_in_the_wrong_ones_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        AccessSettings.model_validate(settings)
    assert "plain" not in str(caught.value)
