"""What accounting takes, beside the figures it has to reach.

python -m benchmarks.accounting [--only mrr] [--json]
"""

import argparse
import json

from benchmarks.accounting import mrr

PARTS = {"mrr": mrr.measure}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(PARTS), action="append")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {name: PARTS[name]() for name in options.only or PARTS}
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for name, result in results.items():
        print(name)
        for what, value in result.items():
            print(f"  {what:<12} {value}")


if __name__ == "__main__":
    main()
