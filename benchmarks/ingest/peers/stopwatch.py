"""How a peer says what it took; what it kept is counted by the benchmark itself, from outside."""

import json
import resource


def tell(seconds: float, *, with_child: bool = False) -> None:
    """Print seconds and peak memory as the last line; `with_child` adds the child that lived beside us."""
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if with_child:
        kib += resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps({"seconds": seconds, "peak_mib": kib / 1024}), flush=True)
