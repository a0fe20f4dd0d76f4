"""Devices: what is accepted, and what the message says where one cannot be used."""

import pytest
import torch

from fastgrasp_model.device import DeviceError, usable_device


def with_gpus(monkeypatch, count: int, built: str | None = "12.8") -> None:
    monkeypatch.setattr(torch.version, "cuda", built)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_the_cpu_is_always_there_and_auto_takes_a_gpu_where_there_is_one(monkeypatch):
    with_gpus(monkeypatch, 0)
    assert usable_device("cpu") == usable_device("auto") == "cpu"
    with_gpus(monkeypatch, 2)
    assert [usable_device(name) for name in ("cpu", "auto", "cuda", "cuda:1")] == ["cpu", "cuda", "cuda", "cuda:1"]


@pytest.mark.parametrize("name", ["tpu", "cpu:0", "cuda:", "cuda:x", "", "CUDA", "mps"])
def test_unknown_names_are_refused(name):
    with pytest.raises(DeviceError, match=f"device '{name}': expected cpu, cuda, cuda:0, ... or auto"):
        usable_device(name)


@pytest.mark.parametrize(
    "name, gpus, built, says",
    [("cuda", 0, None, "built without CUDA"), ("cuda", 0, "12.8", "sees no GPU"), ("cuda:2", 2, "12.8", "to cuda:1")],
)
def test_a_gpu_that_is_not_there_is_explained(monkeypatch, name, gpus, built, says):
    with_gpus(monkeypatch, gpus, built)
    with pytest.raises(DeviceError, match=says):
        usable_device(name)
