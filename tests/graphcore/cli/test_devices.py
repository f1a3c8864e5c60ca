"""``gradscape devices`` lists what is there and says which device computes wrong."""

import json

from app.__main__ import main
from graphcore.cli import devices
from graphcore.engine import devices as there


def test_the_processor_is_listed(capsys):
    assert main(["devices", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["devices"]
    assert rows[0]["device"] == "cpu"
    assert [r["device"] for r in rows] == [d.name for d in there.available()]


def test_each_device_is_tried_and_one_that_computes_wrong_is_named(capsys, monkeypatch):
    monkeypatch.setitem(devices.BAR, "replay", -1.0)
    assert main(["devices", "--test"]) == 1
    said = capsys.readouterr().out
    assert "x eager" in said
    assert "computes wrong: replay" in said


def test_gradients_that_are_off_are_seen(monkeypatch):
    cpu = there.available()[0]
    assert devices.gradient_error(cpu) < 1e-5
    right = devices._gradients

    def planted(graph, feeds, device, dtype):
        found = right(graph, feeds, device, dtype)
        if dtype == "float32":
            next(iter(found.values()))[...] *= 1.01
        return found

    monkeypatch.setattr(devices, "_gradients", planted)
    assert devices.gradient_error(cpu) > 1e-3
