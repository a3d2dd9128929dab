"""rsyslog, as Debian packages it: UDP, TCP and TLS, each line it takes into one file."""

import socket
from pathlib import Path

import trustme

from tests.services.server import Server

_CONFIGURATION = """
global(workDirectory="{home}" maxMessageSize="128k" defaultNetstreamDriverCAFile="{home}/ca.pem"
       defaultNetstreamDriverCertFile="{home}/cert.pem" defaultNetstreamDriverKeyFile="{home}/key.pem")
module(load="imudp")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
module(load="imptcp")
template(name="line" type="list") {{
  property(name="pri") constant(value=" ") property(name="timereported" dateFormat="rfc3339") constant(value=" ")
  property(name="hostname") constant(value=" ") property(name="syslogtag") property(name="msg") constant(value="\\n")
}}
ruleset(name="all") {{ action(type="omfile" file="{home}/lines" template="line" ioBufferSize="1") }}
input(type="imudp" address="127.0.0.1" port="{port}" ruleset="all")
input(type="imptcp" address="127.0.0.1" port="{port}" ruleset="all")
input(type="imtcp" address="127.0.0.1" port="{secure}" ruleset="all")
"""


class Rsyslog(Server):
    """`port` is that of UDP and TCP, `secure` that of TLS, under `authority`."""

    ports = 2

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.secure = self.port + 1
        self.authority = home / "ca.pem"
        issuer = trustme.CA()
        issuer.cert_pem.write_to_path(self.authority)
        certificate = issuer.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(home / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(home / "cert.pem")
        configuration = _CONFIGURATION.format(home=home, port=self.port, secure=self.secure)
        (home / "rsyslog.conf").write_text(configuration)

    def command(self) -> list[str]:
        return ["rsyslogd", "-n", "-i", str(self.home / "pid"), "-f", str(self.home / "rsyslog.conf")]

    def answers(self) -> bool:
        for port in (self.port, self.secure):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True

    def lines(self) -> list[str]:
        """What it has written, each line as `PRI TIME HOST TAG MESSAGE`."""
        path = self.home / "lines"
        return path.read_text(errors="replace").splitlines() if path.exists() else []
