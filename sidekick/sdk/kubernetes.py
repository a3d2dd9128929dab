"""Services of a Kubernetes cluster: by their DNS name from inside, by a kubeconfig through the API server's proxy.

Of a kubeconfig are read the current context's cluster and user: CA, client certificate, token and password, each as a
file or as data; login by a plug-in (`exec`, `auth-provider`) is not.
"""

import base64
import ssl
import tempfile
from binascii import Error as Base64Error
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
from pydantic import SecretStr

from sidekick.sdk import auth
from sidekick.sdk.errors import MisconfiguredError
from sidekick.sdk.output import Context, HttpOutput
from sidekick.sdk.settings import HttpSettings, Text


class _Cluster(msgspec.Struct, rename="kebab"):
    server: str
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False


class _User(msgspec.Struct, rename="kebab"):
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    username: str = ""
    password: str = ""


class _Pair(msgspec.Struct):
    cluster: str
    user: str = ""


class _NamedCluster(msgspec.Struct):
    name: str
    cluster: _Cluster


class _NamedUser(msgspec.Struct):
    name: str
    user: _User


class _NamedPair(msgspec.Struct):
    name: str
    context: _Pair


class _Kubeconfig(msgspec.Struct, rename="kebab"):
    current_context: str
    clusters: list[_NamedCluster]
    contexts: list[_NamedPair]
    users: list[_NamedUser] = []


@dataclass(frozen=True)
class ApiServer:
    """Where a cluster's API answers, and as whom we ask."""

    url: str
    headers: dict[str, str]
    tls: ssl.SSLContext


def read_kubeconfig(path: Path) -> ApiServer:
    """The API server of the current context; raises `MisconfiguredError` for a file that cannot be used."""
    import yaml  # noqa: PLC0415  (only who calls through an API server needs it)

    try:
        config = msgspec.convert(yaml.safe_load(path.read_bytes()), _Kubeconfig)
        pair = next(item.context for item in config.contexts if item.name == config.current_context)
        cluster = next(item.cluster for item in config.clusters if item.name == pair.cluster)
        user = next((item.user for item in config.users if item.name == pair.user), _User())
        return ApiServer(cluster.server.rstrip("/"), _login(user, path.parent), _tls(cluster, user, path.parent))
    except StopIteration:
        raise MisconfiguredError(f"kubeconfig {path}: the current context is not in it") from None
    except (OSError, ValueError, yaml.YAMLError, Base64Error) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise MisconfiguredError(f"cannot use the kubeconfig {path}: {reason}") from None


def _login(user: _User, directory: Path) -> dict[str, str]:
    token = Path(directory, user.token_file).read_text().strip() if user.token_file else user.token
    return auth.authorization("Bearer", SecretStr(token)) or auth.basic(user.username, SecretStr(user.password))


def _tls(cluster: _Cluster, user: _User, directory: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if cluster.insecure_skip_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authority := _content(cluster.certificate_authority_data, cluster.certificate_authority, directory):
        context.load_verify_locations(cadata=authority.decode())
    certificate = _content(user.client_certificate_data, user.client_certificate, directory)
    if key := _content(user.client_key_data, user.client_key, directory):
        # OpenSSL takes a certificate from a file only; the file is private to us and gone at once.
        with tempfile.NamedTemporaryFile() as file:
            file.write(certificate + b"\n" + key)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _content(data: str, path: str, directory: Path) -> bytes:
    if data:
        return base64.b64decode(data, validate=True)
    return Path(directory, path).read_bytes() if path else b""


class ServiceSettings(HttpSettings):
    """Keys of an output that calls a service of a cluster."""

    kubeconfig: Text = ""
    """File that says how to reach the cluster from outside; empty: the service is called by its DNS name."""


K = TypeVar("K", bound=ServiceSettings)


class ServiceOutput(HttpOutput[K]):
    """An output that posts to a service of a cluster."""

    def __init__(self, settings: K, context: Context) -> None:
        super().__init__(settings, context)
        self._server: ApiServer | None = None

    async def connect(self) -> None:
        if self.settings.kubeconfig:
            self._server = read_kubeconfig(Path(self.settings.kubeconfig))
        await super().connect()

    def tls(self) -> ssl.SSLContext:
        return self._server.tls if self._server else super().tls()

    def proxied(self, namespace: str, service: str, port: int) -> str:
        """The URL prefix of a service behind the API server's proxy; empty without a kubeconfig."""
        if self._server is None:
            return ""
        return f"{self._server.url}/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy"

    def login(self) -> dict[str, str]:
        return self._server.headers if self._server else {}
