"""What each operator means, on one alert."""

import pytest

from sidekick.filter import compile_filter
from tests.filter.alerts import SHELL, alert

PASSES = """
priority = Critical
priority == critical
priority != Error
priority >= Warning
priority > error
priority <= EMERGENCY
priority < Alert
priority in (Critical, info)
priority contains rit
priority exists
rule = "Terminal shell in container"
rule glob "*shell*"
rule glob Terminal*
rule startswith Terminal
rule endswith container
rule contains "shell in"
rule icontains SHELL
rule regex "Terminal .*"
source = syscall
hostname in (node-1, node-2)
output contains spawned
time >= 2026-03-04
time < 2026-03-04T06:06:08+01:00
time = 2026-03-04T05:06:07.123456Z
time startswith 2026-03
tags intersects (network, shell)
tags in (container, mitre_execution, shell, other)
tags = shell
tags != network
tags startswith mitre_
tags exists
proc.aname[2] = sudo
"proc.aname[2]" = sudo
json.value[/resource/labels/policy name] = p1
"n drops/buffer?" = 0
container.id exists
container.id=ee97d9c4186f
not container.name exists
not container.name = x
not container.name != x
not missing.field != x
not missing.field in (a, b)
not (missing.field = a or missing.field != a)
proc.pid = 4242
proc.pid = 4242.0
proc.pid = 0x1092
proc.pid in (1, 4242)
proc.pid > 4241
proc.pid <= 4242
proc.pid startswith 42
proc.tty > 34815
proc.tty = 34816
not proc.tty = 34816.0
load = 1.5
load > 1
load < 15e-1 or load >= 1.5
evt.time = 1685022245478445995
not evt.time = 1685022245478445996
proc.is_exe = true
not proc.is_exe = 1
not proc.is_exe > 0
user.name = <NA>
user.name!=root
proc.cmdline contains "(bash || ash)"
proc.cmdline contains '; '
fd.name pmatch (/var/run, /var/spool)
fd.name pmatch (/var/spool/maillog)
fd.name pmatch (/var/*/m*)
fd.name pmatch (/)
not fd.name pmatch (/var/spo, /var/spool/maillog/x, /var*log, var)
fd.rip net 10.0.0.0/8
fd.rip net (192.0.2.0/24, 10.1.2.3)
fd.rip net 10.1.2.99/24
not fd.rip net 2001:db8::/32
fd.lip net 2001:db8::/32
fd.sip net 192.0.2.0/24
not fd.name net 0.0.0.0/0
not proc.pid net 0.0.0.0/0
names = web
names = 8080
names intersects (db, mail)
names in (web, db, 8080, x)
not names in (web, db)
not names != web
names contains e
not nothing exists
not nothing in (a)
not nothing != a
object exists
not object = a
not object contains a
not k8s.ns.name in ()
priority = Critical and source = syscall
priority = Debug or source = syscall
priority = Debug or source = syscall and hostname = node-1
not priority = Debug and source = syscall
not not source = syscall
not(source = k8s_audit)and(hostname = node-1)
"""


@pytest.mark.parametrize("text", PASSES.strip().splitlines())
def test_passes(text: str) -> None:
    assert compile_filter(text)(SHELL) is True
    assert compile_filter(f"not ({text})")(SHELL) is False


def test_escapes_in_quotes() -> None:
    event = alert({"proc.cmdline": "a\t\"b\"\\c\n'd'"})
    assert compile_filter(r"""proc.cmdline = "a\t\"b\"\\c\n'd'" """)(event)
    assert compile_filter(r"""proc.cmdline = 'a\t"b"\\c\n\'d\'' """)(event)


def test_empty_texts_of_the_alert_are_missing() -> None:
    event = alert(output="", hostname="", tags=[])
    assert compile_filter("not output exists and not hostname exists and not tags exists")(event)
    assert compile_filter("not hostname = x and not hostname != x")(event)


def test_an_output_field_that_is_empty_is_present() -> None:
    assert compile_filter('github.org exists and github.org = ""')(alert({"github.org": ""}))


def test_regex_takes_linear_time_on_hostile_text() -> None:
    assert not compile_filter("proc.cmdline regex '(a+)+b'")(alert({"proc.cmdline": "a" * 5000}))


def test_a_filter_over_several_lines() -> None:
    assert compile_filter("\n  priority >= Warning\n  and tags intersects (\n shell,\n network)\n")(SHELL)


def test_explanation_has_every_clause_and_what_was_found() -> None:
    text = "priority >= Alert or not k8s.ns.name in (kube-system) and fd.x exists"
    explanation = compile_filter(text).explain(SHELL)
    assert str(explanation).splitlines() == [
        "false  priority >= Alert or (not k8s.ns.name in (kube-system) and fd.x exists)",
        "  false  priority >= Alert  [Critical]",
        "  false  not k8s.ns.name in (kube-system) and fd.x exists",
        "    true   not k8s.ns.name in (kube-system)",
        "      false  k8s.ns.name in (kube-system)  [default]",
        "    false  fd.x exists  [missing]",
    ]
    assert str(compile_filter("tags = shell").explain(SHELL)) == (
        "true   tags = shell  [container, mitre_execution, shell]"
    )
