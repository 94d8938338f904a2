"""Chapter 11: sequence classification and forecasting."""

STANDARD = "z = (series - past.mean()) / past.std()"
UNFOLD = "X, Y = z.unfold(0, num_steps, 1)[:-1], z[num_steps:]"
CUT = "cut = n_train - num_steps"
RETURN = "return X[:cut], Y[:cut], X[cut:], Y[cut:]"
TWO_PARTS = """
def forecast_windows(series, n_train, num_steps):
    mean, std = series[:n_train].mean(), series[:n_train].std()
    z = (series - mean) / std

    def cut(part):
        pieces = part.unfold(0, num_steps + 1, 1)
        return pieces[:, :-1], pieces[:, -1]

    return (*cut(z[:n_train]), *cut(z[n_train - num_steps :]))
"""
LOOP = """
def forecast_windows(series, n_train, num_steps):
    m = sum(series[:n_train]) / n_train
    s = (sum((x - m) ** 2 for x in series[:n_train]) / (n_train - 1)) ** 0.5
    z = [(x - m) / s for x in series]
    pairs = [(torch.stack(z[t - num_steps : t]), z[t]) for t in range(num_steps, len(z))]
    first = n_train - num_steps
    return [
        torch.stack([pair[place] for pair in part])
        for part in (pairs[:first], pairs[first:])
        for place in (0, 1)
    ]
"""
BY_INDEX = """
def forecast_windows(series, n_train, num_steps):
    std, mean = torch.std_mean(series[:n_train])
    z = (series - mean) / std
    steps = torch.arange(num_steps)
    X = z[torch.arange(len(z) - num_steps)[:, None] + steps]
    Y = z[num_steps:]
    split = [n_train - num_steps, len(z) - n_train]
    (X_train, X_test), (Y_train, Y_test) = X.split(split), Y.split(split)
    return X_train, Y_train, X_test, Y_test
"""

SIZES = "sizes = (lengths[:, None] > torch.arange(T)).sum(dim=0)"
SAVED = "return sizes, len(lengths) * T - int(sizes.sum())"
COUNTED = """
def batch_sizes(lengths):
    ends = torch.bincount(lengths - 1)
    sizes = ends.flip(0).cumsum(0).flip(0)
    return sizes, (lengths.max() - lengths).sum()
"""
PLAIN = """
def batch_sizes(lengths):
    lengths = lengths.tolist()
    sizes = []
    while any(n > len(sizes) for n in lengths):
        sizes.append(sum(n > len(sizes) for n in lengths))
    return torch.tensor(sizes), sum(max(lengths) - n for n in lengths)
"""
PACKED = """
from torch.nn.utils.rnn import pack_padded_sequence


def batch_sizes(lengths):
    X = torch.zeros(len(lengths), int(lengths.max()))
    packed = pack_padded_sequence(X, lengths, batch_first=True, enforce_sorted=False)
    return packed.batch_sizes, X.numel() - len(packed.data)
"""

