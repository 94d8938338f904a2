"""The plain RNN as functions of its parameters: initialize, begin a state, run a sequence, clip the
gradients.

    H_t = tanh(X_t W_xh + H_{t-1} W_hh + b_h)        O_t = H_t W_hq + b_q

The recurrence is Elman's (J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnlib.common import check_positive, check_rate, check_tokens
from rnnlib.states import State, check_state, map_state


def get_params(
    vocab_size: int,
    num_hiddens: int,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    std: float = 0.01,
) -> list[Tensor]:
    """The five parameters of an RNN language model, ready for gradients.

    Args:
        vocab_size: V, the size of inputs and outputs alike.
        num_hiddens: H.
        device, dtype: where and in what precision; torch's defaults if left out.
        std: standard deviation of the initial weights; biases begin at zero.

    Returns:
        ``[W_xh (V, H), W_hh (H, H), b_h (H,), W_hq (H, V), b_q (V,)]``.

    Raises:
        ValueError: if V or H is not a positive integer.
    """
    check_positive(vocab_size=vocab_size, num_hiddens=num_hiddens)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, device=device, dtype=dtype) * std

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(shape, device=device, dtype=dtype)

    W_xh, W_hh, b_h = normal(vocab_size, num_hiddens), normal(num_hiddens, num_hiddens), zeros(num_hiddens)
    W_hq, b_q = normal(num_hiddens, vocab_size), zeros(vocab_size)
    return [parameter.requires_grad_() for parameter in (W_xh, W_hh, b_h, W_hq, b_q)]


def init_rnn_state(
    batch_size: int,
    num_hiddens: int,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> tuple[Tensor]:
    """The state before the first token: a tuple of one (B, H) zero tensor.

    A tuple, because some cells carry more than one tensor (an LSTM carries two): code that treats the state
    as a tuple works for all of them.
    """
    return (torch.zeros((batch_size, num_hiddens), device=device, dtype=dtype),)


def rnn(inputs: Tensor, state: tuple[Tensor], params: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor]]:
    """Run the RNN over a sequence.

    Args:
        inputs: (T, B, V), time first.
        state: tuple of one (B, H) tensor.
        params: the five tensors of :func:`get_params`.

    Returns:
        ``(outputs, state)``: logits (T, B, V), and the state after the last step, a tuple of one (B, H)
        tensor.

    Raises:
        ValueError: if the state belongs to another batch size.
    """
    W_xh, W_hh, b_h, W_hq, b_q = params
    check_state(state, inputs.shape[1])
    (H,) = state
    hiddens = []
    for X in inputs:  # X: (B, V)
        H = torch.tanh(X @ W_xh + H @ W_hh + b_h)  # (B, H)
        hiddens.append(H)
    return torch.stack(hiddens) @ W_hq + b_q, (H,)  # (T, B, V): one product serves all steps


def grad_clipping(parameters: Any, theta: float) -> Tensor:
    """Scale all gradients together so that their global norm is at most theta.

        g <- min(1, theta / ||g||) g

    The norm runs over all parameters at once, so the direction of the step is kept. (R. Pascanu, T. Mikolov,
    Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.)

    Args:
        parameters: a model, one parameter, or any iterable of them. A generator (``model.parameters()``) is
            read once and kept, so that it is not used up by the norm before the scaling.
        theta: the largest norm allowed.

    Returns:
        The norm before clipping, a 0-d tensor (no synchronization with a GPU is forced).

    Raises:
        ValueError: if theta is not a finite number above 0.
    """
    check_rate(theta=theta)
    if hasattr(parameters, "parameters"):
        parameters = parameters.parameters()
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    grads = [p.grad for p in parameters if p.grad is not None]
    if not grads:
        return torch.zeros(())
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in grads]))
    scale = (theta / norm).clamp(max=1.0)
    for g in grads:
        g.mul_(scale)
    return norm


class RNNModelScratch:
    """A language model made of three functions: its parameters, its first state, its forward pass.

    Args:
        vocab_size: V.
        num_hiddens: H.
        device: where the parameters lie.
        get_params: ``(vocab_size, num_hiddens, device) -> list of tensors``.
        init_state: ``(batch_size, num_hiddens, device) -> tuple of tensors``.
        forward_fn: ``(inputs (T, B, V), state, params) -> (logits (T, B, V), state)``, as :func:`rnn`.

    Example:
        >>> model = RNNModelScratch(28, 512)
        >>> X = torch.arange(10).reshape(2, 5)  # (B, T)
        >>> logits, state = model(X)
        >>> logits.shape, len(state), state[0].shape
        (torch.Size([2, 5, 28]), 1, torch.Size([2, 512]))
    """

    def __init__(
        self,
        vocab_size: int,
        num_hiddens: int,
        device: str | torch.device | None = None,
        get_params: Callable[..., list[Tensor]] = get_params,
        init_state: Callable[..., State] = init_rnn_state,
        forward_fn: Callable[..., tuple[Tensor, State]] = rnn,
    ):
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        self.params = get_params(vocab_size, num_hiddens, device)
        self.init_state, self.forward_fn = init_state, forward_fn

    def __call__(self, X: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits (B, T, V) and the new state for token indices X (B, T); without a state, begin anew.

        Raises:
            ValueError: if X is not (B, T).
        """
        check_tokens(X)
        if state is None:
            state = self.begin_state(X.shape[0], X.device)
        inputs = F.one_hot(X.T, self.vocab_size).to(self.params[0].dtype)  # (T, B, V)
        outputs, state = self.forward_fn(inputs, state, self.params)
        return outputs.transpose(0, 1), state

    def begin_state(self, batch_size: int = 1, device: str | torch.device | None = None) -> State:
        """The state before the first token, for B rows, in the precision of the parameters."""
        state = self.init_state(batch_size, self.num_hiddens, device or self.params[0].device)
        return map_state(lambda part: part.to(self.params[0].dtype), state)

    def parameters(self) -> list[Tensor]:
        """The parameters, as torch's optimizers want them."""
        return self.params

    def state_dict(self) -> dict[str, Tensor]:
        """The parameters by position, for :mod:`rnnlib.training.checkpoints`."""
        return {f"params.{i}": parameter.detach() for i, parameter in enumerate(self.params)}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Take over parameter values from :meth:`state_dict`; names and shapes must agree."""
        own = self.state_dict()
        shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
        given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if given != shapes:
            raise ValueError(f"these parameters do not fit the model: got {given}, expected {shapes}.")
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
