"""What people write to support and what they are answered, in the client's language."""

TOPICS: tuple[tuple[str, dict[str, tuple[str, str]]], ...] = (
    (
        "access",
        {
            "es": (
                "No puedo entrar",
                "Hola, la plataforma no acepta mi contraseña desde esta mañana. ¿Qué hago?",
            ),
            "en": (
                "Cannot sign in",
                "Hi, the platform has refused my password since this morning. What can I do?",
            ),
        },
    ),
    (
        "billing",
        {
            "es": (
                "Duda sobre la factura",
                "Buenos días, ¿me podéis explicar el importe de la última factura?",
            ),
            "en": ("Question about my invoice", "Hello, could you explain the amount of the last invoice?"),
        },
    ),
    (
        "integration",
        {
            "es": (
                "El calendario no sincroniza",
                "Las citas del asistente ya no llegan a nuestro calendario.",
            ),
            "en": ("Calendar does not sync", "Bookings made by the assistant no longer reach our calendar."),
        },
    ),
    (
        "bot",
        {
            "es": (
                "El bot responde mal",
                "El asistente da un horario que no es el nuestro. ¿Se puede corregir?",
            ),
            "en": (
                "The bot answers wrongly",
                "The assistant gives opening hours that are not ours. Can you fix it?",
            ),
        },
    ),
    (
        "how_to",
        {
            "es": ("¿Cómo añado a un compañero?", "Quiero dar acceso a una persona más del equipo."),
            "en": (
                "How do I add a colleague?",
                "I would like to give access to one more person of the team.",
            ),
        },
    ),
    (
        "report",
        {
            "es": ("No encuentro el informe", "¿Dónde se ve el informe del mes pasado?"),
            "en": ("Cannot find the report", "Where can I see last month's report?"),
        },
    ),
    (
        "deliverable",
        {
            "es": ("Sobre el último trabajo", "¿Para cuándo estará la automatización que pedimos?"),
            "en": ("About the last piece of work", "When will the automation that we asked for be ready?"),
        },
    ),
    (
        "incident",
        {
            "es": ("No funciona nada", "Desde hace una hora el asistente no contesta a nadie. Es urgente."),
            "en": ("Nothing works", "The assistant has answered nobody for an hour. This is urgent."),
        },
    ),
    (
        "plan",
        {
            "es": ("Cambiar de plan", "Estamos creciendo y queremos saber qué incluye el plan superior."),
            "en": ("Changing plan", "We are growing and would like to know what the next plan includes."),
        },
    ),
    (
        "data",
        {
            "es": ("Exportar datos", "¿Cómo podemos descargar todas las conversaciones del trimestre?"),
            "en": ("Exporting data", "How can we download all conversations of the quarter?"),
        },
    ),
)

ANSWERS: dict[str, dict[str, str]] = {
    "bot": {
        "es": "Hola, soy el asistente de Tenfold. Esto lo explica paso a paso el artículo que te enlazo.",
        "en": "Hello, I am Tenfold's assistant. The article I am linking explains this step by step.",
    },
    "admin": {
        "es": "Hola, gracias por escribirnos. Lo estoy mirando y te digo algo enseguida.",
        "en": "Hello, thank you for writing. I am looking into it and will be back shortly.",
    },
    "solved": {
        "es": "Ya está corregido por nuestra parte. ¿Nos confirmas que lo ves bien?",
        "en": "It is fixed on our side. Could you confirm that it looks right to you?",
    },
    "thanks": {"es": "Perfecto, muchas gracias.", "en": "Perfect, thank you."},
    "again": {
        "es": "Hola otra vez, ha vuelto a pasar lo mismo.",
        "en": "Hello again, the same has happened once more.",
    },
    "asked": {
        "es": "Para seguir necesitamos una captura de la pantalla de ajustes, por favor.",
        "en": "To go on we need a screenshot of the settings page, please.",
    },
    "sent": {"es": "Aquí la tienes.", "en": "Here it is."},
}
REMARKS = {
    5: ("Rapidísimos", "Muy amables", "Great help", "Todo claro"),
    4: ("Bien, gracias", "Good", "Resuelto"),
    3: ("Normal", "Tardó un poco"),
    2: ("Tuve que insistir", "Slow"),
    1: ("Nadie me contestó a tiempo", "Not solved"),
}
SPAM = ("Increase your traffic", "Guest post on your blog", "SEO offer for your website")
