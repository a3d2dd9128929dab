"""StatsD: falcosidekick's counters, the value of each tag as a part of the name.

What other outputs did with an alert is told with the next alerts.
"""

from outputs._statsd import StatsdOutput, Tags


class Statsd(StatsdOutput):
    title = "StatsD"
    website = "https://github.com/statsd/statsd"

    def line(self, name: str, tags: Tags, count: int) -> str:
        """StatsD knows no tags, so `tags` of the settings are left out."""
        return ".".join([name, *(value.replace(" ", "") for _, value in tags)]) + f":{count}|c"
