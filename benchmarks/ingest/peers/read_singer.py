"""Singer: a tap and target-duckdb, two processes and a pipe between them.

`read_singer.py BASE_URL HOME [--fast]`
"""

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path

import target_duckdb
from stopwatch import tell
from tap_contacts import FastTapContacts, TapContacts


def tap(base_url: str, into: int, kind: type[TapContacts]) -> None:
    """Write all messages to the pipe; never returns."""
    code = 1
    try:
        os.dup2(into, 1)
        os.close(into)
        kind(config={"base_url": base_url}).sync_all()
        sys.stdout.flush()
        code = 0
    finally:
        os._exit(code)


def main(base_url: str, home: Path, kind: type[TapContacts]) -> None:
    # batch_size_rows stays at its default of 100,000: smaller batches cost time, larger ones only memory.
    config = {
        "path": str(home / "contacts.duckdb"),
        "default_target_schema": "hubspot",
        "temp_dir": str(home),
    }
    (home / "target.json").write_text(json.dumps(config))
    started = time.perf_counter()
    out, into = os.pipe()
    # Forked, not started: so that both sides have paid their imports when the clock starts.
    child = os.fork()
    if child == 0:
        os.close(out)
        tap(base_url, into, kind)
    os.close(into)
    os.dup2(out, 0)
    sys.argv[1:] = ["--config", str(home / "target.json")]
    with contextlib.redirect_stdout(io.StringIO()):  # the target prints its state there
        target_duckdb.main()
    _, status = os.waitpid(child, 0)
    seconds = time.perf_counter() - started
    if status != 0:
        sys.exit("the tap ended with an error")
    tell(seconds, with_child=True)


if __name__ == "__main__":
    fast = sys.argv[3:] == ["--fast"]
    main(sys.argv[1], Path(sys.argv[2]), FastTapContacts if fast else TapContacts)
