"""Where a Falco sends to, against where this configuration takes alerts, and from whom."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import httptools

from sidekick.commands.falco.certificates import try_certificates
from sidekick.commands.falco.file import FalcoFile
from sidekick.commands.falco.finding import Finding, Verdict
from sidekick.receiver.access import Access, Peer, token_of_url
from sidekick.receiver.paths import Target
from sidekick.receiver.server import divide
from sidekick.settings import Configuration

_URL = "http_output.url"
_PORTS = {"http": 80, "https": 443}


class Destination:
    """What `http_output` says, to be compared with a configuration of ours."""

    def __init__(self, configuration: Configuration, file: FalcoFile) -> None:
        self._file = file
        self._tls = configuration.tlsserver
        self._address = configuration.listenaddress
        self._senders = sorted(configuration.receiver.senders)
        self._access = Access(configuration.receiver)
        self._paths, second = divide(self._tls)
        self._scheme, self._port = "https" if self._tls.deploy else "http", configuration.listenport
        if second and second.alerts:
            self._paths, self._scheme, self._port = second, "http", self._tls.notlsport

    def findings(self) -> Iterator[Finding]:
        text = self._file.text(_URL)
        if "${" in text:
            yield self._of_url(Verdict.ODD, "holds a variable of Falco's environment, so it is not checked")
            return
        url = _parsed(text)
        if url is None:
            yield self._of_url(Verdict.WRONG, f"is no URL; write {self._wanted('HOST')}")
            return
        yield self._judged(url)
        peer: Peer | None = Peer("", None)
        if self._scheme == url.scheme == "https":
            found, peer = try_certificates(self._tls, self._file, url.hostname or "")
            yield from found
        if self._senders:
            yield self._sender(url, peer)

    def _judged(self, url: SplitResult) -> Finding:
        mistakes = " and ".join(self._mistakes(url))
        if mistakes:
            return self._of_url(Verdict.WRONG, f"{mistakes}; write {self._wanted(url.hostname or '')}")
        return self._of_url(Verdict.OK, f"reaches {self._scheme}://{self._address or '*'}:{self._port}")

    def _mistakes(self, url: SplitResult) -> Iterator[str]:
        if url.scheme != self._scheme:
            yield f"has the scheme {url.scheme}"
        if (url.port or _PORTS[url.scheme]) != self._port:
            yield f"has the port {url.port or _PORTS[url.scheme]}"
        if not _reaches(url.hostname or "", self._address):
            yield f"does not reach {self._address}, where we listen"
        if self._paths.target(_target(url)) is not Target.ALERT:
            yield f"has the path {url.path}, which is a page"

    def _sender(self, url: SplitResult, peer: Peer | None) -> Finding:
        token = token_of_url(_target(url))
        known = (peer and self._access.of_certificate(peer)) or (token and self._access.of_token(token))
        if known:
            return self._of_url(Verdict.OK, f"comes from the sender {known.name}")
        if token:
            return self._of_url(Verdict.WRONG, "holds a token that no sender of receiver.senders has")
        verdict = Verdict.WRONG if peer else Verdict.ODD
        names = ", ".join(self._senders[:5])
        return self._of_url(verdict, f"holds no token; write {self._wanted(url.hostname or '')} with that of {names}")

    def _wanted(self, host: str) -> str:
        if not _reaches(host, self._address):
            host = "HOST" if ip_address(self._address).is_unspecified else self._address
        shown = f"[{host}]" if ":" in host else host
        return f"{self._scheme}://{shown}:{self._port}/{'in/TOKEN' if self._senders else ''}"

    def _of_url(self, verdict: Verdict, message: str) -> Finding:
        return self._file.finding(verdict, _URL, message)


def _parsed(text: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        httptools.parse_url(_target(url))
        usable = url.scheme in _PORTS and url.hostname and url.port != 0
    except (ValueError, httptools.HttpParserInvalidURLError):
        return None
    return url if usable else None


def _target(url: SplitResult) -> bytes:
    """What is asked for, as it stands in the request."""
    return f"{url.path or '/'}?{url.query}".encode()


def _reaches(host: str, listening: str) -> bool:
    """Whether a host can be that address, which is every one when empty; a name may be anything but `localhost`."""
    if not listening:
        return True
    own = ip_address(listening)
    try:
        address = ip_address(host)
    except ValueError:
        return host != "localhost" or own.is_loopback or own.is_unspecified
    return address.version == own.version and (own.is_unspecified or address == own)
