"""An alert as an Event of Kubernetes (core/v1), about its pod, what an audit alert names, or else its node."""

import re
from typing import Any

from outputs._subject import Subject, subject_of
from sidekick.sdk import Event, Priority
from sidekick.sdk.labels import text_of
from sidekick.sdk.message import shortened

# Of `note` and `reason` in events.k8s.io/v1, as which every event can be read.
_NOTE, _REASON = 1024, 128
_CLUSTER_WIDE = "default"  # where the API wants events of objects that have no namespace


def kubernetes_event(event: Event, link: str) -> dict[str, Any]:
    """The document; `link` is the alert's own page, if there is one."""
    subject = subject_of(event) or _node(event)
    facts = {
        "id": event.uuid,
        "rule": event.rule,
        "priority": event.priority.value,
        "source": event.source,
        "page": link,
    }
    metadata = {
        "name": f"falco-{event.uuid}",
        "namespace": subject.namespace or _CLUSTER_WIDE,
        "annotations": {f"falco.org/{name}": text for name, text in facts.items() if text},
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": subject.reference() | _part(event, subject),
        "type": "Warning" if event.priority.level >= Priority.WARNING.level else "Normal",
        "reason": "".join(word[:1].upper() + word[1:] for word in re.findall("[A-Za-z0-9]+", event.rule))[:_REASON]
        or "Falco",
        "message": shortened(event.output or event.rule, _NOTE),
        "source": {"component": "falco", "host": event.hostname},
        "firstTimestamp": event.time,
        "lastTimestamp": event.time,
        "count": 1,
    }


def _node(event: Event) -> Subject:
    return Subject("v1", "Node", "", event.hostname)


def _part(event: Event, subject: Subject) -> dict[str, str]:
    """What describing the object asks for besides: of a node its name as its uid, and of a pod the container."""
    if subject.kind == "Node":
        return {"uid": subject.name}
    container = text_of(event, "container.name")
    return {"fieldPath": f"spec.containers{{{container}}}"} if subject.kind == "Pod" and container else {}
