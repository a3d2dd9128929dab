"""The blocks of this host: what may be blocked is, is recorded, and ends."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from bpf.allowlist import AllowList
from bpf.backend import Backend, FullError, OverlapError
from bpf.ledger import Ledger, Record, boot_expiries, boot_expiry, read, wall_expiry
from bpf.networks import Networks
from bpf.policy import ALERT, REFUSALS, Policy, Refusal
from bpf.protocol import Decision, Outcome, Row, Wanted
from bpf.schema import Entry, boot_now, map_name
from bpf.target import MalformedError, Network, Target

DEFAULT_LIFE = 3600.0
DECISIONS = 1000
TEXT = 1000  # characters of a reason or a rule's name that are kept
LONGEST = 30 * 86400.0  # a wrong clock must not block for ever


class Blocker:
    """The one writer of a back end and of the ledger. `longest` caps every life, in seconds."""

    def __init__(
        self, backend: Backend, ledger: Ledger, policy: Policy, allowed: AllowList, longest: float = LONGEST
    ) -> None:
        self.backend = backend
        self.ledger = ledger
        self.policy = policy
        self.longest = longest
        self.refused: Counter[str] = Counter(dict.fromkeys(REFUSALS, 0))
        self.blocked: Counter[str] = Counter()
        self.expired = 0
        self.decisions: deque[Decision] = deque(maxlen=DECISIONS)
        self._allowed = allowed
        self._found: dict[Network, str] = {}
        self._held: dict[Target, int] = {}
        self._used: Counter[str] = Counter()

    def start(self) -> None:
        """Makes back end and ledger agree: what the kernel holds stays blocked, what it lost is blocked again."""
        now = boot_now()
        never = boot_expiry(time.time() + LONGEST)
        present = {target: entry.expires or never for target, entry in self.backend.entries()}
        dead = {target for target, expires in present.items() if expires <= now}
        self.backend.unblock(dead)
        held = {target: expires for target, expires in present.items() if target not in dead}
        known = live(self.ledger, time.time())
        self.ledger.write({target: _adopted(target, held[target]) for target in held.keys() - known.keys()})
        self._held, self._used = {}, Counter()
        self._hold(held)
        room = {kind: most - used for kind, (used, most) in self.fill().items()}
        missing = {target: known[target] for target in known.keys() - held.keys()}
        lost = boot_expiries(_fitting(missing, room))
        self.refused["full"] += len(missing) - len(lost)
        overlapping = _put(self.backend, lost, self._held)
        self._hold({target: expires for target, expires in lost.items() if target not in overlapping})

    def protect(self, found: Mapping[Network, str]) -> None:
        """Replaces the computed part of the protected set, here and in the kernel."""
        self._found = dict(found)
        allowed = dict.fromkeys(self._allowed, "on the allow list")
        self.policy.protected = Networks(allowed | self._found)
        self.backend.allow(list(self.policy.protected))

    def reprotect(self) -> None:
        """Writes the protected set once more."""
        self.protect(self._found)

    def wanting(self, targets: Iterable[Target], origin: str) -> list[Target]:
        """Those that a list still has to block, or its own that have passed half of their life."""
        half = boot_expiry(time.time() + self.longest / 2)
        ageing = {target for target in self.held(origin) if self._held[target] < half}
        return [target for target in targets if target not in self._held or target in ageing]

    def block(self, wanted: Iterable[Wanted], origin: str, *, dry_run: bool = False) -> list[Outcome]:
        """Blocks what may be blocked, and can be: that is in the kernel and recorded, and nothing else."""
        wanted = list(map(_cut, wanted))
        accepted: dict[Target, Record] = {}
        outcomes = [self._judge(each, origin, accepted, dry_run=dry_run) for each in wanted]
        failed = self._apply(accepted, origin) if accepted and not dry_run else {}
        outcomes = [failed.get(outcome.target, outcome) for outcome in outcomes]
        self.refused.update(outcome.refused for outcome in outcomes if outcome.refused)
        if origin == ALERT:
            self.decisions.extend(_decision(*pair, dry_run=dry_run) for pair in zip(wanted, outcomes, strict=True))
        return outcomes

    def unblock(self, targets: Iterable[Target]) -> int:
        """How many were blocked, or would have been again once there is room for them."""
        targets = set(targets)
        held = list(self._held.keys() & targets)
        self.backend.unblock(held)
        self._release(held)
        return len(self.ledger.end(list(targets), time.time()))

    def allow(self, networks: Iterable[Network], *, remove: bool = False) -> None:
        """Changes the allow list for good, and unblocks what it now holds. Where that is too much (`FullError`) nothing
        has changed."""
        networks, before = set(networks), set(self._allowed)
        self._allowed.change(networks, remove=remove)
        try:
            self.protect(self._found)
        except FullError:
            self._allowed.change(networks - before, remove=True)
            self.protect(self._found)
            raise
        protected = self.policy.protected
        self.unblock([target for target in self._held if protected.holding(target.network)])

    def clear(self) -> int:
        # A clock set forward makes the ledger forget what is still held.
        return self.unblock([*self._held, *(target for target, _ in self.ledger)])

    def sweep(self) -> None:
        """Takes out what has expired; the kernel lets it pass already."""
        self._expire(self._held)
        self.ledger.forget(time.time())

    def held(self, origin: str) -> set[Target]:
        """What this origin blocks now."""
        return {target for target in self._held if (record := self.ledger.get(target)) and record.origin == origin}

    def rows(self, limit: int = 0) -> list[Row]:
        now = time.time()
        known = {target: record for target, record in live(self.ledger, now).items() if target in self._held}
        newest = sorted(known.items(), key=lambda item: item[1].since, reverse=True)
        shown = dict(newest[:limit] if limit else newest)
        counters = {target: entry for target, entry in self.backend.entries() if target in shown}
        return [_row(record, counters.get(target)) for target, record in shown.items()]

    def protected(self) -> dict[str, str]:
        networks = self.policy.protected
        return {str(network): networks.why(network) for network in networks}

    def fill(self) -> dict[str, tuple[int, int]]:
        """Entries held and possible, by kind."""
        return {kind: (self._used[kind], most) for kind, most in self.backend.capacity().items()}

    def _judge(self, wanted: Wanted, origin: str, accepted: dict[Target, Record], *, dry_run: bool) -> Outcome:
        try:
            target = Target.parse(wanted.address, wanted.port)
        except MalformedError as error:
            return _refused(wanted.address[:80], Refusal("malformed", str(error)))
        # Not swept yet, but what comes of an offence after its end is a new block.
        self._expire({target} & self._held.keys())
        refusal = self.policy.refuses(target, origin)
        new = target not in self._held and target not in accepted
        if not refusal and new:
            refusal = self._room(target, accepted)
        if not refusal and new and origin == ALERT and not dry_run:
            refusal = self.policy.spend(time.monotonic())
        if refusal:
            return _refused(str(target), refusal)
        before = accepted.get(target) or self.ledger.get(target)
        record = self._record(target, wanted, origin, before, new=new)
        accepted[target] = record
        return Outcome(str(target), until=record.until, new=new)

    def _room(self, target: Target, accepted: Mapping[Target, Record]) -> Refusal | None:
        kind = map_name(target)
        capacity = self.backend.capacity()[kind]
        if self._used[kind] + len(accepted) < capacity:
            return None
        # Only near the edge is it worth counting what kind each accepted one is.
        waiting = sum(map_name(other) == kind and other not in self._held for other in accepted)
        if self._used[kind] + waiting < capacity:
            return None
        self.sweep()
        if self._used[kind] + waiting < capacity:
            return None
        return Refusal("full", f"{kind} holds its {capacity} entries; attach with larger maps, or unblock some")

    def _record(self, target: Target, wanted: Wanted, origin: str, before: Record | None, *, new: bool) -> Record:
        now = time.time()
        count = 1 if before is None else before.count + new
        seconds = wanted.seconds if wanted.seconds > 0 else DEFAULT_LIFE
        # A life that would overflow is longer than the longest anyway.
        growth = min(max(wanted.growth, 1.0), 1000.0) ** min(count - 1, 30)
        until = now + min(seconds * growth, self.longest)
        if before is not None and not new:
            return msgspec.structs.replace(before, until=max(until, before.until))
        return Record(str(target), until, now, origin, wanted.reason, wanted.rule, wanted.alert, count)

    def _apply(self, accepted: Mapping[Target, Record], origin: str) -> dict[str, Outcome]:
        """What the back end refused of it."""
        expiries = boot_expiries(accepted)
        new = [target for target in accepted if target not in self._held]
        try:
            overlapping = _put(self.backend, expiries, self._held)
            refusals = {target: Refusal("failed", why) for target, why in overlapping.items()}
        except (FullError, OSError) as error:
            self.backend.unblock(new)
            refusals = dict.fromkeys(
                accepted, Refusal("full" if isinstance(error, FullError) else "failed", str(error))
            )
        taken = {target: record for target, record in accepted.items() if target not in refusals}
        self._hold({target: expiries[target] for target in taken})
        self.ledger.write(taken)
        self.blocked[origin] += len(taken.keys() & set(new))
        return {str(target): _refused(str(target), refusal) for target, refusal in refusals.items()}

    def _hold(self, expiries: Mapping[Target, int]) -> None:
        self._used.update(map_name(target) for target in expiries if target not in self._held)
        self._held |= expiries

    def _expire(self, targets: Iterable[Target]) -> None:
        """Takes those of the held ones out whose time is over."""
        now = boot_now()
        dead = [target for target in targets if self._held[target] <= now]
        if dead:  # asked for each of a list of 100,000
            self.backend.unblock(dead)
            self._release(dead)
            self.expired += len(dead)

    def _release(self, targets: Iterable[Target]) -> None:
        for target in targets:
            del self._held[target]
            self._used[map_name(target)] -= 1


def _cut(wanted: Wanted) -> Wanted:
    """Its texts may be an attacker's, and are kept for as long as it is known."""
    texts = {name: text[:TEXT] for name in ("reason", "rule", "alert") if len(text := getattr(wanted, name)) > TEXT}
    return msgspec.structs.replace(wanted, **texts) if texts else wanted


