"""EUROCONTROL ASTERIX: radar data in, as Plots and Progress; every category as columns; `encode` writes records."""

from farwatch.formats.asterix.assemble import Decoded
from farwatch.formats.asterix.editions import Rule
from farwatch.formats.asterix.inspection import CategoryInspection, Inspection, inspect
from farwatch.formats.asterix.reader import columns, read, stream
from farwatch.formats.asterix.statistics import ErrorCount, Statistics
from farwatch.formats.asterix.table import categories, editions

__all__ = [
    "CategoryInspection",
    "Decoded",
    "ErrorCount",
    "Inspection",
    "Rule",
    "Statistics",
    "categories",
    "columns",
    "editions",
    "inspect",
    "read",
    "stream",
]
