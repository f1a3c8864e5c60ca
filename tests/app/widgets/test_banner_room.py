"""A banner gives back at once the room that its last message took."""

from app.widgets.banner import Banner


def test_buttons_of_the_last_message_take_no_room_beside_the_next(qtbot):
    banner = Banner()
    qtbot.addWidget(banner)
    offers = [("Use it as data", lambda: None), ("Make a net for it", lambda: None)]
    banner.show_message("klasse9b.csv is a table, not a graph.", "info", offers)
    wide = banner.minimumSizeHint().width()
    banner.show_message("30 rows, 3 inputs: hours, sleep, days, target passed.")
    assert banner.minimumSizeHint().width() < wide - 150
