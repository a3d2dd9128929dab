"""The Java servers, fetched and compiled once, outside the work tree: `python -m tests.services.jars`."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCES = Path(__file__).parent / "java"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sidekick-services"
# Debian 12 has no javac that reads OpenSearch's classes (Java 21); this compiler runs on Java 17 and reads them.
COMPILER = "org.eclipse.jdt:ecj:3.40.0"


def build(name: str) -> Path:
    """The folder of a ready server: `lib` with its jars, `classes` with its launcher, and its logging settings.

    The folder's name carries a digest of the sources, so a changed pom is a new folder and nothing goes stale.
    """
    home = CACHE / f"{name}-{_digest(SOURCES / name)}"
    if not home.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch) / name
            shutil.copytree(SOURCES / name, made)
            _maven("dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib", within=made)
            _compile(made)
            # Renamed last: a folder that has its name is whole, whatever stopped an earlier run.
            made.rename(home)
    return home


def _digest(folder: Path) -> str:
    content = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    return hashlib.sha256(content + COMPILER.encode()).hexdigest()[:12]


def _compile(home: Path) -> None:
    sources = sorted(home.glob("*.java"))
    if not sources:
        return
    _maven("dependency:copy", f"-Dartifact={COMPILER}", f"-DoutputDirectory={home}", within=home)
    (compiler,) = home.glob("ecj-*.jar")
    class_path = ":".join(map(str, (home / "lib").glob("*.jar")))
    # OpenSearch's jars bring an annotation processor of their own, for Java 21 alone: hence -proc:none.
    flags = ["-17", "-nowarn", "-proc:none", "-classpath", class_path, "-d", home / "classes"]
    subprocess.run(["java", "-jar", compiler, *flags, *sources], check=True)


def _maven(*goal: str, within: Path) -> None:
    subprocess.run(["mvn", "-B", "-q", "-Dstyle.color=never", *goal], cwd=within, check=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    for name in ("kafka", "elasticsearch", "opensearch"):
        print(build(name))
