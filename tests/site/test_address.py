"""Buttons and words that lead to the repository: there once it has an address, and only then."""

from __future__ import annotations

import pytest
from bilingual.address import is_published
from bilingual.pages import trim_buttons
from test_units import build, markdown

ADDRESS, PLACEHOLDER = "https://github.com/somebody/rnn-book", "https://github.com/OWNER/rnn-book"
BUTTONS = [
    {
        "label": "launch-buttons",
        "tooltip": "Launch interactive content",
        "buttons": [{"label": "colab", "tooltip": ""}],
    },
    {
        "label": "source-buttons",
        "tooltip": "Source repositories",
        "buttons": [{"label": "source-repository-button"}],
    },
    {"label": "source-issues-button", "tooltip": "Open an issue"},
    {
        "label": "download-buttons",
        "tooltip": "Download this page",
        "buttons": [{"label": "download-source-button"}],
    },
    {"label": "fullscreen-button", "tooltip": "Fullscreen mode"},
]


@pytest.mark.parametrize(
    "url, published",
    [
        (ADDRESS, True),
        ("https://gitlab.com/NVIDIA/book", True),
        (PLACEHOLDER, False),
        ("https://github.com/OWNER", False),
        ("https://github.com/<user>/book", False),
        ("https://github.com/YOUR-NAME/book", False),
        ("", False),
        (None, False),
        ("OWNER/book", False),
    ],
)
def test_a_placeholder_is_no_address(url, published):
    assert is_published(url) is published


def labels(buttons: list[dict]) -> list[str]:
    return [label for button in buttons for label in (button["label"], *labels(button.get("buttons", [])))]


def test_buttons_lead_somewhere_or_are_not_there():
    buttons = [{"tooltip": "", **button} for button in BUTTONS]
    for button in buttons:
        button["buttons"] = [{"tooltip": "", **inner} for inner in button.get("buttons", [])]
    assert labels(trim_buttons(buttons, True, PLACEHOLDER)) == [
        "download-buttons",
        "download-source-button",
        "fullscreen-button",
    ]
    assert labels(trim_buttons(buttons, True, ADDRESS)) == labels(buttons)
    assert "launch-buttons" not in labels(trim_buttons(buttons, False, ADDRESS))


@pytest.mark.parametrize(
    "url, seen, hidden", [(ADDRESS, "点按钮", "没有地址"), (PLACEHOLDER, "没有地址", "点按钮")]
)
def test_words_about_the_buttons_follow_the_address(tmp_path, url, seen, hidden):
    cells = [
        markdown("# 题 | Title"),
        markdown("::::{published}\n:::{lang} zh\n点按钮\n:::\n:::{lang} en\nPress\n:::\n::::"),
        markdown("::::{unpublished}\n:::{lang} zh\n没有地址\n:::\n:::{lang} en\nNo address\n:::\n::::"),
    ]
    done, page = build(tmp_path, cells, conf=f'html_theme_options = {{"repository_url": "{url}"}}\n')
    assert done.returncode == 0, done.stderr
    assert seen in page and hidden not in page and page.count('class="lang-pair"') == 1
