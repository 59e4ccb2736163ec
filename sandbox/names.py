"""Made-up names of people and companies, and where their mail goes. All e-mail domains end in `.example`."""

import unicodedata
from random import Random

_FIRST_ES = """
Ana Carlos Lucía Javier María Sergio Paula Diego Cristina Álvaro Sara Adrián Elena Rubén Laura Iván
Marta Óscar Raquel Jaime Silvia Andrés Patricia Gonzalo Rosa Manuel Inés Francisco Pilar Miguel Teresa
Ignacio Beatriz Jesús Nerea Ramón Alba Enrique Julia Tomás Begoña Xavier Montserrat Íñigo Ainhoa Rocío
Félix Lorena
"""
_FIRST_EN = """
Emma James Olivia William Grace Thomas Chloe Henry Amelia George Sophie Jack Hannah Oliver Lucy Daniel
Alice Edward Megan Peter Zoe Patrick Niamh Sean Aoife Connor Fiona Liam Rachel Simon
"""
_LAST_ES = """
García Martínez López Sánchez Pérez Gómez Ruiz Hernández Díaz Moreno Muñoz Álvarez Romero Alonso
Gutiérrez Navarro Torres Domínguez Vázquez Ramos Gil Ramírez Serrano Blanco Molina Morales Suárez Ortega
Delgado Castro Ortiz Rubio Marín Sanz Núñez Iglesias Medina Garrido Cortés Castillo Santos Lozano
Guerrero Cano Prieto Méndez Calvo Vidal Campos León Herrera Peña Cabrera Márquez Fuentes Carrasco Vega
Reyes Soler Aguilar Pascual Santana Ibáñez Giménez Crespo Ferrer Benítez Durán Vicente Arias Mora
Carmona Rojas Soto Bravo Roldán Parra Lara Ñíguez
"""
_LAST_EN = """
Smith Jones Taylor Brown Wilson Evans Walker White Hughes Green Hall Clarke Wood Harris Martin Cooper
King Ward Turner Parker Byrne Murphy Kelly Walsh Ryan Doyle Fletcher Barnes Palmer Foster Gibson Hart
Pearce Dixon
"""
_CITIES = """
Madrid Barcelona Valencia Sevilla Bilbao Málaga Zaragoza Murcia Palma Alicante Córdoba Valladolid Vigo
Gijón Granada Vitoria Coruña Elche Oviedo Cartagena Jerez Pamplona Almería Santander Burgos Logroño
Salamanca Huelva Cádiz León Lleida Tarragona Girona Toledo Badajoz Jaén Cáceres Cuenca Ávila Segovia
"""
FIRST = {"es": _FIRST_ES.split(), "en": _FIRST_EN.split()}
LAST = {"es": _LAST_ES.split(), "en": _LAST_EN.split()}
CITIES = _CITIES.split()
PATTERNS = {
    "clinics": (
        "Clínica {last}",
        "Clínica Dental {last} {city}",
        "Fisioterapia {last}",
        "Centro Médico {city} {last}",
    ),
    "legal": ("{last} & {other} Abogados", "Bufete {last}", "{last} Asesores Legales {city}"),
    "retail": ("Tiendas {last}", "Moda {last} {city}", "Bazar {city} {last}", "Ópticas {last}"),
    "hospitality": ("Hotel {last} {city}", "Restaurante {last}", "Hostal {city} {last}", "Catering {last}"),
    "real_estate": ("Inmobiliaria {last}", "Fincas {last} {city}", "{last} y {other} Propiedades"),
    "education": ("Academia {last}", "Colegio {last} {city}", "Escuela de Idiomas {last} {city}"),
    "logistics": ("Transportes {last}", "{last} Logística {city}", "Mudanzas {last} {city}"),
    "consulting": ("{last} Consultores", "{last} & {other} Partners", "Estrategia {last} {city}"),
}


def ascii_slug(text: str) -> str:
    """The letters and digits of a name without accents, lower case."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(character for character in plain.lower() if character.isascii() and character.isalnum())


class NameBook:
    """Gives every company a name and domain that no other has."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._domains: set[str] = set()

    def company(self, dice: Random, industry: str) -> tuple[str, str]:
        """An unused (name, domain)."""
        while True:
            name = dice.choice(PATTERNS[industry]).format(
                last=dice.choice(LAST["es"]), other=dice.choice(LAST["es"]), city=dice.choice(CITIES)
            )
            if dice.random() < 0.35:
                name += dice.choice((" SL", " SLU", " SA", " y Asociados", " Grupo"))
            domain = ascii_slug(name) + ".example"
            if name not in self._names and domain not in self._domains:
                self._names.add(name)
                self._domains.add(domain)
                return name, domain

    @staticmethod
    def person(dice: Random, language: str) -> tuple[str, str]:
        """A (first name, last name) usual in that language."""
        first, last = dice.choice(FIRST[language]), dice.choice(LAST[language])
        # Spaniards carry two surnames.
        return first, f"{last} {dice.choice(LAST[language])}" if language == "es" else last


def address(first: str, last: str, domain: str, number: int = 0) -> str:
    """The person's e-mail address; `number` tells namesakes of one company apart."""
    return f"{ascii_slug(first)}.{ascii_slug(last.split(maxsplit=1)[0])}{number or ''}@{domain}"
