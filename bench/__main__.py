"""`python -m bench [NAME …]`: runs the measurements one after the other, each in a process of its own."""

import argparse
import pkgutil
import subprocess
import sys

import bench

# Modules that others run: servers and loads of theirs.
_PARTS = {"__main__", "acceptors", "store_events", "xdp_generator", "xdp_rivals"}


def main() -> None:
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if module.name not in _PARTS)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(names)}; all if none")
    chosen = parser.parse_args().names or names
    if unknown := set(chosen) - set(names):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    for name in chosen:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=True)


if __name__ == "__main__":
    main()
