"""The page over HTTPS, and its certificate when that is renewed."""

import ssl
from pathlib import Path
from urllib.request import urlopen

import pytest
import trustme

from tests.deadline import wait_for
from tests.faults.sidekick import Sidekick
from tests.services.server import free_ports


class Https:
    """An authority of its own, the files that it signs, and a browser that trusts it."""

    def __init__(self, home: Path) -> None:
        self._authority = trustme.CA()
        self._trust = ssl.create_default_context()
        self._authority.configure_trust(self._trust)
        self.port = free_ports(1)
        self.certificate, self.key = home / "page.crt", home / "page.key"
        self.sign()

    def sign(self) -> None:
        signed = self._authority.issue_cert("localhost")
        signed.cert_chain_pems[0].write_to_path(self.certificate)
        signed.private_key_pem.write_to_path(self.key)

    def settings(self) -> dict[str, object]:
        files = {"certfile": str(self.certificate), "keyfile": str(self.key)}
        return {"api": {"enabled": True, "address": "127.0.0.1", "port": self.port} | files}

    def title(self) -> str:
        with urlopen(f"https://localhost:{self.port}/outputs", context=self._trust, timeout=10) as page:
            return page.read().decode().partition("<title>")[2].partition("</title>")[0]

    def shown(self) -> str:
        return ssl.get_server_certificate(("localhost", self.port), timeout=10)


def test_the_page_speaks_https_and_a_renewed_certificate_counts_at_once(tmp_path: Path) -> None:
    https = Https(tmp_path)
    with Sidekick(tmp_path, folder=str(tmp_path / "data"), **https.settings()) as sidekick:
        wait_for(lambda: f"page on https://127.0.0.1:{https.port}" in sidekick.log, what="the page")
        assert "Outputs" in https.title()
        before = https.shown()
        https.key.write_text("no key")
        wait_for(lambda: "the old one goes on: cannot use api.certfile" in sidekick.log, what="the complaint")
        assert "Outputs" in https.title()
        https.sign()
        wait_for(lambda: https.shown() != before, what="the new certificate")
        assert "Outputs" in https.title()


def test_a_certificate_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    https = Https(tmp_path)
    https.certificate.write_text("no certificate")
    sidekick = Sidekick(tmp_path, folder=str(tmp_path / "data"), **https.settings())
    with pytest.raises(RuntimeError, match=r"page: cannot use api\.certfile .*page\.crt with api\.keyfile"):
        sidekick.start()
