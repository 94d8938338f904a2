"""Set B: training parts put together wrongly, and right ones in other styles."""

# ---------- B1 ----------
B1_CLIP = "    nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)\n"
B1_STEP = "    optimizer.step()\n"
B1_ZERO = "    optimizer.zero_grad()\n"
B1_BACK = "    loss.backward()\n"
B1_BY_HAND = """
def train_step(model, X, Y, optimizer):
    model.zero_grad()
    loss = nn.CrossEntropyLoss()(model(X), Y)
    loss.backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    if norm > 5:
        for g in grads:
            g *= 5 / norm
    optimizer.step()
    return float(loss)
"""
B1_GROUPS = """
def train_step(model, X, Y, optimizer):
    parameters = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    loss = -model(X).log_softmax(-1).gather(1, Y[:, None]).mean()
    gradients = torch.autograd.grad(loss, parameters)
    factor = min(1.0, 5.0 / torch.cat([g.flatten() for g in gradients]).norm().item())
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient * factor
    optimizer.step()
    return loss.item()
"""
B1_OWN_STEP = """
def train_step(model, X, Y, optimizer):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(X), Y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    with torch.no_grad():
        for p in model.parameters():
            if p.grad is not None:
                p -= optimizer.param_groups[0]["lr"] * p.grad
    return loss.item()
"""
B1_STRETCHED = """    grads = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.cat([g.flatten() for g in grads]).norm()
    for g in grads:
        g *= 5.0 / norm
"""

# ---------- B2 ----------
B2_FORWARD = "return self.output(self.dropout(outputs[:, -1]))"
B2_FUNCTIONAL = """
class DropoutClassifier(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_classes, dropout=0.5):
        super().__init__()
        self.output = nn.Linear(num_hiddens, num_classes)
        self.cell = nn.LSTMCell(num_inputs, num_hiddens)
        self.p = dropout

    def forward(self, X):
        state = None
        for t in range(X.shape[1]):
            state = self.cell(X[:, t], state)
        return self.output(nn.functional.dropout(state[0], self.p, self.training))
"""
B2_SEQUENTIAL = """
class DropoutClassifier(nn.Module):
    def __init__(self, num_inputs, num_hiddens, num_classes, dropout=0.5):
        super().__init__()
        self.lstm = nn.LSTM(num_inputs, num_hiddens)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(num_hiddens, num_classes))

    def forward(self, X):
        _, (H, _) = self.lstm(X.transpose(0, 1))
        return self.head(H[-1])
"""
B2_OWN_MASK = """
        h = outputs[:, -1]
        if not self.training:
            return self.output(h)
        return self.output(h * (torch.rand(SHAPE, device=h.device) >= self.dropout.p).float()SCALE)
"""


def _mask(shape: str, scale: str = " / (1 - self.dropout.p)") -> list[tuple[str, str]]:
    return [("        " + B2_FORWARD + "\n", B2_OWN_MASK.replace("SHAPE", shape).replace("SCALE", scale))]


# ---------- B3 ----------
B3_WHOLE = "        blocks = parameter.detach().split(H)\n"
B3_ORTHOGONAL = "nn.init.orthogonal_(block)"
B3_XAVIER = "nn.init.xavier_uniform_(block)"
B3_FORGET = 'if isinstance(layer, nn.LSTM) and name.startswith("bias_ih"):'
B3_NAMES = """
@torch.no_grad()
def initialize(layer):
    H, gates = layer.hidden_size, {"RNN": 1, "LSTM": 4, "GRU": 3}[type(layer).__name__]
    for group in layer.all_weights:
        W_ih, W_hh, *biases = group
        for g in range(gates):
            rows = slice(g * H, (g + 1) * H)
            Q, R = torch.linalg.qr(torch.randn(H, H))
            W_hh[rows] = (Q * R.diagonal().sign()).to(W_hh)
            W_ih[rows].uniform_(-1, 1).mul_((6 / (H + W_ih.shape[1])) ** 0.5)
        for b in biases:
            b.zero_()
            if gates == 4:
                b[H : 2 * H] = 0.5
    return layer
"""
B3_DATA = """
def initialize(layer):
    for name, p in layer.named_parameters():
        if "bias" in name:
            p.data.fill_(0.0)
            if name.startswith("bias_hh") and p.numel() == 4 * layer.hidden_size:
                p.data.chunk(4)[1].fill_(1.0)
            continue
        make = nn.init.orthogonal_ if "hh" in name else nn.init.xavier_uniform_
        p.data = torch.cat([make(torch.empty_like(piece)) for piece in p.data.split(layer.hidden_size)])
"""

