"""Turns a template of the playbook into what a person reads: subject, plain text and HTML, written once."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError
from markupsafe import Markup, escape

from playbook.loader import Company, Playbook, PlaybookError

WIDTH = 72  # plain text mails stay readable when quoted

_TEXT_STYLE = "margin:0 0 16px;font-size:16px;line-height:1.5;color:#1f2933"
_PAGE = Markup(
    '<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{subject}</title></head>'
    '<body style="margin:0;background:#f3f5f7;font-family:Helvetica,Arial,sans-serif">'
    '<div style="max-width:560px;margin:0 auto;padding:24px">'
    '<p style="margin:0 0 16px;font-size:18px;font-weight:bold;color:#0b6e4f">{company}</p>'
    '<div style="background:#ffffff;border-radius:8px;padding:28px 28px 12px">{body}'
    '<p style="{style}">{signature}</p></div>'
    '<p style="margin:16px 4px;font-size:12px;line-height:1.5;color:#616e7c">{footer}</p>'
    "</div></body></html>"
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in one language, ready to send; `html` is a whole page without outside resources."""

    subject: str
    text: str
    html: str


def render(
    playbook: Playbook, template: str, language: str, values: Mapping[str, Any], *, promotional: bool
) -> Letter:
    """`template` (a file of templates/<language>/, without .j2) filled with `values`.

    A language that the company does not write falls back to its first one. Raises PlaybookError when the
    template is missing, malformed, or asks for a value that is not given.
    """
    company = playbook.company
    if language not in company.languages:
        language = company.languages[0]
    given = {**values, "company": company, "language": language}
    name = f"{language}/{template}.j2"
    try:
        plain = _environment(playbook.folder, html=False).get_template(name)
        rich = _environment(playbook.folder, html=True).get_template(name)
        subject = " ".join(_block(plain, "subject", given).split())
        body = _block(plain, "body", given).strip("\n")
        html_body = Markup(_block(rich, "body", given))  # noqa: S704 - escaped by Jinja's autoescape
    except TemplateError as error:
        number = getattr(error, "lineno", None)
        line = f", line {number}" if number else ""
        raise PlaybookError(f"templates/{name}{line}: {error.message}; correct the template") from error
    except KeyError as error:
        raise PlaybookError(
            f"templates/{name}: the block {error} is missing; write blocks named subject and body"
        ) from error
    words = playbook.wording[language]
    signature = words["mail.signature"].format(company=company.sender_name)
    return Letter(
        subject=subject,
        text=f"{body}\n\n{signature}\n\n-- \n{_text_footer(company, words, promotional=promotional)}\n",
        html=str(
            _PAGE.format(
                language=language,
                subject=subject,
                company=company.sender_name,
                body=html_body,
                style=_TEXT_STYLE,
                signature=signature,
                footer=_html_footer(company, words, promotional=promotional),
            )
        ),
    )


def render_note(
    playbook: Playbook, template: str, language: str, values: Mapping[str, Any]
) -> tuple[str, str]:
    """Subject and plain text of `template` without signature or footer, for tasks that colleagues read.

    Raises PlaybookError as `render` does.
    """
    letter = render(playbook, template, language, values, promotional=False)
    return letter.subject, letter.text.rsplit("\n\n", 2)[0]


def _block(template: Template, name: str, values: Mapping[str, Any]) -> str:
    context = template.new_context(dict(values))
    return "".join(template.blocks[name](context))


def _text_footer(company: Company, words: Mapping[str, str], *, promotional: bool) -> str:
    lines = [company.postal_address]
    if promotional:
        lines.append(words["mail.unsubscribe"].format(reply_to=company.reply_to))
    return "\n".join(
        textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False) for line in lines
    )


def _html_footer(company: Company, words: Mapping[str, str], *, promotional: bool) -> Markup:
    footer = escape(company.postal_address)
    if promotional:
        footer += Markup("<br>") + words["mail.unsubscribe"].format(reply_to=company.reply_to)
        if company.unsubscribe_url:
            footer += Markup(' <a href="{}">{}</a>').format(
                company.unsubscribe_url, words["mail.unsubscribe_link"]
            )
    return footer


@lru_cache(maxsize=8)
def _environment(folder: Path, *, html: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder / "templates"),
        undefined=StrictUndefined,
        autoescape=html,  # noqa: S701 - a subject or a plain text is no HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_HTML if html else _TEXT)
    return environment


def _wrap(text: object, first: str = "", rest: str = "") -> str:
    return textwrap.fill(
        " ".join(str(text).split()),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


_TEXT: dict[str, Any] = {
    "paragraph": lambda text: _wrap(text) + "\n\n",
    "heading": lambda text: _wrap(text).upper() + "\n\n",
    "item": lambda text: _wrap(text, "- ", "  ") + "\n\n",
    "button": lambda label, url: f"{label}: {url}\n",
}
_HEADING_STYLE = "margin:8px 0 8px;font-size:18px;color:#1f2933"
_ITEM_STYLE = "margin:0 0 8px;font-size:16px;line-height:1.5;color:#1f2933"
_BUTTON_STYLE = (
    "background:#0b6e4f;color:#ffffff;padding:12px 20px;border-radius:6px;"
    "text-decoration:none;display:inline-block;font-size:16px"
)
_ITEM = Markup('<ul style="margin:0 0 4px;padding-left:20px"><li style="{}">{}</li></ul>')
_BUTTON = Markup('<p style="margin:8px 0 20px"><a href="{}" style="{}">{}</a></p>')
_HTML: dict[str, Any] = {
    "paragraph": lambda text: Markup('<p style="{}">{}</p>').format(_TEXT_STYLE, text),
    "heading": lambda text: Markup('<h2 style="{}">{}</h2>').format(_HEADING_STYLE, text),
    "item": lambda text: _ITEM.format(_ITEM_STYLE, text),
    "button": lambda label, url: _BUTTON.format(url, _BUTTON_STYLE, label),
}
