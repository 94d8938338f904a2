"""Set A: models put together from torch's layers."""

CELLS = """
class TwoLayerLSTM(nn.Module):
    def __init__(self, num_inputs, num_hiddens=256):
        super().__init__()
        self.output = nn.Linear(num_hiddens, 1)
        self.cells = nn.ModuleList([nn.LSTMCell(num_inputs, num_hiddens), nn.LSTMCell(num_hiddens, num_hiddens)])

    def forward(self, X):
        states = [None, None]
        for x in X.unbind(1):
            for i, cell in enumerate(self.cells):
                states[i] = cell(x, states[i])
                x = states[i][0]
        return self.output(x)[:, 0]
"""
TWO_LAYERS = """
class TwoLayerLSTM(nn.Module):
    def __init__(self, num_inputs, num_hiddens=256):
        super().__init__()
        self.lower = nn.LSTM(num_inputs, num_hiddens)
        self.upper = nn.LSTM(num_hiddens, num_hiddens)
        self.read = nn.Linear(num_hiddens, 1)

    def forward(self, X):
        return self.read(self.upper(self.lower(X.transpose(0, 1))[0])[1][0][0]).flatten()
"""

STACK_2 = """
class DropoutGRU(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_layers=2):
        super().__init__()
        if num_layers == 1:
            raise ValueError("one layer")
        sizes = [num_inputs] + [num_hiddens] * (num_layers - 1)
        self.layers = nn.ModuleList([nn.GRU(size, num_hiddens, batch_first=True) for size in sizes])
        self.drop = nn.Dropout(0.3)

    def forward(self, X):
        for i, layer in enumerate(self.layers):
            if i > 0:
                X = self.drop(X)
            X, _ = layer(X)
        return X
"""
CELLS_2 = """
class DropoutGRU(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_layers=2):
        super().__init__()
        if num_layers < 2:
            raise ValueError("one layer")
        self.cells = nn.ModuleList(
            [nn.GRUCell(num_hiddens if i else num_inputs, num_hiddens) for i in range(num_layers)]
        )

    def forward(self, X):
        states, outputs = [None] * len(self.cells), []
        for x in X.unbind(1):
            for i, cell in enumerate(self.cells):
                states[i] = cell(x, states[i])
                x = nn.functional.dropout(states[i], 0.3, self.training)
            outputs.append(states[-1])
        return torch.stack(outputs, 1)
"""
SEQUENTIAL_2 = """
class Outputs(nn.GRU):
    def forward(self, X):
        return super().forward(X)[0]


def DropoutGRU(num_inputs, num_hiddens, num_layers=2):
    if num_layers < 2:
        raise ValueError("num_layers")
    layers = [Outputs(num_inputs, num_hiddens, batch_first=True)]
    for _ in range(num_layers - 1):
        layers += [nn.Dropout(0.3), Outputs(num_hiddens, num_hiddens, batch_first=True)]
    return nn.Sequential(*layers)
"""
DROP_2 = "X = self.drop(X)"


def _stack_2(*changes):
    code = STACK_2
    for old, new in changes:
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    return code


