"""The configuration loaders of kubernetes_asyncio, without its 850 models.

Its package imports every generated module on import (0.9 s, 70 MiB); its loaders
need none of them. So `kubernetes_asyncio` and its `client` are stood in for while
the loaders are imported, and everything is put back afterwards: who imports the
package later gets the real one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from types import ModuleType

_PACKAGE = "kubernetes_asyncio"


class _Unused:
    """Stands for the classes that the loaders name and we do not use."""


@contextmanager
def _light_package() -> Iterator[None]:
    before = {name: sys.modules.pop(name) for name in _loaded_names()}
    sys.modules[_PACKAGE] = _stand_in_package()
    sys.modules[f"{_PACKAGE}.client"] = _stand_in_client()
    try:
        yield
    finally:
        for name in _loaded_names():
            del sys.modules[name]
        sys.modules.update(before)


def _loaded_names() -> list[str]:
    return [
        name
        for name in sys.modules
        if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")
    ]


def _stand_in_package() -> ModuleType:
    package = ModuleType(_PACKAGE)
    spec = PathFinder.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{_PACKAGE} is not installed", name=_PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    return package


def _stand_in_client() -> ModuleType:
    client = ModuleType(f"{_PACKAGE}.client")
    vars(client).update(ApiClient=_Unused, Configuration=_Unused)
    return client


with _light_package():
    from kubernetes_asyncio.config.config_exception import ConfigException
    from kubernetes_asyncio.config.incluster_config import InClusterConfigLoader
    from kubernetes_asyncio.config.kube_config import load_kube_config

__all__ = ["ConfigException", "InClusterConfigLoader", "load_kube_config"]
