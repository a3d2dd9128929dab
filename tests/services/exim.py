"""Exim, as Debian packages it: mail by STARTTLS for who has a password, kept on disk before it is answered for."""

import os
import pwd
import re
import signal
import socket
from pathlib import Path

from tests.services.certificates import Certificates
from tests.services.server import Server

USER, PASSWORD = "alice", "alice-secret"
_CONFIGURATION = """\
primary_hostname = mail.test
exim_user = {user}
exim_group = {group}
spool_directory = {home}/spool
log_file_path = {home}/%slog
pid_file_path = {home}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
daemon_startup_sleep = 1s
host_lookup =
keep_environment =
queue_only
tls_advertise_hosts = *
tls_certificate = {files.server}
tls_privatekey = {files.server_key}
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}}}
acl_smtp_rcpt = known
begin acl
known:
  accept authenticated = *
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and {{{{eq {{$auth2}}{{{name}}}}} {{eq {{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""


class Exim(Server):
    """Passes no mail on: what it has taken stays in its queue, where `mails` finds it."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.certificates = Certificates(home)
        who = pwd.getpwuid(os.getuid())
        values = {"user": who.pw_name, "group": who.pw_gid, "name": USER, "password": PASSWORD}
        text = _CONFIGURATION.format(home=home, port=self.port, files=self.certificates, **values)
        (home / "exim.conf").write_text(text)

    def command(self) -> list[str]:
        return ["/usr/sbin/exim4", "-C", str(self.home / "exim.conf"), "-bdf"]

    def answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            return connection.recv(4) == b"220 "

    def stop(self) -> None:
        self._end(signal.SIGTERM)
        super().stop()

    def kill(self) -> None:
        self._end(signal.SIGKILL)
        super().kill()

    def _end(self, number: int) -> None:
        """Each connection has a process of its own, which would outlive the first one."""
        if self.running:
            os.killpg(self.pid, number)

    def taken(self) -> list[str]:
        """The id of each mail that it has answered for, by its log; one before SIGTERM it may then lose (Exim 4.96)."""
        log = self.home / "mainlog"
        return re.findall(r" <= .* id=(\S+)", log.read_text()) if log.exists() else []

    def mails(self) -> list[tuple[str, str]]:
        """Of each mail in the queue its id and its body."""
        found: list[tuple[str, str]] = []
        for head in (self.home / "spool" / "input").glob("*-H"):
            (name,) = re.findall(r"Message-ID: <(.+)>", head.read_text())
            found.append((name, head.with_name(f"{head.name[:-2]}-D").read_text().partition("\n")[2]))
        return found
