"""Permission checks: one cheap call each, told as a Probe instead of an error."""

from collections.abc import Callable, Iterable

from connectors.errors import ConnectorError, FixConfig, NotPermitted, RetryLater
from connectors.pages import Probe

TRIES = 2  # a person is waiting for the answer


def probe_all(checks: Iterable[tuple[str, Callable[[], object]]]) -> list[Probe]:
    """One Probe per check, in order; a token that is not accepted or a dead server ends the list."""
    found = []
    for what, call in checks:
        probe, go_on = _probe(what, call)
        found.append(probe)
        if not go_on:
            break
    return found


def _probe(what: str, call: Callable[[], object]) -> tuple[Probe, bool]:
    try:
        call()
    except NotPermitted as error:
        return Probe(what, "not_permitted", str(error), f"give the token the right to read {what}"), True
    except FixConfig as error:
        return Probe(what, "not_permitted", str(error), "correct the base URL or create a new token"), False
    except RetryLater as error:
        return Probe(
            what, "unreachable", str(error), "check the network and the base URL, then try again"
        ), False
    except ConnectorError as error:
        return Probe(what, "error", str(error), "check the base URL and the vendor's changelog"), True
    return Probe(what, "ok", "", ""), True
