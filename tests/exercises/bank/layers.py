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
}
RIGHT = {"A1": {"two cells in a loop": CELLS, "a layer on a layer, time first": TWO_LAYERS}}
