"""Recurrent networks written from their equations, to be read beside the book and compared with torch.nn.

``functional``: the plain RNN as functions of its parameters (chapter 3). ``cells``: one step of each kind of
network. ``layers``: cells run over a sequence, stacked and in both directions.
"""

from .cells import gru_cell, gru_gates, lstm_cell, lstm_gates, rnn_cell
from .functional import RNNModelScratch, get_params, init_rnn_state, rnn, rnn_step
from .layers import GRU, LSTM, RNN, RecurrentLayer

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "RNNModelScratch",
    "RecurrentLayer",
    "get_params",
    "gru_cell",
    "gru_gates",
    "init_rnn_state",
    "lstm_cell",
    "lstm_gates",
    "rnn",
    "rnn_cell",
    "rnn_step",
]
