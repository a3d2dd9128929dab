"""The keys that belong to no output."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from sidekick.control.settings import ApiSettings
from sidekick.journal.settings import JournalSettings
from sidekick.pipeline.senders import SendersSettings
from sidekick.pipeline.silence import SilenceSettings
from sidekick.receiver.settings import ListenSettings
from sidekick.sdk.settings import Duration, Flag, Settings, TemplateMap, Text, TextMap, WordList


def _lower(value: Any) -> Any:
    """LOG_LEVEL=INFO is what other programs want to read."""
    return value.lower() if isinstance(value, str) else value


Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]


class ClientCertificate(Settings):
    """Keys of `mutualtlsclient`: what we present to a destination with `mutualtls`."""

    certfile: Text = ""
    """Client certificate (PEM); unset: client.crt in `mutualtlsfilespath`."""
    keyfile: Text = ""
    """Its private key (PEM); unset: client.key in `mutualtlsfilespath`."""
    cacertfile: Text = ""
    """Authority that the destination's certificate is checked against too; unset: ca.crt in `mutualtlsfilespath`."""


class ClientAuthority(Settings):
    """Keys of `tlsclient`."""

    cacertfile: Text = ""
    """Certificate authority (PEM) that destinations are checked against, beside the system's."""


class LogSettings(Settings):
    """Keys of `log`: what the process writes to stderr."""

    format: Literal["text", "json"] = "text"
    """One line of text, or one JSON object a line."""
    level: Level = "info"
    """Least level written; no level writes an alert's content but debug."""


class EnrichmentSettings(Settings):
    """What is added to an alert, or changed in it, before it is kept."""

    customfields: TextMap = {}
    """Fields added to each alert's output_fields; a value `%NAME` is that environment variable."""
    templatedfields: TemplateMap = {}
    """Fields added to each alert's output_fields, made by a Go template from the fields it has."""
    customtags: WordList = ()
    """Tags added to each alert."""
    bracketreplacer: Text = ""
    """Text in the place of `[` in field names, `]` being dropped: `_` makes proc.aname[2] proc.aname_2. Empty: off."""
    outputfieldformat: Text = ""
    """Form of the output text, of <timestamp>, <priority>, <output>, <custom_fields>, <templated_fields> and <tags>.
    Empty: as it came."""


class ClientTlsSettings(Settings):
    """What every output over TLS uses."""

    mutualtlsfilespath: Text = "/etc/certs"
    """Folder of client.crt, client.key and ca.crt for outputs with `mutualtls`."""
    mutualtlsclient: ClientCertificate = ClientCertificate()
    """Single files in the place of those in `mutualtlsfilespath`."""
    tlsclient: ClientAuthority = ClientAuthority()
    """Whom to trust beside the system's authorities."""


class TopSettings(ClientTlsSettings, EnrichmentSettings, ListenSettings):
    """Keys at the top level of the file."""

    debug: Flag = False
    """Log at level debug."""
    log: LogSettings = LogSettings()
    """What is logged."""
    watch: Flag = True
    """Load the configuration anew when one of its files, secrets and certificates included, has changed. SIGHUP does so
    at any time. A configuration with an error changes nothing; the log says what is wrong."""
    folder: Path = Path("data")
    """Folder of what must outlive the process, dead letters among it."""
    journal: JournalSettings = JournalSettings()
    """Where alerts are kept until each output has them."""
    api: ApiSettings = ApiSettings()
    """The page and the JSON API."""
    senders: SendersSettings = SendersSettings()
    """When a host that sends nothing is told of."""
    silences: tuple[SilenceSettings, ...] = ()
    """What nobody is to be told for a while: each a filter, until, author and reason."""
    grace: Duration = 25.0
    """How long delivery may go on after SIGTERM; Kubernetes waits for 30s."""

    @property
    def journal_path(self) -> Path:
        """The journal's directory."""
        return Path(self.journal.path) if self.journal.path else self.folder / "journal"

    @property
    def loglevel(self) -> str:
        """The level of `log`, which falcosidekick's `debug` lowers."""
        return "debug" if self.debug else self.log.level
