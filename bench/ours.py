"""The engine under measurement: a process of its own that tells what it used.

    python -m bench.ours KUBECONFIG RESOURCES

It goes through the stages of `bench.stages` with the parts of the program, wired as
`app` wires them: it fills the stores, and takes keys from a queue as a worker does.
No reconciler runs; a key is handed out when it was taken.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from operator import attrgetter
from random import Random, SystemRandom

from bench.stages import Stage, Stopwatch
from tests.support.background import alongside
from vso_controller.app.process import UNLIMITED, calm_collector
from vso_controller.app.stores import Reflectors, Stores
from vso_controller.foundation.clock import Clock, SystemClock
from vso_controller.foundation.digest import digest_of
from vso_controller.foundation.logs import LogFormat, LogLevel, configure_logs
from vso_controller.foundation.metrics import Metrics
from vso_controller.foundation.objects import ObjectKey
from vso_controller.kube.config import load_settings
from vso_controller.kube.decoding import SecretDecoder
from vso_controller.kube.session import open_session
from vso_controller.reconcilers.triggers import Triggers
from vso_controller.runtime.lanes import Lane
from vso_controller.runtime.ratelimit import (
    BackoffSettings,
    BucketSettings,
    ExponentialBackoff,
    TokenBucket,
)
from vso_controller.runtime.workqueue import WorkQueue
from vso_controller.settings.model import Settings


async def measure(kubeconfig: str, *, resources: int) -> None:
    """Go through the stages; see the module docstring."""
    clock, random, settings = SystemClock(), SystemRandom(), Settings()
    connection = await load_settings(
        kubeconfig=kubeconfig, context="", environ=os.environ, clock=clock
    )
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            open_session(settings=connection, connections=UNLIMITED)
        )
        stores = Stores()
        reflectors = Reflectors(
            session=session, clock=clock, random=random, settings=settings
        )
        key = os.urandom(16)
        decoder = SecretDecoder(digest=lambda data: digest_of(data, key))
        queue = _queue(clock, random)
        triggers = _triggers(stores, settings)
        calm_collector()

        watch = Stopwatch()
        scopes = settings.watch_scopes
        feeds = (
            reflectors.of_hmac_key(settings.namespace, stores.hmac_key).run(),
            *(each.run() for each in reflectors.of_kinds(stores, scopes)),
            *(
                each.run()
                for each in reflectors.of_secrets(stores.secrets, decoder, scopes)
            ),
        )
        await stack.enter_async_context(alongside(*feeds))
        await stores.wait_synced()
        watch.tell(Stage.FILLED, len(stores.static_secrets))

        # As a controller begins its run.
        for resource in stores.static_secrets.values():
            queue.add(resource.key, Lane.DUE)
        triggers.connect(
            connection=_nobody,
            auth=_nobody,
            global_=_nobody,
            static_secret=queue.add,
            dynamic_secret=_nobody,
            transformation=_nobody,
        )
        for stage in (Stage.READY, Stage.BURST, Stage.TRICKLE):
            watch = Stopwatch()
            await _take(queue, resources)
            watch.tell(stage, resources)


async def _take(queue: WorkQueue[ObjectKey], number: int) -> None:
    """Be handed so many keys."""
    for _ in range(number):
        async with queue.take():
            pass


def _queue(clock: Clock, random: Random) -> WorkQueue[ObjectKey]:
    """Return a queue as the controllers have them, metrics and all."""
    backoff = BackoffSettings(initial=5, maximum=60, multiplier=1.5, randomization=0.5)
    return WorkQueue(
        limiter=ExponentialBackoff(settings=backoff, random=random),
        bucket=TokenBucket(settings=BucketSettings(), clock=clock),
        flow=attrgetter("namespace"),
        observer=Metrics(version="bench").queue("bench"),
        clock=clock,
    )


def _triggers(stores: Stores, settings: Settings) -> Triggers:
    return Triggers(
        connections=stores.connections,
        auths=stores.auths,
        globals_=stores.auth_globals,
        static_secrets=stores.static_secrets,
        dynamic_secrets=stores.dynamic_secrets,
        transformations=stores.transformations,
        secrets=stores.secrets,
        tenancy=settings.tenancy,
    )


def _nobody(_: ObjectKey) -> None:
    """Stand for the queues that are not measured."""


if __name__ == "__main__":
    configure_logs(level=LogLevel.WARNING, form=LogFormat.JSON)
    asyncio.run(measure(sys.argv[1], resources=int(sys.argv[2])))
