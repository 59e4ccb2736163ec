"""The work pool of `tenfold up`: which runs are under way, and what becomes of them when it ends."""

import time
from collections.abc import Callable

import httpx

WORK_POOL = "tenfold-local"
POLL_SECONDS = 0.5
_UNDER_WAY = ["PENDING", "RUNNING", "CANCELLING"]


class Pool:
    """One pool on the server at `api_url`. Its methods raise httpx.HTTPError when that does not answer."""

    def __init__(self, api_url: str) -> None:
        self._client = httpx.Client(base_url=api_url, timeout=10)

    def pause(self, *, paused: bool) -> None:
        """Hand out no more runs, or hand them out again."""
        answer = self._client.patch(f"/work_pools/{WORK_POOL}", json={"is_paused": paused})
        answer.raise_for_status()

    def under_way(self) -> list[str]:
        """The ids of the runs that a worker has taken and that have not ended."""
        answer = self._client.post(
            "/flow_runs/filter",
            json={
                "flow_runs": {"state": {"type": {"any_": _UNDER_WAY}}},
                "work_pools": {"name": {"any_": [WORK_POOL]}},
            },
        )
        return [run["id"] for run in answer.raise_for_status().json()]

    def drain(self, seconds: float, hurried: Callable[[], bool]) -> None:
        """Pause, then wait until no run is under way, `seconds` have passed or `hurried` says so."""
        self.pause(paused=True)
        deadline = time.monotonic() + seconds
        while self.under_way() and time.monotonic() < deadline and not hurried():
            time.sleep(POLL_SECONDS)

    def settle(self, state: str, message: str) -> int:
        """Give every run under way that final state, because its process is gone; how many there were.

        Left as they are, they would look alive and hold their deployment's only slot.
        """
        lost = self.under_way()
        for run in lost:
            answer = self._client.post(
                f"/flow_runs/{run}/set_state",
                json={"state": {"type": state, "name": state.capitalize(), "message": message}},
            )
            answer.raise_for_status()
        return len(lost)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
