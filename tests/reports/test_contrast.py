import re

import pytest

from reports.weekly import HERE

STYLES = (HERE / "templates" / "weekly.css").read_text()
TEXT_ON = [
    *((text, ground) for text in ("ink", "soft", "muted", "accent", "ok", "off", "watch", "none", "c1", "c2", "c3", "target")
      for ground in ("page", "paper")),
    *((status, f"{status}-wash") for status in ("ok", "watch", "off", "none")),
]  # fmt: skip


def variables(scheme: str) -> dict[str, str]:
    blocks = re.findall(r":root \{([^}]*)\}", STYLES)
    light = dict(re.findall(r"--([\w-]+): (#\w+);", blocks[0]))
    return light if scheme == "light" else light | dict(re.findall(r"--([\w-]+): (#\w+);", blocks[1]))


def channel(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def luminance(colour: str) -> float:
    red, green, blue = (channel(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks_for(scheme: str) -> None:
    colours = variables(scheme)
    poor = {}
    for text, ground in TEXT_ON:
        light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        ratio = (light + 0.05) / (dark + 0.05)
        if ratio < 4.5:
            poor[text, ground] = round(ratio, 2)
    assert poor == {}
