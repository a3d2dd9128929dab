"""Grafana Loki: alerts as lines of streams, one stream for each set of labels."""

from collections.abc import Sequence

from sidekick.sdk import (
    NO_SECRET,
    BatchLimits,
    Context,
    Event,
    HttpOutput,
    HttpSettings,
    Request,
    Secret,
    Text,
    TextMap,
    WordList,
    auth,
    encode_json,
)
from sidekick.sdk.labels import text_of
from sidekick.sdk.series import label_name

# A Loki as it is installed refuses a longer value: https://grafana.com/docs/loki/latest/configure/#limits_config
_LABEL_LIMIT = 2048
_LABEL = str.maketrans({".": "_", "[": None, "]": None})
_ALWAYS = ("k8s.ns.name", "k8s.pod.name")


class LokiSettings(HttpSettings):
    """Keys of `loki`."""

    hostport: Text = ""
    """Base URL, such as http://loki:3100."""
    user: Text = ""
    """User, with `apikey`."""
    apikey: Secret = NO_SECRET
    """Password or API key of `user`."""
    tenant: Text = ""
    """Tenant (X-Scope-OrgID) of a Loki that has several."""
    format: Text = "text"
    """What a line holds: `json` for the whole alert, anything else for its output alone."""
    endpoint: Text = "/loki/api/v1/push"
    """Path that takes the streams."""
    extralabels: WordList = ()
    """Fields that become labels too, such as user.name,proc.name; each label multiplies the number of streams."""
    customheaders: TextMap = {}
    """Headers to add; a name of ours is replaced."""


class Loki(HttpOutput[LokiSettings]):
    Settings = LokiSettings
    title = "Loki"
    category = "logs"
    website = "https://grafana.com/oss/loki"
    requires = ("hostport",)
    example = {"hostport": "http://loki:3100"}
    limits = BatchLimits(count=1000, bytes=1 << 20)
    # Loki keeps one of two lines with the same stream, time and text.
    idempotent = True

    def __init__(self, settings: LokiSettings, context: Context) -> None:
        super().__init__(settings, context)
        fields = (*_ALWAYS, *context.custom_fields, *settings.extralabels)
        # A name that Loki does not take would have it refuse every alert.
        self._labelled = {label_name(field.translate(_LABEL)): field for field in fields}

    def encode(self, events: Sequence[Event]) -> Request:
        settings = self.settings
        streams: dict[bytes, list[tuple[str, str]]] = {}
        for event in events:
            lines = streams.setdefault(encode_json(self._labels(event)), [])
            lines.append((str(event.timestamp_ns), event.json.decode() if settings.format == "json" else event.output))
        body = b",".join(
            b'{"stream":%b,"values":%b}' % (labels, encode_json(lines)) for labels, lines in streams.items()
        )
        headers = {"Content-Type": "application/json"} | auth.basic(settings.user, settings.apikey)
        if settings.tenant:
            headers["X-Scope-OrgID"] = settings.tenant
        url = settings.hostport.rstrip("/") + settings.endpoint
        return Request(url, b'{"streams":[%b]}\n' % body, headers | settings.customheaders)

    def _labels(self, event: Event) -> dict[str, str]:
        labels = {label: text_of(event, field).replace('"', "") for label, field in self._labelled.items()}
        labels |= {
            "rule": event.rule,
            "source": event.source,
            "priority": event.priority.value,
            "hostname": event.hostname,
            "tags": ",".join(event.tags),
        }
        return {name: _cut(value) for name, value in labels.items() if value}


def _cut(value: str) -> str:
    if len(value) <= _LABEL_LIMIT // 4:  # even of the longest characters, and so without a look at them
        return value
    return value.encode()[:_LABEL_LIMIT].decode(errors="ignore")
