"""All that matters in a Falco's configuration for its alerts to come here.

Keys, their defaults and what they do are those of Falco 0.44 (falco.yaml, userspace/falco/outputs_http.cpp).
"""

from sidekick.commands.falco.destination import Destination
from sidekick.commands.falco.file import FalcoFile, Flag
from sidekick.commands.falco.finding import Finding, Verdict
from sidekick.settings import Configuration
from sidekick.settings.document import Document

_FLAGS = (
    Flag("json_output", False, True, Verdict.WRONG, "Falco sends lines of text"),
    Flag("json_include_output_property", True, True, Verdict.ODD, "messages about an alert have no text"),
    Flag("json_include_output_fields_property", True, True, Verdict.ODD, "filters and templates find no fields"),
    Flag("json_include_tags_property", True, True, Verdict.ODD, "filters find no tags"),
    Flag("http_output.enabled", False, True, Verdict.WRONG, "Falco posts nothing"),
    # It is TCP's, not HTTP's; connections are used again whatever it says.
    Flag("http_output.keep_alive", False, True, Verdict.ODD, "Falco waits for ever for a host that is gone"),
)


def examine(configuration: Configuration, document: Document) -> list[Finding]:
    """What that file says to a service of this configuration; the files that it includes are not read."""
    file = FalcoFile(document)
    found = [file.judge(flag) for flag in _FLAGS]
    found += Destination(configuration, file).findings()
    if file.text("config_files", "[]") != "[]":
        found.append(file.finding(Verdict.ODD, "config_files", "what they say is not known here, and comes first"))
    return found
