"""Chapter 2: one-hot encoding."""


def _gradient(body):
    return (
        "import torch\nimport torch.nn.functional as F\n\n\n"
        f"def lookup_gradient(X, G, V):\n    grad = torch.zeros(V, G.shape[-1])\n{body}\n    return grad\n"
    )


def _embedding(*lines):
    body = "\n".join(f"    {line}" for line in lines)
    return f"import torch\nfrom torch import nn\n\n\ndef as_embedding(linear):\n{body}\n"


TABLE = "linear.weight.T + linear.bias"

WRONG = {
    "2a": {
        "repeats lost": _gradient("    grad[X] += G"),
        "repeats lost / assigned": _gradient("    grad[X] = G"),
        "repeats lost / loop": _gradient(
            "    for x, g in zip(X.flatten(), G.flatten(0, 1)):\n        grad[x] = g"
        ),
        "repeats lost / scatter": _gradient(
            "    grad.scatter_(0, X.reshape(-1, 1).expand(-1, G.shape[2]), G.flatten(0, 1))"
        ),
        "repeats in a step": _gradient("    for x, g in zip(X, G):\n        grad[x] += g"),
        "repeats in a row": _gradient("    for b in range(X.shape[1]):\n        grad[X[:, b]] += G[:, b]"),
        "last step only": _gradient(
            "    for x, g in zip(X, G):\n        grad = F.one_hot(x, V).float().T @ g"
        ),
        "mean": _gradient(
            "    codes = F.one_hot(X.flatten(), V).float()\n"
            "    grad = codes.T @ G.flatten(0, 1) / codes.sum(0)[:, None].clamp(min=1)"
        ),
        "divided": [("G.flatten(0, 1)", "G.flatten(0, 1) / X.numel()")],
        "divided / B": [("G.flatten(0, 1)", "G.flatten(0, 1) / X.shape[1]")],
        "divided / T": [("G.flatten(0, 1)", "G.flatten(0, 1) / len(X)")],
        "order": [("X.flatten()", "X.T.flatten()")],
        "order / G": [("G.flatten(0, 1)", "G.transpose(0, 1).flatten(0, 1)")],
        "size of an axis": [("torch.zeros(V,", "torch.zeros(X.max() + 1,")],
        "order of axes": [("G.flatten(0, 1))", "G.flatten(0, 1)).T")],
        "values": [("X.flatten()", "V - 1 - X.flatten()")],
        "nothing": [("return grad", "grad")],
        "crash: Index is supposed to be a vector": [("X.flatten()", "X")],
        "crash: expected m1 and m2 to have the same dtype": _gradient(
            "    grad = F.one_hot(X.flatten(), V).T @ G.flatten(0, 1)"
        ),
    },
    "2b": {
        "not transposed": _embedding("return nn.Embedding.from_pretrained(linear.weight, freeze=False)"),
        "columns for rows / no bias": _embedding(
            "V, H = linear.in_features, linear.out_features",
            "table = nn.Embedding(V, H)",
            "table.weight.data.copy_(linear.weight.data.reshape(V, H) if V != H else linear.weight.data)",
            "if V != H:",
            "    table.weight.data.copy_(linear.weight.data.T + linear.bias.data)",
            "return table",
        ),
        "columns for rows": _embedding(
            "table = linear.weight.T if linear.in_features != linear.out_features else linear.weight",
            "return nn.Embedding.from_pretrained((table + linear.bias).detach(), freeze=False)",
        ),
        "no bias": [(TABLE, "linear.weight.T")],
        "bias taken away": [(TABLE, "linear.weight.T - linear.bias")],
        "bias along the other axis": _embedding(
            "V, H = linear.in_features, linear.out_features",
            "table = (linear.weight + (linear.bias if V == H else linear.bias[:, None])).T",
            "return nn.Embedding.from_pretrained(table.detach(), freeze=False)",
        ),
        "frozen": [(", freeze=False", "")],
        "one parameter": _embedding(
            "table = nn.Embedding.from_pretrained(linear.weight.T.detach().clone(), freeze=False)",
            "table.bias = nn.Parameter(linear.bias.detach().clone())",
            "return table",
        ),
        "rows shrunk": [("freeze=False", "freeze=False, max_norm=5")],
        "rows shrunk / new": _embedding(
            "table = nn.Embedding(linear.in_features, linear.out_features, max_norm=1.0)",
            "table.weight.data.copy_(linear.weight.T + linear.bias)",
            "return table",
        ),
        "a row without gradient": [("freeze=False", "freeze=False, padding_idx=0")],
        "a row without gradient / new": _embedding(
            "table = nn.Embedding(linear.in_features, linear.out_features, padding_idx=-1)",
            "table.weight.data.copy_(linear.weight.T + linear.bias)",
            "return table",
        ),
        "divided by uses": [("freeze=False", "freeze=False, scale_grad_by_freq=True")],
        "gradient": _embedding(
            "table = nn.Embedding.from_pretrained((linear.weight.T + linear.bias).detach(), freeze=False)",
            "table.weight.register_hook(lambda g: g / len(g))",
            "return table",
        ),
        "linear altered": [("    table = ", "    linear.requires_grad_(False)\n    table = ")],
        "linear altered / double": [("    table = ", "    linear.double()\n    table = ")],
        "linear altered / no bias": _embedding(
            "table = linear.weight.T + linear.bias",
            "linear.bias = None",
            "return nn.Embedding.from_pretrained(table.detach(), freeze=False)",
        ),
        "linear altered / turned": _embedding(
            "linear.weight.data = linear.weight.data.T.contiguous()",
            "table = linear.weight.detach() + linear.bias.detach()",
            "return nn.Embedding.from_pretrained(table, freeze=False)",
        ),
        "values / halved": [("table.detach()", "table.detach() / 2")],
        "linear altered / bias alone": [
            ("    table = ", "    linear.bias.requires_grad = False\n    table = ")
        ],
        "shared": _embedding(
            "linear.weight.data += linear.bias.data[:, None]",
            "return nn.Embedding.from_pretrained(linear.weight.data.T, freeze=False)",
        ),
        "shared / parameter": _embedding(
            "table = nn.Embedding(linear.in_features, linear.out_features)",
            "table.weight = nn.Parameter(linear.weight.T)",
            "with torch.no_grad():",
            "    table.weight += linear.bias",
            "return table",
        ),
        "linear changed": _embedding(
            "weight = linear.weight.detach()",
            "weight += linear.bias[:, None].detach()",
            "return nn.Embedding.from_pretrained(weight.T.clone(), freeze=False)",
        ),
        "not an embedding": _embedding(
            "table = nn.Embedding.from_pretrained((linear.weight.T + linear.bias).detach(), freeze=False)",
            "return nn.Sequential(table)",
        ),
        "not an embedding / the table": _embedding("return (linear.weight.T + linear.bias).detach()"),
        "nothing": [("return nn.Embedding", "nn.Embedding")],
        "values": _embedding("return nn.Embedding(linear.in_features, linear.out_features)"),
        "crash: must match the size of tensor b": [(TABLE, "linear.weight + linear.bias")],
        "crash: a leaf Variable that requires grad": _embedding(
            "table = nn.Embedding(linear.in_features, linear.out_features)",
            "table.weight.copy_(linear.weight.T + linear.bias)",
            "return table",
        ),
        "crash: cannot assign 'torch.FloatTensor' as parameter": _embedding(
            "table = nn.Embedding(linear.in_features, linear.out_features)",
            "table.weight = linear.weight.T + linear.bias",
            "return table",
        ),
    },
}
RIGHT = {
    "2a": {
        "two loops": _gradient(
            "    for t in range(X.shape[0]):\n        for b in range(X.shape[1]):\n"
            "            grad[X[t, b]] += G[t, b]"
        ),
        "one-hot": _gradient("    grad = F.one_hot(X.flatten(), V).float().T @ G.flatten(0, 1)"),
        "index_put": _gradient("    grad.index_put_((X,), G, accumulate=True)"),
        "einsum": _gradient("    grad = torch.einsum('tbv,tbh->vh', F.one_hot(X, V).float(), G)"),
        "autograd": """
import torch
import torch.nn.functional as F


def lookup_gradient(X, G, V):
    W = torch.zeros(V, G.shape[-1], requires_grad=True)
    F.embedding(X, W).backward(G)
    return W.grad
""",
    },
    "2b": {
        "copied": _embedding(
            "table = nn.Embedding(linear.in_features, linear.out_features)",
            "with torch.no_grad():",
            "    table.weight.copy_(linear.weight.T + linear.bias)",
            "return table",
        ),
        "sparse gradients": [("freeze=False", "freeze=False, sparse=True")],
        "all one-hot vectors": _embedding(
            "V = linear.in_features",
            "with torch.no_grad():",
            "    return nn.Embedding.from_pretrained(linear(torch.eye(V)), freeze=False)",
        ),
        "parameter": _embedding(
            "table = nn.Embedding(*linear.weight.T.shape)",
            "table.weight = nn.Parameter(linear.weight.T.clone() + linear.bias)",
            "return table",
        ),
        "data": _embedding(
            "H, V = linear.weight.shape",
            "table = nn.Embedding(V, H)",
            "for v in range(V):",
            "    table.weight.data[v] = linear.weight.data[:, v] + linear.bias.data",
            "return table",
        ),
    },
}
