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
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector, generate_latest

from sidekick.delivery import DeadLetters, Worker
from sidekick.event import decode
from sidekick.journal import Journal, JournalError
from sidekick.pipeline import Enrichment, Route, Silences, SilencesError
from sidekick.receiver import Accept, Done, ListenError, Receiver, RefusedLog, Service, TlsError, notify
from sidekick.sdk.output import Context, Output
from sidekick.sdk.template import compile_template
from sidekick.sdk.tls import ClientTls
from sidekick.settings import Configuration, OutputConfiguration
from sidekick.telemetry import Inputs, ServiceCollector

log = logging.getLogger(__name__)
_RESTART_PAUSE = 5.0


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
    fields = (*configuration.customfields, *configuration.templatedfields)
    return Context(tls=tls, enabled=titles, custom_fields=fields)


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
    """One running sidekick."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.context = context(configuration)
        self.workers: dict[str, Worker] = {}
        try:
            self.silences = silences(configuration)
        except SilencesError as error:
            raise StartError(str(error)) from error
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Runs until SIGTERM or SIGINT; raises `StartError`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._ended.set)
        async with AsyncExitStack() as stack:
            journal = await stack.enter_async_context(self._journal())
            await stack.enter_async_context(self._delivery(journal))
            await stack.enter_async_context(self._receiver(journal))
            _keep_collections_short()
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
    async def _delivery(self, journal: Journal) -> AsyncGenerator[None]:
        for name, chosen in self.configuration.outputs.items():
            output = build_output(chosen, self.context)
            cursor = journal.cursor(name, durable=output.durable)
            letters = DeadLetters(self.configuration.folder / "dead-letters", name)
            silenced = self.silences.covers if output.heeds_silences else None
            self.workers[name] = Worker(name, output, cursor, Route(chosen.settings), letters, silenced)
        for name in set(journal.cursors) - set(self.workers):
            log.warning("%s is no longer configured: its place in the journal is given up", name)
            journal.forget(name)
        log.info("outputs on: %s", ", ".join(self.workers) or "none; alerts are only kept in the journal")
        tasks = [asyncio.create_task(_supervised(worker), name=name) for name, worker in self.workers.items()]
        # Their first step imports the destinations' clients, up to a second: better now than under the first alert.
        await asyncio.sleep(0)
        try:
            yield
        finally:
            for worker in self.workers.values():
                worker.stop()
            await _finish(tasks, self.configuration.grace)

    @asynccontextmanager
    async def _receiver(self, journal: Journal) -> AsyncGenerator[None]:
        refused = RefusedLog(self.configuration.folder / "refused.jsonl")
        service = Service(_way_in(journal, enrichment(self.configuration)), refused, self._ready, self._exposition)
        receiver = Receiver(self.configuration, service)
        self._register(ServiceCollector(lambda: Inputs(receiver.state.accepted, refused.counts), journal, self.workers))
        try:
            await receiver.start()
        except (ListenError, TlsError) as error:
            raise StartError(str(error)) from error
        log.info("listening on %s", ", ".join(f"{host}:{port}" for host, port in receiver.addresses))
        try:
            yield
        finally:
            await receiver.close()

    def _register(self, collector: ServiceCollector) -> None:
        registry = self.context.registry
        registry.register(collector)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def _exposition(self) -> bytes:
        return generate_latest(self.context.registry)

    def _ready(self) -> tuple[bool, dict[str, object]]:
        """Ready once it listens: a destination that is away is degraded, and no reason to turn Falco away."""
        return True, {"status": "ok", "outputs": {name: worker.state for name, worker in self.workers.items()}}


def _keep_collections_short() -> None:
    """Spares the garbage collector what lives as long as the process, some hundred thousand objects of modules: to look
    through them again would hold up the loop, and so every alert, for tens of milliseconds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def _way_in(journal: Journal, enrich: Enrichment) -> Accept:
    """Body → events → enriched → journal: all that happens before an alert is answered."""

    def accept(body: bytes, done: Done) -> None:
        journal.append([event.json for event in decode(body)], done)

    def accept_enriched(body: bytes, done: Done) -> None:
        journal.append([enrich(event).json for event in decode(body)], done)

    return accept_enriched if enrich.on else accept


async def _supervised(worker: Worker) -> None:
    """Runs a worker; a defect in one must not end the others, so it is logged and the worker starts anew."""
    while True:
        try:
            return await worker.run()
        except Exception:
            log.exception("%s: defect in delivery; starting anew in %g s", worker.name, _RESTART_PAUSE)
            await asyncio.sleep(_RESTART_PAUSE)


async def _finish(tasks: list[asyncio.Task[None]], grace: float) -> None:
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=grace)
        for task in late:
            log.warning("%s: still sending after %g s; what it sends now will be sent again", task.get_name(), grace)
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
