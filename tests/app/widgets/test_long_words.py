"""Nothing that is said makes the window wider than the screen."""

from app.files.exports import JobIndicator
from app.widgets.banner import Banner

PATH = "/home/somebody/" + "a_folder_with_a_long_name/" * 12 + "net.py"


def test_a_banner_breaks_paths_and_says_them_whole(qtbot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    for text in (PATH, "x" * 400, PATH.replace("/", "_")):
        banner.show_message(f"Wrote {text}, at 0.5.")
        assert banner.minimumSizeHint().width() < 700
        assert banner.text == f"Wrote {text}, at 0.5."


def test_an_indicator_has_all_of_it_in_its_tool_tip(qtbot) -> None:
    indicator = JobIndicator()
    qtbot.addWidget(indicator)
    indicator.say(f"Reading {PATH}: lines " + ", ".join(map(str, range(200))))
    assert indicator.minimumSizeHint().width() < 700
    assert PATH in indicator.text.toolTip()
