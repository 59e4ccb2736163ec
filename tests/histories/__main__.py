"""Many histories at once: `python -m tests.histories [--histories 700] [--vendor hubspot]`.

Each is drawn anew. It ends with exit code 1 at the first difference, after Hypothesis has made it small.
"""

import argparse
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.histories.machines import MACHINES, tally


def main() -> None:
    """Run them, a vendor after the other, and say how many there were."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories")
    parser.add_argument("--histories", type=int, default=700, help="of each vendor")
    parser.add_argument("--steps", type=int, default=14)
    parser.add_argument("--vendor", choices=sorted(MACHINES), action="append")
    arguments = parser.parse_args()
    for vendor in arguments.vendor or sorted(MACHINES):
        started, before = time.monotonic(), dict(tally)
        run_state_machine_as_test(
            MACHINES[vendor],
            settings=settings(
                max_examples=arguments.histories,
                stateful_step_count=arguments.steps,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate, Phase.shrink),
                print_blob=True,
            ),
        )
        done = {name: count - before[name] for name, count in tally.items()}
        print(
            f"{vendor}: {done['histories']} histories without a difference, {done['syncs']} syncs and "
            f"{done['deaths']} more that were killed with SIGKILL, {time.monotonic() - started:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
