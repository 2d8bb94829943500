"""Where the API server is, whom we trust there, and who we are.

Found as controller-runtime finds it: the kubeconfig that was named, the one of
`$KUBECONFIG`, the service account mounted into the pod, `~/.kube/config`.
Everything that does not add up is a BadConfiguration with the file in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import yaml

from vso_controller.foundation.clock import Clock
from vso_controller.foundation.secret import Secret
from vso_controller.kube.credentials import (
    Credentials,
    LoadedCredentials,
    ReloadedCredentials,
    TokenFile,
)
from vso_controller.kube.errors import BadConfiguration
from vso_controller.kube.loaders import (
    ConfigException,
    InClusterConfigLoader,
    load_kube_config,
)
from vso_controller.kube.proxies import Proxy, proxy_for, proxy_in
from vso_controller.kube.statuses import shorten
from vso_controller.kube.tls import Tls, TlsFiles

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_DEFAULT_NAMESPACE = "default"
# What the loader lets out for a kubeconfig that is not one.
_LOADER_ERRORS = (
    ConfigException,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    yaml.YAMLError,
)


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """All that a session needs to know."""

    server: str  # without a trailing slash; it may have a path
    tls: Tls
    credentials: Credentials
    default_namespace: str
    tls_server_name: str | None = None  # None: the host of `server`
    proxy: Proxy | None = None


@dataclass(slots=True)
class _Facts:
    """What the loaders fill in: they set attributes on what they are given."""

    host: str = ""
    api_key: dict[str, str] = field(default_factory=dict, repr=False)
    ssl_ca_cert: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify_ssl: bool = True
    tls_server_name: str | None = None
    proxy: str | None = None
    refresh_api_key_hook: object = None
    expires: datetime | None = None
    namespace: str = _DEFAULT_NAMESPACE


async def load_settings(
    *,
    kubeconfig: str,
    context: str,
    environ: Mapping[str, str],
    clock: Clock,
    service_account: Path = SERVICE_ACCOUNT,
) -> ConnectionSettings:
    """Find the connection settings. Raises BadConfiguration.

    `kubeconfig` and `context` are the flags, "" when not given. Reads files and
    may run an exec plugin.
    """
    named = kubeconfig or environ.get("KUBECONFIG", "")
    if named:
        return await _from_kubeconfig(named, context, environ, clock)
    if "KUBERNETES_SERVICE_HOST" in environ:
        return _from_service_account(service_account, environ, clock)
    return await _from_kubeconfig("~/.kube/config", context, environ, clock)


def _from_service_account(
    folder: Path, environ: Mapping[str, str], clock: Clock
) -> ConnectionSettings:
    facts = _Facts()
    try:
        InClusterConfigLoader(
            token_filename=str(folder / "token"),
            cert_filename=str(folder / "ca.crt"),
            environ=dict(environ),
        ).load_and_set(facts)  # type: ignore[arg-type]  # it sets attributes, no more
        namespace = (folder / "namespace").read_text(encoding="ascii").strip()
    except (ConfigException, OSError, ValueError) as error:
        raise BadConfiguration(f"service account in {folder}: {error}") from error
    return ConnectionSettings(
        server=facts.host,
        tls=Tls(files=_tls_files(facts), clock=clock),
        credentials=TokenFile(path=folder / "token", clock=clock),
        default_namespace=namespace,
        proxy=proxy_for(facts.host, environ),
    )


async def _from_kubeconfig(
    files: str, context: str, environ: Mapping[str, str], clock: Clock
) -> ConnectionSettings:
    facts = await _read_kubeconfig(files, context)
    tls = Tls(files=_tls_files(facts), clock=clock)
    return ConnectionSettings(
        server=facts.host,
        tls=tls,
        credentials=ReloadedCredentials(
            loaded=_credentials_in(facts),
            load=partial(_reload, files, context),
            tls=tls,
            clock=clock,
        ),
        default_namespace=facts.namespace,
        tls_server_name=facts.tls_server_name,
        proxy=_proxy(facts, files, environ),
    )


def _proxy(facts: _Facts, files: str, environ: Mapping[str, str]) -> Proxy | None:
    if facts.proxy:
        return proxy_in(facts.proxy, source=f"kubeconfig {files}: proxy-url")
    return proxy_for(facts.host, environ)


async def _reload(files: str, context: str) -> LoadedCredentials:
    return _credentials_in(await _read_kubeconfig(files, context))


async def _read_kubeconfig(files: str, context: str) -> _Facts:
    _require_file(files)
    facts = _Facts()
    try:
        loader = await load_kube_config(
            config_file=files,
            context=context or None,
            client_configuration=facts,
            persist_config=False,
        )
        chosen = (loader.current_context or {}).get("context", {})
    except _LOADER_ERRORS as error:
        why = shorten(str(error))  # a plugin may have written a page to stderr
        raise BadConfiguration(f"kubeconfig {files}: {why}") from error
    if not facts.host:
        raise BadConfiguration(f"kubeconfig {files}: the cluster has no server")
    facts.namespace = chosen.get("namespace") or _DEFAULT_NAMESPACE
    facts.expires = getattr(loader, "exec_plugin_expiry", None)
    return facts


def _require_file(files: str) -> None:
    paths = [Path(name).expanduser() for name in files.split(":") if name]
    if not any(path.is_file() for path in paths):
        raise BadConfiguration(f"kubeconfig {files}: there is no such file")


def _credentials_in(facts: _Facts) -> LoadedCredentials:
    header = facts.api_key.get("BearerToken")
    return LoadedCredentials(
        authorization=Secret(header) if header else None,
        expires=facts.expires.timestamp() if facts.expires else None,
        certificate=_path(facts.cert_file),
        certificate_key=_path(facts.key_file),
    )


def _tls_files(facts: _Facts) -> TlsFiles:
    return TlsFiles(
        authority=_path(facts.ssl_ca_cert),
        certificate=_path(facts.cert_file),
        key=_path(facts.key_file),
        verify=facts.verify_ssl,
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
