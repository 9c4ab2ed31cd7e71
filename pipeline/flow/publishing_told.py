"""What came of publishing so far: each thing tried, told, recorded; when to stop trying."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.base import console
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import GitHubError, LimitedError, UnavailableError
from pipeline.land.github.sent import Sent
from pipeline.model.codec import digest
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.publication import Publication, PublicationKind
from pipeline.model.publishing import Outcome, PublishedItem, PublishReport, PublishStatus
from pipeline.store.ledger import Ledger
from pipeline.store.publications import save_publication

_MOST_FAULTS = 2
_TOO_MANY_FAULTS = "It was not tried any more: GitHub failed too often at others of its kind."
_CHANGED = frozenset({Outcome.CREATED, Outcome.UPDATED, Outcome.CLOSED})
_ORDER = (Outcome.UNCHANGED, Outcome.UPDATED, Outcome.CREATED, Outcome.FAILED)
_Key = tuple[PublicationKind, str, str]


class Told:
    """The things of one run as they are published, and what the store knows of them.

    Without a ledger (a dry run) nothing is recorded. After a limit that may not be waited for, a
    token that is not valid, or where GitHub never answered at all, nothing more is tried; after a
    few faults in a row nothing more of that kind. The rest is told as not published, and why.
    """

    def __init__(
        self,
        run_id: str,
        hub: GitHub,
        stored: Sequence[Publication],
        ledger: Ledger | None,
        watch: Callable[[str], object] | None = None,
    ) -> None:
        self.run_id = run_id
        self.hub = hub
        self._ledger = ledger
        self._watch = watch
        self._stored = {(one.kind, one.ws_id, one.name): one for one in self._here(stored)}
        self._items: dict[_Key, PublishedItem] = {}
        self._degraded: list[str] = []
        self._gave_up = ""
        self._faults: dict[PublicationKind, int] = {}

    def send(
        self,
        kind: PublicationKind,
        name: str,
        go: Callable[[], Sent | None],
        *,
        ws_id: str = "",
        commit: str = "",
        content: object = None,
    ) -> Sent | None:
        """Do one thing and remember what came of it; ``None`` where it is not there.

        ``go`` gives ``None`` where there is nothing to do. What it raises of GitHub's ends this
        thing and no other.
        """
        if self._gave_up or self._faults.get(kind, 0) >= _MOST_FAULTS:
            reason = self._gave_up or _TOO_MANY_FAULTS
            self.fail(kind, name, reason, ws_id=ws_id, commit=commit)
            return None
        if self._watch is not None:
            self._watch(f"{kind.value.replace('_', ' ')} {name}")
        try:
            sent = go()
        except GitHubError as error:
            self._count(kind, error)
            self.fail(kind, name, str(error), ws_id=ws_id, commit=commit)
            return None
        self._faults.pop(kind, None)
        if sent is not None:
            self.add(kind, name, sent, ws_id=ws_id, commit=commit, content=content)
        return sent

    def add(
        self,
        kind: PublicationKind,
        name: str,
        sent: Sent,
        *,
        ws_id: str = "",
        commit: str = "",
        content: object = None,
    ) -> None:
        """Remember that a thing is as it is to be."""
        item = PublishedItem(
            kind=kind,
            name=name,
            outcome=sent.outcome,
            ws_id=ws_id,
            number=sent.number,
            url=sent.url,
            commit=commit,
            state=sent.state,
            reason=sent.reason,
        )
        self._keep(item)
        publication = Publication(
            self.run_id,
            ws_id,
            kind,
            name,
            self.hub.repository,
            sent.number,
            sent.url,
            commit,
            sent.state,
            digest(content) if content is not None else "",
        )
        self._record(publication, item)

    def add_journal(self, *, is_new: bool) -> None:
        """Remember that the journal is there; it holds no record of itself."""
        outcome = Outcome.UPDATED if is_new else Outcome.UNCHANGED
        self._keep(PublishedItem(PublicationKind.JOURNAL, "journal", outcome, state="pushed"))

    def fail(
        self,
        kind: PublicationKind,
        name: str,
        reason: str,
        *,
        ws_id: str = "",
        commit: str = "",
    ) -> None:
        """Remember that a thing is not there, and why."""
        item = PublishedItem(
            kind, name, Outcome.FAILED, ws_id=ws_id, commit=commit, reason=console.safe(reason, 600)
        )
        self._keep(item)
        payload = {"kind": kind.value, "name": name, "reason": item.reason}
        message = f"{_words(item)} was not published: {item.reason}"
        self._event(EventType.PUBLISH_FAILED, message, ws_id, payload, Level.ERROR)

    def degrade(self, sentence: str) -> None:
        """Remember, once, that something is done in a lesser way."""
        sentence = console.safe(sentence, 600)
        if sentence in self._degraded:
            return
        self._degraded.append(sentence)
        # Once for a run: doing it again in the same lesser way is no news.
        if self._ledger is None or sentence not in self._degraded_before(self._ledger):
            payload = {"degraded": sentence}
            self._event(EventType.PUBLISH_FAILED, sentence, "", payload, Level.WARNING)

    def learn(self, kind: PublicationKind, name: str, sent: Sent, *, ws_id: str = "") -> None:
        """Know of a thing that was found; it is recorded when it is published again."""
        here = self.hub.repository
        self._stored[kind, ws_id, name] = Publication(
            self.run_id, ws_id, kind, name, here, sent.number, sent.url, state=sent.state
        )

    def stored(self, kind: PublicationKind, ws_id: str, name: str) -> Publication | None:
        """What the store knows of a thing."""
        return self._stored.get((kind, ws_id, name))

    def was_found(self, kind: PublicationKind, ws_id: str, name: str) -> bool:
        """Whether a thing was found or made by this publishing; a record alone is no proof."""
        item = self._items.get((kind, ws_id, name))
        return item is not None and item.outcome is not Outcome.FAILED

    def publications(self) -> tuple[Publication, ...]:
        """Everything that is out there."""
        return tuple(self._stored.values())

    @property
    def failed(self) -> tuple[PublishedItem, ...]:
        """What is not there."""
        return tuple(one for one in self._items.values() if one.outcome is Outcome.FAILED)

    def report(self) -> PublishReport:
        """What came of it all."""
        was_there = self.hub.answers > 0 or any(
            one.outcome is not Outcome.FAILED for one in self._items.values()
        )
        status = PublishStatus.PARTIAL if was_there else PublishStatus.UNREACHABLE
        return PublishReport(
            run_id=self.run_id,
            repository=self.hub.repository,
            api_url=self.hub.api_url,
            is_dry_run=self.hub.is_dry,
            status=status if self.failed else PublishStatus.COMPLETE,
            items=tuple(self._items.values()),
            degraded=tuple(self._degraded),
        )

    def _degraded_before(self, ledger: Ledger) -> frozenset[str]:
        events = ledger.events(self.run_id, types={EventType.PUBLISH_FAILED})
        return frozenset(str(event.payload.get("degraded", "")) for event in events)

    def _here(self, stored: Sequence[Publication]) -> list[Publication]:
        here = self.hub.repository.lower()
        return [one for one in stored if one.repository.lower() == here]

    def _count(self, kind: PublicationKind, error: GitHubError) -> None:
        if isinstance(error, LimitedError) or error.status == 401 or self.hub.answers == 0:
            self._gave_up = f"It was not tried any more: {error.what}"
        elif isinstance(error, UnavailableError):
            self._faults[kind] = self._faults.get(kind, 0) + 1

    def _keep(self, item: PublishedItem) -> None:
        """Keep what came of a thing; of two tries at it what counts more."""
        key = (item.kind, item.ws_id, item.name)
        before = self._items.get(key)
        if before is not None and {before.outcome, item.outcome} <= set(_ORDER):
            outcome = max(before.outcome, item.outcome, key=_ORDER.index)
            item = replace(item, outcome=outcome)
        self._items[key] = item

    def _record(self, publication: Publication, item: PublishedItem) -> None:
        key = (publication.kind, publication.ws_id, publication.name)
        before = self._stored.get(key)
        if before is not None and replace(before, updated_at="") == publication:
            return
        self._stored[key] = publication
        if self._ledger is None:
            return
        is_news = item.outcome in _CHANGED
        message = f"{_words(item)} was {item.outcome.value}."
        payload = {
            "kind": item.kind.value,
            "name": item.name,
            "outcome": item.outcome.value,
            "number": item.number,
            "url": item.url,
        }
        event = EventDraft(EventType.PUBLISHED, message, payload=payload)
        save_publication(self._ledger, publication, events=(event,) if is_news else ())

    def _event(
        self, kind: EventType, message: str, ws_id: str, payload: dict[str, str], level: Level
    ) -> None:
        if self._ledger is not None and not self.hub.is_dry:
            self._ledger.record(
                EventDraft(
                    kind,
                    message,
                    level=level,
                    run_id=self.run_id,
                    ws_id=ws_id or None,
                    payload=payload,
                )
            )


def _words(item: PublishedItem) -> str:
    kind = item.kind.value.replace("_", " ")
    of = f" of {item.ws_id}" if item.ws_id else ""
    return f"The {kind} {console.safe(item.name, 100)}{of}"
