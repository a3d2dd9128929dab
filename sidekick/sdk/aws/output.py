"""Outputs whose requests are signed: those of AWS, and those of others that speak its protocols."""

import asyncio
import os
import time
from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, TypeVar

from sidekick.event import Event
from sidekick.sdk.aws.answer import check
from sidekick.sdk.aws.chain import Chain
from sidekick.sdk.aws.signature import Credentials, sign
from sidekick.sdk.aws.sts import Role, StsRequest, assume_role, read_role, who_am_i
from sidekick.sdk.errors import MisconfiguredError
from sidekick.sdk.http import Answer, Request
from sidekick.sdk.output import Context, HttpOutput
from sidekick.sdk.provider import AwsSettings
from sidekick.sdk.settings import HttpSettings, Text

_RENEWAL = 300.0  # seconds before a role ends
_ENDPOINT_NAMES = {"logs": "CLOUDWATCH_LOGS"}


class AwsOutputSettings(AwsSettings, HttpSettings):
    """Keys of every output to AWS."""

    endpoint: Text = ""
    """URL of the service in place of AWS's own, such as a VPC endpoint or LocalStack. Where it is empty, AWS's
    variables AWS_ENDPOINT_URL_SERVICE and AWS_ENDPOINT_URL count."""


H = TypeVar("H", bound=HttpSettings)
A = TypeVar("A", bound=AwsOutputSettings)


class SignedOutput(HttpOutput[H]):
    """An output whose requests carry AWS's signature."""

    service: ClassVar[str]
    """Name of the service in signatures, and in AWS's host names."""

    @property
    @abstractmethod
    def region(self) -> str: ...

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """Base URL of the service, without a slash at its end."""

    @abstractmethod
    async def credentials(self) -> Credentials: ...

    async def request(self, request: Request) -> Answer:
        return await self.exchange(request, await self.credentials(), self.service)

    async def exchange(self, request: Request, who: Credentials, service: str) -> Answer:
        signed = sign(request, who, self.region, service, datetime.now(UTC))
        return await super().request(signed)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        check(answer)


class AwsOutput(SignedOutput[A]):
    """An output to AWS: by a static key or the usual chain, in a role if one is to be assumed."""

    extra = "aws"

    def __init__(self, settings: A, context: Context) -> None:
        super().__init__(settings, context)
        self._chain = Chain()
        self._chain_region = ""
        self._role: Role | None = None
        self._assuming = asyncio.Lock()

    @property
    def region(self) -> str:
        return self.settings.region or self._chain_region

    @property
    def endpoint(self) -> str:
        return (self.settings.endpoint or _chosen(self.service) or self.own_endpoint).rstrip("/")

    @property
    def own_endpoint(self) -> str:
        """Where AWS itself has the service."""
        return _own(self.service, self.region)

    @property
    def _sts(self) -> str:
        return (_chosen("sts") or _own("sts", self.region)).rstrip("/")

    async def connect(self) -> None:
        await super().connect()
        if not self.region:
            self._chain_region = await self._chain.region()
        if not self.region:
            raise MisconfiguredError("no region: set aws.region")
        who = await self.credentials()
        # AWS cannot tell who we are to somebody else's service.
        if self.settings.checkidentity and not self.settings.endpoint:
            check(await self.request(who_am_i(self._sts, who)))

    async def request(self, request: Request) -> Answer:
        if self._http is None:
            await self.connect()
        if isinstance(request, StsRequest):
            return await self.exchange(request, request.caller, "sts")
        return await super().request(request)

    async def credentials(self) -> Credentials:
        if not self.settings.rolearn:
            return await self._own()
        async with self._assuming:
            if self._role is None or self._role.ends - time.time() < _RENEWAL:
                self._role = await self._assume()
            return self._role.credentials

    async def _own(self) -> Credentials:
        key, secret = self.settings.accesskeyid, self.settings.secretaccesskey.get_secret_value()
        return Credentials(key, secret) if key and secret else await self._chain.credentials()

    async def _assume(self) -> Role:
        question = assume_role(self._sts, await self._own(), self.settings.rolearn, self.settings.externalid)
        return read_role(await self.request(question))

    async def close(self) -> None:
        await super().close()
        await self._chain.close()
        self._role = None


def _own(service: str, region: str) -> str:
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"https://{service}.{region}.amazonaws.com{suffix}"


def _chosen(service: str) -> str:
    """What the variables of AWS's SDKs say (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html)."""
    name = _ENDPOINT_NAMES.get(service, service.upper())
    return os.environ.get(f"AWS_ENDPOINT_URL_{name}") or os.environ.get("AWS_ENDPOINT_URL", "")
