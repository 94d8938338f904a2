"""float16 for cuDNN's persistent kernels: one-hot vectors as wide as they take them.

These kernels keep the recurrent weights on the chip for all steps. PyTorch asks for them in float16, for one
layer in one direction, if H and the width of the inputs are multiples of 128 and the batch fits (``get_algo``
in aten/src/ATen/native/cudnn/RNN.cpp). V hardly ever is such a multiple; with zeros behind the one-hot
vectors, and behind the rows of W_ih that they are multiplied by, the inputs are that wide, and the products
are the same.
"""

from __future__ import annotations

import functools
import logging

import torch
import torch.nn.functional as F
from torch import _VF, Tensor, nn

from rnnlib.common import check_tokens
from rnnlib.devices import autocast
from rnnlib.models.language import RNNModel
from rnnlib.states import State, check_state, num_states
from rnnlib.training.fast.models import Forward

log = logging.getLogger("rnnlib.training")
WIDTH, LARGEST, MOST_ROWS = 128, 1024, 128
LAYERS = {"RNN_TANH": _VF.rnn_tanh, "RNN_RELU": _VF.rnn_relu, "LSTM": _VF.lstm}
# up to this H cuDNN has persistent kernels for inputs of any width
SMALL = {"RNN_TANH": 384, "RNN_RELU": 384, "LSTM": 192}


def padded_forward(model: RNNModel) -> tuple[Forward | None, str]:
    """``forward(X, state) -> (logits, state)`` in float16 by persistent kernels, or None without them.

    Batches that the kernels do not take go through the model itself, in float16 too; the log says so once.

    Args:
        model: whose layer cuDNN runs.

    Returns:
        ``(forward, why)``; ``why`` says which condition fails, or what is padded.
    """
    if why := _why_not(model):
        return None, f"but not by its persistent kernels: {why}"
    tell = functools.cache(lambda why: log.info("a batch not for cuDNN's persistent kernels: %s", why))

    def forward(X: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        with autocast(model.linear.weight.device, "float16"):
            if why := _batch_does_not_fit(model, len(X)):
                tell(why)
                return model(X, state)
            return padded(model, X, state)

    width = model.vocab_size + -model.vocab_size % WIDTH
    return (
        forward,
        f"by its persistent kernels, one-hot vectors padded from V = {model.vocab_size} to {width}",
    )


def padded(model: RNNModel, X: Tensor, state: State | None = None) -> tuple[Tensor, State]:
    """What the model computes, gradients included, with inputs as wide as the next multiple of 128.

    Args:
        model: over an ``nn.RNN`` or ``nn.LSTM`` of one layer in one direction, with one-hot inputs.
        X, state: as for the model.
    """
    check_tokens(X)
    layer, zeros = model.rnn, (0, -model.vocab_size % WIDTH)
    if state is None:
        state = model.begin_state(X.shape[0])
    check_state(state, X.shape[0], num_states(layer))
    W_ih, *others = layer.all_weights[0]
    inputs, weights = F.pad(model._encode(X.T), zeros), [F.pad(W_ih, zeros), *others]
    run = LAYERS[layer.mode]
    Y, *ends = run(inputs, state, weights, layer.bias, 1, 0.0, layer.training, False, False)
    return model.linear(Y).transpose(0, 1), tuple(ends) if len(ends) > 1 else ends[0]


def _why_not(model: RNNModel) -> str:
    """Which of the conditions on the model and the GPU fails; an empty string if none does."""
    layer, H, V = model.rnn, model.num_hiddens, model.vocab_size
    if type(layer) not in (nn.RNN, nn.LSTM):
        return f"the layer is a {type(layer).__name__}"
    if layer.num_layers > 1 or layer.bidirectional or layer.proj_size:
        return "they take one layer in one direction without projections"
    if H % WIDTH or H > LARGEST:
        return f"H = {H} is no multiple of {WIDTH} up to {LARGEST}"
    if SMALL[layer.mode] >= H:
        return f"for H = {H} cuDNN has others, which take inputs of any width"
    if model.embedding is not None or V % WIDTH == 0:
        return f"there is nothing to pad, neither embedded inputs nor V = {V}"
    if layer.weight_ih_l0.dtype != torch.float32:
        return "the weights are not in float32"
    return _gpu_lacks(layer.weight_ih_l0.device)


def _gpu_lacks(device: torch.device) -> str:
    if device.type != "cuda" or torch.version.cuda is None or not torch.backends.cudnn.enabled:
        return "there is no cuDNN"
    gpu = torch.cuda.get_device_properties(device)
    if gpu.major < 8 or gpu.minor == 6 or gpu.multi_processor_count < 98:
        return f"PyTorch does not ask for them on {gpu.name}"
    return ""


def _batch_does_not_fit(model: RNNModel, B: int) -> str:
    if B % 8 or B > MOST_ROWS:
        return f"B = {B} is no multiple of 8 up to {MOST_ROWS}"
    if model.rnn.mode != "LSTM" and B >= 96 and model.num_hiddens >= 896:
        return f"an nn.RNN of H = {model.num_hiddens} takes fewer than 96 rows, not B = {B}"
    return ""
