"""Figures that SQL has no function for, as tables of a build."""

import duckdb

# The widest mean asked for is over a quarter's conversations; beyond this, t is the normal 1.96.
LARGEST_DF = 20_000


def write_t975(con: duckdb.DuckDBPyConnection) -> None:
    """Write `build.t975(df integer, t double)`: Student's t at 0.975 for 1 to 20,000 degrees of freedom."""
    import numpy as np
    from scipy.special import stdtrit

    degrees = np.arange(1, LARGEST_DF + 1)
    con.execute(
        "create table build.t975 as select unnest(?::integer[]) as df, unnest(?::double[]) as t",
        [degrees.tolist(), stdtrit(degrees, 0.975).tolist()],
    )
