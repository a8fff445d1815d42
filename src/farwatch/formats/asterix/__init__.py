"""EUROCONTROL ASTERIX: radar recordings in, as Plots and Progress."""

from farwatch.formats.asterix.assemble import Decoded
from farwatch.formats.asterix.reader import columns, read, stream
from farwatch.formats.asterix.statistics import ErrorCount, Statistics

__all__ = ["Decoded", "ErrorCount", "Statistics", "columns", "read", "stream"]
