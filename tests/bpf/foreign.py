"""Another owner of the hook."""

from collections.abc import Generator
from contextlib import closing, contextmanager

from bpf.link import Link
from bpf.program import Program
from tests.bpf.host import Host
from tests.bpf.wire import inside


@contextmanager
def foreign(host: Host) -> Generator[None]:
    """Somebody else's program on eth0 of the host."""
    pins = host.pins.parent / "foreign"
    pins.mkdir()
    with closing(Program(pins)) as program:
        program.load()
        with inside(host.wire.host):
            held = Link.attach("eth0", "link", program.fd, pins)
        yield
        held.drop()
    for pin in pins.iterdir():
        pin.unlink()
    pins.rmdir()
