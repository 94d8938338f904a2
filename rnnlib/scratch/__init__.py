"""Recurrent networks written from their equations, to be read beside the book and compared with torch.nn."""

from .functional import RNNModelScratch, get_params, init_rnn_state, rnn, rnn_step

__all__ = ["RNNModelScratch", "get_params", "init_rnn_state", "rnn", "rnn_step"]
