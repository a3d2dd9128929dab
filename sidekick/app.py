"""The composition root: builds the parts, joins them, and owns the order in which they start and end.

Start: journal, outputs' workers, and only then the listener, so that the first alert finds everything in place.
End (SIGTERM, SIGINT): the listener first, answering what is in hand; then the workers, which deliver what waits for as
long as their destinations take it and the grace lasts; the journal last. What was not delivered is there at the next
start.
"""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest

from sidekick.control import Parts
from sidekick.control.access import AccessError, Doorkeeper
from sidekick.delivery import Counts, DeadLetters, History, Roster, Worker, Workers
from sidekick.event import decode
from sidekick.journal import Journal, JournalError
from sidekick.page import Certificate, blocker_socket, page, store_path, store_reader
from sidekick.pipeline import Enrichment, Route, Senders, Silences, SilencesError
from sidekick.receiver import (
    Done,
    ListenError,
    ListenSettings,
    Receiver,
    RefusedLog,
    Sender,
    Service,
    TlsError,
    notify,
    tls,
)
from sidekick.receiver.sockets import listen
from sidekick.reload import Load, OutputsError, Reload
from sidekick.sdk.output import Context, Output
from sidekick.sdk.template import compile_template
from sidekick.sdk.tls import ClientTls
from sidekick.settings import Configuration, OutputConfiguration
from sidekick.settings.watch import Mark, mark_of
from sidekick.telemetry import Inputs, ServiceCollector, set_up_logging

log = logging.getLogger(__name__)
_FIXED = ("folder", "journal")  # keys that count for the life of a process
_FIXED_OF_API = ("enabled", "address", "port", "certfile", "keyfile", "xdpsocket")
_TURN = 0.0005  # seconds
_HANDOVER = 10.0  # seconds that an output has for what is in hand when another takes its place


class StartError(Exception):
    """The service cannot start; the message says why in one line, and what to do."""


def context(configuration: Configuration) -> Context:
    """What the outputs are lent."""
    mutual = configuration.mutualtlsclient
    tls = ClientTls(
        directory=configuration.mutualtlsfilespath,
        certfile=mutual.certfile,
        keyfile=mutual.keyfile,
        mutual_cafile=mutual.cacertfile,
        cafile=configuration.tlsclient.cacertfile,
    )
    titles = tuple(chosen.type.title for chosen in configuration.outputs.values())
    stamped = (name for sender in configuration.receiver.senders.values() for name in sender.fields)
    fields = dict.fromkeys((*configuration.customfields, *configuration.templatedfields, *stamped))
    return Context(tls=tls, enabled=titles, custom_fields=tuple(fields), page=configuration.api.url)


def build_output(chosen: OutputConfiguration, context: Context) -> Output[Any]:
    return chosen.type(chosen.settings, context)


def silences(configuration: Configuration) -> Silences:
    """Those of the configuration and those that were added; raises `SilencesError`."""
    return Silences(configuration.folder / "silences.json", configuration.silences)


def enrichment(configuration: Configuration) -> Enrichment:
    """What the configuration adds to each alert."""
    return Enrichment(
        fields=configuration.customfields,
        tags=configuration.customtags,
        templates={key: compile_template(text) for key, text in configuration.templatedfields.items()},
        bracket=configuration.bracketreplacer,
        output_format=configuration.outputfieldformat,
    )


