"""A few histories of each vendor, the same ones each time; thousands of new ones with `python -m tests.histories`."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.histories.machines import MACHINES, tally


@pytest.mark.slow
@pytest.mark.parametrize("vendor", sorted(MACHINES))
def test_after_any_history_raw_holds_what_the_vendor_holds(vendor: str) -> None:
    before = dict(tally)
    run_state_machine_as_test(
        MACHINES[vendor],
        settings=settings(
            max_examples=12,
            stateful_step_count=14,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),
        ),
    )
    done = {name: count - before[name] for name, count in tally.items()}
    assert done["histories"] >= 12
    assert done["syncs"]
    assert done["deaths"], "no sync was killed with SIGKILL"
