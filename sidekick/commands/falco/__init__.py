"""Whether a Falco's own configuration points here: what `sidekick check --falco` prints."""

from sidekick.commands.falco.examination import examine
from sidekick.commands.falco.finding import Finding, Verdict

__all__ = ["Finding", "Verdict", "examine"]