class App:
    """One running sidekick; `load` gives the configuration as it is written at a later time."""

    def __init__(self, configuration: Configuration, load: Load) -> None:
        self.configuration = configuration
        self.context = context(configuration)
        self.workers = Workers()
        self.histories: dict[str, History] = {}
        self.roster = Roster(configuration.folder / "outputs.json")
        self.refused = RefusedLog(configuration.folder / "refused.jsonl")
        self.enrich = enrichment(configuration)
        self.access: Doorkeeper | None = None
        try:
            self.silences = silences(configuration)
        except SilencesError as error:
            raise StartError(str(error)) from error
        self.senders = Senders(configuration.folder / "senders.json", configuration.senders)
        self.certificate = Certificate(configuration.api)
        self.reload = Reload(configuration, load, self._take, self._files)
        self._end_replay: Callable[[str], None] = lambda name: None
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Runs until SIGTERM or SIGINT; raises `StartError`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._ended.set)
        # From the beginning, for who has no handler for it dies of it.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload.ask)
        _warn(self.configuration)
        async with AsyncExitStack() as stack:
            if listener := self._page_listener():
                stack.callback(listener.close)
            self.journal = await stack.enter_async_context(self._journal())
            await stack.enter_async_context(self._delivery())
            await stack.enter_async_context(self.senders.running())
            await stack.enter_async_context(self._receiver())
            await stack.enter_async_context(self._page(listener))
            await stack.enter_async_context(self.reload.running())
            _keep_the_loop_prompt()
            notify("READY=1")
            await self._ended.wait()
            notify("STOPPING=1")
            log.info("ending: no more alerts are taken, what waits is delivered")

    @asynccontextmanager
    async def _journal(self) -> AsyncGenerator[Journal]:
        try:
            self.configuration.folder.mkdir(parents=True, exist_ok=True)
            journal = Journal.open(self.configuration.journal, self.configuration.journal_path)
        except (JournalError, OSError) as error:
            raise StartError(f"journal: {error}") from error
        await journal.start()
        try:
            yield journal
        finally:
            await journal.close()

    @asynccontextmanager
    async def _delivery(self) -> AsyncGenerator[None]:
        for name, chosen in self.configuration.outputs.items():
            self.workers.start(self._worker(name, build_output(chosen, self.context)))
        for name in set(self.journal.cursors) - set(self.workers):
            self._forget(name)
        self._settle()
        log.info("outputs on: %s", ", ".join(self.workers) or "none; alerts are only kept in the journal")
        # Their first step imports the destinations' clients, up to a second: better now than under the first alert.
        await asyncio.sleep(0)
        try:
            yield
        finally:
            await self.workers.stop(list(self.workers), self.configuration.grace)

    def _worker(self, name: str, output: Output[Any], counts: Counts | None = None) -> Worker:
        cursor = self.journal.cursor(name, durable=output.durable)
        letters = DeadLetters(self.configuration.folder / "dead-letters", name)
        silenced = self.silences.covers if output.heeds_silences else None
        history = self.histories.setdefault(name, History()) if self.configuration.api.enabled else None
        worker = Worker(name, output, cursor, Route(output.settings), letters, silenced, counts, history)
        if pause := self.roster.paused(name):
            log.warning("%s is paused, by %s since %s: its alerts wait", name, pause.by, pause.at)
            worker.pause()
        return worker

    def _settle(self) -> None:
        self.roster.settle({name: worker.first for name, worker in self.workers.items()})

    def _forget(self, name: str) -> None:
        log.warning("%s is no longer configured: its place in the journal is given up", name)
        self.journal.forget(name)
        self.histories.pop(name, None)

    @asynccontextmanager
    async def _receiver(self) -> AsyncGenerator[None]:
        service = Service(self._accept, self.refused, self._ready, self._exposition)
        self.receiver = Receiver(self.configuration, service)
        self._register(ServiceCollector(self._inputs, self.journal, self.workers))
        try:
            await self.receiver.start()
        except (ListenError, TlsError) as error:
            raise StartError(str(error)) from error
        log.info("listening on %s", ", ".join(f"{host}:{port}" for host, port in self.receiver.addresses))
        try:
            yield
        finally:
            await self.receiver.close()

    def _page_listener(self) -> socket.socket | None:
        """Bound before anything begins, so that no alert is taken by a process that cannot go on."""
        api = self.configuration.api
        try:
            self.certificate.read()
            return listen(api.address, api.port) if api.enabled else None
        except (ListenError, TlsError) as error:
            raise StartError(f"page: {error}") from error

    @asynccontextmanager
    async def _page(self, listener: socket.socket | None) -> AsyncGenerator[None]:
        if listener is None:
            yield
            return
        parts = Parts(
            folder=self.configuration.folder,
            journal=self.journal,
            workers=self.workers,
            histories=self.histories,
            roster=self.roster,
            silences=self.silences,
            build=self._second,
            reader=store_reader(self.configuration),
            refused=self.refused,
            senders=self.senders,
            reload=self.reload,
            blocker=blocker_socket(self.configuration),
        )
        # The first password is hashed at a cost of a third of a second, and alerts come in already.
        access = await asyncio.to_thread(self._doorkeeper)
        async with page(parts, access, listener, self.certificate.context) as assembly:
            self._end_replay = assembly.end_replay
            yield

    def _doorkeeper(self) -> Doorkeeper:
        api = self.configuration.api
        try:
            self.access = Doorkeeper(api, self.configuration.folder, api.address, api.url)
        except AccessError as error:
            raise StartError(f"page: {error}") from error
        return self.access

    def _second(self, name: str) -> Output[Any]:
        """Another instance of an output, which counts nowhere."""
        first = self.workers[name].output
        return type(first)(first.settings, replace(self.context, registry=CollectorRegistry()))

    def _accept(self, body: bytes, done: Done, sender: Sender) -> None:
        """Body → events → enriched → journal: all that happens before an alert is answered."""
        events = decode(body)
        if self.enrich.on or sender.fields:
            events = [self.enrich(event, sender.fields) for event in events]
        self.journal.append([event.json for event in events], done)
        for event in events:
            self.senders.seen(event, sender.name)

    def _files(self, configuration: Configuration) -> dict[Path, Mark]:
        """All that a configuration depends on: its own files, and the certificates that it names."""
        lent, own = context(configuration).tls.files, self.certificate.files
        named = (*tls.files(configuration.tlsserver), *lent, *own)
        return {file: mark_of(file) for file in named} | {**configuration.files}

    async def _take(self, new: Configuration, changed: set[Path]) -> None:
        """Runs by that configuration from now on; raises `ListenError` or `TlsError`, and nothing has changed then, or
        `OutputsError`, and all has but for those outputs."""
        old = self.configuration
        new = _as_far_as_possible(new, old)
        lent = replace(context(new), registry=self.context.registry)
        successors = {
            name: build_output(chosen, lent)
            for name, chosen in new.outputs.items()
            if chosen != old.outputs.get(name)
            or name not in self.workers  # it could not begin at an earlier change
            or lent.shapes != self.context.shapes
            or changed & set(lent.tls.files)
        }
        if changed & self.certificate.files:
            self.certificate.read()
        if _listening(new) != _listening(old) or changed & set(tls.files(new.tlsserver)):
            await self.receiver.renew(new)
        # From here on only an output can fail to begin, alone.
        _warn(new)
        set_up_logging(new.log.format, new.loglevel)
        self.configuration, self.context = new, lent
        self.enrich = enrichment(new)
        self.silences.configure(new.silences)
        self.senders.settings = new.senders
        self._let_in(new)
        for worker in self.workers.values():
            worker.output.context = lent
        names = [*(name for name in self.workers if name not in new.outputs), *successors]
        successions = (self._succeed(name, successors.get(name)) for name in names)
        ends = zip(names, await asyncio.gather(*successions, return_exceptions=True), strict=True)
        self._settle()
        if causes := {name: error for name, error in ends if error}:
            raise OutputsError(causes)

    def _let_in(self, new: Configuration) -> None:
        """Asks who comes to the page for what the new configuration wants to know."""
        if self.access is None:
            return
        try:
            self.access.configure(new.api, new.api.address, new.api.url)
        except AccessError as error:
            log.error("page: %s; who may come in stays as it was", error)  # noqa: TRY400

    async def _succeed(self, name: str, output: Output[Any] | None) -> None:
        """Puts another output, or none, in the place of the one that has this name."""
        former = self.workers.get(name)
        if former is not None:
            self._end_replay(name)
            await self.workers.stop([name], _HANDOVER, drain=False)
        if output is None:
            self._forget(name)
        else:
            self.workers.start(self._worker(name, output, former.counts if former else None))

    def _inputs(self) -> Inputs:
        accepted, refused = self.receiver.state.accepted, self.refused.counts
        return Inputs(accepted, refused, self.reload.counts, bool(self.reload.problem), self.senders.counts)

    def _register(self, collector: ServiceCollector) -> None:
        registry = self.context.registry
        registry.register(collector)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def _exposition(self) -> bytes:
        return generate_latest(self.context.registry)

    def _ready(self) -> tuple[bool, dict[str, object]]:
        """Ready while it takes alerts: a destination that is away is degraded, and no reason to turn Falco away."""
        obstacle = self.journal.obstacle
        detail: dict[str, object] = {"status": "no alert is taken" if obstacle else "ok"}
        if obstacle:
            detail["journal"] = obstacle
        detail["outputs"] = {name: worker.state for name, worker in self.workers.items()}
        if self.reload.problem:
            detail["configuration"] = self.reload.problem
        return not obstacle, detail


