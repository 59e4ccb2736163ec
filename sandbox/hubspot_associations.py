"""HubSpot's association types: their numbers between every two object types, both ways."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """How HubSpot names the association of one type with another; `primary` 0 = there is none."""

    default: int
    primary: int = 0


# The numbers are HubSpot's own: the default of (one, other), and of (other, one).
_DEFAULT: tuple[tuple[str, str, int, int], ...] = (
    ("deals", "contacts", 3, 4),
    ("tickets", "contacts", 16, 15),
    ("tickets", "deals", 28, 27),
    ("line_items", "deals", 20, 19),
    ("feedback_submissions", "contacts", 98, 97),
    ("feedback_submissions", "tickets", 100, 99),
    ("calls", "companies", 182, 181),
    ("calls", "contacts", 194, 193),
    ("calls", "deals", 206, 205),
    ("calls", "tickets", 220, 219),
    ("emails", "companies", 186, 185),
    ("emails", "contacts", 198, 197),
    ("emails", "deals", 210, 209),
    ("emails", "tickets", 224, 223),
    ("meetings", "companies", 188, 187),
    ("meetings", "contacts", 200, 199),
    ("meetings", "deals", 212, 211),
    ("meetings", "tickets", 226, 225),
    ("notes", "companies", 190, 189),
    ("notes", "contacts", 202, 201),
    ("notes", "deals", 214, 213),
    ("notes", "tickets", 228, 227),
    ("tasks", "companies", 192, 191),
    ("tasks", "contacts", 204, 203),
    ("tasks", "deals", 216, 215),
    ("tasks", "tickets", 230, 229),
)
LINKS: dict[tuple[str, str], Link] = {
    ("contacts", "companies"): Link(279, 1),
    ("companies", "contacts"): Link(280, 2),
    ("deals", "companies"): Link(341, 5),
    ("companies", "deals"): Link(342, 6),
    ("tickets", "companies"): Link(339, 26),
    ("companies", "tickets"): Link(340, 25),
    **{(one, other): Link(number) for one, other, number, _ in _DEFAULT},
    **{(other, one): Link(number) for one, other, _, number in _DEFAULT},
}
MIRROR: dict[tuple[str, str, int], int] = {
    (one, other, number): counterpart
    for (one, other), link in LINKS.items()
    for number, counterpart in (
        (link.default, LINKS[other, one].default),
        *(((link.primary, LINKS[other, one].primary),) if link.primary else ()),
    )
}
