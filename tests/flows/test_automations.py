"""Automations are code: applying them again changes nothing, a hand's change is put right."""

from collections import Counter
from collections.abc import Iterator

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client

from tasks.automations import apply, wanted


@pytest.fixture
def client(prefect_server: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        for flow, deployment in (("alerts", "alerts"), ("main-job", "daily")):
            client.create_deployment(client.create_flow_from_name(flow), deployment)
        yield client


def names(client: SyncPrefectClient) -> Counter[str]:
    wanted_names = [automation.name for automation in wanted(client)]
    return Counter(found.name for name in wanted_names for found in client.read_automations_by_name(name))


def test_applying_twice_leaves_one_of_each(client: SyncPrefectClient) -> None:
    assert set(apply(client).values()) == {"created"}
    ids = {one.name: client.read_automations_by_name(one.name)[0].id for one in wanted(client)}
    assert set(apply(client).values()) == {"unchanged"}
    assert set(names(client).values()) == {1}
    assert ids == {one.name: client.read_automations_by_name(one.name)[0].id for one in wanted(client)}


def test_what_was_changed_or_doubled_by_hand_is_put_right(client: SyncPrefectClient) -> None:
    apply(client)
    first, second, *_ = wanted(client)
    known = client.read_automations_by_name(first.name)[0]
    client.update_automation(known.id, first.model_copy(update={"enabled": False}))
    client.create_automation(second)
    done = apply(client)
    assert done.pop(first.name) == "changed"
    assert set(done.values()) == {"unchanged"}
    assert set(names(client).values()) == {1}
    assert client.read_automations_by_name(first.name)[0].enabled