def _put(backend: Backend, expiries: Mapping[Target, int], held: Mapping[Target, int]) -> dict[Target, str]:
    """Blocks all but those that overlap others, the widest first; of each that does, why not."""
    try:
        backend.block(expiries)
    except OverlapError as error:
        # To ask nftables which ones they are takes 100 ms for each, beside 10,000 networks.
        refused = dict.fromkeys(_overlapping(expiries, held), str(error))
        return refused | _halved(backend, {target: expiries[target] for target in expiries.keys() - refused.keys()})
    return {}


def _overlapping(expiries: Mapping[Target, int], held: Mapping[Target, int]) -> list[Target]:
    """Nearly all networks of these that hold a blocked one, or lie in one or in another of these."""
    now = boot_now()
    wanted = {target.network: target for target in expiries if _is_network(target)}
    others = (target for target, expires in held.items() if expires > now and target not in expiries)
    blocked = Networks({target.network: "" for target in others if _is_network(target)})
    everything = Networks(dict.fromkeys(wanted, ""))
    holders = {everything.holding(network) for network in blocked}
    free = Networks({network: "" for network in wanted if network not in holders and not blocked.holding(network)})
    return [target for network, target in wanted.items() if free.holding(network) != network]


def _is_network(target: Target) -> bool:
    return not (target.port or target.single)


