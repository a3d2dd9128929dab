"""A Kubernetes cluster: its API server, and its services, by their DNS name or through the API server's proxy.

The API server is that of a kubeconfig, or of the cluster that we run in, as the service account of our pod. Of a
kubeconfig are read the current context's cluster and user: CA, client certificate, token and password, each as a file
or as data; login by a plug-in (`exec`, `auth-provider`) is not.
"""

import base64
import os
import ssl
import tempfile
from binascii import Error as Base64Error
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import msgspec
from pydantic import SecretStr

from sidekick.sdk import auth
from sidekick.sdk.body import read_json
from sidekick.sdk.errors import MisconfiguredError
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.output import HttpOutput
from sidekick.sdk.settings import HttpSettings, Text

H = TypeVar("H", bound=HttpSettings)
# https://kubernetes.io/docs/tasks/run-application/access-api-from-pod
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


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
    namespace: str = "default"


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
    tls: ssl.SSLContext
    namespace: str
    """Ours."""
    headers: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    token: Path | None = None
    """File of a token, which is replaced from time to time."""

    def login(self) -> dict[str, str]:
        """Headers that say who we are; raises `MisconfiguredError`."""
        if self.token is None:
            return self.headers
        try:
            return auth.authorization("Bearer", SecretStr(self.token.read_text().strip()))
        except OSError as error:
            raise MisconfiguredError(f"cannot read the token {self.token}: {error.strerror}") from None


def api_server(kubeconfig: str) -> ApiServer:
    """That of the file, or without one that of the cluster that we run in; raises `MisconfiguredError`."""
    return read_kubeconfig(Path(kubeconfig)) if kubeconfig else in_cluster()


def in_cluster(folder: Path = SERVICE_ACCOUNT) -> ApiServer:
    """The API server as a pod sees it; raises `MisconfiguredError` where this is no pod."""
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{name}", "") for name in ("HOST", "PORT"))
    if not host:
        raise MisconfiguredError("no kubeconfig is set, and this is no pod of a cluster")
    try:
        tls = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        namespace = (folder / "namespace").read_text().strip()
    except OSError as error:
        raise MisconfiguredError(f"cannot use the service account in {folder}: {error.strerror}") from None
    address = f"[{host}]" if ":" in host else host
    server = ApiServer(f"https://{address}:{port or 443}", tls, namespace, token=folder / "token")
    server.login()
    return server


class _Details(msgspec.Struct, frozen=True):
    kind: str = ""


class _Status(msgspec.Struct):
    message: str = ""
    details: _Details = _Details()


def lacks_namespace(answer: Answer) -> bool:
    """Whether the API server refused to create an object because its namespace is not there, or is going."""
    if answer.status not in (403, 404):
        return False
    status = read_json(answer.body, _Status)
    return status.details.kind == "namespaces" or "because it is being terminated" in status.message


def read_kubeconfig(path: Path) -> ApiServer:
    """The API server of the current context; raises `MisconfiguredError` for a file that cannot be used."""
    import yaml  # noqa: PLC0415  (only who calls through an API server needs it)

    try:
        config = msgspec.convert(yaml.safe_load(path.read_bytes()), _Kubeconfig)
        pair = next(item.context for item in config.contexts if item.name == config.current_context)
        cluster = next(item.cluster for item in config.clusters if item.name == pair.cluster)
        user = next((item.user for item in config.users if item.name == pair.user), _User())
        tls = _tls(cluster, user, path.parent)
        token = path.parent / user.token_file if user.token_file else None
        if token is not None:
            token.read_text()
        return ApiServer(cluster.server.rstrip("/"), tls, pair.namespace, _login(user), token)
    except StopIteration:
        raise MisconfiguredError(f"kubeconfig {path}: the current context is not in it") from None
    except (OSError, ValueError, yaml.YAMLError, Base64Error) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise MisconfiguredError(f"cannot use the kubeconfig {path}: {reason}") from None


def _login(user: _User) -> dict[str, str]:
    return auth.authorization("Bearer", SecretStr(user.token)) or auth.basic(user.username, SecretStr(user.password))


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


class ClusterOutput(HttpOutput[H]):
    """An output whose requests go to the API server that `connect` has found, if there is one, as its user."""

    _server: ApiServer | None = None

    def tls(self) -> ssl.SSLContext:
        return self._server.tls if self._server else super().tls()

    async def request(self, request: Request) -> Answer:
        login = self._server.login() if self._server else {}
        return await super().request(replace(request, headers={**request.headers, **login}))


class ServiceSettings(HttpSettings):
    """Keys of an output that calls a service of a cluster."""

    kubeconfig: Text = ""
    """File that says how to reach the cluster from outside; empty: the service is called by its DNS name."""


K = TypeVar("K", bound=ServiceSettings)


class ServiceOutput(ClusterOutput[K]):
    """An output that posts to a service of a cluster."""

    async def connect(self) -> None:
        if self.settings.kubeconfig:
            self._server = api_server(self.settings.kubeconfig)
        await super().connect()

    def proxied(self, namespace: str, service: str, port: int) -> str:
        """The URL prefix of a service behind the API server's proxy; empty without a kubeconfig."""
        if self._server is None:
            return ""
        return f"{self._server.url}/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy"
