"""Set C: code that is repaired wrongly, or only in part, and repairs in other styles."""

# ---------- C1 ----------
C1_PER_LAYER = """
class CharModel(nn.Module):
    def __init__(self, vocab_size, num_hiddens, num_layers=1):
        super().__init__()
        sizes = [vocab_size] + [num_hiddens] * (num_layers - 1)
        self.cells = nn.ModuleList([nn.GRUCell(size, num_hiddens) for size in sizes])
        self.output = nn.Linear(num_hiddens, vocab_size)
        self.V, self.H = vocab_size, num_hiddens

    def begin_state(self, batch_size):
        return self.output.weight.new_zeros(len(self.cells), batch_size, self.H)

    def forward(self, X, state=None):
        state = list(self.begin_state(len(X)) if state is None else state)
        outputs = []
        for x in torch.eye(self.V, device=X.device)[X].unbind(1):
            for i, cell in enumerate(self.cells):
                state[i] = x = cell(x, state[i])
            outputs.append(x)
        return self.output(torch.stack(outputs, 1)), torch.stack(state)
"""
C1_TIME_FIRST = """
class CharModel(nn.Module):
    def __init__(self, vocab_size, num_hiddens, num_layers=1):
        super().__init__()
        self.sizes = vocab_size, num_hiddens, num_layers
        self.gru = nn.GRU(input_size=vocab_size, hidden_size=num_hiddens, num_layers=num_layers)
        self.output = nn.Linear(num_hiddens, vocab_size)

    def begin_state(self, batch_size):
        _, H, L = self.sizes
        return torch.zeros((L, batch_size, H)).to(self.output.weight)

    def forward(self, X, state=None):
        Y, state = self.gru(nn.functional.one_hot(X.T, self.sizes[0]).float(), state)
        return self.output(Y).transpose(0, 1), state
"""
C1_LAYERS = [
    (
        "            self.gru.num_layers,\n            batch_size,\n",
        "            batch_size,\n            self.gru.num_layers,\n",
    )
]

# ---------- C2 ----------
C2_WHOLE = """
class CellModel(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_outputs):
        super().__init__()
        self.cell = nn.RNNCell(num_inputs, num_hiddens)
        self.output = nn.Linear(num_hiddens, num_outputs)

    def forward(self, X, state=None):
        if state is None:
            state = torch.zeros(X.shape[0], self.cell.hidden_size, device=X.device)
        states = []
        for t in range(X.shape[1]):
            state = self.cell(X[:, t], state)
            states += [state]
        return self.output(torch.stack(states).transpose(0, 1)), states[-1]
"""
C2_LAYER = """
class CellModel(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_outputs):
        super().__init__()
        self.rnn = nn.RNN(num_inputs, num_hiddens, batch_first=True)
        self.output = nn.Linear(num_hiddens, num_outputs)

    def forward(self, X, state=None):
        outputs, state = self.rnn(X, None if state is None else state.unsqueeze(0))
        return self.output(outputs), state.squeeze(0)
"""
C2_UNTOUCHED = """
class CellModel(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_outputs):
        super().__init__()
        self.cell = nn.RNNCell(num_inputs, num_hiddens)
        self.output = nn.Linear(num_hiddens, num_outputs)
"""

# ---------- C3 ----------
C3_BEFORE = """
def train_epoch(model, batches, optimizer):
    criterion, state, losses = nn.CrossEntropyLoss(), None, []
    for X, Y in batches:
        if isinstance(state, torch.Tensor):
            state = state.detach()
        elif state is not None:
            state = [part.data for part in state]
            state = tuple(state)
        logits, state = model(X, state)
        loss = criterion(logits.permute(0, 2, 1), Y)
        model.zero_grad()
        loss.backward()
        optimizer.step()
        losses += [float(loss.detach())]
    return losses
"""
C3_LIBRARY = """
from rnnlib.states import detach_state

def train_epoch(model, batches, optimizer):
    def step(X, Y):
        nonlocal state
        optimizer.zero_grad(set_to_none=False)
        logits, new = model(X, state)
        loss = nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), Y.reshape(-1))
        loss.backward()
        optimizer.step()
        state = detach_state(new)
        return loss.item()

    state = None
    return [step(X, Y) for X, Y in batches]
"""
DETACH = "        state = detached(state)\n"

