"""What a reader of the Chinese edition's chapters 8 and 9 types, section by section, in our own words.

Every function takes the module ``d2l``, rnnlib's or the real one, and returns values that must be the same
for both. The calls are the chapter's; sizes and numbers of epochs are small.
"""

from __future__ import annotations

import math
import re

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.d2l_peer import rnn


def section_1_sequences(d2l):
    """A sine with noise, predicted from its last four values."""
    steps = torch.arange(1, 201, dtype=torch.float32)
    x = torch.sin(0.01 * steps) + torch.normal(0, 0.2, (200,))
    d2l.plot(steps, [x], "time", "x", xlim=[1, 200], figsize=(6, 3))
    features = torch.stack([x[i : 196 + i] for i in range(4)], dim=1)
    labels = x[4:].reshape((-1, 1))
    train_iter = d2l.load_array((features[:120], labels[:120]), 16, is_train=True)
    net = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 1))
    loss = nn.MSELoss(reduction="none")
    trainer = torch.optim.Adam(net.parameters(), 0.01)
    for X, y in train_iter:
        trainer.zero_grad()
        loss(net(X), y).sum().backward()
        trainer.step()
    preds = net(features)
    d2l.plot(
        [steps, steps[4:]],
        [x.detach().numpy(), preds.detach().numpy()],
        "time",
        "x",
        legend=["data", "1-step preds"],
        xlim=[1, 200],
        figsize=(6, 3),
    )
    return d2l.evaluate_loss(net, train_iter, loss), preds.detach()


def section_2_text(d2l):
    """From the file to indices."""
    d2l.DATA_HUB["time_machine"] = (
        d2l.DATA_URL + "timemachine.txt",
        "090b5e7e70c295757f55df93cb0a180b9691891a",
    )
    with open(d2l.download("time_machine"), encoding="utf-8") as f:
        lines = [re.sub("[^A-Za-z]+", " ", line).strip().lower() for line in f.readlines()]
    tokens = d2l.tokenize(lines)
    vocab = d2l.Vocab(tokens)
    corpus, chars = d2l.load_corpus_time_machine()
    indices = [vocab[tokens[i]] for i in (0, 10)]
    return (
        lines == d2l.read_time_machine(),
        list(vocab.token_to_idx.items())[:10],
        indices,
        len(corpus),
        len(chars),
    )


def section_3_language_models(d2l):
    """Frequencies of one, two and three words, and minibatches of a short sequence."""
    tokens = d2l.tokenize(d2l.read_time_machine())
    corpus = [token for line in tokens for token in line]
    vocab = d2l.Vocab(corpus)
    freqs = [freq for token, freq in vocab.token_freqs]
    d2l.plot(freqs, xlabel="token: x", ylabel="frequency: n(x)", xscale="log", yscale="log")
    bigrams = d2l.Vocab(list(zip(corpus[:-1], corpus[1:])))
    trigrams = d2l.Vocab(list(zip(corpus[:-2], corpus[1:-1], corpus[2:])))
    curves = [[freq for token, freq in v.token_freqs] for v in (vocab, bigrams, trigrams)]
    d2l.plot(curves, xlabel="x", ylabel="n(x)", xscale="log", yscale="log", legend=["1", "2", "3"])
    my_seq = list(range(35))
    batches = [list(d2l.seq_data_iter_random(my_seq, batch_size=2, num_steps=5))]
    batches.append(list(d2l.seq_data_iter_sequential(my_seq, batch_size=2, num_steps=5)))
    return vocab.token_freqs[:10], bigrams.token_freqs[:10], trigrams.token_freqs[:10], batches


def get_params(vocab_size, num_hiddens, device):
    """Parameters as the reader of 8.5 makes them."""
    sizes = (vocab_size, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens, vocab_size)
    W_xh, W_hh, W_hq = (torch.randn(size=size, device=device) * 0.01 for size in sizes)
    params = [
        W_xh,
        W_hh,
        torch.zeros(num_hiddens, device=device),
        W_hq,
        torch.zeros(vocab_size, device=device),
    ]
    for param in params:
        param.requires_grad_(True)
    return params


def init_rnn_state(batch_size, num_hiddens, device):
    """The first state as the reader of 8.5 makes it."""
    return (torch.zeros((batch_size, num_hiddens), device=device),)


def section_5_scratch(d2l):
    """The model from scratch: shapes, a prediction before training, and the reader's own training loop."""
    train_iter, vocab = d2l.load_data_time_machine(32, 35)
    device = torch.device("cpu")
    net = d2l.RNNModelScratch(len(vocab), 64, device, get_params, init_rnn_state, rnn)
    X = torch.arange(10).reshape((2, 5))
    assert F.one_hot(X.T, len(vocab)).shape == (5, 2, len(vocab))
    Y, state = net(X.to(device), net.begin_state(X.shape[0], device))
    before = d2l.predict_ch8("time traveller ", 10, net, vocab, device)
    loss, state2, timer, metric = nn.CrossEntropyLoss(), None, d2l.Timer(), d2l.Accumulator(2)
    for X, targets in train_iter:
        if state2 is None:
            state2 = net.begin_state(batch_size=X.shape[0], device=device)
        for s in state2:
            s.detach_()
        y = targets.T.reshape(-1)
        y_hat, state2 = net(X, state2)
        value = loss(y_hat, y.long()).mean()
        value.backward()
        d2l.grad_clipping(net, 1)
        d2l.sgd(net.params, 1, batch_size=1)
        metric.add(value * y.numel(), y.numel())
    assert timer.stop() > 0
    return Y.detach(), len(state), state[0].detach(), before, math.exp(metric[0] / metric[1])


