"""What can go wrong with a report. Knows no other module of ours, so that whoever prints it loads nothing."""


class ReportError(Exception):
    """The report cannot be made; the message says why and what to do."""


class WordingError(ReportError):
    """A text that a report needs is missing from the catalogue, or asks for a value that is not given."""