# ---------- C4 ----------
C4_WEIGHTED = """
@torch.no_grad()
def validate(model, batches):
    losses = []
    for X, Y in batches:
        logits, _ = model(X, model.begin_state(len(X)))
        each = nn.functional.cross_entropy(logits.transpose(1, 2), Y, reduction="none")
        losses.append(each.flatten())
    return torch.cat(losses).mean()
"""
C4_ROWS = """
def validate(model, batches):
    state = model.begin_state(batches[0][0].shape[0])
    total = rows = 0
    with torch.no_grad():
        for X, Y in batches:
            n = X.shape[0]
            logits, _ = model(X, state[:, :n].contiguous())
            total += n * nn.functional.cross_entropy(logits.flatten(0, 1), Y.flatten()).item()
            rows += n
    return total / rows
"""
C4_UNTOUCHED = """
def validate(model, batches):
    state = model.begin_state(batches[0][0].shape[0])
    total = 0.0
    with torch.no_grad():
        for X, Y in batches:
            logits, _ = model(X, state)
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), Y.flatten())
            total += loss.item()
    return total / len(batches)
"""
C4_CARRIED = """
def validate(model, batches):
    state = model.begin_state(batches[0][0].shape[0])
    total, count = 0.0, 0
    with torch.no_grad():
        for X, Y in batches:
            logits, state = model(X, state[:, : len(X)].contiguous())
            total += nn.functional.cross_entropy(logits.flatten(0, 1), Y.flatten(), reduction="sum").item()
            count += Y.numel()
    return total / count
"""
C4_FILLED = """
def validate(model, batches):
    B = batches[0][0].shape[0]
    losses = []
    with torch.no_grad():
        for X, Y in batches:
            rest = X.new_zeros(B - len(X), X.shape[1])
            X, Y = torch.cat([X, rest]), torch.cat([Y, rest])
            logits, _ = model(X, model.begin_state(B))
            losses.append(nn.functional.cross_entropy(logits.flatten(0, 1), Y.flatten()).item())
    return sum(losses) / len(losses)
"""

# ---------- C5 ----------
C5_DETACH = """
def train_and_validate(model, train_batches, valid_batches, optimizer):
    def epoch(batches, train):
        model.train(train)
        total = torch.zeros(())
        for X, y in batches:
            with torch.set_grad_enabled(train):
                loss = ((model(X) - y) ** 2).mean()
            if train:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total = total.to(loss) + loss.detach()
        return total / len(batches)

    return epoch(train_batches, True), epoch(valid_batches, False)
"""
C5_NUMBERS = """
def train_and_validate(model, train_batches, valid_batches, optimizer):
    train, valid = [], []
    model.train()
    for X, y in train_batches:
        optimizer.zero_grad()
        loss = nn.MSELoss()(model(X), y)
        loss.backward()
        optimizer.step()
        train.append(float(loss.detach()))
    model.eval()
    for X, y in valid_batches:
        valid.append(nn.MSELoss()(model(X), y).item())
    return [sum(train) / len(train), sum(valid) / len(valid)]
"""
C5_LIST = [
    ("train_loss = valid_loss = 0", "train_loss, valid_loss = [], 0"),
    ("train_loss += loss.item()", "train_loss.append(loss)"),
    (
        "train_loss = train_loss / len(train_batches)",
        "train_loss = torch.stack(train_loss).mean().item()",
    ),
]

# ---------- C6 ----------
C6_FUNCTIONAL = """
class DropoutClassifier(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_classes, dropout=0.5):
        super().__init__()
        self.p = dropout
        self.lstm = nn.LSTM(num_inputs, num_hiddens, batch_first=True)
        self.output = nn.Linear(num_hiddens, num_classes)

    def forward(self, X):
        _, (H, _) = self.lstm(X)
        return self.output(nn.functional.dropout(H[-1], self.p, training=self.training))
"""
C6_SEQUENTIAL = """
class DropoutClassifier(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_classes, dropout=0.5):
        super().__init__()
        self.cell = nn.LSTMCell(num_inputs, num_hiddens)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(num_hiddens, num_classes))

    def forward(self, X):
        state = None
        for t in range(X.size(1)):
            state = self.cell(X[:, t], state)
        return self.head(state[0])
"""
C6_OWN = """
class DropoutClassifier(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_classes, dropout=0.5):
        super().__init__()
        self.p = dropout
        self.lstm = nn.LSTM(num_inputs, num_hiddens, batch_first=True)
        self.output = nn.Linear(num_hiddens, num_classes)

    def forward(self, X):
        H = self.lstm(X)[0][:, -1]
        if self.training:
            H = H * (torch.rand_like(H) > self.p)
        return self.output(H)
"""
C6_LSTM = "nn.LSTM(num_inputs, num_hiddens, batch_first=True)"
C6_FORWARD = "self.output(self.dropout(outputs[:, -1]))"