# ---------- B4 ----------
B4_SEED = "            torch.manual_seed(seed)\n"
B4_MAKE = "            model = make_model()\n"
B4_NAN = "losses.append(math.inf if math.isnan(loss) else loss)"
B4_MEDIAN = "statistics.median(losses)"
B4_MIN = "return min(medians, key=medians.get)"
B4_TORCH = """
def sweep(make_model, train, valid, rates, seeds):
    table = torch.empty(len(seeds), len(rates), dtype=torch.float64)
    for i, seed in enumerate(seeds):
        for j, rate in enumerate(rates):
            torch.manual_seed(seed)
            model = make_model()
            torch.manual_seed(seed + 1)
            train(model, rate)
            table[i, j] = valid(model)
    return rates[table.nan_to_num(nan=torch.inf).median(0).values.argmin().item()]
"""
B4_SORTED = """
def run(make_model, train, valid, rate, seed):
    torch.random.manual_seed(seed)
    model = make_model()
    train(model, rate)
    loss = valid(model)
    return loss if loss == loss else float("inf")


def sweep(make_model, train, valid, rates, seeds):
    def score(rate):
        losses = sorted(run(make_model, train, valid, rate, seed) for seed in seeds)
        return losses[len(losses) // 2]

    return sorted(rates, key=score)[0]
"""
B4_COPIES = """
import copy
import statistics


def sweep(make_model, train, valid, rates, seeds):
    models = []
    for seed in seeds:
        torch.manual_seed(seed)
        models.append(make_model())
    medians = {}
    for rate in rates:
        losses = []
        for model in map(copy.deepcopy, models):
            train(model, rate)
            losses.append(valid(model))
        medians[rate] = statistics.median(losses)
    return min(medians, key=medians.get)
"""
B4_ONE_MODEL = [
    (B4_MAKE, ""),
    ("        for seed in seeds:\n", "        model = make_model()\n        for seed in seeds:\n"),
]

# ---------- B5 ----------
B5_COPY = "copy.deepcopy(model.state_dict())"
B5_LOWER = "if loss < self.lowest:"
B5_RETURN = "return self.since >= self.patience"
B5_LOAD = "model.load_state_dict(self.best)"
B5_CLONES = """
class EarlyStopping:
    def __init__(self, patience):
        self.patience = patience
        self.losses = []

    def update(self, loss, model):
        if loss == loss and loss < min(self.losses, default=float("inf")):
            self.kept = {name: value.detach().clone() for name, value in model.state_dict().items()}
            self.left = self.patience
            self.losses.append(loss)
        else:
            self.left = getattr(self, "left", self.patience) - 1
        return self.left <= 0

    def restore(self, model):
        model.load_state_dict(self.kept)
"""
B5_WHOLE_MODEL = """
import copy


class EarlyStopping:
    def __init__(self, patience):
        self.patience, self.best, self.bad, self.model = patience, None, 0, None

    def update(self, loss, model):
        if loss == loss and (self.best is None or self.best > loss):
            self.best, self.bad, self.model = loss, 0, copy.deepcopy(model)
            return False
        self.bad += 1
        return self.bad == self.patience

    def restore(self, model):
        with torch.no_grad():
            for mine, kept in zip(model.state_dict().values(), self.model.state_dict().values()):
                mine.copy_(kept)
"""
B5_NAN = [
    ("self.lowest, self.best = math.inf, None", "self.lowest, self.best = None, None"),
    (B5_LOWER, "if self.lowest is None or loss < self.lowest:"),
]
B5_HANDED = """        for name, parameter in model.named_parameters():
            parameter.data = self.best[name]
        for name, buffer in model.named_buffers():
            buffer.copy_(self.best[name])
"""
B5_PARAMETERS = [
    (B5_COPY, "[p.detach().clone() for p in model.parameters()]"),
    (B5_LOAD, "[p.data.copy_(best) for p, best in zip(model.parameters(), self.best)]"),
]
B5_PAIRWISE = [
    ("            self.lowest, self.since = loss, 0\n", "            self.since = 0\n"),
    (
        "            self.since += 1\n",
        "            self.since += 1\n        self.lowest = loss\n",
    ),
]

