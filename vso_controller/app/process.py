"""The life of the process: what runs for how long, and how it ends.

Everything lives in one TaskGroup. Reflectors and the web server run from start to
end, that of Secrets as soon as the key of their digests is known; controllers and the
event recorder run while this process leads. A request to stop ends the controllers
first, then Vault is told, the lease is released, and the rest is cancelled. An observer
runs the controllers from start to end, and never leads.
"""

from __future__ import annotations

import asyncio
import gc
import math
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from random import SystemRandom

import structlog
from prometheus_client import generate_latest

from vso_controller.app.controllers import Controllers
from vso_controller.app.engine import Engine
from vso_controller.app.health import Health
from vso_controller.app.stores import Reflectors, Stores
from vso_controller.foundation.clock import Clock, SystemClock
from vso_controller.foundation.errors import Invalid
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import Envelope, ObjectKey, OpenSecret
from vso_controller.foundation.tasks import stop_when
from vso_controller.kube.config import ConnectionSettings
from vso_controller.kube.config import load_settings as load_connection
from vso_controller.kube.events import EventRecorder
from vso_controller.kube.leases import Lease
from vso_controller.kube.session import ApiSession, open_session
from vso_controller.reconcilers.ports import Gate
from vso_controller.runtime.gate import LeaseGate
from vso_controller.runtime.leader import LeaderElector, LeaderTiming, new_identity
from vso_controller.runtime.observing import ObserverGate
from vso_controller.runtime.probes import metrics_route, probe_routes, serving
from vso_controller.runtime.reflector import Reflector
from vso_controller.runtime.watchdog import Watchdog, WatchdogTiming
from vso_controller.settings.model import Settings

VERSION = version("vso-controller")
LAST_WORDS = 1.0
"""Seconds that the last Events and tokens may take before the lease is given back."""
FAREWELL = 1 / 5
"""The part of the time to end that the last words to Vault may take."""
UNLIMITED = 0
WRITE_CONNECTIONS = 32
"""How many writes to the API server may be under way at once."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


async def run(
    settings: Settings, stop: asyncio.Event, *, lost_lines: Callable[[], int]
) -> None:
    """Run the controller until `stop` is set.

    `lost_lines` tells how many lines of the log could not be written.
    Raises Invalid if the settings for the connection to the API server, for the
    election or an address to listen on are of no use.
    """
    clock = SystemClock()
    timing = _timing(settings)
    connection = await load_connection(
        kubeconfig=settings.kubeconfig or "",
        context=settings.context or "",
        environ=os.environ,
        clock=clock,
    )
    gate = LeaseGate(clock=clock, margin=_margin(settings))
    metrics = Metrics(version=VERSION)
    metrics.log_lines_lost(lost_lines)
    fences = _fences(settings, gate)
    async with _sessions(connection, fences) as sessions:
        process = _Process(
            settings=settings,
            timing=timing,
            gate=gate,
            acts=fences.others,
            clock=clock,
            sessions=sessions,
            metrics=metrics,
        )
        calm_collector()
        log.info("started", version=VERSION, server=connection.server)
        await process.run(stop)
    log.info("stopped")


@dataclass(frozen=True, slots=True)
class _Fences:
    """What has to be passed by whatever is written."""

    leases: Gate | None  # writing them is how one comes to lead
    others: Gate


def _fences(settings: Settings, gate: LeaseGate) -> _Fences:
    if settings.observe:
        return _Fences(leases=ObserverGate(), others=ObserverGate())
    return _Fences(leases=None, others=gate)


@dataclass(frozen=True, slots=True)
class _Sessions:
    """A pool of connections for each purpose, so that none waits for another.

    Writes are fenced in each of them, also in those that nobody should write with.
    """

    watches: ApiSession
    reads: ApiSession
    writes: ApiSession
    events: ApiSession
    elections: ApiSession


@asynccontextmanager
async def _sessions(
    connection: ConnectionSettings, fences: _Fences
) -> AsyncIterator[_Sessions]:
    fenced = partial(open_session, settings=connection, gate=fences.others)
    async with (
        # Each watch takes a connection for as long as it lasts.
        fenced(connections=UNLIMITED) as watches,
        fenced() as reads,
        fenced(connections=WRITE_CONNECTIONS) as writes,
        fenced(connections=1) as events,
        open_session(settings=connection, gate=fences.leases) as elections,
    ):
        yield _Sessions(watches, reads, writes, events, elections)


def calm_collector() -> None:
    """Spare the garbage collector what lives for ever, and most of its rounds.

    With Python's own thresholds it, and not the decoder, is most of the cost of a
    large list: decoding 10,000 objects took 2.7 times as long.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _margin(settings: Settings) -> float:
    """Return the seconds before the end of the lease at which the gate closes.

    A request that left just before must have arrived before another can lead.
    """
    spare = settings.leader_elect_lease_duration - settings.leader_elect_renew_deadline
    return spare.total_seconds() / 2


