"""A sidekick without any optional dependency: it knows all outputs, and says what the one in use is missing."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

from sidekick.settings.schema import schema

EXTRAS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["optional-dependencies"]
# The top names of what the extras bring, those that they need themselves included.
CLIENTS = {
    "aio_pika",
    "aiosmtplib",
    "apprise",
    "arro3",
    "asyncpg",
    "azure",
    "boto3",
    "botocore",
    "confluent_kafka",
    "gcloud",
    "google",
    "nats",
    "opentelemetry",
    "paho",
    "redis",
}
BARE = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {CLIENTS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""
CONNECT = """
import asyncio
from sidekick.sdk import Context, MisconfiguredError
from sidekick.settings.catalog import output_types

async def refusal(kind):
    output = kind(kind.Settings.model_validate(kind.example), Context())
    try:
        await output.connect()
    except MisconfiguredError as error:
        return str(error)
    finally:
        await output.close()

for name, kind in output_types().items():
    if kind.output.extra:
        print(name, asyncio.run(refusal(kind.output)), sep="|")
"""


def bare(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BARE + program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def test_check_knows_every_output_without_its_client(tmp_path: Path) -> None:
    built = {kind.name: dict(kind.output.example) for kind in schema().types.values()}
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(built))
    done = bare("from sidekick.__main__ import main\nmain()", "check", "-c", str(file), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(json.loads(done.stdout)["on"]) == set(built)


def test_an_output_without_its_client_says_what_to_install() -> None:
    done = bare(CONNECT)
    assert done.stderr == ""
    told = dict(line.split("|") for line in done.stdout.splitlines())
    wanted = {kind.name: kind.output.extra for kind in schema().types.values() if kind.output.extra}
    assert told.keys() == wanted.keys()
    for name, extra in wanted.items():
        assert told[name].endswith(f"pip install 'sidekick[{extra}]'"), name


def test_an_extra_that_an_output_names_is_one() -> None:
    assert {kind.output.extra for kind in schema().types.values() if kind.output.extra} <= set(EXTRAS)
