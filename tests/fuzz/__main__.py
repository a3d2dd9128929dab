"""`python -m tests.fuzz NAME [--seconds N]`: a coverage-guided search for bytes that break one of the targets.

It ends with a traceback and the bytes in a file `crash-…` where it finds some, else with the number of executions.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sidekick"]):  # pyright: ignore[reportAttributeAccessIssue]
    from tests.fuzz.targets import NAMES, target


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, target(arguments.name) as chosen:
        corpus, dictionary = Path(home, "corpus"), Path(home, "words")
        corpus.mkdir()
        for number, seed in enumerate(chosen.seeds):
            Path(corpus, str(number)).write_bytes(seed)
        dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in chosen.words))
        options = [f"-max_total_time={arguments.seconds}", f"-dict={dictionary}", "-max_len=4096", "-timeout=20"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], chosen.run)
        atheris.Fuzz()


def _escaped(word: bytes) -> str:
    """As libFuzzer's dictionaries have it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
