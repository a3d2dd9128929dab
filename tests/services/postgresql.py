"""PostgreSQL 15, as Debian packages it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import asyncpg

from tests.services.certificates import Certificates
from tests.services.server import Server

USER, PASSWORD, DATABASE = "alice", "alice-secret", "alerts"
_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_SETTINGS = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
ssl = on
ssl_cert_file = '{data}/server.pem'
ssl_key_file = '{data}/server-key.pem'
log_statement = 'none'
"""


class PostgreSQL(Server):
    """A server with the database DATABASE, whose owner is USER. It refuses to run as root, and so runs as Debian's
    `postgres` then, in a folder that this user may enter, which the tests' own are not."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.data = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self.certificates = Certificates(self.data)
        self._prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []

    @property
    def settings(self) -> dict[str, str]:
        """What leads an output there."""
        login = {"user": USER, "password": PASSWORD, "database": DATABASE}
        return {"host": "127.0.0.1", "port": str(self.port)} | login

    def start(self) -> None:
        if not (self.data / "database" / "PG_VERSION").exists():
            self._create()
        super().start()

    def command(self) -> list[str]:
        return [*self._prefix, str(_PROGRAMS / "postgres"), "-D", str(self.data / "database")]

    def answers(self) -> bool:
        probe = [str(_PROGRAMS / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe, check=False, timeout=10).returncode == 0

    def stop(self) -> None:
        """A fast shutdown: SIGTERM would wait until the last client has gone."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """An immediate shutdown, after which it recovers as after a crash; SIGKILL would leave its children."""
        self._end(signal.SIGQUIT)

    def __exit__(self, *raised: object) -> None:
        self.stop()
        shutil.rmtree(self.data)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(how)
            self._process.wait(30)

    def _create(self) -> None:
        if self._prefix:
            user = pwd.getpwnam("postgres")
            for path in (self.data, *self.data.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
        (self.data / "server-key.pem").chmod(0o600)
        (self.data / "password").write_text(PASSWORD)
        (self.data / "password").chmod(0o644)
        login = ["--username", USER, "--pwfile", str(self.data / "password"), "--auth", "scram-sha-256"]
        place = ["--pgdata", str(self.data / "database"), "--encoding", "UTF8", "--no-sync"]
        self._run([str(_PROGRAMS / "initdb"), *place, *login])
        with (self.data / "database" / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS.format(port=self.port, data=self.data))
        single = [str(_PROGRAMS / "postgres"), "--single", "-D", str(self.data / "database"), "template1"]
        self._run(single, f"CREATE DATABASE {DATABASE}\n")

    def _run(self, command: list[str], text: str = "") -> None:
        subprocess.run(
            [*self._prefix, *command], input=text.encode(), check=True, capture_output=True, cwd="/", timeout=60
        )

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Any]:
        connection = await cast("Any", asyncpg.connect)(**self.settings, ssl=False)
        try:
            yield connection
        finally:
            await connection.close()

    async def run(self, statement: str, *values: object) -> list[Any]:
        """One statement, and its rows."""
        async with self.connection() as connection:
            return await connection.fetch(statement, *values)
