"""DogStatsD, Datadog's StatsD: falcosidekick's counters with tags.

What other outputs did with an alert is told with the next alerts.
"""

from outputs._statsd import StatsdOutput, Tags


class Dogstatsd(StatsdOutput):
    title = "DogStatsD"
    website = "https://docs.datadoghq.com/developers/dogstatsd"

    def line(self, name: str, tags: Tags, count: int) -> str:
        labels = [*self.settings.tags, *(f"{label}:{value}" for label, value in tags)]
        return f"{name}:{count}|c" + (f"|#{','.join(labels)}" if labels else "")