WRONG = {
    "B1": {
        "optimizer bypassed": B1_OWN_STEP.replace('optimizer.param_groups[0]["lr"]', "0.1"),
        "evaluation mode": [(B1_ZERO, "    model.eval()\n" + B1_ZERO)],
        "loss is a tensor": [("loss.item()", "loss")],
        "loss is a tensor / detached": [("loss.item()", "loss.detach()")],
        "loss is no number": [("loss.item()", "str(loss)")],
        "nothing": [("    return loss.item()\n", "")],
        "loss after the step": [("loss.item()", "nn.functional.cross_entropy(model(X), Y).item()")],
        "loss summed": [("cross_entropy(model(X), Y)", "cross_entropy(model(X), Y, reduction='sum')")],
        "another loss": [("cross_entropy(model(X), Y)", "cross_entropy(model(X).softmax(1), Y)")],
        "nothing moved": [(B1_ZERO, ""), (B1_CLIP, B1_CLIP + B1_ZERO)],
        "nothing moved / no step": [(B1_STEP, "")],
        "not clipped": [(B1_CLIP, "")],
        "not clipped / before backward": [(B1_CLIP, ""), (B1_BACK, B1_CLIP + B1_BACK)],
        "clipped after the step": [(B1_CLIP, ""), (B1_STEP, B1_STEP + B1_CLIP)],
        "one by one": [
            (B1_CLIP, "    for p in model.parameters():\n        nn.utils.clip_grad_norm_([p], 5.0)\n")
        ],
        "by value": [
            ("clip_grad_norm_(model.parameters(), max_norm=5.0)", "clip_grad_value_(model.parameters(), 5.0)")
        ],
        "another limit": [("max_norm=5.0", "max_norm=1.0")],
        "another limit / another norm": [("max_norm=5.0", "max_norm=5.0, norm_type=1")],
        "small ones stretched": [(B1_CLIP, B1_STRETCHED)],
        "gradients pile up": [(B1_ZERO, "")],
        "not the optimizer's step": B1_OWN_STEP,
        "crash: 'NoneType' object has no attribute 'norm'": [
            (B1_CLIP, "    norm = sum(p.grad.norm() ** 2 for p in model.parameters()) ** 0.5\n")
        ],
    },
    "B2": {
        "two layers": [("num_hiddens, batch_first=True", "num_hiddens, 2, True, True, dropout")],
        "time and batch swapped": [(", batch_first=True", "")],
        "first step": [("outputs[:, -1]", "outputs[:, 0]")],
        "cell state": [("outputs, _ =", "_, (_, memory) ="), ("outputs[:, -1]", "memory[-1]")],
        "softmax": [(B2_FORWARD, B2_FORWARD + ".softmax(1)")],
        "dropout in evaluation": [
            ("self.dropout(outputs[:, -1])", "nn.functional.dropout(outputs[:, -1], self.dropout.p)")
        ],
        "dropout inside the LSTM": [
            ("batch_first=True", "batch_first=True, dropout=dropout"),
            ("self.dropout(outputs[:, -1])", "outputs[:, -1]"),
        ],
        "no dropout": [("self.dropout(outputs[:, -1])", "outputs[:, -1]")],
        "on the logits": [(B2_FORWARD, "return self.dropout(self.output(outputs[:, -1]))")],
        "too early": [
            ("self.lstm(X)", "self.lstm(self.dropout(X))"),
            (B2_FORWARD, "return self.output(outputs[:, -1])"),
        ],
        "share kept": [("nn.Dropout(dropout)", "nn.Dropout(1 - dropout)")],
        "another share": [("nn.Dropout(dropout)", "nn.Dropout(0.5)")],
        "another share / twice": [
            ("self.dropout(outputs[:, -1])", "self.dropout(self.dropout(outputs[:, -1]))")
        ],
        "not scaled": _mask("h.shape", ""),
        "shared mask": _mask("h.shape[1]"),
        "axis too many": [("outputs[:, -1]", "outputs")],
    },
    "B3": {
        "left alone": [("layer.named_parameters()", "list(layer.named_parameters())[:4]")],
        "left alone / one direction": [
            (
                "layer.named_parameters()",
                "[(n, p) for n, p in layer.named_parameters() if 'reverse' not in n]",
            )
        ],
        "left alone / biases": [("nn.init.zeros_(block)", "pass")],
        "left alone / copies": [("parameter.detach()", "parameter.detach().clone()")],
        "all gates as one": [
            (B3_WHOLE, B3_WHOLE + "        if 'weight' in name:\n            blocks = [parameter.detach()]\n")
        ],
        "all gates as one / input": [(B3_XAVIER, "nn.init.xavier_uniform_(parameter.detach())")],
        "exchanged": [
            ('"weight_hh"', '"weight_IH"'),
            ('"weight_ih"', '"weight_hh"'),
            ("weight_IH", "weight_ih"),
        ],
        "gain": [(B3_ORTHOGONAL, "nn.init.orthogonal_(block, nn.init.calculate_gain('tanh'))")],
        "not orthogonal": [(B3_ORTHOGONAL, "nn.init.xavier_uniform_(block)")],
        "same for every gate": [
            (B3_ORTHOGONAL, "block.copy_(nn.init.orthogonal_(block) if block is blocks[0] else blocks[0])")
        ],
        "always the same / identity": [(B3_ORTHOGONAL, "nn.init.eye_(block)")],
        "always the same": [
            ("    H = layer.hidden_size\n", "    H = layer.hidden_size\n    torch.manual_seed(0)\n")
        ],
        "not uniform": [(B3_XAVIER, "nn.init.xavier_normal_(block)")],
        "another range": [(B3_XAVIER, "nn.init.kaiming_uniform_(block)")],
        "another range / positive": [(B3_XAVIER, B3_XAVIER + ".abs_()")],
        "two biases": [('name.startswith("bias_ih")', 'name.startswith("bias")')],
        "no forget bias": [("            nn.init.ones_(blocks[1])", "            pass")],
        "another gate": [("nn.init.ones_(blocks[1])", "nn.init.ones_(blocks[0])")],
        "no forget gate here": [(B3_FORGET, 'if name.startswith("bias_ih") and len(blocks) > 1:')],
        "not zero": [("nn.init.zeros_(block)", "nn.init.ones_(block)")],
        "crash: a view of a leaf Variable": [
            (B3_WHOLE, "        blocks = [parameter[i : i + H] for i in range(0, len(parameter), H)]\n"),
            (B3_ORTHOGONAL, "block.copy_(torch.eye(H))"),
        ],
        "crash: is a view and is being modified inplace": [
            ("parameter.detach().split", "parameter.split"),
            (B3_ORTHOGONAL, "block.copy_(torch.eye(H))"),
        ],
        "crash: Fan in and fan out can not be computed": [("nn.init.zeros_(block)", B3_XAVIER)],
    },
    "B4": {
        "not one of the rates": [(B4_MIN, "return min(medians.values())")],
        "not one of the rates / both": [(B4_MIN, "return min((m, rate) for rate, m in medians.items())")],
        "runs missing": [("for seed in seeds:", "for seed in seeds[:1]:")],
        "trained on": B4_ONE_MODEL,
        "validated untrained": [
            (
                "            train(model, rate)\n            loss = valid(model)\n",
                "            loss = valid(model)\n            train(model, rate)\n",
            )
        ],
        "unequal starts": [(B4_SEED, "")],
        "unequal starts / seeded once": [
            (B4_SEED, ""),
            ("    medians = {}\n", "    medians = {}\n    torch.manual_seed(seeds[0])\n"),
        ],
        "unequal starts / too late": [(B4_SEED, ""), (B4_MAKE, B4_MAKE + B4_SEED)],
        "unequal draws": B4_COPIES,
        "other seeds": [("for seed in seeds:", "for seed in range(len(seeds)):")],
        "by training loss": [
            ("train(model, rate)\n            loss = valid(model)", "loss = train(model, rate)")
        ],
        "by mean": [(B4_MEDIAN, "statistics.mean(losses)")],
        "by best run": [(B4_MEDIAN, "min(losses)")],
        "largest": [("return min(medians", "return max(medians")],
        "diverged runs dropped": [
            (B4_NAN, "if math.isfinite(loss):\n                losses.append(loss)"),
            (B4_MEDIAN, "statistics.median(losses or [math.inf])"),
        ],
        "one diverged run": [
            (B4_MEDIAN, "statistics.median(losses) if max(losses) < math.inf else math.inf")
        ],
        "diverged chosen": [(B4_NAN, "losses.append(0.0 if math.isnan(loss) else loss)")],
    },
    "B5": {
        "nothing": [
            ("        " + B5_RETURN, "        if self.since >= self.patience:\n            return True")
        ],
        "not yes or no": [(B5_RETURN, "return self.since")],
        "one too early": [(B5_RETURN, "return self.since >= self.patience - 1")],
        "one too late": [(B5_RETURN, "return self.since > self.patience")],
        "never reset": [("self.lowest, self.since = loss, 0", "self.lowest = loss")],
        "equal counts as lower": [(B5_LOWER, "if loss <= self.lowest:")],
        "higher is better": [(B5_LOWER, "if loss > self.lowest:"), ("= math.inf, None", "= -math.inf, None")],
        "compared with the last": B5_PAIRWISE,
        "starts too low": [("= math.inf, None", "= 100.0, None")],
        "stops elsewhere": [(B5_RETURN, "return self.since == 7")],
        "stops elsewhere / never": [(B5_RETURN, "return False")],
        "not a copy": [(B5_COPY, "model.state_dict()")],
        "not a copy / shallow": [(B5_COPY, "dict(model.state_dict())")],
        "not a copy / the model": [
            (B5_COPY, "model"),
            (B5_LOAD, "model.load_state_dict(self.best.state_dict())"),
        ],
        "writes nothing": [(B5_LOAD, "return self.best")],
        "writes nothing / another name": [(B5_LOAD, "model = self.best")],
        "the last weights": [
            ("            self.best = copy.deepcopy(model.state_dict())\n", ""),
            (
                "        " + B5_RETURN,
                "        self.best = copy.deepcopy(model.state_dict())\n        " + B5_RETURN,
            ),
        ],
        "the first weights": [(B5_COPY, "self.best or copy.deepcopy(model.state_dict())")],
        "other weights": [
            (B5_LOAD, "model[0].load_state_dict({k[2:]: v for k, v in self.best.items() if k[0] == '0'})")
        ],
        "buffers left out": B5_PARAMETERS,
        "copy handed out": [("        " + B5_LOAD + "\n", B5_HANDED)],
        "changed by update": [
            (
                "            self.since += 1\n",
                "            self.since += 1\n            model.load_state_dict(self.best)\n",
            )
        ],
        "changed by update / before it stops": [
            (
                B5_RETURN,
                "stop = self.since >= self.patience\n        if stop:\n"
                "            model.load_state_dict(self.best)\n        return stop",
            )
        ],
        "nan": B5_NAN,
        "nan / nan is a low": [(B5_LOWER, "if not loss >= self.lowest:")],
        "crash: '<' not supported": [("= math.inf, None", "= None, None")],
    },
    "B6": {
        "one number only": "naive_error = 1 / 12",
        "root": "naive_error = (1 / 6) ** 0.5",
        "absolute error": "naive_error = 1 / 3",
        "always 0": "naive_error = (torch.rand(1_000_000, 2).sum(1) ** 2).mean().item()",
        "always a half": "naive_error = 5 / 12",
        "the constant": "naive_error = 1",
        "mean of two": "naive_error = 1 / 24",
        "values": "naive_error = 0.17",
        "not a number at all": "naive_error = torch.rand(100, 2).sum(1)",
    },
    "B7": {
        "bits": "random_label_loss = 3",
        "base 10": "random_label_loss = 0.903",
        "accuracy": "random_label_loss = 1 / 8",
        "perplexity": "random_label_loss = 8",
        "sign": "random_label_loss = -2.079",
        "training loss": "random_label_loss = 0.0",
        "values": "import math\nrandom_label_loss = math.log(7)",
        "not a number at all": "random_label_loss = 'ln 8'",
    },
}

RIGHT = {
    "B1": {"by hand": B1_BY_HAND, "autograd.grad": B1_GROUPS},
    "B2": {
        "functional, cells": B2_FUNCTIONAL,
        "time first, nn.Sequential": B2_SEQUENTIAL,
        "own mask": _mask("h.shape"),
    },
    "B3": {"all_weights and QR": B3_NAMES, "new tensors": B3_DATA},
    "B4": {"a table": B4_TORCH, "sorted": B4_SORTED},
    "B5": {"clones": B5_CLONES, "the whole model": B5_WHOLE_MODEL},
    "B6": {
        "measured": "naive_error = ((torch.rand(1_000_000, 2).sum(1) - 1) ** 2).mean().item()",
        "three digits": "naive_error = 0.167",
        "a tensor": "naive_error = torch.tensor(1 / 6)",
    },
    "B7": {
        "computed": "random_label_loss = nn.functional.cross_entropy(torch.zeros(1, 8), torch.tensor([3]))",
        "two digits": "random_label_loss = 2.08",
    },
}
