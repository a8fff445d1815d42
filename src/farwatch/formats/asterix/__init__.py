"""EUROCONTROL ASTERIX: radar recordings in, as Plots and Progress; records of any category out."""

from farwatch.formats.asterix.assemble import Decoded
from farwatch.formats.asterix.blocks import Blocks, pack
from farwatch.formats.asterix.encode import Encoded, Repeated, encode
from farwatch.formats.asterix.inspection import CategoryInspection, Inspection, inspect
from farwatch.formats.asterix.reader import columns, read, stream
from farwatch.formats.asterix.statistics import ErrorCount, Statistics
from farwatch.formats.asterix.table import categories, editions, load_table

__all__ = [
    "Blocks",
    "CategoryInspection",
    "Decoded",
    "Encoded",
    "ErrorCount",
    "Inspection",
    "Repeated",
    "Statistics",
    "categories",
    "columns",
    "editions",
    "encode",
    "inspect",
    "load_table",
    "pack",
    "read",
    "stream",
]
