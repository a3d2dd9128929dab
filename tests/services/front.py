"""TLS and a password before a server that has neither: `python -m tests.services.front` with its settings as JSON."""

import asyncio
import json
import socket
import ssl
import sys
from base64 import b64encode
from dataclasses import asdict, dataclass
from pathlib import Path

import trustme
from aiohttp import ClientSession, web
from yarl import URL

from tests.services.server import Server

ROOT = Path(__file__).parents[2]
USER, PASSWORD = "elastic", "changeme"
# What belongs to one connection (RFC 9110, 7.6.1) or is made anew for the next.
OWN_HEADERS = {"authorization", "connection", "content-length", "host", "transfer-encoding"}
REFUSAL = {"type": "security_exception", "reason": "unable to authenticate user"}


@dataclass(frozen=True)
class Settings:
    port: int
    upstream: str
    certificate: str


class Front(Server):
    """`url` speaks TLS under `authority` and wants USER and PASSWORD; all that passes goes on to `upstream`."""

    def __init__(self, home: Path, upstream: str) -> None:
        super().__init__(home)
        self.authority = home / "ca.pem"
        issuer = trustme.CA()
        issuer.cert_pem.write_to_path(self.authority)
        certificate = home / "front.pem"
        issuer.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
        self._settings = Settings(self.port, upstream, str(certificate))

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    def command(self) -> list[str]:
        settings = json.dumps(asdict(self._settings))
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", __name__, settings]

    def answers(self) -> bool:
        socket.create_connection(("127.0.0.1", self.port)).close()
        return True


async def serve(settings: Settings) -> None:
    expected = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    async with ClientSession(settings.upstream, auto_decompress=False) as session:

        async def forward(request: web.BaseRequest) -> web.Response:
            if request.headers.get("authorization") != expected:
                body = {"error": {"root_cause": [REFUSAL], **REFUSAL}, "status": 401}
                return web.json_response(body, status=401, headers={"www-authenticate": 'Basic realm="security"'})
            target = URL(request.raw_path, encoded=True)
            kept = {name: value for name, value in request.headers.items() if name.lower() not in OWN_HEADERS}
            body = await request.read() or None
            async with session.request(request.method, target, data=body, headers=kept) as answer:
                back = {name: value for name, value in answer.headers.items() if name.lower() not in OWN_HEADERS}
                return web.Response(status=answer.status, body=await answer.read(), headers=back)

        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(settings.certificate)
        runner = web.ServerRunner(web.Server(forward, auto_decompress=False))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", settings.port, ssl_context=tls).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Settings(**json.loads(sys.argv[1]))))
