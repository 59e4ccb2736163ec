"""Conversations that somebody deleted: no figure counts them, unless whoever did it kept the metrics."""

import pytest
from model_world import World, seconds, utc

DELETED = "2026-06-10 09:00"
FIGURES = (("K3", "all"), ("K13", "all"), ("K19", "all"), ("K24", "L1"))


@pytest.fixture
def support(world: World) -> World:
    """Two conversations of May, answered, closed and rated."""
    for key in ("1", "2"):
        world.conversation(
            key,
            "2026-05-11 10:00",
            parts=[("2026-05-11 10:02", "comment", "admin"), ("2026-05-11 11:00", "close", "admin")],
            state="closed",
            rating=(5, "2026-05-11 12:00"),
        )
    return world


def counts(world: World) -> dict[str, int]:
    return {kpi: world.figure(kpi, "2026-05", segment)["n"] for kpi, segment in FIGURES}


def delete(world: World, key: str, **more: object) -> None:
    world.add("intercom", "deleted_conversations", {"id": key, "deleted_at": seconds(DELETED), **more})


def test_without_a_deletion_both_count(support: World) -> None:
    assert counts(support) == {"K3": 2, "K13": 2, "K19": 4, "K24": 2}


def test_a_deleted_conversation_is_in_no_figure_and_stays_in_core(support: World) -> None:
    delete(support, "2", metrics_retained=False)
    assert counts(support) == {"K3": 1, "K13": 1, "K19": 2, "K24": 1}
    kept, deleted = support.rows("core.conversation", order="conversation_id")
    assert (kept["deleted_at"], kept["is_forgotten"], kept["excluded"]) == (None, False, False)
    assert (deleted["deleted_at"], deleted["is_forgotten"], deleted["excluded"]) == (utc(DELETED), True, True)


def test_one_whose_metrics_were_kept_counts_on(support: World) -> None:
    delete(support, "2", metrics_retained=True)
    assert counts(support) == {"K3": 2, "K13": 2, "K19": 4, "K24": 2}
    (deleted,) = support.rows("core.conversation", "conversation_id = '2'")
    assert (deleted["deleted_at"], deleted["is_forgotten"]) == (utc(DELETED), False)


def test_one_that_is_gone_without_being_listed_is_deleted_too(support: World) -> None:
    support.raw["intercom", "conversations"].pop()
    support.conversation("2", "2026-05-11 10:00", state="open", rating=(1, "2026-05-11 12:00"))
    key, body = support.raw["intercom", "conversations"].pop()
    support.raw["intercom", "conversations"].append((key, body[:-1] + ',"gone_at":"2026-06-11T00:00:00Z"}'))
    assert counts(support) == {"K3": 1, "K13": 1, "K19": 2, "K24": 1}
    (gone,) = support.rows("core.conversation", "conversation_id = '2'")
    assert gone["deleted_at"] == utc("2026-06-11T00:00:00Z")


def test_a_deletion_of_one_we_never_read_adds_nothing(support: World) -> None:
    delete(support, "404")
    assert counts(support) == {"K3": 2, "K13": 2, "K19": 4, "K24": 2}
    assert len(support.rows("core.conversation")) == 2


def test_a_bad_rating_that_was_deleted_worries_nobody(support: World) -> None:
    support.client("60", "2026-02-01 10:00")
    support.contact("41", "60")
    support.add("intercom", "contacts", {"id": "i1", "external_id": "41"})
    for key in ("3", "4"):
        support.conversation(key, "2026-06-25 10:00", rating=(1, "2026-06-25 12:00"), contact="i1")
    delete(support, "4")
    (found,) = support.rows("kpi.client_attention", "reason_code = 'low_rating'", "detail")
    assert '"ratings":1' in str(found).replace(" ", "")