def _keep_the_loop_prompt() -> None:
    """A thread of an output may compute for a moment, not for Python's 5 ms, while an alert waits for its answer.

    And the garbage collector is spared what lives as long as the process, some hundred thousand objects of modules: to
    look through them again would hold up the loop for tens of milliseconds.
    """
    sys.setswitchinterval(_TURN)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def _warn(configuration: Configuration) -> None:
    for problem in configuration.warnings:
        log.warning("%s", problem)


def _listening(configuration: Configuration) -> dict[str, Any]:
    return {name: getattr(configuration, name) for name in ListenSettings.model_fields}


def _as_far_as_possible(new: Configuration, old: Configuration) -> Configuration:
    """The new one, with the old values of what only another process can take."""
    kept = {name: getattr(old, name) for name in _FIXED if getattr(new, name) != getattr(old, name)}
    place = {name: getattr(old.api, name) for name in _FIXED_OF_API}
    changed = [*kept, *(f"api.{name}" for name, value in place.items() if getattr(new.api, name) != value)]
    for name in changed:
        log.warning("%s has changed: that takes effect at the next start", name)
    if old.api.enabled and store_path(new) != store_path(old):
        log.warning("the store is another one: the page shows the old one until the next start")
    return new.model_copy(update=kept | {"api": new.api.model_copy(update=place)})
