"""Whether the monitor itself lives: its sources answer, its passes end, people can be told."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from shared.domain.errors import SourceDenied, SourceError, Untried, Unwell
from shared.domain.samples import Failure, FailureKind, Reading
from shared.domain.times import DAY, MINUTE, Span, floor_day, iso
from shared.ports import House, Meter, MetricSource, SourceGroup
from shared.services.beat import DEAF, FRESH
from shared.services.channels import KnownChannel, Outcome, try_channel
from shared.services.leases import last_lease
from shared.services.reach import lacking, refusing, unmeasured, unreachable
from shared.services.rulebook import every_rule

LOOK_BACK = timedelta(minutes=10)

Mend = Callable[[SourceError], str]
"""What helps against a source's refusal."""


def hear(source: MetricSource, target: str, *, mend: Mend, now: datetime) -> str:
    """Read the last minutes of a source; nothing of them is stored."""
    try:
        reading = source.read(target, since=now - LOOK_BACK, now=now)
    except SourceDenied as denied:
        raise Unwell(denied.lacking, mend=mend(denied)) from denied
    except SourceError as error:
        raise Unwell(str(error), mend=mend(error)) from error
    return f"answers; {len(reading.samples)} samples of the last {LOOK_BACK // MINUTE} minutes"


def hear_together(
    group: SourceGroup, names: Sequence[str], target: str, *, mend: Mend, now: datetime
) -> str:
    """Likewise, for sources that are read in one visit; the first that gave nothing is told."""
    since = dict.fromkeys(names, now - LOOK_BACK)
    try:
        answers = group.read(target, since=since, now=now)
    except SourceDenied as denied:
        raise Unwell(denied.lacking, mend=mend(denied)) from denied
    except SourceError as error:
        raise Unwell(str(error), mend=mend(error)) from error
    for failure in (one for one in answers if isinstance(one, Failure)):
        kind = SourceDenied if failure.kind is FailureKind.DENIED else SourceError
        raise Unwell(failure.error, mend=mend(kind(failure.error)))
    return f"answer; the last {LOOK_BACK // MINUTE} minutes"


def count_use(meter: Meter, *, mend: Callable[[str], str], now: datetime) -> str:
    """Count the last whole day's use by the monitor itself; without it nobody is told less."""
    end = floor_day(now)
    found = meter.count(Span(end - DAY, end))
    for problem in found.problems:
        raise Unwell(problem, mend=mend(problem), limps=True)
    return f"can be counted, as on {iso(end - DAY)[:10]}"


def see_page(source: MetricSource, target: str, *, mend: Mend, now: datetime) -> str:
    """Ask a health page, where silence is an answer: it says that the page is down."""
    try:
        reading = source.read(target, since=None, now=now)
    except SourceError as error:
        raise Unwell(str(error), mend=mend(error)) from error
    if _availability(reading) == 0:
        down = SourceError(f"the health page of {target} does not answer well")
        raise Unwell(str(down), mend=mend(down))
    return "answers well"


def _availability(reading: Reading) -> float | None:
    return next((one.value for one in reading.samples if one.metric == "availability"), None)


def last_cycle(target: str, *, mend: Callable[[], str], house: House, now: datetime) -> str:
    """When a pass last brought every rule of the target up to date, and last heard anything."""
    last = last_lease(target, config=house.config)
    if last is None or last.evaluated_at is None:
        raise Unwell(f"no pass over {target} has ever ended well", mend=mend)
    at = iso(last.evaluated_at)
    if now - last.evaluated_at > FRESH:
        raise Unwell(f"the last good pass over {target} was at {at}", mend=mend)
    if last.heard_at is not None and now - last.heard_at > DEAF and house.sources_of(target):
        said = f"no source of {target} has answered since {iso(last.heard_at)}"
        raise Unwell(said, mend="mend the sources that are named broken here")
    return f"the last good pass was at {at}"


def can_tell(house: House, *, mend: Callable[[], str]) -> str:
    """Whether every rule's alerts reach somebody, and no channel refuses for good."""
    rules = every_rule(house)
    problems = [*unreachable(rules, house.channels, house.fallback), *refusing(house.config)]
    return _none_of(problems, "every rule's alerts reach somebody", mend)


def send_test(
    target: str, channel: KnownChannel, *, mend: Callable[[], str], house: House, now: datetime
) -> str:
    """Send one marked message through the real channel, within its budget; it is audited."""
    trial = try_channel(target, channel.key, by="the doctor", house=house, now=now)
    if trial.outcome is Outcome.NO_BUDGET:
        raise Untried(f"the budget of {channel.address.type} is spent just now")
    if trial.outcome is not Outcome.SENT:
        raise Unwell(f"{trial.outcome}: {trial.error}", mend=mend)
    return "took a test message"


def can_fire(house: House, *, mend: Callable[[], str]) -> str:
    """Whether something measures what every rule watches, and nothing stored waits for more."""
    rules = every_rule(house)
    problems = [
        *unmeasured(rules, house.catalog, house.measured),
        *lacking(house.measured, house.samples),
    ]
    return _none_of(problems, "every rule's metric is measured", mend)


def _none_of(problems: Sequence[str], well: str, mend: Callable[[], str]) -> str:
    if problems:
        raise Unwell("; ".join(problems), mend=mend, limps=True)
    return well
