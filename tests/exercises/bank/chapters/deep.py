"""Chapter 10: deep RNNs."""

MODE_10A = "if not self.training:\n            return X\n        "
KEPT_10A = "kept = torch.rand_like(X[:1]) >= self.p"
EXACT_10A = "kept = torch.rand_like(X[:1]).argsort(dim=2).argsort(dim=2) >= round(self.p * X.shape[2])"
LAST_10A = "return X * kept / (1 - self.p)"
BERNOULLI_10A = """
class LockedDropout(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.keep = 1 - p

    def forward(self, X):
        if self.training and self.keep < 1:
            T, B, H = X.shape
            mask = torch.bernoulli(torch.full((B, H), self.keep, device=X.device))
            X = X * (mask / self.keep).expand(T, B, H)
        return X
"""
FUNCTIONAL_10A = """
class LockedDropout(nn.Dropout):
    def forward(self, X):
        return X * super().forward(torch.ones_like(X[0]))
"""
ONCE_10A = """
class LockedDropout(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p, self.mask = p, None

    def forward(self, X):
        if not self.training:
            return X
        if self.mask is None or self.mask.shape[1:] != X.shape[1:]:
            self.mask = (torch.rand_like(X[:1]) >= self.p) / (1 - self.p)
        return X * self.mask
"""
WHERE_10A = """
class LockedDropout(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.drop = nn.Dropout1d(p)

    def forward(self, X):
        return self.drop(X.permute(1, 2, 0)).permute(2, 0, 1)
"""
DROP_10A = """
class LockedDropout(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.drop = nn.Dropout(p)

    def forward(self, X):
        return {}
"""

WRONG = {
    "10a": {
        "active in evaluation": [(MODE_10A, "")],
        "scaled in evaluation": [("return X\n", "return X * (1 - self.p)\n")],
        "nothing": [(LAST_10A, LAST_10A.removeprefix("return "))],
        "nothing dropped": [(KEPT_10A, "kept = torch.rand_like(X[:1]) >= 0")],
        "everything dropped": [(KEPT_10A, "kept = torch.rand_like(X[:1]) >= 1")],
        "new mask each step": [("X[:1]", "X")],
        "one mask for all sequences": [("X[:1]", "X[:1, :1]")],
        "one mask for all units": [("X[:1]", "X[:1, :, :1]")],
        "batch and time mixed up": [("X[:1]", "X[:, :1]")],
        "an instance": [
            ("class LockedDropout(", "class Locked("),
            (LAST_10A, LAST_10A + "\n\n\nLockedDropout = Locked(0.5)"),
        ],
        "always as many": [(KEPT_10A, EXACT_10A)],
        "always as many / a block": [
            (
                KEPT_10A,
                "kept = (torch.arange(X.shape[2]) - torch.randint(X.shape[2], (1, X.shape[1], 1))) % X.shape[2] >= self.p * X.shape[2]",
            )
        ],
        "always as many / in all": [
            (
                KEPT_10A,
                "n = X[0].numel()\n        kept = (torch.randperm(n) >= int(self.p * n)).view_as(X[:1])",
            )
        ],
        "always as many / of each unit": [
            (KEPT_10A, EXACT_10A.replace("dim=2", "dim=1").replace("shape[2]", "shape[1]"))
        ],
        "tied": [
            (
                KEPT_10A,
                "m = torch.rand_like(X[:1, :, ::2]) >= self.p\n        kept = torch.cat([m, m], 2)[:, :, : X.shape[2]]",
            )
        ],
        "neighbors / in pairs": [
            (
                KEPT_10A,
                "m = torch.rand_like(X[:1, :, ::2]) >= self.p\n        kept = m.repeat_interleave(2, 2)[:, :, : X.shape[2]]",
            )
        ],
        "sequences tied": [
            (
                KEPT_10A,
                "m = torch.rand_like(X[:1, ::2]) >= self.p\n        kept = torch.cat([m, m], 1)[:, : X.shape[1]]",
            )
        ],
        "neighbors": [
            (
                KEPT_10A,
                "n = (0.8 + 0.4 * torch.rand(1, X.shape[1], 1)) * self.p * X.shape[2]\n"
                "        start = torch.randint(X.shape[2], (1, X.shape[1], 1))\n"
                "        kept = (torch.arange(X.shape[2]) - start) % X.shape[2] >= n",
            )
        ],
        "share kept": [(KEPT_10A, KEPT_10A.replace(">=", "<"))],
        "another share": [(KEPT_10A, "kept = torch.randn_like(X[:1]) >= self.p")],
        "not scaled": [(LAST_10A, "return X * kept")],
        "divided by p": [(LAST_10A, "return X * kept / self.p")],
        "another scale": [(LAST_10A, "return X * kept * (1 - self.p)")],
        "scale from the draw": [(LAST_10A, "return X * kept / kept.float().mean()")],
        "scale from the draw / of each sequence": [
            (LAST_10A, "return X * kept / kept.float().mean(2, keepdim=True).clamp(min=0.01)")
        ],
        "step 0 repeated": DROP_10A.format("self.drop(X[:1]).expand(X.shape)"),
        "step 0 repeated / in training": [(LAST_10A, "return (X[:1] * kept / (1 - self.p)).expand(X.shape)")],
        "mask from the data": DROP_10A.format(
            "X * (self.drop(X[0]) != 0) / (1 - self.drop.p) if self.training else X"
        ),
        "mask from the data / by division": DROP_10A.format("X * (self.drop(X[:1]) / X[:1])"),
        "mask from the data / the last step": DROP_10A.format(
            "X * (self.drop(X[-1]) != 0) / (1 - self.drop.p) if self.training else X"
        ),
        "noise": [(LAST_10A, "return X * kept * 2 * torch.rand_like(X)")],
        "same mask every call": ONCE_10A,
        "p = 0": [(LAST_10A, "return X * kept * (1 / (1 - self.p) if self.p else 0)")],
        "p = 0 / everything goes": [(KEPT_10A, "kept = torch.rand_like(X[:1]) >= (self.p or 0.5)")],
        "crash: ZeroDivisionError": [(LAST_10A, "return X * kept / (1 - self.p) * (self.p / self.p)")],
        "changed its input": [(LAST_10A, "X *= kept / (1 - self.p)\n        return X")],
        "gradient": [(LAST_10A, "return X.detach() * kept / (1 - self.p)")],
        "crash: has no attribute '_modules'": [("super().__init__()", "pass")],
        "axis missing": [(LAST_10A, "return (X * kept / (1 - self.p))[-1]")],
    },
}
RIGHT = {
    "10a": {
        "bernoulli": BERNOULLI_10A,
        "dropout of ones": FUNCTIONAL_10A,
        "Dropout1d": WHERE_10A,
    },
}

