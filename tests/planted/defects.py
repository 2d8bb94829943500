"""The defences, each with the change that takes it away and the test that guards it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.planting import Change


@dataclass(frozen=True, slots=True)
class Defect:
    """A defence that is gone. `guard` is as `docs/defences.md` names it."""

    name: str
    guard: str
    changes: tuple[Change, ...]
    long: bool = False
    """Whether CI leaves it out."""


def _defect(
    name: str, guard: str, file: str, old: str, new: str, *, long: bool = False
) -> Defect:
    return Defect(name, f"tests/unit/{guard}", (Change(file, old, new),), long)


DEFECTS = (
    _defect(
        "no fence",
        "kube/test_session.py"
        "::test_leadership_lost_while_waiting_for_the_pool_stops_the_request",
        "kube/session.py",
        "self._gate.check(self._call)",
        "pass",
    ),
    _defect(
        "status written over any version",
        "kube/test_writers.py::test_status_is_merged_into_the_version_that_was_seen",
        "kube/status.py",
        ', "resourceVersion": envelope.resource_version',
        "",
    ),
    _defect(
        "Secret written over any version",
        "kube/test_secrets.py::test_patch_says_what_changes_and_on_which_version",
        "kube/secrets.py",
        '"resourceVersion": patch.resource_version,',
        "",
    ),
    _defect(
        "lease written over any version",
        "kube/test_writers.py::test_lease_is_updated_on_the_version_it_was_read_at",
        "kube/leases.py",
        '"metadata": {"resourceVersion": record.resource_version},',
        "",
    ),
    _defect(
        "no deadline of ours on a watch",
        "runtime/test_reflector.py"
        "::test_silent_watch_is_dead_ten_seconds_after_its_time",
        "runtime/reflector.py",
        "asyncio.timeout(wanted + timing.watch_grace)",
        "asyncio.timeout(None)",
    ),
    _defect(
        "410 is a failure as any other",
        "runtime/test_reflector.py"
        "::test_version_that_is_gone_leads_to_a_list_that_is_not_older",
        "runtime/cursor.py",
        "if isinstance(error, Gone):",
        "if False:",
    ),
    _defect(
        "every list is believed",
        "runtime/test_reflector.py::test_list_of_a_server_that_lags_behind_is_refused",
        "runtime/cursor.py",
        "if not is_older(version, self.version):",
        "if True:",
    ),
    _defect(
        "gate on the monotonic clock",
        "runtime/test_leader.py"
        "::test_leader_that_was_asleep_finds_the_gate_closed_and_stands_down",
        "runtime/gate.py",
        "and self._clock.boot() < end",
        "and self._clock.monotonic() < end",
    ),
    _defect(
        "lease of another taken at once",
        "runtime/test_leader.py::test_two_candidates_never_lead_together",
        "runtime/leader.py",
        "return self._clock.boot() >= self._lapses_at",
        "return True",
    ),
    _defect(
        "status always written",
        "reconcilers/test_vaultstaticsecret.py"
        "::test_refresh_that_finds_nothing_new_asks_kubernetes_nothing",
        "reconcilers/reporting.py",
        "if report.after == report.before:",
        "if False:",
    ),
    _defect(
        "aiohttp repeats requests",
        "kube/test_session.py"
        "::test_request_on_a_reused_connection_that_drops_arrives_once",
        "kube/session.py",
        "raise _Dropped(str(error)) from error",
        "raise",
    ),
    _defect(
        "change while a key is held is lost",
        "runtime/test_workqueue.py::test_key_added_while_held_comes_back_after_release",
        "runtime/workqueue.py",
        "self._again[key] = owed",
        "pass",
    ),
    _defect(
        "aiohttp repeats requests to Vault",
        "vault/test_client_wire.py::test_request_that_lost_its_connection_arrives_once",
        "vault/client.py",
        "middlewares=(_never_repeat,),",
        "",
        long=True,
    ),
    _defect(
        "Secret deleted whatever it is now",
        "kube/test_secrets.py::test_deletion_is_of_what_was_observed",
        "kube/secrets.py",
        ', "resourceVersion": resource_version}',
        "}",
        long=True,
    ),
    _defect(
        "half of a streamed state is believed",
        "runtime/test_reflector_streams.py"
        "::test_store_takes_the_whole_state_or_none_of_it",
        "runtime/reflector.py",
        "            if initial_events:",
        "            if False:",
        long=True,
    ),
    _defect(
        "own writes are news",
        "runtime/test_store_writes.py"
        "::test_reply_is_in_the_store_at_once_and_its_echo_is_no_news",
        "runtime/ownwrites.py",
        "if version not in self.written and not",
        "if not",
        long=True,
    ),
    _defect(
        "every namespace may borrow a VaultAuth",
        "domain/test_references.py::test_reference_leads_where_the_table_says",
        "domain/references.py",
        "return allowed == EVERY_NAMESPACE or crossing.namespace in allowed",
        "return True",
        long=True,
    ),
    _defect(
        "every namespace may use any VaultConnection",
        "domain/test_references.py::test_reference_leads_where_the_table_says",
        "domain/references.py",
        "or ALL in tenancy.shared_namespaces",
        "or True",
        long=True,
    ),
    _defect(
        "sessions outlive what they inherited",
        "reconcilers/test_vaultauthglobal.py"
        "::test_changed_global_wakes_all_who_inherit_and_logs_in_anew",
        "credentials/pool.py",
        "inherited=resolved.inherited,",
        "",
        long=True,
    ),
    _defect(
        "stored tokens are believed",
        "domain/test_clientcache.py::test_entry_that_was_changed_is_not_used",
        "domain/clientcache.py",
        'return not compare_digest(data.get(_MAC, b""), sign(content))',
        "return False",
        long=True,
    ),
    _defect(
        "refusals of Vault's make no rest",
        "vault/test_session_login.py::test_refused_identity_logs_in_ever_more_rarely",
        "vault/login_rest.py",
        "self._length * timing.growth",
        "0.0",
        long=True,
    ),
    _defect(
        "rendered whatever the input",
        "reconcilers/test_transformation.py"
        "::test_defect_40_template_with_a_will_of_its_own_changes_nothing",
        "reconcilers/filling.py",
        "bool(there)\n        and",
        "False\n        and",
    ),
    _defect(
        "Jinja2's nodes unchecked",
        "templating/jinja/test_hostile.py::test_bomb_meets_a_limit_that_is_named",
        "templating/jinja/reading.py",
        "    _check(template, text, deepest=min(DEEPEST, limits.nesting))\n",
        "",
    ),
    _defect(
        "failed templates rendered again",
        "reconcilers/test_transformation.py"
        "::test_template_that_fails_is_rendered_once_for_each_input",
        "reconcilers/filling.py",
        "if isinstance(last.outcome, Failure):",
        "if False:",
        long=True,
    ),
)
