"""All that people can do to a running service, joined."""

from sidekick.control.arrivals import Arrivals
from sidekick.control.blocks import Blocks
from sidekick.control.letters import Boxes, Letters
from sidekick.control.outputs import Outputs
from sidekick.control.parts import Parts
from sidekick.control.ports import Access, Service
from sidekick.control.sending import Sendings
from sidekick.control.silencing import Silencing
from sidekick.control.trail import Trail


class Assembly:
    """`service` is what pages and routes are given; `close` ends what it began."""

    def __init__(self, parts: Parts, access: Access) -> None:
        trail = Trail(parts.folder / "trail.jsonl")
        boxes = Boxes(parts.folder / "dead-letters")
        self._sendings = Sendings(parts.build, parts.patience)
        self._arrivals = Arrivals(parts.journal)
        self._blocks = Blocks(parts.blocker, trail) if parts.blocker else None
        self._reader = parts.reader
        self.service = Service(
            reader=parts.reader,
            access=access,
            arrivals=self._arrivals,
            outputs=Outputs(parts, self._sendings, boxes, trail),
            letters=Letters(boxes, parts.workers, self._sendings, trail),
            silencing=Silencing(parts.silences, trail),
            blocks=self._blocks,
            refused=parts.refused,
            trail=trail,
            senders=parts.senders,
            intake=parts.journal,
            reload=parts.reload,
        )

    def end_replay(self, name: str) -> None:
        """To an output whose settings are to be others."""
        self._sendings.stop(name)

    def end_streams(self) -> None:
        """Lets those who follow what arrives go, so that their connections can end."""
        self._arrivals.close()

    async def close(self) -> None:
        self.end_streams()
        await self._sendings.close()
        if self._blocks:
            await self._blocks.close()
        await self._reader.close()
