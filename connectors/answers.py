"""What a vendor's error answer means for us: pure, so that every case is one line of a test's table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.errors import (
    Conflict,
    ConnectorError,
    FixConfig,
    NotFound,
    NotPermitted,
    QuotaSpent,
    Refused,
    RetryLater,
    UnexpectedData,
)

# Error codes and titles are short words; anything else may quote a person's data and is not repeated.
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_ .-]{0,59}")
_SCOPE = re.compile(r"[a-z0-9_.-]{3,80}")
HUBSPOT_WAITS = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}


@dataclass(frozen=True, slots=True)
class Answer:
    """An error answer: `label` says what was asked, `said` is the body as an object, or empty."""

    label: str
    status: int
    said: Mapping[str, Any]
    retry_after: float | None = None
    has_body: bool = True
    bare_403_is_throttling: bool = False


def problem(answer: Answer) -> ConnectorError:
    """The error to raise for an answer outside 2xx."""
    status = answer.status
    code = vendor_code(answer.said)
    what = f"{answer.label} answered {status}" + (f" ({code})" if code else "")
    if 300 <= status < 400:
        return FixConfig(f"{what}: the base URL points elsewhere; correct it.")
    if status == 401:
        return FixConfig(f"{what}: the token is not accepted; create a new one and set it.")
    if status == 403:
        return _forbidden(answer, what)
    if status == 404:
        return NotFound(f"{what}: there is no such thing there; check the id or the base URL.", code)
    if status == 409:
        return Conflict(f"{what}: it exists already or is in use.", code, _existing_id(answer.said))
    if status == 414:
        return Refused(f"{what}: too long an address; ask for fewer properties in one request.", code)
    if status == 423:
        return RetryLater(f"{what}: locked by other changes; run it again later.", answer.retry_after or 2.0)
    if status == 429:
        return _throttled(answer, what)
    if status == 477:
        return RetryLater(f"{what}: the account is being moved; run it again later.", answer.retry_after)
    if status == 408 or status >= 500:
        return RetryLater(f"{what}: the vendor has a fault; run it again later.", answer.retry_after)
    if 400 <= status < 500:
        return Refused(
            f"{what}: the request is refused as it is; the vendor's format or rules changed.", code
        )
    return UnexpectedData(f"{what}: no status that the vendor documents.")


def vendor_code(said: Mapping[str, Any]) -> str | None:
    """The vendor's own short error code: HubSpot's category, Intercom's code, Mailchimp's title."""
    errors = said.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    for value in (said.get("category"), first.get("code"), said.get("policyName"), said.get("title")):
        if isinstance(value, str) and _CODE.fullmatch(value):
            return value
    return None


def _forbidden(answer: Answer, what: str) -> ConnectorError:
    if answer.bare_403_is_throttling and not answer.has_body:
        # Mailchimp's front servers throttle like this at high volume, without a JSON body.
        return RetryLater(f"{what} without a body: too many requests; run it again later.")
    scopes = _scopes(answer.said)
    need = f"it needs {', '.join(scopes)}" if scopes else "check the token's rights and the account's plan"
    return NotPermitted(f"{what}: not permitted; {need}.")


def _throttled(answer: Answer, what: str) -> RetryLater:
    policy = answer.said.get("policyName")
    message = answer.said.get("message")
    text = message.lower() if isinstance(message, str) else ""
    if policy == "DAILY" or "daily limit" in text:
        return QuotaSpent(
            f"{what}: the day's calls are used up; they return at midnight in the account's zone.",
            answer.retry_after,
        )
    wait = answer.retry_after
    if wait is None:
        # Workflow and search limits say no wait; the policy's own window is the wait.
        named = policy if isinstance(policy, str) else ""
        wait = HUBSPOT_WAITS.get(named)
        if wait is None and "secondly" in text:
            wait = HUBSPOT_WAITS["TEN_SECONDLY_ROLLING" if "ten_secondly" in text else "SECONDLY"]
    return RetryLater(f"{what}: too many requests; run it again later.", wait)


def _scopes(said: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    errors = said.get("errors")
    for error in errors if isinstance(errors, list) else []:
        context = error.get("context") if isinstance(error, dict) else None
        for name in ("requiredGranularScopes", "requiredScopes"):
            scopes = context.get(name) if isinstance(context, dict) else None
            if isinstance(scopes, list):
                found += [scope for scope in scopes if isinstance(scope, str) and _SCOPE.fullmatch(scope)]
    return sorted(set(found))


def _existing_id(said: Mapping[str, Any]) -> str | None:
    message = said.get("message")
    match = re.search(r"Existing ID: (\d+)", message) if isinstance(message, str) else None
    return match[1] if match else None
