"""Replay: recordings as a source of batches, merged by time: ASTERIX (plain or PCAP), what ADS-B receivers write
(`formats/streams.py`), and our own plots.parquet."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from farwatch.cooperative.conditioner import Conditioner
from farwatch.errors import FormatError
from farwatch.formats import asterix
from farwatch.formats.asterix.editions import Editions
from farwatch.formats.streams import format_of, read_file
from farwatch.journal import Datagrams, Journal, is_journal
from farwatch.plots import Batch, Floats, Measured, Plots, Progress, concat_plots, make_plots, make_progress
from farwatch.recording import read_plots, read_progress
from farwatch.sensors import Radar, Sensor
from farwatch.sensors.height import HeightFinder
from farwatch.sources.merge import SLICES_PER_ROTATION, Merge, MergeOptions, newest_ns
from farwatch.sources.reports import NO_REPORTS, Pending, ReportSensors, Waiting, pending_of, refuse_nothing

CHUNK_BYTES = 256 * 1024
PROGRESS_FILE = "progress.parquet"


class Replay:
    """Recordings of the given sensors. After the last batch `statistics`, `late` and `conditioner` say what became of
    the data.

    `sources` names sensors by (SAC, SIC); `day_ns` is the start of the recordings' first day (UTC), 0 where the files
    say it; `editions` are ASTERIX editions by category or `Rule`; `flat` says that the sensors stand in the plane. The
    height that a 3-D radar sends becomes the elevation that it measured, where the site file says that it measures one.
    `on_bytes`, if given, hears how many bytes of the files have been read since it last heard; `merge` says how long
    late data is waited for, or takes the data itself, in parts of `step_s` of data time if that is given. The folder of
    a journal is a recording too, and gives the batches of the night that it is of. Iterating raises `FormatError` for
    files that cannot be used.
    """

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        sensors: Sequence[Sensor],
        *,
        day_ns: int = 0,
        editions: Editions | None = None,
        flat: bool = False,
        on_bytes: Callable[[int], None] | None = None,
        merge: Merge | MergeOptions | None = None,
        step_s: float | None = None,
    ) -> None:
        self.paths = [Path(path) for path in paths]
        self.statistics = asterix.Statistics()
        self._sensors = tuple(sensors)
        self._day_ns = day_ns
        self._editions = editions
        self._finders = finders_of(sensors, flat)
        self._reports = ReportSensors(sensors)
        self._on_bytes = on_bytes
        self._flat = flat
        self.torn: list[str] = []  # what a journal lacks, in words
        self._merge = merge if isinstance(merge, Merge) else merge_of(sensors, merge or MergeOptions())
        self._step_ns = None if step_s is None else round(step_s * 1e9)

    @property
    def late(self) -> int:
        """Plots that came too late to be put in order."""
        return self._merge.late

    @property
    def conditioner(self) -> Conditioner:
        """What has judged the reports of positions; its `counts` say what was left out, by reason."""
        return self._reports.conditioner

    @property
    def total_bytes(self) -> int:
        """Size of all files together."""
        return sum(map(size_of, self.paths))

    def __iter__(self) -> Iterator[Batch]:
        journals = [path for path in self.paths if is_journal(path)]
        if journals:
            if len(self.paths) > 1:
                raise FormatError(f"{journals[0]}: a journal is replayed alone: it holds what all sensors brought")
            yield from self._journal(journals[0])
            return
        longest_s = max(sensor.period_s for sensor in self._sensors)
        for plots, progress, reached_ns in self._chunks():
            yield from self._merge.push(plots, progress, reached_ns)
        yield from self._merge.flush(longest_s)

    def _chunks(self) -> Iterator[tuple[Plots, Progress, int]]:
        """The chunks of all files, ids made unique, each with the time (ns) that all files have reached with it.

        The next chunk is always one of the file that has reached least far. Reports of positions wait until all have
        reached their times.
        """
        files = {n: (0, self._file(path)) for n, path in enumerate(self.paths)}
        waiting = Waiting(self._reports)
        last_ns = 0
        while files:
            n = min(files, key=lambda number: files[number][0])
            reached_ns, chunks = files[n]
            chunk = next(chunks, None)
            if chunk is None:
                del files[n]
                continue
            plots, progress, reports = chunk
            plots = plots._replace(id=plots.id * len(self.paths) + n)
            waiting.add(reports._replace(plots=reports.plots._replace(id=reports.plots.id * len(self.paths) + n)))
            newest = [time_ns for one in (plots, reports.plots) if (time_ns := newest_ns(one, progress)) is not None]
            final_ns = max([reached_ns, *newest])
            last_ns = max(last_ns, final_ns)
            others_ns = min((reached for number, (reached, _) in files.items() if number != n), default=final_ns)
            ready = waiting.until(min(final_ns, others_ns))
            plots = concat_plots([plots, ready]) if ready.n else plots
            for part, said in self._steps(plots, progress):
                reached_ns = max(reached_ns, newest_ns(part, said) or 0)
                yield part, said, min(reached_ns, others_ns) - waiting.back_ns
            files[n] = final_ns, chunks
        yield waiting.until(None), make_progress(0), last_ns

    def _steps(self, plots: Plots, progress: Progress) -> Iterator[tuple[Plots, Progress]]:
        """A chunk in parts of a step of data time, whole where no step was given."""
        steps = [] if self._step_ns is None else [part.time_ns // self._step_ns for part in (plots, progress)]
        if not steps or plots.n + progress.n == 0:
            yield plots, progress
            return
        for number in np.unique(np.concatenate(steps)).tolist():
            yield plots.take(steps[0] == number), progress.take(steps[1] == number)

    def _journal(self, folder: Path) -> Iterator[Batch]:
        """What the inputs that were written down make of a merge as it was then."""
        journal = Journal(folder)
        head, names = journal.head, tuple(sensor.id for sensor in self._sensors)
        if head.sensors != names:
            raise FormatError(
                f"{journal.folder}: is of the sensors {', '.join(head.sensors)}, the site file names {', '.join(names)}"
            )
        if head.flat != self._flat:
            raise FormatError(f"{journal.folder}: the frame of the site file is not that of the journal")
        merge = self._merge
        merge.slice_ns, merge.wait_ns, merge.patience_ns = head.slice_ns, head.wait_ns, head.patience_ns
        for entries, _ in journal.groups():
            for entry in entries:
                if not isinstance(entry, Datagrams):
                    yield from merge.take_in(entry)
        self.torn = journal.torn

    def _file(self, path: Path) -> Iterator[tuple[Plots, Progress, Pending]]:
        if path.suffix == ".parquet":
            yield *self._parquet(path), NO_REPORTS
            return
        if name := format_of(path):
            yield from self._stream(path, name)
            return
        sources, wanted = sources_of(self._sensors), self._reports.wanted
        if not sources and not wanted.sources:
            raise FormatError(f"{path}: no sensor of the site file has a `sac_sic`, so no record can be told to be its")
        for part in asterix.stream(
            path,
            sources,
            chunk_bytes=CHUNK_BYTES,
            day_ns=self._day_ns,
            editions=self._editions,
            on_bytes=self._on_bytes,
            wanted=wanted,
        ):
            self.statistics.add(part.statistics)
            plots = with_elevations(part.plots, part.height_3d_m, self._finders)
            yield plots, part.progress, pending_of(part.targets)

    def _stream(self, path: Path, name: str) -> Iterator[tuple[Plots, Progress, Pending]]:
        """A recording of an ADS-B receiver or the like."""
        reader, given = self._reports.reader(name, self._day_ns), 0
        for heard in read_file(path, reader, on_bytes=self._on_bytes):
            own = self._reports.given(heard, reader.statistics)
            given += own.plots.n
            yield make_plots(0), make_progress(0), own
        self.statistics.add(reader.statistics)
        refuse_nothing(path, given, reader.statistics)

    def _parquet(self, path: Path) -> tuple[Plots, Progress]:
        names = [sensor.id for sensor in self._sensors]
        plots = read_plots(path, names)
        beside = path.with_name(PROGRESS_FILE)
        progress = read_progress(beside, names) if beside.exists() else make_progress(0)
        if self._on_bytes:
            self._on_bytes(path.stat().st_size)
        return plots, progress


def size_of(path: Path) -> int:
    """Bytes of a recording: of its file, or of all files of a journal."""
    if path.is_file():
        return path.stat().st_size
    return Journal(path).bytes if is_journal(path) else 0


def finders_of(sensors: Sequence[Sensor], flat: bool) -> list[HeightFinder | None]:
    """What turns the heights of each sensor into elevations; None for a sensor that measures none."""
    return [
        HeightFinder(s, flat) if isinstance(s, Radar) and s.sigma.elevation_deg is not None else None for s in sensors
    ]


def with_elevations(plots: Plots, height_m: Floats, finders: Sequence[HeightFinder | None]) -> Plots:
    """The plots with the elevations that the heights (n,) of 3-D radars mean; `finders` are by sensor."""
    if not plots.n or np.isnan(height_m).all():
        return plots
    z, measured = plots.z.copy(), plots.measured.copy()
    for sensor, finder in enumerate(finders):
        rows = np.flatnonzero((plots.sensor == sensor) & ~np.isnan(height_m))
        if finder is None or not len(rows):
            continue
        z[rows, 2] = finder.elevations(z[rows], height_m[rows])
        found = rows[~np.isnan(z[rows, 2])]
        measured[found] |= np.uint8(Measured.ELEVATION)
    return plots._replace(z=z, measured=measured)


def sources_of(sensors: Sequence[Sensor]) -> dict[tuple[int, int], int]:
    """Index of the sensors that have an ASTERIX source, by (SAC, SIC)."""
    out = {}
    for index, sensor in enumerate(sensors):
        if isinstance(sensor, Radar) and sensor.sac_sic:
            sac, sic = sensor.sac_sic.split("/")
            out[int(sac), int(sic)] = index
    return out


def merge_of(sensors: Sequence[Sensor], options: MergeOptions) -> Merge:
    """The merge of a site's sensors."""
    return Merge(shortest_slice_s(sensors), options, sensors=len(sensors))


def shortest_slice_s(sensors: Sequence[Sensor]) -> float:
    """Length of a slice (s): a part of the fastest sensor's period."""
    return min(sensor.period_s for sensor in sensors) / SLICES_PER_ROTATION
