"""HubSpot's own Python client, pointed at the sandbox."""

from typing import Any

import hubspot
import pytest
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.contacts import (
    ApiException,
    BatchReadInputSimplePublicObjectId,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.objects.tasks import SimplePublicObjectInputForCreate as TaskInput

from tests.sandbox.worlds import Served


@pytest.fixture(scope="module")
def portal(served: Served) -> Any:
    url = served.said["hubspot"]["base_url"]
    return hubspot.Client.create(access_token=served.said["hubspot"]["token"], host=url, base_url=url)


def test_contacts_are_listed_page_by_page_and_all_at_once(portal: Any) -> None:
    page = portal.crm.contacts.basic_api.get_page(limit=7, properties=["email", "lifecyclestage"])
    assert len(page.results) == 7
    following = portal.crm.contacts.basic_api.get_page(limit=7, after=page.paging.next.after)
    assert int(following.results[0].id) > int(page.results[-1].id)
    everyone = portal.crm.contacts.get_all(properties=["email"], associations=["companies"])
    assert len(everyone) > 14
    assert len({each.id for each in everyone}) == len(everyone)
    assert all("@" in each.properties["email"] for each in everyone)
    assert everyone[0].associations["companies"].results[0].type == "contact_to_company"


def test_search_answers_with_a_total_and_an_offset(portal: Any) -> None:
    wanted = {"propertyName": "lifecyclestage", "operator": "EQ", "value": "customer"}
    request = PublicObjectSearchRequest(
        filter_groups=[{"filters": [wanted]}],
        sorts=["lastmodifieddate"],
        properties=["lifecyclestage"],
        limit=5,
    )
    found = portal.crm.contacts.search_api.do_search(request)
    assert found.total > 5
    assert found.paging.next.after == "5"
    assert {each.properties["lifecyclestage"] for each in found.results} == {"customer"}


def test_batches_associations_owners_and_pipelines_are_understood(portal: Any) -> None:
    contacts = portal.crm.contacts.basic_api.get_page(limit=20).results
    inputs = [{"id": each.id} for each in contacts]
    read = portal.crm.contacts.batch_api.read(
        BatchReadInputSimplePublicObjectId(inputs=inputs, properties=["email"], properties_with_history=[])
    )
    assert {each.id for each in read.results} == {each.id for each in contacts}
    linked = portal.crm.associations.v4.batch_api.get_page(
        "contacts", "companies", BatchInputPublicFetchAssociationsBatchRequest(inputs=inputs)
    )
    by_contact = {row._from.id: row.to for row in linked.results}
    assert by_contact.keys() == {each.id for each in contacts}
    assert {kind.type_id for kind in by_contact[contacts[0].id][0].association_types} == {1, 279}
    one = portal.crm.associations.v4.basic_api.get_page("contacts", contacts[0].id, "companies")
    assert one.results[0].to_object_id == by_contact[contacts[0].id][0].to_object_id
    owners = portal.crm.owners.owners_api.get_page(limit=3)
    assert len(owners.results) == 3
    assert portal.crm.owners.owners_api.get_by_id(int(owners.results[0].id)).email == owners.results[0].email
    stages = portal.crm.pipelines.pipelines_api.get_all("deals").results[0].stages
    assert {stage.id: stage.metadata["isClosed"] for stage in stages}["closedwon"] == "true"
    labels = {each.label for each in portal.crm.pipelines.pipelines_api.get_all("tickets").results}
    assert "Deliverables" in labels
    names = {each.name for each in portal.crm.properties.core_api.get_all("companies").results}
    assert {"name", "tenfold_onb_integrations_at"} <= names
    assert portal.crm.tickets.basic_api.get_page(limit=1).results[0].properties["subject"]


def test_a_contact_and_its_task_are_created_and_a_duplicate_is_a_conflict(portal: Any) -> None:
    properties = {"email": "sdk@nowhere.example", "firstname": "Ada"}
    made = portal.crm.contacts.basic_api.create(SimplePublicObjectInputForCreate(properties=properties))
    assert portal.crm.contacts.basic_api.get_by_id(made.id).properties["firstname"] == "Ada"
    with pytest.raises(ApiException) as conflict:
        portal.crm.contacts.basic_api.create(SimplePublicObjectInputForCreate(properties=properties))
    assert conflict.value.status == 409
    assert f"Contact already exists. Existing ID: {made.id}" in conflict.value.body
    task = portal.crm.objects.tasks.basic_api.create(
        TaskInput(
            properties={"hs_timestamp": "2026-11-20T09:00:00Z", "hs_task_subject": "Call"},
            associations=[
                {
                    "to": {"id": made.id},
                    "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}],
                }
            ],
        )
    )
    linked = portal.crm.associations.v4.basic_api.get_page("contacts", made.id, "tasks")
    assert [str(row.to_object_id) for row in linked.results] == [task.id]
    assert (
        portal.crm.objects.tasks.basic_api.get_by_id(task.id, properties=["hs_task_subject"]).properties[
            "hs_task_subject"
        ]
        == "Call"
    )


def test_dated_paths_answer_the_same_as_the_client_s_old_ones(portal: Any) -> None:
    dated = portal.api_request({"path": "/crm/objects/2026-09/deals?limit=3"}).json()
    legacy = portal.crm.deals.basic_api.get_page(limit=3)
    assert [each["id"] for each in dated["results"]] == [each.id for each in legacy.results]
    assert portal.api_request({"path": "/account-info/2026-09/details"}).json()["portalId"]


def test_activities_line_items_and_survey_answers_are_read(portal: Any) -> None:
    objects = portal.crm.objects
    for api, name in (
        (objects.notes, "hs_note_body"),
        (objects.calls, "hs_call_title"),
        (objects.meetings, "hs_meeting_title"),
        (objects.emails, "hs_email_subject"),
        (objects.feedback_submissions, "hs_submission_name"),
        (portal.crm.line_items, "name"),
        (portal.crm.products, "name"),
    ):
        (one,) = api.basic_api.get_page(limit=1, properties=[name]).results
        assert one.properties[name]
    item = portal.crm.line_items.basic_api.get_page(limit=1).results[0]
    linked = portal.crm.associations.v4.basic_api.get_page("line_items", item.id, "deals")
    assert len(linked.results) == 1


def test_contacts_are_merged_and_archived_ones_listed(portal: Any) -> None:
    made = [
        portal.crm.contacts.basic_api.create(
            SimplePublicObjectInputForCreate(properties={"email": f"sdk{place}@nowhere.example"})
        )
        for place in range(2)
    ]
    merged = portal.crm.contacts.basic_api.merge(
        PublicMergeInput(primary_object_id=made[0].id, object_id_to_merge=made[1].id)
    )
    assert merged.properties["hs_merged_object_ids"] == made[1].id
    portal.crm.contacts.basic_api.archive(merged.id)
    archived = portal.crm.contacts.get_all(archived=True)
    assert merged.id in {each.id for each in archived}
