"""Whether a Falco and this service would trust each other, tried with their own files."""

import ssl
from typing import NamedTuple

from sidekick.commands.falco.file import FalcoFile, Flag
from sidekick.commands.falco.finding import Finding, Verdict
from sidekick.commands.falco.handshake import DistrustedClientError, DistrustedServerError, shake_hands
from sidekick.receiver import TlsError
from sidekick.receiver.access import Peer
from sidekick.receiver.settings import TlsServer
from sidekick.receiver.tls import server_context, use

_INSECURE = Flag("http_output.insecure", False, False, Verdict.ODD, "anybody may pass for this host")
_MTLS, _CERTIFICATE, _KEY = (f"http_output.{name}" for name in ("mtls", "client_cert", "client_key"))


class Trial(NamedTuple):
    """What was found, and who Falco is by its certificate; None if that cannot be told here."""

    findings: list[Finding]
    peer: Peer | None


def try_certificates(tls: TlsServer, file: FalcoFile, hostname: str) -> Trial:
    """A handshake between the two, of which Falco's files may well be on another machine."""
    mtls, found = file.flag(_MTLS), [file.judge(_INSECURE)]
    if tls.mutualtls and not mtls:
        wanted = "tlsserver.mutualtls wants a certificate; write true, and client_cert and client_key"
        return Trial([*found, file.finding(Verdict.WRONG, _MTLS, wanted)], Peer("", None))
    key, authority = _trusted(file)
    try:
        certificate = shake_hands(server_context(tls), _client(file, key, authority), hostname)
    except TlsError as error:
        return Trial([*found, file.finding(Verdict.ODD, key, f"is not checked: {error}")], None)
    except DistrustedServerError as error:
        distrust = f"{authority} does not vouch for tlsserver.certfile: {error}"
        return Trial([*found, file.finding(Verdict.WRONG, key, distrust)], None)
    except DistrustedClientError as error:
        distrust = f"tlsserver.cacertfile does not vouch for it: {error}"
        return Trial([*found, file.finding(Verdict.WRONG, _CERTIFICATE, distrust)], None)
    if not file.flag(_INSECURE.key):
        found.append(file.finding(Verdict.OK, key, f"{authority} vouches for tlsserver.certfile"))
    if tls.mutualtls:
        found.append(file.finding(Verdict.OK, _CERTIFICATE, "tlsserver.cacertfile vouches for it"))
    return Trial(found, Peer("", certificate))


def _trusted(file: FalcoFile) -> tuple[str, str]:
    """The key that says whom Falco trusts, for one comes before the other, and its value."""
    for key in ("http_output.ca_cert", "http_output.ca_bundle"):
        if value := file.text(key):
            return key, value
    return "http_output.ca_path", file.text("http_output.ca_path") or "/etc/ssl/certs"


def _client(file: FalcoFile, key: str, authority: str) -> ssl.SSLContext:
    """Falco's end; raises `TlsError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if file.flag(_INSECURE.key):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif key == "http_output.ca_path":
        context.load_verify_locations(capath=authority)
    else:
        use(f"{key} {authority}", lambda: context.load_verify_locations(authority))
    if file.flag(_MTLS):
        certificate, private = file.text(_CERTIFICATE), file.text(_KEY)
        use(f"{_CERTIFICATE} {certificate}", lambda: context.load_cert_chain(certificate, private, password=""))
    return context