WRONG = {
    "11a": {
        "beyond the split": [(CUT, CUT + " + 1")],
        "beyond the split / windows counted": [(CUT, "cut = n_train")],
        "training targets lost": [(CUT, CUT + " - 1")],
        "first test targets lost": TWO_PARTS.replace("z[n_train - num_steps :]", "z[n_train:]"),
        "test targets": TWO_PARTS.replace("z[n_train - num_steps :]", "z[n_train - num_steps + 1 :]"),
        "test windows": [(RETURN, RETURN.replace("X[cut:]", "z[n_train:].unfold(0, num_steps, 1)[:-1]"))],
        "test windows / one more": TWO_PARTS.replace(
            "return (*cut(z[:n_train]), *cut(z[n_train - num_steps :]))",
            "return (*cut(z[:n_train]), z[n_train:].unfold(0, num_steps, 1), z[n_train:])",
        ),
        "not in pairs": [(RETURN, RETURN.replace("X[:cut]", "X[: cut + 1]"))],
        "not in pairs / the test": [(RETURN, RETURN.replace("Y[cut:]", "Y[cut + 1 :]"))],
        "order of the four": [(RETURN, "return X[:cut], X[cut:], Y[:cut], Y[cut:]")],
        "variance": [("past.std()", "past.var()")],
        "mean kept": [("(series - past.mean())", "series")],
        "test targets / last lost": [(RETURN, "return X[:cut], Y[:cut], X[cut:-1], Y[cut:-1]")],
        "scaled by the whole": [("past = series[:n_train]", "past = series")],
        "scaled by the whole / population": [
            ("past = series[:n_train]", "past = series"),
            ("past.std()", "past.std(correction=0)"),
        ],
        "scaled separately": [
            (
                RETURN,
                "past = series[n_train:]\n    v = (series - past.mean()) / past.std()\n"
                "    v, w = v.unfold(0, num_steps, 1)[:-1], v[num_steps:]\n"
                "    return X[:cut], Y[:cut], v[cut:], w[cut:]",
            )
        ],
        "scaled separately / joined": [
            (
                STANDARD,
                STANDARD + "\n    later = series[n_train:]\n"
                "    z = torch.cat([z[:n_train], (later - later.mean()) / later.std()])",
            )
        ],
        "not scaled": [(STANDARD, "z = series")],
        "targets not scaled": [("z[num_steps:]", "series[num_steps:]")],
        "not divided": [(" / past.std()", "")],
        "population": [("past.std()", "past.std(unbiased=False)")],
        "window by window": [
            (STANDARD, "z = series"),
            (
                RETURN,
                "m, s = X.mean(1), X.std(1)\n    X, Y = (X - m[:, None]) / s[:, None], (Y - m) / s\n    "
                + RETURN,
            ),
        ],
        "target in the window": [("z[num_steps:]", "z[num_steps - 1 : -1]")],
        "target too late": [("z[num_steps:]", "torch.cat([z[num_steps + 1 :], z[-1:]])")],
        "shuffled": [
            (RETURN, "i = torch.randperm(cut)\n    return X[:cut][i], Y[:cut][i], X[cut:], Y[cut:]")
        ],
        "reversed": [("1)[:-1]", "1)[:-1].flip(1)")],
        "piece": [("past.mean()", "past.median()")],
        "not four": [(RETURN, "return X, Y")],
        "not four / pairs": [(RETURN, "return (X[:cut], Y[:cut]), (X[cut:], Y[cut:])")],
        "axis too many": [("[:-1], z", "[:-1, :, None], z")],
        "nothing": [(RETURN, "")],
        "crash: only one element": [
            (
                "z.unfold(0, num_steps, 1)[:-1]",
                "torch.tensor([z[t - num_steps : t] for t in range(num_steps, len(z))])",
            )
        ],
    },
    "11b": {
        "not two": [(SAVED, "return sizes")],
        "packed": PACKED,
        "lengths": [(SAVED, SAVED.replace("return sizes", "return lengths"))],
        "lengths sorted": [
            (SAVED, SAVED.replace("return sizes", "return lengths.sort(descending=True).values"))
        ],
        "lengths sorted / ascending": [
            (SAVED, SAVED.replace("return sizes", "return lengths.sort().values"))
        ],
        "one step late": [("arange(T)", "arange(1, T + 1)")],
        "one step late / early": [("None] >", "None] >=")],
        "wrong length / one more": [("arange(T)", "arange(T + 1)")],
        "one step late / one less": [("arange(T)", "arange(1, T)")],
        "one step late / early, one more": [("None] > torch.arange(T)", "None] >= torch.arange(T + 1)")],
        "wrong length": [("arange(T)", "arange(len(lengths) + T)")],
        "padding counted": [(SIZES, "sizes = torch.full((T,), len(lengths))")],
        "ended": [("None] >", "None] <=")],
        "ends here": COUNTED.replace("sizes = ends.flip(0).cumsum(0).flip(0)", "sizes = ends"),
        "ends here / a step late": COUNTED.replace(
            "sizes = ends.flip(0).cumsum(0).flip(0)", "sizes = lengths.bincount()"
        ),
        "backward": COUNTED.replace(".cumsum(0).flip(0)", ".cumsum(0)"),
        "cells computed": [("len(lengths) * T - int(sizes.sum())", "int(sizes.sum())")],
        "all cells": [(" - int(sizes.sum())", "")],
        "not an integer": [("int(sizes.sum())", "lengths.float().sum()")],
        "not an integer / no tensor": [("int(sizes.sum())", "float(sizes.sum())")],
        "saved": [("len(lengths) * T -", "len(lengths) ** 2 -")],
        "not a tensor": [(SAVED, SAVED.replace("return sizes", "return sizes.tolist()"))],
        "values": [("sum(dim=0)", "sum(dim=0) * 2")],
        "dtype": [("sum(dim=0)", "sum(dim=0).float()")],
        "crash: The size of tensor a": [("lengths[:, None]", "lengths")],
    },
}
RIGHT = {
    "11a": {"two parts": TWO_PARTS, "a loop": LOOP, "by index": BY_INDEX},
    "11b": {"from the ends": COUNTED, "plain Python": PLAIN},
}