# ---------- C7 ----------
C7_HEAD = """
class Encoder(nn.Module):
    def __init__(self, num_inputs, num_hiddens, **kwargs):
        super().__init__()
        CHECK
        self.gru = nn.GRU(
            num_inputs, num_hiddens, kwargs.get("num_layers", 1), batch_first=True,
            bidirectional=kwargs.get("bidirectional", False),
        )

    def forward(self, X):
        return self.gru(X)[0]
"""


def _c7(check: str) -> str:
    return C7_HEAD.replace("CHECK", check.strip())


C7_HANDED_ON = """
class Encoder(nn.Module):
    def __init__(self, num_inputs, num_hiddens, **kwargs):
        super().__init__()
        self.gru = nn.GRU(num_inputs, num_hiddens, batch_first=True, **kwargs)

    def forward(self, X):
        return self.gru(X)[0]
"""
C7_POP = """
class Encoder(nn.Module):
    def __init__(self, num_inputs, num_hiddens, **kwargs):
        num_layers, both = kwargs.pop("num_layers", 1), kwargs.pop("bidirectional", False)
        super().__init__(**kwargs)
        self.gru = nn.GRU(num_inputs, num_hiddens, num_layers, batch_first=True, bidirectional=both)

    def forward(self, X):
        return self.gru(X)[0]
"""
C7_SYNONYM = _c7('kwargs.setdefault("num_layers", kwargs.get("num_layer", 1))')
C7_ONE = _c7('if "num_layer" in kwargs:\n            raise TypeError("num_layer: write num_layers")')
C7_ASSERT = _c7('assert set(kwargs) <= {"num_layers", "bidirectional"}, kwargs')
C7_VALUE = _c7(
    'if set(kwargs) - {"num_layers", "bidirectional"}:\n            raise ValueError(f"unknown: {kwargs}")'
)
C7_SILENT = _c7(
    'if set(kwargs) - {"num_layers", "bidirectional"}:\n            raise TypeError("unknown argument")'
)
C7_CHECKED = _c7(
    'for name in kwargs:\n            if name not in ("num_layers", "bidirectional"):\n'
    '                raise TypeError(f"unknown argument {name}")'
)

# ---------- C8 ----------
C8_AXES = """
def sequence_loss(logits, Y):
    return nn.CrossEntropyLoss()(logits.permute(1, 2, 0), Y)
"""
C8_GATHER = """
def sequence_loss(logits, Y):
    log_p = torch.log_softmax(logits.transpose(0, 1), dim=-1)
    return -log_p.gather(2, Y.unsqueeze(2)).mean()
"""
C8_LABELS = "Y.T.reshape(-1)"