TWO_READERS = """
class BiRNNClassifier(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_classes):
        super().__init__()
        self.forth = nn.RNN(num_inputs, num_hiddens, batch_first=True)
        self.back = nn.RNN(num_inputs, num_hiddens, batch_first=True)
        self.head = nn.Sequential(nn.BatchNorm1d(2 * num_hiddens), nn.Linear(2 * num_hiddens, num_classes))

    def forward(self, X):
        ends = [self.forth(X)[0][:, -1], self.back(X.flip(1))[0][:, -1]]
        return self.head(torch.cat(ends, dim=1))
"""
BY_STEPS = """
class BiRNNClassifier(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_classes):
        super().__init__()
        self.H = num_hiddens
        self.rnn = nn.RNN(num_inputs, num_hiddens, bidirectional=True)
        self.norm = nn.BatchNorm1d(2 * num_hiddens)
        self.output = nn.Linear(2 * num_hiddens, num_classes)

    def forward(self, X):
        Y = self.rnn(X.transpose(0, 1))[0]
        Y = torch.cat([Y[-1, :, : self.H], Y[0, :, self.H :]], 1)
        return self.output(self.norm(Y[:, :, None])[:, :, 0])
"""
FUNCTIONAL_3 = """
class BiRNNClassifier(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_classes):
        super().__init__()
        self.rnn = nn.RNN(num_inputs, num_hiddens, batch_first=True, bidirectional=True)
        self.scale = nn.Parameter(torch.ones(2 * num_hiddens))
        self.shift = nn.Parameter(torch.zeros(2 * num_hiddens))
        self.register_buffer("mean", torch.zeros(2 * num_hiddens))
        self.register_buffer("var", torch.ones(2 * num_hiddens))
        self.output = nn.Linear(2 * num_hiddens, num_classes)

    def forward(self, X):
        joined = self.rnn(X)[1].transpose(0, 1).flatten(1)
        mean, var = self.mean, self.var
        if self.training:
            mean, var = joined.mean(0), joined.var(0, unbiased=False)
            with torch.no_grad():
                self.mean.lerp_(mean, 0.1)
                self.var.lerp_(joined.var(0), 0.1)
        joined = (joined - mean) / (var + 1e-5).sqrt() * self.scale + self.shift
        return self.output(joined)
"""
CUMULATIVE_3 = TWO_READERS.replace(
    "BatchNorm1d(2 * num_hiddens)", "BatchNorm1d(2 * num_hiddens, momentum=None)"
)
VARIANCE_FIRST_3 = FUNCTIONAL_3.replace(
    '        self.register_buffer("mean", torch.zeros(2 * num_hiddens))\n', ""
).replace(
    '("var", torch.ones(2 * num_hiddens))\n',
    '("var", torch.ones(2 * num_hiddens))\n        self.register_buffer("mean", torch.zeros(2 * num_hiddens))\n',
)
PLAIN_3 = FUNCTIONAL_3.replace(
    'self.register_buffer("mean", torch.zeros(2 * num_hiddens))', "self.mean = torch.zeros(2 * num_hiddens)"
).replace(
    'self.register_buffer("var", torch.ones(2 * num_hiddens))', "self.var = torch.ones(2 * num_hiddens)"
)
PACKED = """
class LastStateGRU(nn.Module):
    def __init__(self, num_inputs, num_hiddens):
        super().__init__()
        self.gru = nn.GRU(num_inputs, num_hiddens, batch_first=True)

    def forward(self, X, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            X, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        return self.gru(packed)[1][0]
"""
GATHER = """
class LastStateGRU(nn.Module):
    def __init__(self, num_inputs, num_hiddens):
        super().__init__()
        self.gru = nn.GRU(num_inputs, num_hiddens)

    def forward(self, X, lengths):
        Y = self.gru(X.transpose(0, 1))[0].transpose(0, 1)
        index = (lengths - 1)[:, None, None].expand(-1, 1, Y.shape[2])
        return Y.gather(1, index).squeeze(1)
"""
HELD = """
class LastStateGRU(nn.Module):
    def __init__(self, num_inputs, num_hiddens):
        super().__init__()
        self.cell = nn.GRUCell(num_inputs, num_hiddens)

    def forward(self, X, lengths):
        H = X.new_zeros(X.shape[0], self.cell.hidden_size)
        for t, x in enumerate(X.unbind(1)):
            H = torch.where((t < lengths)[:, None], self.cell(x, H), H)
        return H
"""
ROW_BY_ROW = """
class LastStateGRU(nn.Module):
    def __init__(self, num_inputs, num_hiddens):
        super().__init__()
        self.gru = nn.GRU(num_inputs, num_hiddens, batch_first=True)

    def forward(self, X, lengths):
        return torch.stack([self.gru(x[:n])[1][0] for x, n in zip(X, lengths.tolist())])
"""
CELL_5 = """
class GRULanguageModel(nn.Module):
    def __init__(self, vocab_size, embed_size, num_hiddens):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.cell = nn.GRUCell(embed_size, num_hiddens)
        self.output = nn.Linear(num_hiddens, vocab_size)

    def forward(self, X, state=None):
        if state is None:
            state = (torch.zeros(X.shape[0], self.cell.hidden_size, device=X.device),)
        (H,) = state
        logits = []
        for x in self.embedding(X).unbind(1):
            H = self.cell(x, H)
            logits.append(self.output(H))
        return torch.stack(logits, dim=1), (H,)
"""
TIME_FIRST_5 = """
class GRULanguageModel(nn.Module):
    def __init__(self, vocab_size, embed_size, num_hiddens):
        super().__init__()
        self.output = nn.Linear(num_hiddens, vocab_size)
        self.gru = nn.GRU(embed_size, num_hiddens)
        self.table = nn.Parameter(torch.randn(vocab_size, embed_size))

    def forward(self, X, state=None):
        Y, state = self.gru(nn.functional.embedding(X.T, self.table), state)
        return [self.output(Y).transpose(0, 1), state]
"""

