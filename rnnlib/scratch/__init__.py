"""Recurrent networks written from their equations, to be read beside the book and compared with torch.nn.

``functional``: the plain RNN as functions of its parameters, and gradient clipping (chapter 3). ``bptt``: its
backward pass by hand (chapter 4). ``cells``: one step of each kind of network (chapters 7, 8). ``layers``:
cells run over a sequence, stacked and in both directions (chapters 9, 10).
"""

from rnnlib.scratch.bptt import rnn_by_hand
from rnnlib.scratch.cells import gru_cell, gru_gates, lstm_cell, lstm_gates, rnn_cell
from rnnlib.scratch.functional import RNNModelScratch, get_params, grad_clipping, init_rnn_state, rnn
from rnnlib.scratch.layers import GRU, LSTM, RNN, RecurrentLayer

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "RNNModelScratch",
    "RecurrentLayer",
    "get_params",
    "grad_clipping",
    "gru_cell",
    "gru_gates",
    "init_rnn_state",
    "lstm_cell",
    "lstm_gates",
    "rnn",
    "rnn_by_hand",
    "rnn_cell",
]
