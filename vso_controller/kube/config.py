"""Where the API server is, whom we trust there, and who we are.

Found as controller-runtime finds it: the kubeconfig that was named, the one of
`$KUBECONFIG`, the service account mounted into the pod, `~/.kube/config`.
Everything that does not add up is a BadConfiguration with the file in it.
"""

from __future__ import annotations

import ssl
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
from vso_controller.kube.statuses import shorten

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
    tls: ssl.SSLContext
    credentials: Credentials
    default_namespace: str
    tls_server_name: str | None = None  # None: the host of `server`


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
        return await _from_kubeconfig(named, context, clock)
    if "KUBERNETES_SERVICE_HOST" in environ:
        return _from_service_account(service_account, environ, clock)
    return await _from_kubeconfig("~/.kube/config", context, clock)


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
        tls=_tls_context(facts),
        credentials=TokenFile(path=folder / "token", clock=clock),
        default_namespace=namespace,
    )


async def _from_kubeconfig(
    files: str, context: str, clock: Clock
) -> ConnectionSettings:
    facts = await _read_kubeconfig(files, context)
    if facts.proxy:
        raise BadConfiguration(f"kubeconfig {files}: proxy-url is not supported")
    tls = _tls_context(facts)
    loaded = _credentials_in(facts)
    loaded.present_in(tls)
    return ConnectionSettings(
        server=facts.host,
        tls=tls,
        credentials=ReloadedCredentials(
            loaded=loaded,
            load=partial(_reload, files, context),
            tls=tls,
            clock=clock,
        ),
        default_namespace=facts.namespace,
        tls_server_name=facts.tls_server_name,
    )


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
        certificate=Path(facts.cert_file) if facts.cert_file else None,
        certificate_key=Path(facts.key_file) if facts.key_file else None,
    )


def _tls_context(facts: _Facts) -> ssl.SSLContext:
    try:
        tls = ssl.create_default_context(cafile=facts.ssl_ca_cert)
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"CA file {facts.ssl_ca_cert}: {error}") from error
    # As Go does: an intermediate may be the anchor, and clusters made by hand
    # lack the key identifiers that Python 3.13 began to ask for.
    tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not facts.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return tls
