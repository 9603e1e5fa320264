"""Several processes on one training, as `torchrun` starts them: who I am, and sums over all of us."""

import atexit
import os
import sys
import warnings
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Team:
    """Number `rank` of `size` processes; a single process needs none of this."""

    rank: int = 0
    size: int = 1

    def share(self, n: int) -> slice:
        """The rows of a batch of `n` that this process works on."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def sum(self, tensor: Tensor) -> Tensor:
        """The same tensor, summed over all processes in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def add_gradients(self, model: nn.Module) -> None:
        """Sum the gradients of all processes."""
        for parameter in model.parameters():
            if parameter.grad is not None:
                self.sum(parameter.grad)

    def same_start(self, model: nn.Module) -> None:
        """Everybody begins with the weights of the first process."""
        if self.size > 1:
            for tensor in [*model.parameters(), *model.buffers()]:
                dist.broadcast(tensor.data, 0)

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            dist.barrier()


ALONE = Team()


def team(device: torch.device, model: nn.Module) -> Team:
    """The processes that `torchrun` started (gloo on CPUs, nccl on GPUs), or this one alone."""
    if not dist.is_available() or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(_leave)
    if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        warnings.warn(
            "the network has BatchNorm, whose statistics each process takes from its own share of a batch: the result "
            'differs from that of one process; norm="group" does not',
            stacklevel=3,
        )
    return Team(dist.get_rank(), dist.get_world_size())


def _leave() -> None:
    """Close what `team` opened, all together: gloo may abort a process whose partner has left before.

    A process that ends with an error waits for nobody; the others notice that it is gone.
    """
    if dist.is_initialized():
        if not hasattr(sys, "last_value"):
            dist.barrier()
        dist.destroy_process_group()


def pick_device(device: str | torch.device | None) -> torch.device:
    """The device asked for; None takes the GPU of this process, or the CPU where there is none."""
    if device is not None:
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    return torch.device("cpu")