DEFAULT_10B = '"default": [5.275, 5.252, 5.372]'
WORD_10B = '"conclusion": "default"'
WRONG["10b"] = {
    "no record": "starts = 5.275, 5.754, 5.876\n",
    "missing": [(f"{DEFAULT_10B},", "")],
    "too few runs": [(DEFAULT_10B, '"default": [5.275, 5.252]')],
    "too few runs / the median only": [(DEFAULT_10B, '"default": 5.275')],
    "not a result": [("5.372", "float('nan')")],
    "same runs": [(DEFAULT_10B, '"default": [5.275, 5.275, 5.275]')],
    "implausible": [("5.372", "53.72")],
    "implausible / default and orthogonal exchanged": [
        ("[5.876, 5.842, 5.833]", "[5.276, 5.252, 5.372]"),
        (DEFAULT_10B, '"default": [5.876, 5.842, 5.833]'),
        (WORD_10B, '"conclusion": "orthogonal"'),
    ],
    "too few runs / a set": [(DEFAULT_10B, '"default": {5.275, 5.252, 5.372}')],
    "implausible / the training perplexity": [(DEFAULT_10B, '"default": [2.656, 2.641, 2.587]')],
    "not a conclusion": [(WORD_10B, '"conclusion": "uniform"')],
    "conclusion": [(WORD_10B, '"conclusion": "orthogonal"')],
    "no overlap": [(WORD_10B, '"conclusion": "undecided"')],
    "overlap": [("5.372", "5.80")],
}
RIGHT["10b"] = {
    "other seeds": [(DEFAULT_10B, '"default": [5.469, 5.488, 5.289, 5.240]')],
    "an overlap": [("5.372", "5.80"), (WORD_10B, '"conclusion": "undecided"')],
    "a tensor": [(DEFAULT_10B, '"default": torch.tensor([5.275, 5.252, 5.372])')],
}
