"""Reading: where every walk of an entity begins, and reading it ahead of its landing.

What belongs here: beginning walks in the right order and drafting their pages in a thread of their own. The thread that lands
(`extract.py`) is the only one that uses the writer: it begins walks, and takes their pages from here.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from crm_pipeline.connectors import Link, Stream
from crm_pipeline.database.cursors import Cursor, Place
from crm_pipeline.database.landing import Landing
from crm_pipeline.database.locks import Writer
from crm_pipeline.model.records import Page, WalkRequest
from crm_pipeline.stages.ahead import Ahead
from crm_pipeline.stages.drafts import Drafter, Drafts
from crm_pipeline.stages.parts import Asked, EntityResult, Progress

LIVE = ("initial", "incremental")
"""Modes that move the live cursor."""
UNSTORED = ("record",)
"""Modes too short to be resumed: they have no cursor."""


@dataclass(frozen=True)
class Job:
    """One entity of one connection being read."""

    writer: Writer
    link: Link
    drafter: Drafter
    entity: str
    result: EntityResult
    progress: Progress


@dataclass(frozen=True)
class Walk:
    """One walk of one stream."""

    stream: Stream
    place: Place
    request: WalkRequest
    sees_all: bool
    """What it has not seen is gone, so it remembers what it sees."""


class Reading:
    """One walk being read ahead: one thread asks, one drafts what was answered, a page waits between any two.

    Its requests are counted apart, for the next walk may begin before this one is landed.
    """

    def __init__(self, job: Job, walk: Walk):
        self.walk = walk
        self._job = job
        self._link = replace(job.link, http=job.link.http.apart())
        self._expects_news = walk.request.mode == "initial"
        self._counted = 0
        self._pages = Ahead(self._draft)

    @property
    def is_read(self) -> bool:
        """Whether nothing remains to be asked for; the last pages may still have to be landed."""
        return self._pages.is_read

    @property
    def has_room(self) -> bool:
        """Whether less is being asked for than could be: the next walk may begin."""
        return self.is_read or self._link.http.has_room

    def __iter__(self) -> Iterator[Drafts]:
        """Yield the pages in order; raises what the connector raises."""
        return iter(self._pages)

    def learn(self, *, news: bool) -> None:
        """Say whether most of what was landed was news: mapping what is known already would be work for nothing."""
        self._expects_news = news

    def close(self) -> None:
        """End the walk and count its requests."""
        self._pages.close()
        made = self._link.http.requests_made
        self._job.result.requests += made - self._counted
        self._counted = made

    def _draft(self) -> Generator[Drafts, None, None]:
        with closing(Ahead(self._ask, _joined if self.walk.stream.small_pages else _apart)) as pages:
            for page in pages:
                yield self._job.drafter.page(page, finish=self._expects_news)

    def _ask(self) -> Generator[Page, None, None]:
        walk = self.walk
        pages = self._job.drafter.connector.walk(self._link, walk.stream, walk.request)
        with closing(pages):  # type: ignore[type-var]  # a generator; closing it ends its requests in flight
            yield from pages


TOGETHER = 1_000
"""Rows landed together at most, where pages are small."""


def _joined(waiting: Page, following: Page) -> Page | None:
    """Return two pages as one, which is landed in one transaction and resumed from where the second one ends."""
    if len(waiting.records) + len(following.records) > TOGETHER:
        return None
    warnings = tuple(dict.fromkeys((*waiting.warnings, *following.warnings)))
    return replace(
        following, records=waiting.records + following.records, started_at=following.started_at or waiting.started_at,
        requests=waiting.requests + following.requests, warnings=warnings,
    )  # fmt: skip


def _apart(waiting: Page, following: Page) -> None:
    """Leave pages as they are."""


class Relay:
    """The streams of an entity in order, begun when the one before leaves room for it."""

    def __init__(self, job: Job, streams: Sequence[Stream], asked: Asked, then: Callable[[], None]):
        self._job = job
        self._asked = asked
        self._left = list(streams)
        self._begun: deque[tuple[Reading, tuple[str, ...]]] = deque()
        self._then = then

    def take(self) -> tuple[Reading, tuple[str, ...]]:
        """Return the first walk of the next stream, and the modes of the walks to follow it."""
        return self._begun.popleft() if self._begun else self._begin(self._left.pop(0))

    def pass_on(self) -> None:
        """Begin the stream whose turn is next, unless one begun before keeps the CRM busy; after the last one, say `then`."""
        if not all(reading.has_room for reading, _ in self._begun):
            return
        if self._left:
            self._begun.append(self._begin(self._left.pop(0)))
        else:
            self._then()

    def walk(self, stream: Stream, mode: str) -> Reading:
        """Begin a walk where an unfinished one of the same mode stopped, or afresh."""
        return Reading(self._job, _begin(self._job, stream, replace(self._asked, mode=mode)))

    def close(self) -> None:
        """End what was begun before its turn."""
        for reading, _ in self._begun:
            reading.close()

    def _begin(self, stream: Stream) -> tuple[Reading, tuple[str, ...]]:
        with self._job.writer.transaction() as db:
            cursor = place_of(self._job, stream, self._asked).read(db)
        first, *later = _modes(self._asked.mode, cursor)
        return self.walk(stream, first), tuple(later)


def place_of(job: Job, stream: Stream, asked: Asked) -> Place:
    """Return where the cursor of such a walk is kept."""
    return Place(job.link.connection_id, job.entity, stream.name + _suffix(asked))


def _suffix(asked: Asked) -> str:
    if asked.mode in LIVE:
        return ""
    period = f":{asked.since.isoformat()}..{asked.until.isoformat()}" if asked.since and asked.until else ""
    return f"@{asked.mode}{period}"


def _modes(asked: str, cursor: Cursor) -> tuple[str, ...]:
    """Return the walks to make, in order: an incremental one needs an initial one that has finished."""
    if asked != "incremental":
        return (asked,)
    if cursor.walk_mode == "initial":
        return ("initial", "incremental")
    return ("incremental",) if cursor.watermark else ("initial",)


def _begin(job: Job, stream: Stream, asked: Asked) -> Walk:
    place, sees_all = place_of(job, stream, asked), asked.mode == "verify" or (stream.complete and asked.mode in LIVE)
    with job.writer.transaction() as db:
        cursor = place.read(db)
        resumes = cursor.walk_mode == asked.mode and cursor.walk_state is not None
        if not resumes and asked.mode not in UNSTORED:
            place.begin(db, asked.mode)
            Landing(place.connection_id).forget_seen(db, place.stream)
    since = cursor.watermark if asked.mode == "incremental" else asked.since
    resume = cursor.walk_state if resumes else None
    return Walk(stream, place, WalkRequest(asked.mode, since, asked.until, asked.ids, resume), sees_all)
