"""Flags, variables and the page that lists them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vso_controller.domain.clientcache import PersistenceModel
from vso_controller.domain.references import Tenancy, VaultAuthOption
from vso_controller.foundation.logs import LogFormat, LogLevel
from vso_controller.settings.flags import load_settings
from vso_controller.settings.model import GROUPS, Settings
from vso_controller.settings.naming import flag, variable
from vso_controller.settings.page import main
from vso_controller.settings.values import BindAddress, parse_bind_address

NOWHERE = Path("/nonexistent/namespace")
COMMITTED_PAGE = Path(__file__).parents[2] / "docs" / "settings.md"

# Two values of every setting that differ and are both permitted.
ONE_AND_OTHER = {
    "kubeconfig": ("/one", "/other"),
    "context": ("one", "other"),
    "namespace": ("one", "other"),
    "observe": ("true", "false"),
    "leader_elect": ("true", "false"),
    "leader_elect_lease_duration": ("20s", "30s"),
    "leader_elect_renew_deadline": ("11s", "12s"),
    "leader_elect_retry_period": ("1s", "3s"),
    "leader_elect_resource_name": ("one", "other"),
    "metrics_bind_address": (":1", ":2"),
    "health_probe_bind_address": (":1", ":2"),
    "max_concurrent_reconciles": ("1", "2"),
    "backoff_initial_interval": ("1s", "2s"),
    "backoff_max_interval": ("10s", "20s"),
    "backoff_multiplier": ("1.1", "2"),
    "backoff_randomization_factor": ("0.1", "0.2"),
    "retry_rate": ("1", "2.5"),
    "retry_burst": ("1", "2"),
    "min_refresh_after": ("1s", "2s"),
    "read_freshness_floor": ("1s", "2s"),
    # There is one, so the other is the same one twice.
    "global_transformation_options": ("exclude-raw", "exclude-raw,exclude-raw"),
    "namespace_fallback": ("true", "false"),
    "shared_namespaces": ("one", "*"),
    "default_objects_admit_all": ("true", "false"),
    "global_vault_auth_options": ("", "allow-default-globals"),
    "connection_probe_interval": ("1s", "2s"),
    "ca_path_roots": ("/one", "/one,/other"),
    "vault_address_allow": ("one", "*.other,10.0.0.0/8"),
    "client_cache_persistence_model": ("direct-unencrypted", "direct-encrypted"),
    "credential_path_roots": ("/one", "/one,/other"),
    "read_sharing_window": ("1s", "2s"),
    "connection_outage_probe_interval": ("1s", "2s"),
    "vault_max_concurrent_reads": ("1", "2"),
    "client_cache_size": ("1", "2"),
    "client_cache_num_locks": ("1", "2"),
    "revoke_tokens_on_shutdown": ("true", "false"),
    "watch_namespaces": ("one", "one,other"),
    "watch_timeout_min": ("1s", "2s"),
    "watch_timeout_max": ("2m", "3m"),
    "watch_stall_margin": ("1s", "2s"),
    "watch_backoff_initial_interval": ("1s", "2s"),
    "watch_backoff_max_interval": ("10s", "20s"),
    "log_level": ("debug", "error"),
    "log_format": ("json", "console"),
    "shutdown_timeout": ("1s", "2s"),
    "event_loop_blocked_after": ("1s", "2s"),
}


def load(*arguments: str, **environ: str) -> Settings:
    return load_settings(arguments, environ, namespace_file=NOWHERE)


def test_defaults_are_the_documented_ones() -> None:
    seconds = {
        "leader_elect_lease_duration": 15,
        "leader_elect_renew_deadline": 10,
        "leader_elect_retry_period": 2,
        "backoff_initial_interval": 5,
        "backoff_max_interval": 60,
        "min_refresh_after": 0,
        "read_freshness_floor": 300,
        "connection_probe_interval": 60,
        "read_sharing_window": 10,
        "connection_outage_probe_interval": 5,
        "watch_timeout_min": 60,
        "watch_timeout_max": 80,
        "watch_stall_margin": 10,
        "watch_backoff_initial_interval": 0.8,
        "watch_backoff_max_interval": 30,
        "shutdown_timeout": 10,
        "event_loop_blocked_after": 1,
    }

    assert load().model_dump() == {
        "kubeconfig": None,
        "context": None,
        "namespace": "default",
        "observe": False,
        "leader_elect": True,
        "leader_elect_resource_name": "b0d477c0.hashicorp.com",
        "metrics_bind_address": {"host": "", "port": 8080},
        "health_probe_bind_address": {"host": "", "port": 8081},
        "max_concurrent_reconciles": 100,
        "backoff_multiplier": 1.5,
        "backoff_randomization_factor": 0.5,
        "retry_rate": 10,
        "retry_burst": 100,
        "namespace_fallback": True,
        "shared_namespaces": (),
        "default_objects_admit_all": False,
        "global_vault_auth_options": (VaultAuthOption.ALLOW_DEFAULT_GLOBALS,),
        "ca_path_roots": (
            Path("/etc/vso-controller/ca"),
            Path("/var/run/secrets/vault-ca"),
        ),
        "vault_address_allow": (),
        "global_transformation_options": (),
        "client_cache_persistence_model": PersistenceModel.NONE,
        "credential_path_roots": (Path("/etc/vso-controller/credentials"),),
        "vault_max_concurrent_reads": 32,
        "client_cache_size": 10_000,
        "client_cache_num_locks": 100,
        "revoke_tokens_on_shutdown": False,
        "watch_namespaces": (),
        "log_level": LogLevel.INFO,
        "log_format": LogFormat.JSON,
        **{name: timedelta(seconds=value) for name, value in seconds.items()},
    }


def test_lists_of_folders_and_hosts_are_read() -> None:
    settings = load(
        "--ca-path-roots=/a, /b/c", "--vault-address-allow=*.vault.svc,10.0.0.0/8"
    )

    assert settings.ca_path_roots == (Path("/a"), Path("/b/c"))
    rules = settings.vault_address_allow
    assert [str(each) for each in rules] == ["*.vault.svc", "10.0.0.0/8"]


def test_empty_lists_of_folders_and_hosts_are_empty() -> None:
    settings = load("--ca-path-roots=", "--vault-address-allow=")

    assert (settings.ca_path_roots, settings.vault_address_allow) == ((), ())


@pytest.mark.parametrize(
    "argument",
    [
        "--ca-path-roots=ca",
        "--ca-path-roots=/ca,,/other",
        "--vault-address-allow=http://vault",
        "--vault-address-allow=vault,,other",
    ],
)
def test_list_that_means_something_else_ends_the_start(
    argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        load(argument)

    assert argument.partition("=")[0] in capsys.readouterr().err


def test_lists_of_folders_are_read() -> None:
    several = load("--credential-path-roots=/a, /b/c").credential_path_roots
    none = load("--credential-path-roots=").credential_path_roots

    assert several == (Path("/a"), Path("/b/c"))
    assert none == ()


@pytest.mark.parametrize("folders", ["credentials", "/one,,/other"])
def test_folder_that_is_none_ends_the_start(
    folders: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        load(f"--credential-path-roots={folders}")

    assert "--credential-path-roots" in capsys.readouterr().err


def test_flags_are_read_in_both_spellings() -> None:
    settings = load(
        "--backoff-max-interval=2m", "--log-format", "console", "--context", "kind"
    )

    assert settings.backoff_max_interval == timedelta(minutes=2)
    assert settings.log_format is LogFormat.CONSOLE
    assert settings.context == "kind"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--leader-elect"], True),
        (["--leader-elect=true"], True),
        (["--leader-elect=false"], False),
        (["--leader-elect", "false"], False),
        (["--leader-elect=0"], False),
        (["--leader-elect=false", "--leader-elect"], True),
    ],
    ids=str,
)
def test_switches_can_be_turned_on_and_off(
    arguments: list[str], *, expected: bool
) -> None:
    assert load(*arguments).leader_elect is expected


@pytest.mark.parametrize("name", Settings.model_fields)
def test_variable_wins_over_the_flag(name: str) -> None:
    by_flag = load(f"{flag(name)}={ONE_AND_OTHER[name][0]}")
    by_variable = load(**{variable(name): ONE_AND_OTHER[name][1]})

    both = load(
        f"{flag(name)}={ONE_AND_OTHER[name][0]}",
        **{variable(name): ONE_AND_OTHER[name][1]},
    )

    assert getattr(by_flag, name) != getattr(by_variable, name)
    assert getattr(both, name) == getattr(by_variable, name)


def test_empty_variable_is_not_set() -> None:
    settings = load("--max-concurrent-reconciles=7", VSO_MAX_CONCURRENT_RECONCILES="")

    assert settings.max_concurrent_reconciles == 7


def test_variable_can_say_zero() -> None:
    settings = load(VSO_BACKOFF_RANDOMIZATION_FACTOR="0", VSO_METRICS_BIND_ADDRESS="0")

    assert settings.backoff_randomization_factor == 0
    assert settings.metrics_bind_address is None


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("", ("",)),
        (" ", ("",)),
        ("blue", ("blue", "vault")),
        ("red, blue,red", ("blue", "red", "vault")),
        ("vault", ("vault",)),
    ],
)
def test_namespaces_to_watch_are_all_or_those_named_and_our_own(
    text: str, scopes: tuple[str, ...]
) -> None:
    settings = load("--namespace=vault", f"--watch-namespaces={text}")

    assert settings.watch_scopes == scopes


def test_flag_wins_over_kubeconfig_variable() -> None:
    environ = {"KUBECONFIG": "/home/me/.kube/config"}

    assert load(**environ).kubeconfig == "/home/me/.kube/config"
    assert load("--kubeconfig=/other", **environ).kubeconfig == "/other"
    assert load("--kubeconfig=").kubeconfig is None


def test_namespace_is_the_pods_before_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    file.write_text("vault-secrets-operator-system\n")
    environ = {"OPERATOR_NAMESPACE": "elsewhere"}

    assert load_settings([], environ, namespace_file=file).namespace == (
        "vault-secrets-operator-system"
    )
    assert load_settings([], environ, namespace_file=NOWHERE).namespace == "elsewhere"
    assert load_settings([], {}, namespace_file=NOWHERE).namespace == "default"


def test_flag_wins_over_the_namespace_of_the_pod(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    file.write_text("vault-secrets-operator-system")

    settings = load_settings(["--namespace=mine"], {}, namespace_file=file)

    assert settings.namespace == "mine"


@pytest.mark.parametrize(
    ("arguments", "environ", "reason"),
    [
        (
            ["--max-concurrent-reconciles=many"],
            {},
            "--max-concurrent-reconciles='many': Input should be a valid integer",
        ),
        (
            [],
            {"VSO_BACKOFF_MULTIPLIER": "0"},
            "VSO_BACKOFF_MULTIPLIER='0': Input should be greater than 0",
        ),
        (
            ["--shutdown-timeout=10"],
            {},
            "--shutdown-timeout='10': '10' is not a duration; write for example 30s",
        ),
        (
            ["--watch-stall-margin=0s"],
            {},
            "--watch-stall-margin='0s': must be longer than 0s",
        ),
        (
            ["--min-refresh-after=-1s"],
            {},
            "--min-refresh-after='-1s': must not be negative",
        ),
        (
            ["--watch-namespaces=red,"],
            {},
            "--watch-namespaces='red,': String should match pattern",
        ),
        (["--leader-elect=perhaps"], {}, "--leader-elect='perhaps': Input should be"),
        (
            ["--log-level=loud"],
            {},
            "--log-level='loud': Input should be 'debug', 'info'",
        ),
        (
            ["--metrics-bind-address=8080"],
            {},
            "--metrics-bind-address='8080': not an address; write for example :8080",
        ),
        (
            [],
            {"OPERATOR_NAMESPACE": "../kube-system"},
            "OPERATOR_NAMESPACE='../kube-system': String should match pattern",
        ),
        (
            ["--leader-elect-lease-duration=10s"],
            {},
            "--leader-elect-renew-deadline must be shorter than "
            "--leader-elect-lease-duration",
        ),
        (
            ["--leader-elect-retry-period=10s"],
            {},
            "--leader-elect-retry-period must be shorter than "
            "--leader-elect-renew-deadline",
        ),
        (
            ["--backoff-initial-interval=2m"],
            {},
            "--backoff-initial-interval must not be longer than --backoff-max-interval",
        ),
        (
            ["--watch-timeout-min=2m"],
            {},
            "--watch-timeout-min must not be longer than --watch-timeout-max",
        ),
        (
            ["--watch-backoff-initial-interval=1m"],
            {},
            "--watch-backoff-initial-interval must not be longer than "
            "--watch-backoff-max-interval",
        ),
        (["--log-form=json"], {}, "unrecognized arguments: --log-form=json"),
        (["--context"], {}, "argument --context: expected one argument"),
    ],
)
def test_wrong_value_ends_with_code_2_and_one_line(
    arguments: list[str],
    environ: dict[str, str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as raised:
        load(*arguments, **environ)

    (line,) = capsys.readouterr().err.splitlines()
    assert raised.value.code == 2
    assert line.startswith(f"vso-controller: error: {reason}")


def test_all_wrong_values_are_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load("--log-level=loud", "--watch-timeout-min=x")

    (line,) = capsys.readouterr().err.splitlines()
    assert "--log-level='loud'" in line
    assert "--watch-timeout-min='x'" in line


def test_help_shows_every_setting_under_its_heading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as raised:
        load("--help")

    text = capsys.readouterr().out
    assert raised.value.code == 0
    assert all(f"\n{group.heading}:\n" in text for group in GROUPS)
    assert all(f"  {flag(name)} " in text for name in Settings.model_fields)
    assert all(variable(name) in text for name in Settings.model_fields)


def test_settings_do_not_change() -> None:
    settings = load()

    with pytest.raises(ValidationError):
        settings.namespace = "other"  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", None),
        ("0", None),
        (":8080", BindAddress("", 8080)),
        ("127.0.0.1:0", BindAddress("127.0.0.1", 0)),
        ("localhost:65535", BindAddress("localhost", 65535)),
        ("[::1]:8080", BindAddress("::1", 8080)),
    ],
)
def test_bind_addresses_are_parsed(text: str, address: BindAddress | None) -> None:
    assert parse_bind_address(text) == address
    assert address is None or str(address) == text


@pytest.mark.parametrize("text", ["8080", "::1:8080", ":65536", ":x", ":", "[]:80"])
def test_other_text_is_no_bind_address(text: str) -> None:
    with pytest.raises(ValueError, match="write for example :8080"):
        parse_bind_address(text)


@given(
    host=st.from_regex(r"[a-z0-9.-]{0,40}", fullmatch=True),
    port=st.integers(min_value=0, max_value=65535),
)
def test_any_bind_address_survives_a_round_trip(host: str, port: int) -> None:
    address = BindAddress(host, port)

    assert parse_bind_address(str(address)) == address


def test_every_setting_has_a_description_and_one_group() -> None:
    grouped = [name for group in GROUPS for name in group.model_fields]

    assert sorted(grouped) == sorted(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_committed_page_lists_every_setting() -> None:
    page = COMMITTED_PAGE.read_text()

    assert main([str(COMMITTED_PAGE), "--check"]) == 0
    for name in Settings.model_fields:
        assert f"| `{flag(name)}` | `{variable(name)}` |" in page


def test_page_that_differs_or_is_missing_fails_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "settings.md"

    missing = main([str(page), "--check"])
    written = main([str(page)])
    page.write_text(page.read_text() + "edited")
    edited = main([str(page), "--check"])

    assert (missing, written, edited) == (1, 0, 1)
    assert page.read_text().endswith("edited")
    assert capsys.readouterr().err.splitlines() == (
        [f"{page} is not what the settings say; generate it again"] * 2
    )


def test_references_are_followed_as_the_settings_say() -> None:
    assert load("--namespace=vso").tenancy == Tenancy("vso")
    assert load(
        "--namespace=vso",
        "--namespace-fallback=false",
        "--shared-namespaces=infra,platform",
        "--default-objects-admit-all",
        "--global-vault-auth-options=",
    ).tenancy == Tenancy(
        "vso",
        namespace_fallback=False,
        default_globals=False,
        shared_namespaces=("infra", "platform"),
        defaults_admit_all=True,
    )


@pytest.mark.parametrize("text", ["a/b", "In", "infra,", "**", "a-"])
def test_what_is_no_namespace_is_not_shared(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        load(f"--shared-namespaces={text}")

    assert "--shared-namespaces" in capsys.readouterr().err
