"""Cost of one filter on one alert: `python -m bench.filter` prints microseconds a call, the best of five runs."""

import timeit

from sidekick.event import decode
from sidekick.filter import compile_filter

FILTER = (
    "priority >= Warning and not k8s.ns.name in (kube-system, falco)"
    ' and (tags intersects (network) or rule glob "*shell*") and fd.rip net 10.0.0.0/8'
)
CLAUSES = (
    "priority >= Warning",
    "k8s.ns.name in (kube-system, falco)",
    "tags intersects (network)",
    'rule glob "*shell*"',
    "rule contains shell",
    "fd.rip net 10.0.0.0/8",
    "proc.cmdline regex '.*(wget|curl) .*'",
    "fd.name pmatch (/etc, /var/run)",
)
ALERT = b"""{"hostname":"node-1",
"output":"13:44:05.478445995: Critical A shell was spawned in a container","output_fields":{
"container.id":"ee97d9c4186f","evt.time":1685022245478445995,"fd.name":"/var/lib/x","fd.rip":"10.1.2.3",
"k8s.ns.name":"default","k8s.pod.name":"kubecon","proc.cmdline":"sh -c clear; (bash || ash || sh)","proc.name":"sh",
"proc.pname":"runc","proc.tty":34816,"user.name":"root"},"priority":"Critical","rule":"Terminal shell in container",
"source":"syscall","tags":["container","mitre_execution","shell"],"time":"2023-05-25T13:44:05.478445995Z"}"""
CALLS = 100_000


def main() -> None:
    (event,) = decode(ALERT)
    for text in (FILTER, *CLAUSES):
        condition = compile_filter(text)
        best = min(timeit.repeat("condition(event)", globals=locals(), number=CALLS, repeat=5))
        print(f"{best / CALLS * 1e6:6.2f} µs  {text}")
    best = min(timeit.repeat(lambda: compile_filter(FILTER), number=100, repeat=5))
    print(f"{best / 100 * 1e6:6.0f} µs  to compile the first")


if __name__ == "__main__":
    main()
