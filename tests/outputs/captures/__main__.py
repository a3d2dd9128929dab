"""Prints how many of falcosidekick's recorded requests ours match: `python -m tests.outputs.captures`.

With the name of an output, also where each request differs and why.
"""

import asyncio
import sys
from collections import Counter

from tests.outputs.captures.recording import recordings
from tests.outputs.captures.verdict import Outcome, Verdict, variants, verdicts


async def _all(names: set[str]) -> list[Verdict]:
    chosen = (recording for recording in recordings() if not names or recording.output in names)
    return [verdict for recording, variant in variants(chosen) for verdict in await verdicts(recording, variant)]


def main() -> None:
    names = set(sys.argv[1:])
    found = asyncio.run(_all(names))
    counts = Counter((verdict.output, verdict.outcome) for verdict in found)
    print(f"{'output':<16}" + "".join(f"{outcome.value:>16}" for outcome in Outcome))
    for output in sorted({verdict.output for verdict in found}):
        print(f"{output:<16}" + "".join(f"{counts[output, outcome]:>16}" for outcome in Outcome))
    totals = Counter(verdict.outcome for verdict in found)
    print(f"{'all':<16}" + "".join(f"{totals[outcome]:>16}" for outcome in Outcome))
    for verdict in found:
        if verdict.outcome is Outcome.WRONG or (names and verdict.outcome is not Outcome.MATCHED):
            _explain(verdict)


def _explain(verdict: Verdict) -> None:
    capture = verdict.capture
    print(f"\n{verdict.output} {capture.variant} {capture.input or 'start'}: {verdict.outcome.value}")
    print("".join(f"  at {path}\n" for path in verdict.paths), end="")
    print("".join(f"  {known.reason}\n" for known in verdict.reasons), end="")


if __name__ == "__main__":
    main()
