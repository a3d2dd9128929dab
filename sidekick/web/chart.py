"""The histogram, as the chart draws it and as a screen reader reads it: bars of time, stacked by priority."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from sidekick.event import Priority
from sidekick.store import Histogram
from sidekick.web.page import plural, within_years


@dataclass(frozen=True)
class Chart:
    """`starts` are seconds since 1970, one each `step`; each series has a number for each of them."""

    step: int
    starts: list[int]
    series: dict[str, list[int]]

    @property
    def total(self) -> int:
        return sum(map(sum, self.series.values()))

    @property
    def totals(self) -> dict[int, int]:
        """Events of each start that has any."""
        sums = dict(zip(self.starts, map(sum, zip(*self.series.values(), strict=True)), strict=False))
        return {start: count for start, count in sums.items() if count}

    @property
    def summary(self) -> str:
        """What the picture says, in a sentence."""
        if not self.total:
            return "No events in this time."
        most, count = max(self.totals.items(), key=lambda item: item[1])
        at = within_years(most).strftime("%Y-%m-%d %H:%M UTC")
        return f"{plural(self.total, 'event')}; most of them, {count:,}, in the {_length(self.step)} from {at}."

    def as_json(self) -> dict[str, object]:
        """For the script; the series from the least urgent, which lies at the bottom."""
        return {"step": self.step, "starts": self.starts, "series": self.series}


def chart(histogram: Histogram) -> Chart:
    """All bars, those without events too; only priorities that occur."""
    starts = list(range(histogram.since, histogram.until, histogram.step))
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for bar in histogram.bars:
        counts[bar.priority][bar.start] += bar.events
    names = [priority.value for priority in reversed(Priority) if priority.value in counts]
    return Chart(histogram.step, starts, {name: [counts[name][start] for start in starts] for name in names})


def _length(seconds: int) -> str:
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % size == 0:
            number = seconds // size
            return unit if number == 1 else f"{number} {unit}s"
    return f"{seconds} seconds"