def section_5_train(d2l):
    """The model from scratch, trained by the library's loop."""
    train_iter, vocab = d2l.load_data_time_machine(32, 35, use_random_iter=True)
    device = torch.device("cpu")
    net = d2l.RNNModelScratch(len(vocab), 64, device, get_params, init_rnn_state, rnn)
    d2l.train_ch8(net, train_iter, vocab, 1, 10, device, use_random_iter=True)
    return [param.detach() for param in net.params]


def section_6_concise(d2l):
    """The model over nn.RNN, before and after training."""
    train_iter, vocab = d2l.load_data_time_machine(32, 35)
    rnn_layer = nn.RNN(len(vocab), 64)
    state = torch.zeros((1, 32, 64))
    Y, state = rnn_layer(torch.rand(size=(35, 32, len(vocab))), state)
    device = torch.device("cpu")
    net = d2l.RNNModel(rnn_layer, vocab_size=len(vocab))
    net = net.to(device)
    before = d2l.predict_ch8("time traveller", 10, net, vocab, device)
    d2l.train_ch8(net, train_iter, vocab, 1, 10, device)
    return Y.detach(), state.detach(), before, list(net.state_dict().items())


def gated_params(num_gates):
    """The parameters as the reader of 9.1 and 9.2 makes them: three for each gate, and two for the output."""

    def get_params(vocab_size, num_hiddens, device):
        def three():
            return (
                torch.randn(size=(vocab_size, num_hiddens), device=device) * 0.01,
                torch.randn(size=(num_hiddens, num_hiddens), device=device) * 0.01,
                torch.zeros(num_hiddens, device=device),
            )

        params = [param for _ in range(num_gates) for param in three()]
        params.append(torch.randn(size=(num_hiddens, vocab_size), device=device) * 0.01)
        params.append(torch.zeros(vocab_size, device=device))
        for param in params:
            param.requires_grad_(True)
        return params

    return get_params


def gru(inputs, state, params):
    """The GRU as the reader of 9.1 writes it."""
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        Z = torch.sigmoid((X @ W_xz) + (H @ W_hz) + b_z)
        R = torch.sigmoid((X @ W_xr) + (H @ W_hr) + b_r)
        H_tilda = torch.tanh((X @ W_xh) + ((R * H) @ W_hh) + b_h)
        H = Z * H + (1 - Z) * H_tilda
        outputs.append(H @ W_hq + b_q)
    return torch.cat(outputs, dim=0), (H,)


def init_lstm_state(batch_size, num_hiddens, device):
    """Two tensors, as the reader of 9.2 begins."""
    return (
        torch.zeros((batch_size, num_hiddens), device=device),
        torch.zeros((batch_size, num_hiddens), device=device),
    )


def lstm(inputs, state, params):
    """The LSTM as the reader of 9.2 writes it."""
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    (H, C) = state
    outputs = []
    for X in inputs:
        I = torch.sigmoid((X @ W_xi) + (H @ W_hi) + b_i)  # noqa: E741
        F = torch.sigmoid((X @ W_xf) + (H @ W_hf) + b_f)
        O = torch.sigmoid((X @ W_xo) + (H @ W_ho) + b_o)  # noqa: E741
        C_tilda = torch.tanh((X @ W_xc) + (H @ W_hc) + b_c)
        C = F * C + I * C_tilda
        H = O * torch.tanh(C)
        outputs.append((H @ W_hq) + b_q)
    return torch.cat(outputs, dim=0), (H, C)


def section_9_gated_from_scratch(d2l):
    """9.1 and 9.2: the reader's own GRU and LSTM in the model from scratch."""
    train_iter, vocab = d2l.load_data_time_machine(32, 35)
    device = d2l.try_gpu()
    params = []
    for gates, init_state, forward_fn in ((3, init_rnn_state, gru), (4, init_lstm_state, lstm)):
        net = d2l.RNNModelScratch(len(vocab), 32, device, gated_params(gates), init_state, forward_fn)
        d2l.train_ch8(net, train_iter, vocab, 1, 2, device)
        params += [param.detach() for param in net.params]
    return params


def section_9_concise(d2l):
    """9.1 to 9.4: layers of torch.nn, deep and in both directions."""
    train_iter, vocab = d2l.load_data_time_machine(32, 35)
    device, weights = d2l.try_gpu(), []
    for layer in (
        nn.GRU(len(vocab), 32),
        nn.LSTM(len(vocab), 32),
        nn.LSTM(len(vocab), 32, 2),
        nn.LSTM(len(vocab), 32, 2, bidirectional=True),
    ):
        net = d2l.RNNModel(layer, len(vocab))
        net = net.to(device)
        d2l.train_ch8(net, train_iter, vocab, 1 * 1.0, 2, device)
        weights += list(net.state_dict().items())
    return weights


SECTIONS = (
    section_1_sequences,
    section_2_text,
    section_3_language_models,
    section_5_scratch,
    section_5_train,
    section_6_concise,
    section_9_gated_from_scratch,
    section_9_concise,
)
