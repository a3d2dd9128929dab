"""A cluster's API server on loopback, for events and policy reports: it refuses what a real one does.

By https://kubernetes.io/docs/reference/using-api/api-concepts, the validation of core/v1 events, and the schema of
wgpolicyk8s.io/v1alpha2.
"""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from sidekick.event import Event
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.testing import Loopback, Receiver, loopback
from tests.services.server import free_ports

TOKEN = "cluster-token"
_LARGEST = 1_572_864
_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_EVENTS = re.compile(r"/api/v1/namespaces/([^/]+)/events")
_REPORTS = re.compile(
    r"/apis/wgpolicyk8s\.io/v1alpha2/(?:namespaces/([^/]+)/policyreports|clusterpolicyreports)(/[^/]+)?"
)


class Metadata(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    name: Annotated[str, msgspec.Meta(pattern=f"^{_NAME}$")]
    namespace: str = ""
    resource_version: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Reference(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    field_path: str = ""


class Source(msgspec.Struct, forbid_unknown_fields=True):
    component: str = ""
    host: str = ""


class ClusterEvent(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    api_version: Literal["v1"]
    kind: Literal["Event"]
    metadata: Metadata
    involved_object: Reference
    type: Literal["Normal", "Warning"]
    reason: Annotated[str, msgspec.Meta(pattern="^[A-Za-z][A-Za-z0-9]{0,127}$")]
    message: Annotated[str, msgspec.Meta(max_length=1024)]
    source: Source
    first_timestamp: datetime
    last_timestamp: datetime
    count: int


class Timestamp(msgspec.Struct, forbid_unknown_fields=True):
    seconds: int
    nanos: Annotated[int, msgspec.Meta(ge=0, lt=10**9)]


class Result(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    source: str
    policy: str
    rule: str
    category: str
    severity: Literal["critical", "high", "medium", "low", "info"]
    timestamp: Timestamp
    result: Literal["pass", "fail", "warn", "error", "skip"]
    message: str
    properties: dict[str, str]
    resources: list[Reference] = []


class Report(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    api_version: Literal["wgpolicyk8s.io/v1alpha2"]
    kind: Literal["PolicyReport", "ClusterPolicyReport"]
    metadata: Metadata
    results: list[Result]
    summary: dict[Literal["pass", "fail", "warn", "error", "skip"], int]


@dataclass
class Cluster:
    """What is stored, by path."""

    server: Loopback | None = None
    absent: set[str] = field(default_factory=set[str])
    """Namespaces that do not exist."""
    ending: set[str] = field(default_factory=set[str])
    """Namespaces that are being deleted."""
    objects: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    calls: list[str] = field(default_factory=list[str])
    version: int = 0
    rivals: int = 0
    """So many times another writes to a report just before we do."""

    def kubeconfig(self, folder: Path, *, address: str = "") -> str:
        assert self.server
        document = {
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": address or self.server.url}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "falco"}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
        }
        path = folder / f"kubeconfig{'-nowhere' if address else ''}"
        path.write_text(yaml.safe_dump(document))
        return str(path)

    def receiver(self, folder: Path) -> Receiver:
        async def arrived(event: Event) -> bool:
            return event.uuid in json.dumps(list(self.objects.values()))

        nowhere = self.kubeconfig(folder, address=f"http://127.0.0.1:{free_ports(1)}")
        return Receiver({"kubeconfig": self.kubeconfig(folder)}, arrived, {"kubeconfig": nowhere})

    def results(self, path: str) -> list[dict[str, Any]]:
        return self.objects[f"/apis/wgpolicyk8s.io/v1alpha2/{path}"]["results"]

    def __call__(self, request: Request) -> Answer:
        self.calls.append(f"{request.method} {request.url}")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized")
        if len(request.body) > _LARGEST:
            return _status(413, "RequestEntityTooLarge")
        try:
            if match := _EVENTS.fullmatch(request.url):
                return self._event(request, match[1])
            if match := _REPORTS.fullmatch(request.url):
                return self._report(request, match[1] or "", match[2] or "")
        except msgspec.ValidationError as error:
            return _status(422, "Invalid", message=str(error))
        return Answer(404, {"content-type": "text/plain"}, b"404 page not found")

    def _event(self, request: Request, namespace: str) -> Answer:
        event = msgspec.json.decode(request.body, type=ClusterEvent)
        if event.metadata.namespace != namespace or (event.involved_object.namespace or "default") != namespace:
            return _status(422, "Invalid", message="involvedObject.namespace: does not match event.namespace")
        return self._create(f"{request.url}/{event.metadata.name}", request.body, namespace)

    def _report(self, request: Request, namespace: str, name: str) -> Answer:
        if request.method == "GET":
            found = self.objects.get(request.url)
            return Answer(200, {}, json.dumps(found).encode()) if found else _status(404, "NotFound", "policyreports")
        report = msgspec.json.decode(request.body, type=Report)
        if request.method == "POST":
            return self._create(f"{request.url}/{report.metadata.name}", request.body, namespace)
        stored = self.objects[request.url]
        if self.rivals > 0:
            self.rivals -= 1
            self._store(request.url, stored)
        if report.metadata.resource_version != self.objects[request.url]["metadata"]["resourceVersion"]:
            return _status(409, "Conflict")
        return self._store(request.url, json.loads(request.body))

    def _create(self, path: str, body: bytes, namespace: str) -> Answer:
        if namespace in self.absent:
            return _status(404, "NotFound", "namespaces")
        if namespace in self.ending:
            message = f"unable to create new content in namespace {namespace} because it is being terminated"
            return _status(403, "Forbidden", message=message)
        if path in self.objects:
            return _status(409, "AlreadyExists")
        return self._store(path, json.loads(body))

    def _store(self, path: str, document: dict[str, Any]) -> Answer:
        self.version += 1
        metadata = {**document["metadata"], "resourceVersion": str(self.version)}
        self.objects[path] = {**document, "metadata": metadata}
        return Answer(201, {"content-type": "application/json"}, json.dumps(self.objects[path]).encode())


@asynccontextmanager
async def cluster() -> AsyncGenerator[Cluster]:
    service = Cluster()
    async with loopback(service) as server:
        service.server = server
        yield service


def _status(code: int, reason: str, kind: str = "", message: str = "") -> Answer:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
    document = {**status, "details": {"name": "x", "kind": kind} if kind else {}, "code": code}
    return Answer(code, {"content-type": "application/json"}, json.dumps(document).encode())
