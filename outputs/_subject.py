"""The object of a cluster that an alert is about."""

import re
from dataclasses import dataclass

from sidekick.sdk import Event
from sidekick.sdk.labels import text_of

# Resources of the API as audit alerts name them. https://kubernetes.io/docs/reference/kubernetes-api
_KINDS = {
    "pods": ("v1", "Pod"),
    "services": ("v1", "Service"),
    "configmaps": ("v1", "ConfigMap"),
    "secrets": ("v1", "Secret"),
    "serviceaccounts": ("v1", "ServiceAccount"),
    "namespaces": ("v1", "Namespace"),
    "nodes": ("v1", "Node"),
    "persistentvolumes": ("v1", "PersistentVolume"),
    "persistentvolumeclaims": ("v1", "PersistentVolumeClaim"),
    "replicationcontrollers": ("v1", "ReplicationController"),
    "deployments": ("apps/v1", "Deployment"),
    "daemonsets": ("apps/v1", "DaemonSet"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "replicasets": ("apps/v1", "ReplicaSet"),
    "jobs": ("batch/v1", "Job"),
    "cronjobs": ("batch/v1", "CronJob"),
    "ingresses": ("networking.k8s.io/v1", "Ingress"),
    "networkpolicies": ("networking.k8s.io/v1", "NetworkPolicy"),
    "roles": ("rbac.authorization.k8s.io/v1", "Role"),
    "rolebindings": ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    "clusterroles": ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    "clusterrolebindings": ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
}
# RFC 1123, as the API wants it: what is none would be a path of its own in a URL.
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Subject:
    """A reference to an object; `namespace` is empty where the object has none."""

    api: str
    kind: str
    namespace: str
    name: str

    def reference(self) -> dict[str, str]:
        """As the API writes it, without what is not known."""
        known = {"apiVersion": self.api, "kind": self.kind, "namespace": self.namespace, "name": self.name}
        return {key: value for key, value in known.items() if value}


def namespace_of(event: Event) -> str:
    """The namespace of an alert; empty where it has none, or no valid one."""
    name = text_of(event, "k8s.ns.name") or text_of(event, "ka.target.namespace")
    return name if _NAMESPACE.fullmatch(name) else ""


def subject_of(event: Event) -> Subject | None:
    """The alert's pod, or what an audit alert names; None where neither is known."""
    namespace = namespace_of(event)
    if pod := text_of(event, "k8s.pod.name"):
        return Subject("v1", "Pod", namespace, pod)
    api, kind = _KINDS.get(text_of(event, "ka.target.resource"), ("", ""))
    name = text_of(event, "ka.target.name") or text_of(event, "ka.resp.name")
    return Subject(api, kind, namespace, name) if kind and name else None
