"""What can go wrong in the warehouse, one class per thing to do next. Knows no other module of ours."""


class WarehouseError(Exception):
    """Base of all; the message says what, where and what to do, and carries no record's content."""


class WarehouseBusy(WarehouseError):
    """Another process holds the file or the folder; wait, or end that process."""


class Damaged(WarehouseError):
    """A file of the home does not hold what was written into it; the message says what brings it back."""


class DiskFull(WarehouseError):
    """No space was left; nothing committed is lost, and the same step may run again once there is room."""


class NotEnoughMemory(WarehouseError):
    """DuckDB may not use as much memory as the work needs; nothing committed is lost."""


class UnreadableLanding(WarehouseError):
    """Landed bytes do not hold what their manifest says; set the run aside and read the window again."""


class WrongAccount(WarehouseError):
    """The home was filled from another account of this vendor."""


class ModelError(WarehouseError):
    """A model's SQL or YAML cannot be used; the message names its file."""


class NotChecked(WarehouseError):
    """A build that may not be published: unchecked, changed since its check, or failed."""


class NothingPublished(WarehouseError):
    """The home has no published build yet."""
