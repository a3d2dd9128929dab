"""Functions of a cluster, called through its API server as a kubeconfig says."""

import base64
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from outputs.kubeless import Kubeless, KubelessSettings
from sidekick.sdk import Context, MisconfiguredError
from sidekick.sdk.kubernetes import in_cluster
from sidekick.sdk.testing import loopback
from tests.outputs.alerts import alert


def kubeconfig(folder: Path, server: str, user: dict[str, Any], cluster: dict[str, Any] | None = None) -> str:
    path = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "x"}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


def output(path: str) -> Kubeless:
    return Kubeless(KubelessSettings(namespace="ns", function="fn", kubeconfig=path), Context())


@pytest.mark.parametrize(
    ("user", "login"),
    [
        ({}, None),
        ({"token": "secret-token"}, "Bearer secret-token"),
        ({"tokenFile": "token"}, "Bearer from-file"),
        ({"username": "me", "password": "pw"}, "Basic " + base64.b64encode(b"me:pw").decode()),
    ],
    ids=str,
)
async def test_the_users_login_is_presented(tmp_path: Path, user: dict[str, Any], login: str | None) -> None:
    (tmp_path / "token").write_text("from-file\n")
    async with loopback() as server:
        called = output(kubeconfig(tmp_path, server.url + "/", user))
        await called.connect()
        await called.send([alert()])
        await called.close()
    ((request, _),) = server.requests
    assert request.url == "/api/v1/namespaces/ns/services/fn:8080/proxy/"
    assert request.headers.get("authorization") == login


async def test_certificates_are_taken_as_data_and_as_files(tmp_path: Path) -> None:
    authority = trustme.CA()
    client = authority.issue_cert("me@example.test")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    user = {
        "client-certificate-data": base64.b64encode(client.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": base64.b64encode(client.private_key_pem.bytes()).decode(),
    }
    called = output(kubeconfig(tmp_path, "https://127.0.0.1:1", user, {"certificate-authority": "ca.crt"}))
    await called.connect()
    assert [one for one in called.tls().get_ca_certs() if "trustme" in str(one["subject"])]
    await called.close()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "current-context: a\nclusters: []\ncontexts: []", "current-context: 1"],
)
async def test_a_file_that_says_nothing_is_a_matter_of_settings(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(MisconfiguredError, match="kubeconfig"):
        await output(str(path)).connect()


@pytest.mark.parametrize("user", [{"client-key-data": "%%%"}, {"client-key": "/nowhere"}, {"tokenFile": "nowhere"}])
async def test_a_secret_that_cannot_be_read_is_a_matter_of_settings(tmp_path: Path, user: dict[str, Any]) -> None:
    with pytest.raises(MisconfiguredError, match="cannot use the kubeconfig"):
        await output(kubeconfig(tmp_path, "https://127.0.0.1:1", user)).connect()


def service_account(folder: Path) -> Path:
    trustme.CA().cert_pem.write_to_path(folder / "ca.crt")
    (folder / "namespace").write_text("falco")
    (folder / "token").write_text("one\n")
    return folder


def test_a_pod_finds_its_cluster_and_reads_its_token_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    server = in_cluster(service_account(tmp_path))
    assert (server.url, server.namespace) == ("https://[fd00::1]:6443", "falco")
    assert [one for one in server.tls.get_ca_certs() if "trustme" in str(one["subject"])]
    assert server.login() == {"Authorization": "Bearer one"}
    (tmp_path / "token").write_text("two")
    assert server.login() == {"Authorization": "Bearer two"}
    (tmp_path / "token").unlink()
    with pytest.raises(MisconfiguredError, match="token"):
        server.login()


@pytest.mark.parametrize("missing", ["ca.crt", "namespace", "token"])
def test_a_pod_without_a_service_account_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    (service_account(tmp_path) / missing).unlink()
    with pytest.raises(MisconfiguredError, match=str(tmp_path)):
        in_cluster(tmp_path)
