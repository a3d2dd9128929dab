"""What other sites, other names and other proxies try."""

import asyncio
from pathlib import Path

import pytest

from tests.api.door import ADMIN_TOKEN, EVERYWHERE, TOKENS, USERS, Client, door

PAUSE = "/api/outputs/slack/pause"
EVIL = "https://evil.example"
PROXY = {"proxy": {"networks": ["127.0.0.0/8"], "header": "X-User", "groupsheader": "X-Groups", "admingroups": ["ops"]}}


async def csrf_token(client: Client) -> str:
    page = (await client.get("/outputs")).text
    return page.partition('name="token" value="')[2].partition('"')[0]


async def test_another_site_changes_nothing_where_nobody_logs_in(tmp_path: Path) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        own = opened.site.url
        for headers in ({"Origin": EVIL}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
            assert (await client.post(PAUSE, **headers)).status == 403
        assert (await client.post(PAUSE, Sec_Fetch_Site="same-site", Origin=own)).status == 403
        assert opened.site.outputs.done == []
        for headers in ({"Origin": own}, {"Sec_Fetch_Site": "same-origin"}):
            assert (await client.post(PAUSE, **headers)).status == 200


async def test_a_session_changes_something_only_from_its_own_page(tmp_path: Path) -> None:
    async with door(tmp_path, USERS) as opened, opened.client() as client, opened.client() as other:
        await client.log_in("mara")
        await other.log_in("mara")
        assert (await client.post(PAUSE)).status == 403
        assert (await client.post(PAUSE, Origin=EVIL)).status == 403
        assert (await client.post(PAUSE, X_CSRF_Token=await csrf_token(other))).status == 403
        assert opened.site.outputs.done == []
        assert (await client.post(PAUSE, X_CSRF_Token=await csrf_token(client))).status == 200
        assert (await client.post(PAUSE, Origin=opened.site.url)).status == 200


async def test_no_form_does_anything_without_the_secret_of_its_page(tmp_path: Path) -> None:
    form = (
        b"do=pause&filter=rule+exists&minutes=60&hours=1&reason=x&letter=slack+x&target=203.0.113.7&seconds=60&token="
    )
    async with door(tmp_path, USERS) as opened, opened.client() as client, opened.client() as other:
        await client.log_in("mara")
        await other.log_in("mara")
        for path in ("/outputs/slack", "/dead-letters", "/silences", "/silences/x/end", "/blocks"):
            for token in ("", await csrf_token(other)):
                content = {"Content_Type": "application/x-www-form-urlencoded", "Origin": opened.site.url}
                answer = await client.send("POST", path, form + token.encode(), **content)
                assert (answer.status, "open for too long" in answer.text) == (409, True), path
        assert list(await opened.site.trail.entries()) == []


async def test_a_token_needs_no_page(tmp_path: Path) -> None:
    async with door(tmp_path, TOKENS) as opened, opened.client() as client:
        assert (await client.post(PAUSE, Authorization=f"Bearer {ADMIN_TOKEN}")).status == 200


async def test_a_login_from_another_site_s_form_is_none(tmp_path: Path) -> None:
    async with door(tmp_path, USERS) as opened, opened.client() as client:
        answer = await client.log_in("mara", Origin=EVIL)
        assert (answer.status, "Set-Cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize("url", ["https://sidekick.example.com", "https://sidekick.example.com:443"])
async def test_a_page_s_own_address_behind_a_proxy_counts_as_its_own(tmp_path: Path, url: str) -> None:
    async with door(tmp_path, USERS, url=url) as opened, opened.client() as client:
        answer = await client.log_in("mara", Origin=url.removesuffix(":443"))
        cookie = answer.headers["Set-Cookie"].partition(";")[0]  # over TLS alone, which the proxy ends
        assert (await client.post(PAUSE, Cookie=cookie, Origin=url.removesuffix(":443"))).status == 200
        for other in (EVIL, "https://sidekick.example.com:8443", "http://sidekick.example.com", "null", ""):
            assert (await client.post(PAUSE, Cookie=cookie, Origin=other)).status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:2802", "localhost.evil.example", "8.8.8.8", "[::2]"])
async def test_a_name_that_is_not_ours_is_answered_nothing_without_a_login(tmp_path: Path, host: str) -> None:
    async with door(tmp_path, url="https://sidekick.example.com") as opened, opened.client() as client:
        for path in ("/", "/events", "/static/page.js", "/login", "/api/outputs", "/api/docs", "/api/openapi.json"):
            answer = await client.get(path, Host=host)
            assert answer.status == 421, path
            assert "no name of this page" in answer.error


@pytest.mark.parametrize("host", ["localhost:2802", "127.0.0.1", "127.9.9.9:1", "[::1]:2802", "sidekick.localhost"])
async def test_names_of_this_host_are_ours(tmp_path: Path, host: str) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        assert (await client.get("/api/outputs", Host=host)).status == 200


async def test_names_in_the_configuration_are_ours(tmp_path: Path) -> None:
    settings = {"hosts": ["watch.lan", "other.lan:2802"]}
    async with door(tmp_path, settings, url="https://sidekick.example.com/") as opened, opened.client() as client:
        for host in ("watch.lan:2802", "WATCH.lan", "other.lan", "sidekick.example.com"):
            assert (await client.get("/api/outputs", Host=host)).status == 200


@pytest.mark.parametrize("header", ["X_Forwarded_For", "X_Forwarded_Proto", "Forwarded", "Via", "X_Real_IP"])
async def test_what_a_proxy_sends_needs_a_login(tmp_path: Path, header: str) -> None:
    async with door(tmp_path) as opened, opened.client() as client:
        answer = await client.get("/api/outputs", **{header: "for=198.51.100.1"})
        assert (answer.status, "api.login" in answer.error) == (421, True)


async def asked_by_http_1_0(url: str, *headers: str) -> bytes:
    host = url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    lines = ["GET /api/outputs HTTP/1.0", f"Host: {host}", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_what_nginx_sends_that_was_told_no_more_needs_a_login_too(tmp_path: Path) -> None:
    """It says `Host: 127.0.0.1` and `Connection: close` of its own, and speaks HTTP/1.0."""
    async with door(tmp_path) as opened:
        answer = await asked_by_http_1_0(opened.site.url, "Connection: close")
    assert answer.startswith(b"HTTP/1.1 421 ")
    assert b"api.login" in answer


@pytest.mark.parametrize("headers", [(), ("User-Agent: curl/7.88.1", "Accept: */*")], ids=["bare", "curl -0"])
async def test_a_program_of_this_host_may_speak_http_1_0(tmp_path: Path, headers: tuple[str, ...]) -> None:
    async with door(tmp_path) as opened:
        answer = await asked_by_http_1_0(opened.site.url, *headers)
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_the_proxy_says_who_somebody_is(tmp_path: Path) -> None:
    async with door(tmp_path, PROXY, address=EVERYWHERE) as opened, opened.client() as client:
        assert (await client.get("/api/outputs")).status == 401
        page = await client.get("/outputs", X_User="mara", X_Groups="dev, ops")
        token = page.text.partition('name="token" value="')[2].partition('"')[0]
        mara = {"X_User": "mara", "X_Groups": "dev,ops"}
        assert (await client.post(PAUSE, **mara)).status == 403  # another site's page could have sent it
        assert (await client.post(PAUSE, X_CSRF_Token=token, **mara)).status == 200
        assert opened.site.outputs.done == [("pause", "slack", "mara")]
        kim = await client.post(PAUSE, X_User="kim", X_Groups="dev", Origin=opened.site.url)
        assert (kim.status, kim.error) == (403, "kim may look at everything and change nothing.")
        assert (await client.post(PAUSE, X_CSRF_Token=token, X_User="ops", Sec_Fetch_Site="cross-site")).status == 403
    assert not (tmp_path / "password").exists()


async def test_nobody_else_says_who_somebody_is(tmp_path: Path) -> None:
    elsewhere = {"proxy": PROXY["proxy"] | {"networks": ["10.0.0.0/8", "127.0.0.2"]}}
    async with door(tmp_path, elsewhere, address=EVERYWHERE) as opened:
        async with opened.client() as stranger:
            for more in (
                {},
                {"X_Forwarded_For": "10.0.0.1"},
                {"X_Forwarded_For": "127.0.0.2", "X_Real_IP": "::1"},
            ):
                assert (await stranger.get("/api/outputs", X_User="mara", X_Groups="ops", **more)).status == 401
        async with opened.client("127.0.0.2") as proxy:
            assert (await proxy.get("/api/outputs", X_User="mara")).status == 200
            assert (await proxy.get("/api/outputs", X_User=" ")).status == 401
            twice = [("X-User", "mara"), ("X-User", "eve")]
            assert (await proxy.get_with(twice, "/api/outputs")).status == 401


async def test_groups_that_the_proxy_only_added_to_make_nobody_an_admin(tmp_path: Path) -> None:
    async with door(tmp_path, PROXY, address=EVERYWHERE) as opened, opened.client() as proxy:
        for groups, reads_only in ((["dev"], True), (["dev,ops"], False), (["ops", "dev"], True)):
            headers = [("X-User", "mara"), *(("X-Groups", line) for line in groups)]
            page = await proxy.get_with(headers, "/outputs")
            assert (page.status, "(reads only)" in page.text) == (200, reads_only), groups


async def test_a_user_with_the_name_of_a_group_is_none_of_its_members(tmp_path: Path) -> None:
    async with door(tmp_path, PROXY, address=EVERYWHERE) as opened, opened.client() as proxy:
        assert "(reads only)" in (await proxy.get_with([("X-User", "ops")], "/outputs")).text


async def test_the_clients_of_a_proxy_are_told_apart_when_they_guess(tmp_path: Path) -> None:
    proxy = {"proxy": {"networks": ["127.0.0.1"]}}
    async with door(tmp_path, USERS, proxy) as opened, opened.client() as client:
        for number in range(10):
            # What a client says itself stands before what the proxy adds.
            forwarded = f"203.0.113.{number}, 198.51.100.7"
            assert (await client.log_in("mara", "guess", X_Forwarded_For=forwarded)).status == 403
        assert (await client.log_in("mara", X_Forwarded_For="198.51.100.7")).status == 403
        assert (await client.log_in("mara", X_Forwarded_For="198.51.100.8")).status == 303


async def test_the_clients_of_a_proxy_that_adds_their_ports_are_told_apart_too(tmp_path: Path) -> None:
    proxy = {"proxy": {"networks": ["127.0.0.1"]}}
    async with door(tmp_path, USERS, proxy) as opened, opened.client() as client:
        for number in range(10):
            for hop in (f"198.51.100.7:{4000 + number}", f"[2001:db8::7]:{4000 + number}"):
                assert (await client.log_in("mara", "guess", X_Forwarded_For=hop)).status == 403
        assert (await client.log_in("mara", X_Forwarded_For="198.51.100.8:4000")).status == 303
        for hop in ("198.51.100.7:5000", "198.51.100.7", "[2001:db8::7]:5000", "2001:db8::7"):
            assert "Too many" in (await client.log_in("mara", X_Forwarded_For=hop)).text


async def test_what_a_proxy_says_that_is_no_address_is_told_by_the_proxy_s(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = {"proxy": {"networks": ["127.0.0.1"]}}
    async with door(tmp_path, USERS, proxy) as opened, opened.client() as client:
        await client.log_in("mara", "guess", X_Forwarded_For="unknown page: mara logged in")
    assert "from 127.0.0.1 for mara" in caplog.text
    assert "logged in" not in caplog.text


async def test_the_hosts_of_one_ipv6_network_are_told_together(tmp_path: Path) -> None:
    proxy = {"proxy": {"networks": ["127.0.0.1"]}}
    async with door(tmp_path, USERS, proxy) as opened, opened.client() as client:
        for number in range(10):
            answer = await client.log_in("mara", "guess", X_Forwarded_For=f"2001:db8:0:1::{number}")
            assert answer.status == 403
        assert (await client.log_in("mara", X_Forwarded_For="2001:db8:0:1:ffff::1")).status == 403
        assert (await client.log_in("mara", X_Forwarded_For="2001:db8:0:2::1")).status == 303
