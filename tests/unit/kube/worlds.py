"""What the tests of this package share: identities, clocks, documents."""

from __future__ import annotations

from dataclasses import dataclass, field

from vso_controller.foundation.errors import Transient
from vso_controller.foundation.objects import ObjectKey, ResourceType
from vso_controller.foundation.secret import Secret
from vso_controller.kube.config import ConnectionSettings
from vso_controller.kube.credentials import Credentials
from vso_controller.kube.proxies import Proxy
from vso_controller.kube.tls import Tls, TlsFiles

WIDGETS = ResourceType(group="ex.io", version="v1", plural="widgets", kind="Widget")
KEY = ObjectKey("shop", "till")
DIGEST_KEY = Secret(b"0123456789abcdef")


@dataclass
class Identity:
    """Credentials whose next token is known beforehand."""

    tokens: list[str] = field(default_factory=lambda: ["Bearer first"])

    async def authorization(self) -> Secret[str] | None:
        return Secret(self.tokens[0])

    async def refresh(self, *, refused: Secret[str] | None) -> None:
        if len(self.tokens) > 1 and Secret(self.tokens[0]) == refused:
            self.tokens.pop(0)


@dataclass
class SettableClock:
    """A clock that stands still."""

    time: float = 1_750_000_000.0

    def monotonic(self) -> float:
        return self.time

    def boot(self) -> float:
        return self.time

    def now(self) -> float:
        return self.time


class NotLeading(Transient):
    """What the gate of these tests raises."""


@dataclass
class Door:
    """A gate that can be shut."""

    open: bool = True

    def check(self, write: object) -> None:
        if not self.open:
            raise NotLeading(f"{write}: somebody else leads")


def settings(
    url: str,
    credentials: Credentials | None = None,
    *,
    tls: Tls | None = None,
    proxy: Proxy | None = None,
) -> ConnectionSettings:
    return ConnectionSettings(
        server=url,
        tls=tls or Tls(files=TlsFiles(), clock=SettableClock()),
        credentials=credentials or Identity(),
        default_namespace="default",
        proxy=proxy,
    )


def widget(
    name: str = KEY.name, *, version: str = "7", **more: object
) -> dict[str, object]:
    """A custom resource as the API server prints it."""
    return {
        "apiVersion": "ex.io/v1",
        "kind": "Widget",
        "metadata": {
            "name": name,
            "namespace": KEY.namespace,
            "uid": f"uid-{name}",
            "resourceVersion": version,
            "generation": 3,
        },
        "spec": {"size": 1.0},
        **more,
    }


def kubernetes_secret(
    data: dict[str, str], *, version: str = "7", **metadata: object
) -> dict[str, object]:
    """A Secret as the API server prints it: `data` in base64."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": KEY.name,
            "namespace": KEY.namespace,
            "uid": "uid-secret",
            "resourceVersion": version,
            **metadata,
        },
        "type": "Opaque",
        "data": data,
    }