class _Process:
    """Everything that lives from the start of the process to its end."""

    def __init__(
        self,
        *,
        settings: Settings,
        timing: LeaderTiming,
        gate: LeaseGate,
        acts: Gate,
        clock: Clock,
        sessions: _Sessions,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._timing = timing
        self._gate = gate
        self._clock = clock
        self._sessions = sessions
        self._random = SystemRandom()
        self._metrics = metrics
        self._stores = Stores(settings.watch_scopes)
        self._events = EventRecorder(session=sessions.events, clock=clock)
        self._engine = Engine(
            settings=settings, metrics=self._metrics, clock=clock, random=self._random
        )
        reflectors = Reflectors(
            session=sessions.watches,
            clock=clock,
            random=self._random,
            settings=settings,
        )
        self._controllers = Controllers(
            settings=settings,
            stores=self._stores,
            engine=self._engine,
            metrics=self._metrics,
            reflectors=reflectors,
            reads=sessions.reads,
            writes=sessions.writes,
            events=self._events,
            gate=acts,
            clock=clock,
            random=self._random,
        )
        self._reflectors: tuple[Reflector[Envelope] | Reflector[OpenSecret], ...] = (
            reflectors.of_hmac_key(settings.namespace, self._stores.hmac_key),
            *reflectors.of_kinds(self._stores, settings.watch_scopes),
        )
        self._secret_reflectors = tuple(
            reflectors.of_secrets(
                self._stores.secrets, self._controllers.decoder, settings.watch_scopes
            )
        )
        self._health = Health(
            watches=(*self._reflectors, *self._secret_reflectors),
            longest_silence=reflectors.timing.longest_silence,
            engine=self._engine,
            vaults=self._controllers,
            clock=clock,
        )
        self._watchdog = Watchdog(
            clock=clock,
            timing=WatchdogTiming(
                blocked_after=settings.event_loop_blocked_after.total_seconds(),
                stuck_after=timing.renew_deadline,
            ),
            # Without an election there is nobody who could lead instead.
            stuck=gate.close if settings.leader_elect else _let_be,
            observer=self._metrics,
        )
        self._metrics.events_dropped(lambda: self._events.dropped)
        # Set while the controllers run.
        self._leading = False

    async def run(self, stop: asyncio.Event) -> None:
        """Serve, watch, stand for election and lead, until `stop` is set."""
        self._controllers.add_all()
        async with AsyncExitStack() as stack:
            await self._serve(stack)
            async with asyncio.TaskGroup() as group:
                background = [
                    group.create_task(self._watchdog.beat()),
                    group.create_task(self._controllers.versions.run()),
                    *(group.create_task(each.run()) for each in self._reflectors),
                    group.create_task(self._watch_secrets()),
                ]
                with self._watchdog.watching():
                    await self._work(stop)
                for task in background:
                    task.cancel()

    async def _watch_secrets(self) -> None:
        """Watch Secrets as soon as their digests can be made."""
        await self._controllers.hmac_key.wait_learned()
        async with asyncio.TaskGroup() as group:
            for each in self._secret_reflectors:
                group.create_task(each.run())

    async def _serve(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        metrics = metrics_route(lambda: generate_latest(self._metrics.registry))
        probes = probe_routes(
            is_alive=lambda: self._watchdog.is_beating, not_ready=self._not_ready
        )
        for what, address, routes in (
            ("metrics", settings.metrics_bind_address, [metrics]),
            ("probes", settings.health_probe_bind_address, probes),
        ):
            if address is not None:
                port = await stack.enter_async_context(
                    serving(address.host, address.port, routes)
                )
                log.info("serving", what=what, port=port)

    def _not_ready(self) -> Iterator[str]:
        yield from self._controllers.hmac_key.not_ready()
        yield from self._health.not_ready()

    async def _work(self, stop: asyncio.Event) -> None:
        """Lead whenever we may, until `stop` is set and what was begun has ended."""
        async with asyncio.TaskGroup() as group:
            work = group.create_task(self._campaign(stop))
            await stop.wait()
            log.info("stopping")
            # A standby has nothing to finish.
            timeout = self._settings.shutdown_timeout.total_seconds()
            await asyncio.wait({work}, timeout=timeout if self._leading else 0)
            work.cancel()

    async def _campaign(self, stop: asyncio.Event) -> None:
        if self._settings.observe:
            await self._observe(stop)
            return
        if not self._settings.leader_elect:
            self._gate.open_until(math.inf, asked=self._clock.boot())
            await self._lead(stop)
            return
        name = self._settings.leader_elect_resource_name
        self._metrics.leading(name, False)
        elector = LeaderElector(
            identity=new_identity(socket.gethostname(), self._random),
            leases=Lease(
                session=self._sessions.elections,
                key=ObjectKey(self._settings.namespace, name),
            ),
            gate=self._gate,
            clock=self._clock,
            random=self._random,
            timing=self._timing,
        )
        await elector.run(lambda: self._lead(stop), stop=stop)

    async def _observe(self, stop: asyncio.Event) -> None:
        """Run the controllers behind a gate that lets nothing out, and no Events."""
        self._metrics.leading(self._settings.leader_elect_resource_name, False)
        log.warning("observing", message="nothing is written to Kubernetes")
        try:
            await stop_when(stop, self._wait_observable())
            if not stop.is_set():
                await self._engine.run(stop)
                await self._take_leave()
        finally:
            await self._controllers.stand_down()

    async def _wait_observable(self) -> None:
        await self._controllers.hmac_key.stand_in()
        await self._stores.wait_synced()

    async def _lead(self, stop: asyncio.Event) -> None:
        self._leading = True
        name = self._settings.leader_elect_resource_name
        self._metrics.leading(name, True)
        try:
            async with asyncio.TaskGroup() as group:
                guard = group.create_task(self._controllers.hmac_key.guard())
                await stop_when(stop, self._stores.wait_synced())
                if not stop.is_set():
                    await self._reconcile(stop)
                guard.cancel()
        finally:
            self._leading = False
            self._metrics.leading(name, False)
            await self._controllers.stand_down()

    async def _reconcile(self, stop: asyncio.Event) -> None:
        """Run the controllers, send their Events and keep their sessions.

        These are writes as others are: none may be on its way any more when the lease
        is given back.
        """
        async with asyncio.TaskGroup() as group:
            keeping = self._controllers.keeping
            background = [
                group.create_task(self._events.run()),
                group.create_task(keeping.run()),
            ]
            await self._engine.run(stop)
            async with asyncio.TaskGroup() as last:
                last.create_task(self._events.drain(within=LAST_WORDS))
                last.create_task(self._take_leave())
                last.create_task(keeping.finish(within=LAST_WORDS))
            for task in background:
                task.cancel()

    async def _take_leave(self) -> None:
        timeout = self._settings.shutdown_timeout.total_seconds()
        await self._controllers.take_leave(within=timeout * FAREWELL)


def _let_be() -> None:
    """Do nothing about a loop that is stuck."""


def _timing(settings: Settings) -> LeaderTiming:
    try:
        return LeaderTiming(
            lease_duration=settings.leader_elect_lease_duration.total_seconds(),
            renew_deadline=settings.leader_elect_renew_deadline.total_seconds(),
            retry_period=settings.leader_elect_retry_period.total_seconds(),
        )
    except ValueError as error:
        raise Invalid(f"leader election: {error}") from error