def _halved(backend: Backend, expiries: Mapping[Target, int]) -> dict[Target, str]:
    """As `_put`, of what only the back end knows."""
    try:
        backend.block(expiries)
    except OverlapError as error:
        if len(expiries) == 1:
            return dict.fromkeys(expiries, str(error))
        targets = sorted(expiries, key=lambda target: target.length)
        half = len(targets) // 2
        parts = ({target: expiries[target] for target in part} for part in (targets[:half], targets[half:]))
        return {target: why for part in parts for target, why in _halved(backend, part).items()}
    return {}


def live(records: Iterable[tuple[Target, Record]], now: float) -> dict[Target, Record]:
    return {target: record for target, record in records if record.live(now)}


def seed(backend: Backend, ledger: Path, allowed: Path, found: Mapping[Network, str]) -> int:
    """Fills a new back end from the files, before it meets a packet: what was blocked before a reboot is again.

    Answers how many records found no room.
    """
    backend.allow([*found, *AllowList(allowed)])
    records = live(read(ledger)[0].items(), time.time())
    fitting = _fitting(records, backend.capacity())
    _put(backend, boot_expiries(fitting), {})
    return len(records) - len(fitting)


def _fitting(records: Mapping[Target, Record], room: Mapping[str, int]) -> dict[Target, Record]:
    """As many of each kind as there is room for, those that last longest."""
    left = Counter(room)
    left.subtract(Counter(map(map_name, records)))
    if all(count >= 0 for count in left.values()):
        return dict(records)
    kept: dict[Target, Record] = {}
    taken: Counter[str] = Counter()
    for target, record in sorted(records.items(), key=lambda item: item[1].until, reverse=True):
        kind = map_name(target)
        if taken[kind] < room[kind]:
            taken[kind] += 1
            kept[target] = record
    return kept


def _adopted(target: Target, expires: int) -> Record:
    return Record(str(target), wall_expiry(expires), time.time(), "kernel", "found in the kernel")


def _refused(target: str, refusal: Refusal) -> Outcome:
    return Outcome(target, refused=refusal.code, message=refusal.message)


def _decision(wanted: Wanted, outcome: Outcome, *, dry_run: bool) -> Decision:
    verdict = outcome.refused or ("would block" if dry_run else "blocked")
    message = outcome.message or wanted.reason
    return Decision(time.time(), outcome.target, verdict, wanted.rule, wanted.alert, outcome.until, message)


def _row(record: Record, entry: Entry | None) -> Row:
    packets, octets = (entry.packets, entry.octets) if entry else (0, 0)
    return Row(
        record.target,
        record.until,
        record.since,
        record.origin,
        record.reason,
        record.rule,
        record.alert,
        record.count,
        packets,
        octets,
    )