WRONG = {
    "C1": {
        "crash: missing 1 required positional argument": [
            ("vocab_size, num_hiddens, num_layers, batch_first", "num_hiddens, batch_first")
        ],
        "crash: has no attribute 'num_layers'": [("self.gru.num_layers", "self.num_layers")],
        "one layer": [("num_hiddens, num_layers, batch_first", "num_hiddens, batch_first")],
        "length of the input": [
            (
                "vocab_size, num_hiddens, num_layers, batch_first",
                "num_hiddens, num_hiddens, num_layers, batch_first",
            )
        ],
        "length of the input / the two exchanged": [
            (
                "vocab_size, num_hiddens, num_layers, batch_first",
                "num_hiddens, vocab_size, num_layers, batch_first",
            )
        ],
        "number of parameters": [
            ("nn.Linear(num_hiddens, vocab_size)", "nn.Linear(num_hiddens, num_hiddens)")
        ],
        "batch first in the state": C1_LAYERS,
        "state for one layer": [("            self.gru.num_layers,\n", "            1,\n")],
        "state for one layer / as a cell's": [("            self.gru.num_layers,\n", "")],
        "not zero": [("torch.zeros(", "torch.ones(")],
        "not two": [("return self.output(outputs), state", "return self.output(outputs)")],
        "nothing": [("return self.output(outputs), state", "self.output(outputs), state")],
        "order of axes": [
            ("return self.output(outputs), state", "return self.output(outputs).transpose(0, 1), state")
        ],
        "axis missing": [("self.output(outputs), state", "self.output(outputs[:, -1]), state")],
        "state ignored": [
            ("        if state is None:\n            state =", "        if True:\n            state =")
        ],
        "no gradient": [("self.output(outputs)", "self.output(outputs.detach())")],
        "crash: Expected hidden size": [(", batch_first=True", "")],
    },
    "C2": {
        "crash: missing the required": C2_UNTOUCHED,
        "nothing": [("return torch.stack(outputs, dim=1), state", "torch.stack(outputs, dim=1), state")],
        "not two": [("torch.stack(outputs, dim=1), state", "torch.stack(outputs, dim=1)")],
        "loop over the batch": [("X.unbind(dim=1)", "X"), ("stack(outputs, dim=1)", "stack(outputs)")],
        "order of axes": [("torch.stack(outputs, dim=1)", "torch.stack(outputs)")],
        "axis missing": [("torch.stack(outputs, dim=1)", "outputs[-1]")],
        "not a tensor": [("torch.stack(outputs, dim=1)", "tuple(outputs[:0])")],
        "a list": [("torch.stack(outputs, dim=1)", "outputs")],
        "size of an axis": [("outputs.append(self.output(state))", "outputs.append(state)")],
        "an axis for layers": [("dim=1), state", "dim=1), state[None]")],
        "a fresh state each step": [("state = self.cell(x, state)", "state = self.cell(x)")],
        "one step old": [
            (
                "            state = self.cell(x, state)",
                "            old, state = state, self.cell(x, state)",
            ),
            ("dim=1), state", "dim=1), torch.zeros_like(state) if old is None else old"),
        ],
        "state ignored": [("        outputs = []", "        outputs, state = [], None")],
        "the first state at every step": [
            ("        outputs = []", "        outputs, first = [], state"),
            ("self.cell(x, state)", "self.cell(x, state if first is None else first)"),
        ],
        "no gradient": [("self.output(state)", "self.output(state.detach())")],
        "crash: Expected input to be 1D or 2D, got 3D": [
            ("state = self.cell(x, state)", "state = self.cell(X, state)")
        ],
    },
    "C3": {
        "crash: Trying to backward through the graph a second time": [(DETACH, "")],
        "crash: modified by an inplace operation": [
            (DETACH, ""),
            ("backward()", "backward(retain_graph=True)"),
        ],
        "crash: 'tuple' object has no attribute 'detach'": [
            ("detached(state)\n        loss", "state.detach()\n        loss")
        ],
        "crash: Trying to backward / C is forgotten": [
            ("tuple(part.detach() for part in state)", "(state[0].detach(), state[1])")
        ],
        "crash: does not require grad": [(DETACH, DETACH + "        logits = logits.detach()\n")],
        "state thrown away": [(DETACH, "        state = None\n")],
        "gradients pile up": [("        optimizer.zero_grad()\n", "")],
        "weights do not move": [("        optimizer.step()\n", "")],
        "gradients cleared too early": [
            ("        optimizer.zero_grad()\n", ""),
            ("        optimizer.step()\n", "        optimizer.zero_grad()\n        optimizer.step()\n"),
        ],
        "weights": [
            (
                "        optimizer.step()\n",
                "        if len(losses) < len(batches) - 1:\n            optimizer.step()\n",
            )
        ],
        "number of losses": [("    return losses", "    return losses[-1:]")],
        "no list": [("    return losses", "    return sum(losses) / len(losses)")],
        "nothing": [("    return losses", "")],
        "no numbers": [("loss.item()", "[loss.item()]")],
        "losses with their graphs": [("loss.item()", "loss")],
        "tensors without a history": [("loss.item()", "loss.detach()")],
    },
    "C4": {
        "crash: Expected hidden size": C4_UNTOUCHED,
        "last batch left out": [
            (
                "        for X, Y in batches:\n",
                "        for X, Y in batches:\n            if len(X) < len(batches[0][0]):\n                continue\n",
            )
        ],
        "mean of means": [
            (', reduction="sum"', ""),
            ("num_tokens += Y.numel()", "num_tokens += 1"),
        ],
        "state carried": C4_CARRIED,
        "per sequence": [("Y.numel()", "len(Y)")],
        "rows filled up": C4_FILLED,
        "nothing": [("    return total / num_tokens", "")],
        "not a number at all": [("    return total / num_tokens", "    return [total / num_tokens]")],
        "values": [("total / num_tokens", "total")],
    },
    "C5": {
        "history": [("train_loss += loss.item()", "train_loss += loss")],
        "history / of the validation": [
            ("    with torch.no_grad():\n        for", "    if True:\n        for"),
            ("valid_loss += loss.item()", "valid_loss += loss"),
        ],
        "gradients left off": [
            (
                "    with torch.no_grad():\n        for",
                "    torch.set_grad_enabled(False)\n    if True:\n        for",
            )
        ],
        "training graphs kept": C5_LIST,
        "training graphs kept / a number at the end": [
            ("train_loss += loss.item()", "train_loss += loss"),
            ("train_loss / len(train_batches)", "train_loss.item() / len(train_batches)"),
        ],
        "validation graphs kept": [
            ("    with torch.no_grad():\n        for", "    if True:\n        for"),
            ("valid_loss += loss.item()", "valid_loss += loss"),
            ("valid_loss / len(valid_batches)", "valid_loss.item() / len(valid_batches)"),
        ],
        "not two": [("return train_loss, valid_loss", "return train_loss")],
        "nothing": [("    return train_loss, valid_loss", "")],
        "not a number at all": [("return train_loss, valid_loss", "return [train_loss], [valid_loss]")],
        "sum": [("    train_loss = train_loss / len(train_batches)\n", "")],
        "sum / of the validation": [("    valid_loss = valid_loss / len(valid_batches)\n", "")],
        "last": [
            ("train_loss += loss.item()", "train_loss = loss.item()"),
            ("train_loss / len(train_batches)", "train_loss"),
        ],
        "last / divided all the same": [("train_loss += loss.item()", "train_loss = loss.item()")],
        "wrong loss": [("valid_loss / len(valid_batches)", "valid_loss / len(train_batches)")],
        "training mode": [("    model.eval()\n", "")],
        "evaluation mode": [("    model.train()\n", "")],
        "weights": [("        optimizer.zero_grad()\n", "")],
        "weights / no step": [("        optimizer.step()\n", "")],
        "crash: does not require grad": [
            ("        loss.backward()", "        loss = loss.detach()\n        loss.backward()")
        ],
    },
    "C6": {
        "warning": [(C6_LSTM, "nn.LSTM(num_inputs, num_hiddens, batch_first=True, dropout=dropout)")],
        "two layers": [
            (C6_LSTM, "nn.LSTM(num_inputs, num_hiddens, 2, batch_first=True, dropout=dropout)"),
            ("self.dropout(outputs[:, -1])", "outputs[:, -1]"),
        ],
        "no dropout": [("self.dropout(outputs[:, -1])", "outputs[:, -1]")],
        "dropout in evaluation": [
            ("self.dropout(outputs[:, -1])", "nn.functional.dropout(outputs[:, -1], self.dropout.p)")
        ],
        "on the logits": [(C6_FORWARD, "self.dropout(self.output(outputs[:, -1]))")],
        "rate": [("nn.Dropout(dropout)", "nn.Dropout(1 - dropout)")],
        "rate / a constant": [("nn.Dropout(dropout)", "nn.Dropout(0.5)")],
        "not scaled": C6_OWN,
        "elsewhere": [
            ("self.lstm(X)", "self.lstm(self.dropout(X))"),
            ("self.dropout(outputs[:, -1])", "outputs[:, -1]"),
        ],
        "axis too many": [("outputs[:, -1]", "outputs")],
        "whole rows": [("nn.Dropout(dropout)", "nn.Dropout1d(dropout)")],
        "whole rows / a mask of its own": C6_OWN.replace(
            "H * (torch.rand_like(H) > self.p)", "H * (torch.rand_like(H[:, :1]) > self.p) / (1 - self.p)"
        ),
        "one mask for all rows": C6_OWN.replace(
            "H * (torch.rand_like(H) > self.p)", "H * (torch.rand_like(H[:1]) > self.p) / (1 - self.p)"
        ),
        "dropped twice": [("self.dropout(outputs[:, -1])", "self.dropout(self.dropout(outputs[:, -1]))")],
        "first step": [("outputs[:, -1]", "outputs[:, 0]")],
        "memory cell": [
            ("outputs, _ = self.lstm(X)", "_, (_, C) = self.lstm(X)"),
            ("outputs[:, -1]", "C[-1]"),
        ],
        "last row": [("outputs[:, -1]", "outputs[-1]")],
        "values": [("outputs[:, -1]", "outputs.mean(1)")],
        "crash: must be Tensor, not tuple": [
            ("outputs, _ = self.lstm(X)", "outputs = self.dropout(self.lstm(X))")
        ],
    },
    "C7": {
        "swallowed": _c7(""),
        "swallowed / a synonym": C7_SYNONYM,
        "swallowed / a warning": _c7(
            'if "num_layer" in kwargs:\n            print("do you mean num_layers?")'
        ),
        "one spelling only": C7_ONE,
        "another exception": C7_ASSERT,
        "another exception / ValueError": C7_VALUE,
        "no name": C7_SILENT,
        "argument lost": [("num_layers=num_layers", "num_layers=1")],
        "argument lost / another default": [("num_layers=1, bid", "num_layers=2, bid")],
        "crash: unexpected keyword argument 'bidirectional'": [
            ("num_layers=1, bidirectional=False", "num_layers=1"),
            ("bidirectional=bidirectional", "bidirectional=False"),
        ],
        "a pair": [("return outputs", "return self.gru(X)")],
        "values": [("batch_first=True", "batch_first=False")],
    },
    "C8": {
        "another order": [(C8_LABELS, "Y.reshape(-1)")],
        "another order / reshaped": [
            ("logits.reshape(-1, vocab_size), Y.T", "logits.reshape(*Y.shape, -1).reshape(-1, vocab_size), Y")
        ],
        "crash: view size is not compatible": [(C8_LABELS, "Y.T.view(-1)")],
        "crash: Expected target size": [
            ("logits.reshape(-1, vocab_size), Y.T.reshape(-1)", "logits.transpose(0, 1), Y")
        ],
        "sum": [(C8_LABELS, C8_LABELS + ', reduction="sum"')],
        "per sequence": [("return nn", "return len(logits) * nn")],
        "not a single number": [(C8_LABELS, C8_LABELS + ', reduction="none"')],
        "softmax twice": [("logits.reshape(-1", "logits.softmax(-1).reshape(-1")],
        "last step": [("logits.reshape", "logits[-1].reshape"), (C8_LABELS, "Y[:, -1]")],
        "cut off": [("logits.reshape", "logits.detach().reshape")],
        "cut off / a number": [(C8_LABELS + "\n    )", C8_LABELS + "\n    ).item()")],
        "nothing": [("return nn", "nn")],
    },
}
RIGHT = {
    "C1": {"cells in a loop": C1_PER_LAYER, "time first": C1_TIME_FIRST},
    "C2": {"one output product": C2_WHOLE, "the ready-made layer": C2_LAYER},
    "C3": {"detached before the forward pass": C3_BEFORE, "with rnnlib": C3_LIBRARY},
    "C4": {"all losses in one tensor": C4_WEIGHTED, "rows as weights": C4_ROWS},
    "C5": {"detached tensors": C5_DETACH, "lists of numbers": C5_NUMBERS},
    "C6": {"functional": C6_FUNCTIONAL, "a cell and a head": C6_SEQUENTIAL},
    "C7": {"handed on to torch": C7_HANDED_ON, "popped": C7_POP, "checked by hand": C7_CHECKED},
    "C8": {"classes at axis 1": C8_AXES, "gather": C8_GATHER},
}
