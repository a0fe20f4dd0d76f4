"""The device that PyTorch computes on, as a user names it."""

from __future__ import annotations


class DeviceError(ValueError):
    """A device that PyTorch cannot use here; the message says why and what to do."""


def usable_device(name: str) -> str:
    """Return the device `name` if PyTorch can use it; for "auto" return "cuda" where there is a GPU, otherwise "cpu".

    Raises DeviceError: an unknown name, a PyTorch without CUDA, or a GPU that is not there.
    """
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if gpus else "cpu"
    kind, _, index = name.partition(":")
    if name != "cpu" and (kind != "cuda" or (":" in name and not index.isdigit())):
        raise DeviceError(f"device '{name}': expected cpu, cuda, cuda:0, ... or auto")
    if kind == "cuda" and torch.version.cuda is None:
        raise DeviceError(
            f"device '{name}': this PyTorch ({torch.__version__}) is built without CUDA; install one that is "
            "(https://pytorch.org/get-started), or use cpu"
        )
    if kind == "cuda" and not gpus:
        raise DeviceError(f"device '{name}': PyTorch sees no GPU; see `nvidia-smi`, or use cpu")
    if index and int(index) >= gpus:
        raise DeviceError(f"device '{name}': expected cuda:0 to cuda:{gpus - 1}")
    return name
