"""EUROCONTROL ASTERIX: radar recordings in, as Plots and Progress; `encode` and its neighbours write records."""

from farwatch.formats.asterix.assemble import Decoded
from farwatch.formats.asterix.inspection import CategoryInspection, Inspection, inspect
from farwatch.formats.asterix.reader import columns, read, stream
from farwatch.formats.asterix.statistics import ErrorCount, Statistics
from farwatch.formats.asterix.table import categories, editions

__all__ = [
    "CategoryInspection",
    "Decoded",
    "ErrorCount",
    "Inspection",
    "Statistics",
    "categories",
    "columns",
    "editions",
    "inspect",
    "read",
    "stream",
]
