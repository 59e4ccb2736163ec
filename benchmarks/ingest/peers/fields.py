"""The fields of a contact as the server sends them; every peer keeps all of them, the times typed."""

TEXTS = (
    "email", "firstname", "lastname", "hs_language", "lifecyclestage", "hs_lead_status",
    "hs_email_optout", "hubspot_owner_id", "associatedcompanyid", "hs_object_id",
)  # fmt: skip
TIMES = ("createdate", "lastmodifieddate")  # under `properties`, as the texts are
OWN_TIMES = ("createdAt", "updatedAt")  # of the record itself
PATH = "/crm/v3/objects/contacts"