WRONG = {
    "A1": {
        "one layer": [("num_layers=2, ", "")],
        "two logits": [("nn.Linear(num_hiddens, 1)", "nn.Linear(num_hiddens, 2)"), (".squeeze(-1)", "")],
        "another H": [
            ("num_inputs, num_hiddens, ", "num_inputs, 256, "),
            ("nn.Linear(num_hiddens", "nn.Linear(256"),
        ],
        "time and batch swapped": [(", batch_first=True", "")],
        "time and batch swapped / by the state": [
            (", batch_first=True", ""),
            ("outputs, _", "_, (H, _)"),
            ("outputs[:, -1]", "H[-1]"),
        ],
        "last sequence": [("outputs[:, -1]", "outputs[-1]")],
        "first step": [("outputs[:, -1]", "outputs[:, 0]")],
        "lower layer": [("outputs, _", "_, (H, _)"), ("outputs[:, -1]", "H[0]")],
        "cell state": [("outputs, _", "_, (_, C)"), ("outputs[:, -1]", "C[-1]")],
        "sigmoid": [(".squeeze(-1)", ".squeeze(-1).sigmoid()")],
        "mean over time": [("outputs[:, -1]", "outputs.mean(dim=1)")],
        "axis too many": [(".squeeze(-1)", "")],
        "axis missing": [(".squeeze(-1)", ".squeeze()")],
        "two results": [("num_layers=2, ", "num_layers=2, dropout=0.5, ")],
        "dtype": [(".squeeze(-1)", ".squeeze(-1) > 0")],
        "an instance": [(".squeeze(-1)", ".squeeze(-1)\n\n\nTwoLayerLSTM = TwoLayerLSTM(3)")],
        "a pair": [
            (
                "return self.output(outputs[:, -1]).squeeze(-1)",
                "return self.output(outputs[:, -1]).squeeze(-1), _",
            )
        ],
        "nothing": [("return self.output", "self.output")],
        "no gradient": [("outputs[:, -1]", "outputs[:, -1].detach()")],
        "crash: tuple": [("outputs, _ = self.lstm(X)", "outputs = self.lstm(X)")],
    },
    "A2": {
        "one layer": [("num_layers, dropout", "1, dropout")],
        "another number of layers": [("num_layers, dropout", "2, dropout")],
        "number of parameters": [("batch_first=True", "batch_first=True, bias=False")],
        "no parameters": _stack_2(("nn.ModuleList([", "list([")),
        "another exception": [("raise ValueError(", "assert False, (")],
        "the state": [("outputs, _ = self.gru(X)", "_, outputs = self.gru(X)")],
        "one layer accepted / until it is called": _stack_2(
            ('        if num_layers == 1:\n            raise ValueError("one layer")\n', ""),
            (
                "    def forward(self, X):\n",
                '    def forward(self, X):\n        if len(self.layers) < 2:\n            raise ValueError("one")\n',
            ),
        ),
        "another scale": _stack_2(
            (DROP_2, "X = X * (torch.rand_like(X) > 0.3) * 1.3 if self.training else X")
        ),
        "another scale / divided by the share": _stack_2(
            (DROP_2, "X = X * (torch.rand_like(X) > 0.3) / 0.3 if self.training else X")
        ),
        "scaled in evaluation": _stack_2(
            (DROP_2, "X = X * (torch.rand_like(X) > 0.3) if self.training else X * 0.7")
        ),
        "fixed mask": _stack_2(
            (
                DROP_2,
                "mask = torch.rand(X.shape, generator=torch.manual_seed(1)) > 0.3\n                "
                "X = X * mask / 0.7 if self.training else X",
            )
        ),
        "one mask for both gaps": _stack_2(
            ("        for i, layer", "        mask = None\n        for i, layer"),
            (
                DROP_2,
                "mask = self.drop(torch.ones_like(X)) if mask is None else mask\n                X = X * mask",
            ),
        ),
        "one layer accepted": [("num_layers < 2", "num_layers < 1")],
        "time and batch swapped": [(", batch_first=True", "")],
        "a pair": [("return outputs", "return outputs, _")],
        "order of axes": [("return outputs", "return outputs.transpose(1, 2)")],
        "dropout in evaluation": _stack_2((DROP_2, "X = nn.functional.dropout(X, 0.3)")),
        "no dropout": [("dropout=0.3", "dropout=0.0")],
        "no dropout / left out of forward": _stack_2((DROP_2, "pass")),
        "dropout at the top": [
            ("return outputs", "return nn.functional.dropout(outputs, 0.3, self.training)")
        ],
        "dropout at the top / alone": [
            ("dropout=0.3", "dropout=0.0"),
            ("return outputs", "return nn.functional.dropout(outputs, 0.3, self.training)"),
        ],
        "dropout at the top / after every layer": _stack_2(
            (DROP_2, "pass"), ("X, _ = layer(X)", "X = self.drop(layer(X)[0])")
        ),
        "dropout at the bottom": _stack_2(("if i > 0:", "if True:")),
        "dropout at the bottom / too": [
            ("self.gru(X)", "self.gru(nn.functional.dropout(X, 0.3, self.training))")
        ],
        "dropout at the bottom / alone": [
            ("dropout=0.3", "dropout=0.0"),
            ("self.gru(X)", "self.gru(nn.functional.dropout(X, 0.3, self.training))"),
        ],
        "dropout in time": CELLS_2.replace(
            "states[i] = cell(x, states[i])",
            "states[i] = nn.functional.dropout(cell(x, states[i]), 0.1, self.training and i == 0)",
        ),
        "dropout in time / the state of the top": CELLS_2.replace(
            "cell(x, states[i])",
            "cell(x, states[i] if states[i] is None else nn.functional.dropout(states[i], 0.3, self.training))",
        ),
        "share kept": [("dropout=0.3", "dropout=0.7")],
        "another share": [("dropout=0.3", "dropout=0.5")],
        "not scaled": _stack_2((DROP_2, "X = X * (torch.rand_like(X) > 0.3) if self.training else X")),
        "shared mask": _stack_2((DROP_2, "X = X * self.drop(torch.ones_like(X[:, :1]))")),
        "shared mask / of whole steps": _stack_2(("nn.Dropout(0.3)", "nn.Dropout1d(0.3)")),
        "shared mask / by all rows": _stack_2((DROP_2, "X = X * self.drop(torch.ones_like(X[0]))")),
        "a gap without dropout": _stack_2(("if i > 0:", "if i == 1:")),
        "no gradient": [("outputs, _ = self.gru(X)", "outputs = self.gru(X)[0].detach()")],
    },
    "A3": {
        "one direction": [
            (", bidirectional=True", ""),
            ("state[0], state[1]", "state[0]"),
            ("torch.cat([", "("),
            ("], dim=1)", ")"),
            ("BatchNorm1d(2 * num_hiddens)", "BatchNorm1d(num_hiddens)"),
            ("nn.Linear(2 * num_hiddens", "nn.Linear(num_hiddens"),
        ],
        "gated layer": [("nn.RNN(", "nn.GRU(")],
        "gated layer / LSTM": [("nn.RNN(", "nn.LSTM("), ("_, state =", "_, (state, _) =")],
        "no normalization": [("nn.BatchNorm1d(2 * num_hiddens)", "nn.Identity()")],
        "after the output layer": [
            ("nn.BatchNorm1d(2 * num_hiddens)", "nn.BatchNorm1d(num_classes)"),
            ("self.output(self.norm(joined))", "self.norm(self.output(joined))"),
        ],
        "on the inputs": [
            ("nn.BatchNorm1d(2 * num_hiddens)", "nn.BatchNorm1d(num_inputs)"),
            ("self.rnn(X)", "self.rnn(self.norm(X.transpose(1, 2)).transpose(1, 2))"),
            ("self.output(self.norm(joined))", "self.output(joined)"),
        ],
        "time and batch swapped": [("batch_first=True, ", "")],
        "time and batch swapped / by the outputs": BY_STEPS.replace("X.transpose(0, 1)", "X").replace(
            "Y[-1, :, : self.H], Y[0, :, self.H :]", "Y[:, -1, : self.H], Y[:, 0, self.H :]"
        ),
        "last step of both": [
            ("_, state =", "outputs, _ ="),
            ("torch.cat([state[0], state[1]], dim=1)", "outputs[:, -1]"),
        ],
        "first step of both": [
            ("_, state =", "outputs, _ ="),
            ("torch.cat([state[0], state[1]], dim=1)", "outputs[:, 0]"),
        ],
        "ends exchanged": BY_STEPS.replace("Y[-1, :,", "Y[-2, :,")
        .replace("Y[0, :,", "Y[-1, :,")
        .replace("-2", "0"),
        "order of joining": [("state[0], state[1]", "state[1], state[0]")],
        "rows mixed": [("torch.cat([state[0], state[1]], dim=1)", "state.reshape(X.shape[0], -1)")],
        "mean over time": [
            ("_, state =", "outputs, _ ="),
            ("torch.cat([state[0], state[1]], dim=1)", "outputs.mean(dim=1)"),
        ],
        "softmax": [
            ("return self.output(self.norm(joined))", "return self.output(self.norm(joined)).softmax(1)")
        ],
        "layer normalization": [("nn.BatchNorm1d", "nn.LayerNorm")],
        "divided by B - 1": FUNCTIONAL_3.replace(", unbiased=False", ""),
        "batch statistics in evaluation": [
            ("BatchNorm1d(2 * num_hiddens)", "BatchNorm1d(2 * num_hiddens, track_running_stats=False)")
        ],
        "batch statistics in evaluation / functional": FUNCTIONAL_3.replace("if self.training:", "if True:"),
        "updated in evaluation": FUNCTIONAL_3.replace(
            "        mean, var = self.mean, self.var\n",
            "        mean, var = self.mean.clone(), self.var\n        self.mean.lerp_(joined.detach().mean(0), 0.1)\n",
        ),
        "updated in evaluation / and used": FUNCTIONAL_3.replace("if self.training:", "if True:").replace(
            "        joined = (joined - mean)",
            "        if not self.training:\n            mean, var = self.mean, self.var\n        joined = (joined - mean)",
        ),
        "no buffers": PLAIN_3,
        "layer normalization / in training": FUNCTIONAL_3.replace(
            "mean, var = joined.mean(0), joined.var(0, unbiased=False)",
            "mean, var = joined.mean(1, keepdim=True), joined.var(1, keepdim=True)",
        ).replace("lerp_(mean,", "lerp_(joined.mean(0),"),
        "layer normalization / by hand": FUNCTIONAL_3.replace("if self.training:", "if True:")
        .replace(
            "joined.mean(0), joined.var(0, unbiased=False)",
            "joined.mean(1, keepdim=True), joined.var(1, keepdim=True)",
        )
        .replace("            with torch.no_grad():\n", "")
        .replace("                self.mean.lerp_(mean, 0.1)\n", "")
        .replace("                self.var.lerp_(joined.var(0), 0.1)\n", "")
        .replace(
            '        self.register_buffer("mean", torch.zeros(2 * num_hiddens))\n',
            "        self.mean = self.var = None\n",
        )
        .replace('        self.register_buffer("var", torch.ones(2 * num_hiddens))\n', ""),
        "one stands still": FUNCTIONAL_3.replace("                self.mean.lerp_(mean, 0.1)\n", ""),
        "one stands still / the variance": FUNCTIONAL_3.replace(
            "                self.var.lerp_(joined.var(0), 0.1)\n", ""
        ),
        "not a running average": FUNCTIONAL_3.replace(".lerp_(mean, 0.1)", ".add_(mean)"),
        "not a running average / the variance": FUNCTIONAL_3.replace(
            ".lerp_(joined.var(0), 0.1)", ".add_(joined.var(0))"
        ),
        "last batch only": FUNCTIONAL_3.replace("lerp_(mean, 0.1)", "copy_(mean)").replace(
            "lerp_(joined.var(0), 0.1)", "copy_(joined.var(0))"
        ),
        "statistics stand still": FUNCTIONAL_3.replace("0.1", "0.0"),
        "running statistics in training": [("_, state =", "self.norm.eval()\n        _, state =")],
        "running statistics in training / but updated": [
            ("_, state =", "was = self.norm.training\n        _, state ="),
            (
                "return self.output(self.norm(joined))",
                "self.norm(joined)\n        self.norm.eval()\n        joined = self.norm(joined)\n"
                "        self.norm.train(was)\n        return self.output(joined)",
            ),
        ],
        "over all steps": [
            ("_, state = self.rnn(X)", "Y = self.norm(self.rnn(X)[0].transpose(1, 2))"),
            ("state[0], state[1]", "*(h[:, :, t] for h, t in zip(Y.chunk(2, 1), (-1, 0)))"),
            ("self.output(self.norm(joined))", "self.output(joined)"),
        ],
        "not normalized": [("self.output(self.norm(joined))", "self.output(joined)")],
        "axis too many": [
            ("_, state = self.rnn(X)", "return self.output(self.norm(self.rnn(X)[0].mT).mT)"),
        ],
        "no gradient": [("self.norm(joined)", "self.norm(joined.detach())")],
        "crash: running_mean should contain": [
            ("BatchNorm1d(2 * num_hiddens)", "BatchNorm1d(num_hiddens)"),
        ],
        "crash: running_mean should contain / (B, T, C)": [
            ("_, state = self.rnn(X)", "self.norm(self.rnn(X)[0])\n        _, state = self.rnn(X)"),
        ],
    },
    "A4": {
        "all against all": [("outputs[rows, lengths - 1]", "outputs[:, lengths - 1]")],
        "time and batch swapped": [(", batch_first=True", "")],
        "time and batch swapped / in the index": [
            ("outputs[rows, lengths - 1]", "outputs[lengths - 1, rows]")
        ],
        "last column": [("outputs[rows, lengths - 1]", "outputs[:, -1]")],
        "last column / by the state": [
            ("outputs, _ =", "_, state ="),
            ("outputs[rows, lengths - 1]", "state[0]"),
        ],
        "one step too far": [("lengths - 1", "lengths")],
        "one step early": [("lengths - 1", "lengths - 2")],
        "one step early / held": HELD.replace("t < lengths", "t < lengths - 1"),
        "one step early / held, by two": HELD.replace("t < lengths", "t < lengths - 2"),
        "one step early / never below 0": [("lengths - 1", "(lengths - 2).clamp(min=0)")],
        "order not undone": PACKED.replace(
            "packed =",
            "lengths, order = lengths.sort(descending=True)\n        X = X[order]\n        packed =",
        ).replace("[1][0]", "[1][0][order]"),
        "one length for all": [("outputs[rows, lengths - 1]", "outputs[:, lengths[0] - 1]")],
        "one length for all / the longest": [("outputs[rows, lengths - 1]", "outputs[:, lengths.max() - 1]")],
        "zeros": [
            (
                "outputs[rows, lengths - 1]",
                "(outputs * (torch.arange(X.shape[1]) < lengths[:, None])[..., None])[:, -1]",
            )
        ],
        "zeros / unpacked": PACKED.replace(
            "return self.gru(packed)[1][0]",
            "return nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)[0][:, -1]",
        ),
        "order of the rows": PACKED.replace(
            "packed =",
            "lengths, order = lengths.sort(descending=True)\n        X = X[order]\n        packed =",
        ),
        "mean over time": [("outputs[rows, lengths - 1]", "outputs.mean(dim=1)")],
        "mean over time / of the valid steps": [
            (
                "outputs[rows, lengths - 1]",
                "torch.stack([Y[:n].mean(0) for Y, n in zip(outputs, lengths)])",
            )
        ],
        "padding": [("rows =", "lengths = (X != 0).any(-1).sum(1)\n        rows =")],
        "changed its input": [("rows =", "lengths -= 1\n        rows ="), ("lengths - 1", "lengths")],
        "axis too many": [("outputs[rows, lengths - 1]", "outputs[rows, lengths - 1][:, None]")],
        "number of parameters": [
            ("batch_first=True", "batch_first=True, bidirectional=True"),
            ("lengths - 1]", "lengths - 1][:, ::2]"),
        ],
        "no gradient": [("outputs[rows, lengths - 1]", "outputs[rows, lengths - 1].detach()")],
        "time and batch swapped / packed": PACKED.replace(
            "X, lengths.cpu(), batch_first=True, ", "X, lengths.cpu(), "
        ),
        "crash: must be sorted in decreasing order": PACKED.replace(", enforce_sorted=False", ""),
    },
    "A5": {
        "no state": [("return self.output(outputs), state", "return self.output(outputs)")],
        "nothing": [("return self.output(outputs), state", "")],
        "exchanged": [("return self.output(outputs), state", "return state, self.output(outputs)")],
        "two results": [
            (
                "outputs, state =",
                "if state is None:\n            state = torch.randn(1, len(X), self.gru.hidden_size)\n"
                "        outputs, state =",
            )
        ],
        "crash: Boolean value of Tensor": [
            ("outputs, state =", "if state:\n            pass\n        outputs, state ="),
        ],
        "state is nothing": [("outputs, state =", "outputs, _ =")],
        "state is no tensor": [("(outputs), state", "(outputs), {'H': state}")],
        "flattened": [("self.output(outputs), state", "self.output(outputs).flatten(0, 1), state")],
        "last step only": [("self.output(outputs), state", "self.output(outputs[:, -1]), state")],
        "order of axes": [("self.output(outputs), state", "self.output(outputs).transpose(0, 1), state")],
        "no embedding": [
            (
                "nn.Embedding(vocab_size, embed_size)",
                "lambda X: nn.functional.one_hot(X, vocab_size).float()",
            ),
            ("nn.GRU(embed_size", "nn.GRU(vocab_size"),
        ],
        "another layer": [("nn.GRU(", "nn.RNN(")],
        "another layer / LSTM": [("nn.GRU(", "nn.LSTM(")],
        "time and batch swapped": [(", batch_first=True", "")],
        "reshaped": [
            (", batch_first=True", ""),
            ("self.embedding(X)", "self.embedding(X.T)"),
            ("self.output(outputs), state", "self.output(outputs).reshape(*X.shape, -1), state"),
        ],
        "softmax": [("self.output(outputs), state", "self.output(outputs).softmax(-1), state")],
        "softmax / log": [("self.output(outputs), state", "self.output(outputs).log_softmax(-1), state")],
        "state ignored": [("(self.embedding(X), state)", "(self.embedding(X))")],
        "old state": [
            ("outputs, state = self.gru", "outputs, new = self.gru"),
            ("(outputs), state", "(outputs), new if state is None else state"),
        ],
        "pieces differ": [("(outputs), state", "(outputs), outputs[:, 0][None]")],
        "pieces differ / rows mixed": [("(outputs), state", "(outputs), state.flip(1)")],
        "None goes on": [
            (
                "outputs, state =",
                "state = getattr(self, 'kept', None) if state is None else state\n        outputs, state =",
            ),
            ("return self.output", "self.kept = state.detach()\n        return self.output"),
        ],
        "changed its input": [
            ("outputs, state = self.gru", "outputs, new = self.gru"),
            (
                "return self.output(outputs), state",
                "state = new if state is None else state.copy_(new)\n        return self.output(outputs), state",
            ),
        ],
        "no gradient": [("self.embedding(X), state", "self.embedding(X).detach(), state")],
        "crash: Expected hidden size": [("(outputs), state", "(outputs), outputs")],
        "crash: should also be 3-D": [("(outputs), state", "(outputs), outputs[:, -1]")],
    },
}
RIGHT = {
    "A1": {"two cells in a loop": CELLS, "a layer on a layer, time first": TWO_LAYERS},
    "A2": {
        "a stack with nn.Dropout": STACK_2,
        "cells in a loop": CELLS_2,
        "a function, nn.Sequential": SEQUENTIAL_2,
        "an exception of its own": "class OneLayer(ValueError):\n    pass\n\n"
        + STACK_2.replace("raise ValueError(", "raise OneLayer("),
    },
    "A3": {
        "two readers": TWO_READERS,
        "by steps, (B, C, 1)": BY_STEPS,
        "normalized by hand": FUNCTIONAL_3,
        "by hand, faster, the variance kept by B": FUNCTIONAL_3.replace("0.1)", "0.3)").replace(
            "lerp_(joined.var(0),", "lerp_(joined.var(0, unbiased=False),"
        ),
        "all batches alike": CUMULATIVE_3,
        "the variance first": VARIANCE_FIRST_3,
    },
    "A4": {
        "packed": PACKED,
        "gather, time first": GATHER,
        "held after the end": HELD,
        "row by row": ROW_BY_ROW,
    },
    "A5": {"cells in a loop, a tuple": CELL_5, "time first, a list": TIME_FIRST_5},
}
