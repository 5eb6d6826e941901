import pytest

from common.stacks.engine.envelope import EventsEnvelope, JournalEnvelope, envelope, events_envelope
from common.stacks.engine.jsontext import BadDocument
from tests.stacks.engine.builders import dump, entry, make_batch, make_resource

NOT_A_BATCH = [
    b"",
    b"7",
    b"[]",
    b'{"entries":{},"events":{}}',
    b'{"entries":"x","events":"x"}',
    b'{"entries":[1],"events":[1]}',
    b'{"entries":[null],"events":[null]}',
    b'{"entries":[{}],"events":[{}]',
    b'{"entries":[{"a":NaN}],"events":[{"a":NaN}]}',
    b'{"entries":[{"a":"\xff"}],"events":[{"a":"\xff"}]}',
    b'{"entries":[{"a":"\xed\xa0\x80"}],"events":[{"a":"\xed\xa0\x80"}]}',
    b'{"entries":[' + b"[" * 100_000 + b'],"events":[]}',
    b'{"events":[' + b"[" * 100_000 + b'],"entries":[' + b"[" * 100_000,
]


class TestEnvelope:
    def test_range_and_count(self) -> None:
        """The envelope has the smallest and the largest sequence ID and the number of entries."""
        body = make_batch(entry(7, 1, state=make_resource("a")), entry(3, 0), entry(12, 2))

        assert JournalEnvelope(3, 12, 3) == envelope(body)

    @pytest.mark.parametrize("body", [b"{}", b'{"entries":null}', b' {"entries" : [ ] } ', b'{"other":1}'])
    def test_absent_entries_are_an_empty_batch(self, body: bytes) -> None:
        """Entries that are absent, null or none are an empty batch."""
        assert JournalEnvelope(0, 0, 0) == envelope(body)

    @pytest.mark.parametrize("body", NOT_A_BATCH)
    def test_what_no_replay_could_open_is_refused(self, body: bytes) -> None:
        """Text that is no JSON, no UTF-8, too deep, or no list of objects is refused."""
        with pytest.raises(BadDocument):
            envelope(body)

    @pytest.mark.parametrize("sequence", [None, "1", 1.5, 1 << 64, [], True])
    def test_odd_sequence_counts_but_widens_nothing(self, sequence: object) -> None:
        """An entry without a 64-bit sequence ID is accepted, and does not widen the range."""
        body = make_batch({**entry(1, 1), "sequenceID": sequence}, entry(5, 1))

        assert JournalEnvelope(5, 5, 2) == envelope(body)

    def test_contents_are_no_reason_to_refuse(self) -> None:
        """Unknown members, wrong types and lone surrogates inside entries are accepted."""
        body = make_batch(rb'{"sequenceID":4,"kind":"x","state":7,"future":{"a":["\ud83d","\u0000"]}}')

        assert JournalEnvelope(4, 4, 1) == envelope(body)


class TestEventsEnvelope:
    def test_range_and_count(self) -> None:
        """The envelope has the smallest and the largest sequence number, counted from 0, and the number of events."""
        body = dump({"events": [{"sequence": 9, "stdoutEvent": {}}, {"sequence": 0, "preludeEvent": {"config": {}}}]})

        assert EventsEnvelope(0, 9, 2, None) == events_envelope(body)

    def test_changes_of_the_summary_keep_their_bytes(self) -> None:
        """The changes in a real update's summary are given as they were written."""
        body = b'{"events":[{"sequence":3,"summaryEvent":{"isPreview":false,"resourceChanges":{ "same":1, "create":2}}}]}'

        assert b'{ "same":1, "create":2}' == events_envelope(body).resource_changes

    @pytest.mark.parametrize(
        "summary",
        [
            {"isPreview": True, "resourceChanges": {"create": 1}},
            {"isPreview": False},
            {"resourceChanges": None},
            {"resourceChanges": "x"},
            {"resourceChanges": {"create": "x"}},
            7,
        ],
    )
    def test_other_summaries_have_no_changes(self, summary: object) -> None:
        """A preview's summary, one without changes and an odd one give none."""
        body = dump({"events": [{"sequence": 3, "summaryEvent": summary}]})

        assert events_envelope(body).resource_changes is None

    def test_words_in_a_message_are_no_summary(self) -> None:
        """A message that mentions a summary is not taken for one."""
        body = dump({"events": [{"sequence": 3, "stdoutEvent": {"message": '"summaryEvent"', "color": "never"}}]})

        assert events_envelope(body).resource_changes is None

    @pytest.mark.parametrize("body", NOT_A_BATCH)
    def test_what_cannot_be_read_is_refused(self, body: bytes) -> None:
        """Text that is no JSON, no UTF-8, too deep, or no list of objects is refused."""
        with pytest.raises(BadDocument):
            events_envelope(body)

    def test_awkward_messages_are_accepted(self) -> None:
        """NUL and lone surrogates in a message are accepted, in a batch with a summary too."""
        body = rb'{"events":[{"sequence":1,"diagnosticEvent":{"message":"\u0000\ud83d"}},{"sequence":2,"summaryEvent":{"resourceChanges":{"same":1}}}]}'

        assert EventsEnvelope(1, 2, 2, b'{"same":1}') == events_envelope(body)
