"""What stands out in the figures, in at most three sentences that a person can act on."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.figures import Band, Figure, SourceWord, band_of
from shared.domain.quantities import quantity
from shared.domain.statuses import band_start, reading
from shared.domain.times import DAY, HOUR, MINUTE, Span, iso, minutes_between

MOST_SENTENCES = 3
RECENT = timedelta(minutes=15)
FEWEST = 5
"""Fewer figures than this make no mean worth comparing."""
ALMOST_NOTHING = 0.05

STORAGE = "storagePercent"
WORTH_SAYING = 60.0
SLOWEST_GROWTH = 0.05
FARTHEST = 365

Past = Sequence[float | None]


class Trend(Struct, frozen=True):
    """A rise that is worth a sentence: by that factor, and by at least `floor` in its unit."""

    metric: str
    factor: float
    floor: float


TRENDS = (
    Trend("responseTime.p95", 1.5, 200),
    Trend("dtuUtilization", 1.5, 15),
    Trend("memoryUsage", 1.1, 100),
    Trend("errorRate", 2, 1),
    Trend("throughput", 2, 20),
)


class Trail(Struct, frozen=True, kw_only=True):
    """A metric's newest figure, its last minutes, and the range in steps, the newest last."""

    figure: Figure
    minutes: Past
    past: Past
    step: timedelta


def insights(
    trails: Sequence[Trail],
    words: Sequence[SourceWord],
    damaged: Sequence[Span] = (),
    *,
    now: datetime,
) -> tuple[str, ...]:
    """The three most pressing sentences.

    In their order: alarming bands, silence, warnings, damaged hours, rises, storage.
    """
    found = [
        *_of_bands(trails, Band.CRITICAL),
        *_of_silence(words, now),
        *_of_bands(trails, Band.WARNING),
        *_of_damage(damaged),
        *_of_trends(trails),
        *_of_storage(trails),
    ]
    said: dict[str, str] = {}
    for subject, sentence in found:
        said.setdefault(subject, sentence)
    return tuple(said.values())[:MOST_SENTENCES]


def _subject(trail: Trail) -> str:
    """One sentence for all response times."""
    return trail.figure.metric.name.partition(".")[0]


def _of_bands(trails: Iterable[Trail], band: Band) -> Iterable[tuple[str, str]]:
    for trail in trails:
        if trail.figure.band is band:
            yield _subject(trail), _band_sentence(trail, band)


def _band_sentence(trail: Trail, band: Band) -> str:
    metric = trail.figure.metric
    minutes, whole = _run(trail, band)
    lasting = f"for {'at least ' if whole else ''}{minutes} min"
    return f"{reading(trail.figure)} {lasting}; {band_start(metric, band)}."


def _run(trail: Trail, band: Band) -> tuple[int, bool]:
    """Minutes in the band or beyond, up to now, and whether no other minute is known."""
    known = [value for value in trail.minutes if value is not None]
    run = 0
    for value in reversed(known):
        found = band_of(trail.figure.metric, value)
        if found is Band.CALM or (band is Band.CRITICAL and found is not band):
            break
        run += 1
    return max(run, 1), bool(known) and run == len(known)


def _of_silence(words: Iterable[SourceWord], now: datetime) -> Iterable[tuple[str, str]]:
    silent = [word for word in words if word.stale and word.asked_at is not None]
    never = [word.source.name for word in silent if word.covered_until is None]
    spoke = [word.covered_until for word in silent if word.covered_until is not None]
    if spoke:
        names = _joined([w.source.name for w in silent if w.covered_until is not None])
        yield "silent", f"Nothing new from {names} for {_lengths(spoke, now)}."
    if never:
        yield "never", f"{_joined(never)} never answered so far."


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _lengths(since: Sequence[datetime], now: datetime) -> str:
    """How long ago these moments are: from which length to which, where they differ."""
    shortest, longest = (_length(minutes_between(one, now)) for one in (max(since), min(since)))
    return shortest if shortest == longest else f"{shortest} to {longest}"


def _length(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _of_damage(damaged: Sequence[Span]) -> Iterable[tuple[str, str]]:
    if damaged:
        hours = sum((one.end - one.start for one in damaged), start=timedelta(0)) // HOUR
        what = "1 hour" if hours == 1 else f"{hours} hours"
        yield (
            "damaged",
            f"{what} of this range can't be read in full, from {iso(damaged[0].start)} on.",
        )


def _of_trends(trails: Iterable[Trail]) -> Iterable[tuple[str, str]]:
    by_name = {trail.figure.metric.name: trail for trail in trails}
    for trend in TRENDS:
        trail = by_name.get(trend.metric)
        sentence = _trend_sentence(trail, trend) if trail and not trail.figure.stale else None
        if trail and sentence:
            yield _subject(trail), sentence


def _trend_sentence(trail: Trail, trend: Trend) -> str | None:
    recent = _mean(trail.minutes[-(RECENT // MINUTE) :])
    before = _mean(trail.past[: -max(RECENT // trail.step, 1)])
    if recent is None or before is None:
        return None
    if recent < before * trend.factor or recent - before < trend.floor:
        return None
    metric = trail.figure.metric
    now, then = quantity(recent, metric.unit), quantity(before, metric.unit)
    compared = f"{recent / before:.1f} times the {then}" if _compares(before, recent) else "after"
    rest = "before" if _compares(before, recent) else "next to nothing before"
    return f"{metric.label} {now} on average over the last 15 min, {compared} {rest}."


def _compares(before: float, recent: float) -> bool:
    return before > recent * ALMOST_NOTHING


def _mean(values: Past) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) >= FEWEST else None


def _of_storage(trails: Iterable[Trail]) -> Iterable[tuple[str, str]]:
    for trail in trails:
        figure = trail.figure
        if figure.metric.name == STORAGE and not figure.stale and figure.value is not None:
            growth = _growth(trail)
            if figure.value >= WORTH_SAYING or growth is not None:
                yield STORAGE, _storage_sentence(figure, figure.value, growth)


def _growth(trail: Trail) -> float | None:
    """Points a day, when the range is long enough to tell and the growth fast enough to matter."""
    known = [(i, value) for i, value in enumerate(trail.past) if value is not None]
    if not known:
        return None
    (first, low), (last, high) = known[0], known[-1]
    days = (last - first) * trail.step / DAY
    growth = (high - low) / days if days >= 0.9 else 0.0
    return growth if growth >= SLOWEST_GROWTH else None


def _storage_sentence(figure: Figure, value: float, growth: float | None) -> str:
    full = f"{reading(figure)} full"
    warning = figure.metric.warning
    if growth is None or warning is None or value >= warning:
        return f"{full}."
    days = round((warning - value) / growth)
    when = f"about {days} days" if days <= FARTHEST else "more than a year"
    return f"{full}, growing by {growth:.2g} points a day: {warning:g} % in {when}."
