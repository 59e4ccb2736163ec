"""What every part of the playbook is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """A part of the playbook as the analyst wrote it."""

    # A misspelt key must not be ignored: the analyst would believe that it counts.
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bilingual(Strict):
    """The same text in every language that people here read."""

    es: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]

    def in_language(self, language: str) -> str:
        """The text in `language`, English where the language is not one of ours."""
        return self.es if language == "es" else self.en
