"""When the process serves the page, when it does not, and to whom."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from tests.deadline import wait_for
from tests.faults.sidekick import Sidekick
from tests.services.server import free_ports


class Browser:
    """Asks as a browser without scripts would, cookies kept and redirects followed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))

    def get(self, path: str, token: str = "") -> tuple[int, str]:
        self._opener.addheaders = [("Authorization", f"Bearer {token}")] if token else []
        return self._open(path)

    def post(self, path: str, **form: str) -> tuple[int, str]:
        return self._open(path, urlencode(form).encode())

    def _open(self, path: str, form: bytes | None = None) -> tuple[int, str]:
        try:
            with self._opener.open(f"http://127.0.0.1:{self._port}{path}", form, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()


@contextmanager
def serving(home: Path, api: dict[str, Any], **settings: Any) -> Iterator[tuple[Sidekick, Browser]]:
    port = free_ports(1)
    sidekick = Sidekick(home, folder=str(home / "data"), api={"enabled": True, "port": port} | api, **settings)
    try:
        sidekick.start()
        yield sidekick, Browser(port)
        assert sidekick.end() == 0
        assert "Traceback" not in sidekick.log
    finally:
        sidekick.kill()


def test_a_process_without_a_page_does_not_pay_for_one() -> None:
    code = "import sidekick.app, sys; print(sorted({'fastapi', 'starlette', 'sidekick.web'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, {"enabled": False}) as (_, browser), pytest.raises(OSError, match="refused"):
        browser.get("/events")


def test_a_port_that_is_taken_is_said_before_an_alert_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sidekick = Sidekick(tmp_path, folder=str(tmp_path / "data"), api={"enabled": True, "port": port})
        with pytest.raises(RuntimeError):
            sidekick.start()
    assert f"page: cannot listen on 127.0.0.1:{port}: Address already in use" in sidekick.log
    assert "listening on" not in sidekick.log
    assert "Traceback" not in sidekick.log


def test_on_loopback_everybody_may_do_everything(tmp_path: Path) -> None:
    with serving(tmp_path, {}, stdout={"enabled": True}) as (_, browser):
        status, outputs = browser.get("/outputs")
        assert status == 200
        token = re.search(r'name="token" value="([^"]+)"', outputs)
        assert token
        status, said = browser.post("/outputs/stdout", token=token[1], do="pause")
        assert (status, "stdout is paused" in said) == (200, True)


def test_who_takes_a_paused_output_s_place_is_paused_too(tmp_path: Path) -> None:
    data = {"folder": str(tmp_path / "data"), "api": {"enabled": True, "port": free_ports(1)}}
    sidekick = Sidekick(tmp_path, **data, file={"path": str(tmp_path / "first")})
    browser = Browser(data["api"]["port"])  # type: ignore[index]
    with sidekick:
        token = re.search(r'name="token" value="([^"]+)"', browser.get("/outputs")[1])
        assert token
        browser.post("/outputs/file", token=token[1], do="pause")
        assert sidekick.metric("sidekick_output_paused", output="file") == 1
        sidekick.configure(**data, file={"path": str(tmp_path / "second")})
        os.kill(sidekick.pid, signal.SIGHUP)
        wait_for(lambda: "loaded anew" in sidekick.log, what="the other configuration")
        assert sidekick.metric("sidekick_output_paused", output="file") == 1
        browser.post("/outputs/file", token=token[1], do="resume")
        wait_for((tmp_path / "second").exists, what="the file of the other configuration")


def test_a_store_that_comes_with_a_reload_is_shown_after_a_restart(tmp_path: Path) -> None:
    data: dict[str, Any] = {"folder": str(tmp_path / "data"), "api": {"enabled": True, "port": free_ports(1)}}
    browser = Browser(data["api"]["port"])
    with Sidekick(tmp_path, **data) as sidekick:
        sidekick.configure(**data, store={"path": str(tmp_path / "events.sqlite")})
        os.kill(sidekick.pid, signal.SIGHUP)
        wait_for(lambda: "loaded anew" in sidekick.log, what="the other configuration")
        assert "the page shows the old one until the next start" in sidekick.log
        assert "No store is kept" in browser.get("/events")[1]
        sidekick.end()
        sidekick.start()
        assert "No alert has arrived yet" in browser.get("/events")[1]


def test_a_token_is_taken_away_without_a_restart(tmp_path: Path) -> None:
    port, first, second = free_ports(1), "a" * 40, "b" * 40

    def settings(token: str, port: int = port) -> dict[str, Any]:
        return {
            "folder": str(tmp_path / "data"),
            "api": {"enabled": True, "port": port, "tokens": {"ci": {"token": token}}},
        }

    browser = Browser(port)
    with Sidekick(tmp_path, **settings(first)) as sidekick:
        assert (browser.get("/api/outputs", first)[0], browser.get("/api/outputs", second)[0]) == (200, 401)
        sidekick.configure(**settings(second, port=1))
        os.kill(sidekick.pid, signal.SIGHUP)
        wait_for(lambda: "loaded anew" in sidekick.log, what="the other configuration")
        assert "api.port has changed: that takes effect at the next start" in sidekick.log
        assert (browser.get("/api/outputs", first)[0], browser.get("/api/outputs", second)[0]) == (401, 200)


def test_without_a_store_the_page_says_how_to_have_one(tmp_path: Path) -> None:
    with serving(tmp_path, {}) as (_, browser):
        status, events = browser.get("/events")
        assert (status, "path: data/events.sqlite" in events) == (200, True)
        status, event = browser.get("/events/00000000-0000-4000-8000-000000000000")
        assert (status, "the output `store` is off" in event) == (503, True)


def test_beyond_loopback_the_first_start_makes_a_password_and_the_log_has_it_once(tmp_path: Path) -> None:
    with serving(tmp_path, {"address": "0.0.0.0"}, stdout={"enabled": True}) as (sidekick, browser):
        status, login = browser.get("/outputs")
        assert (status, "Log in" in login, "stdout" in login) == (200, True, False)
        made = re.search(r"log in as admin with the password (\S+), told", sidekick.log)
        assert made, sidekick.log
        status, _ = browser.post("/login", name="admin", password="guessed")
        assert status == 403
        sidekick.end()
        sidekick.start()
        assert sidekick.log.count(made[1]) == 1
        status, outputs = browser.post("/login", name="admin", password=made[1], to="/outputs")
        assert (status, "stdout" in outputs) == (200, True)
