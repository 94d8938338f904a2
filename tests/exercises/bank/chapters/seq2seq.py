"""Chapter 14: sequence to sequence, and attention."""

PADDING = "padding = torch.arange(S) >= source_lengths[:, None]"
HIDDEN = "    hidden = scores.masked_fill(padding[:, None], -torch.inf)\n"
WEIGHTS = "weights = hidden.softmax(dim=2)"
PEAK = "peak = weights.argmax(dim=2)"
BACK = "back = peak[:, 1:] < peak[:, :-1]"
WRITTEN = "written = torch.arange(1, T) < target_lengths[:, None]"
MOVES = "(back & written).sum(dim=1)"
LAST = f"return weights, {MOVES}"
BY_HAND = "powers = hidden.exp()\n    weights = powers / powers.sum(dim=2, keepdim=True)"

ONE_MAXIMUM = BY_HAND.replace("hidden", "(hidden - {})")
LOWERED = "    hidden = scores - {} * padding[:, None]\n"

LOOPS_14A = """
import torch


def look_back(scores, source_lengths, target_lengths):
    weights, moves = torch.zeros_like(scores), []
    for b, (S, T) in enumerate(zip(source_lengths.tolist(), target_lengths.tolist())):
        weights[b, :T, :S] = torch.softmax(scores[b, :T, :S], dim=1)
        places = weights[b, :T].argmax(dim=1).tolist()
        moves.append(sum(places[t] < places[t - 1] for t in range(1, T)))
    return weights, torch.tensor(moves)
"""
DIFF_14A = """
import torch


def look_back(scores, source_lengths, target_lengths):
    B, T, S = scores.shape
    words = torch.arange(S).expand(B, 1, S) < source_lengths.view(B, 1, 1)
    weights = torch.where(words, scores, torch.finfo(scores.dtype).min)
    weights = (weights - weights.amax(dim=-1, keepdim=True)).exp() * words
    weights = weights / weights.sum(dim=-1, keepdim=True)
    steps = weights.max(dim=-1).indices.diff(dim=1)
    steps[torch.arange(1, T).expand(B, -1) >= target_lengths.view(B, 1)] = 0
    return [weights, torch.count_nonzero(steps < 0, dim=1)]
"""
CLEAN_14A = """
import torch


def look_back(scores, source_lengths, target_lengths):
    B, T, S = scores.shape
    bias = torch.zeros(B, S).masked_fill(torch.arange(S)[None] >= source_lengths[:, None], float("-inf"))
    weights = torch.nn.functional.softmax(scores + bias[:, None, :], -1)
    written = torch.arange(T)[None] < target_lengths[:, None]
    weights = weights * written[..., None]
    peak = weights.argmax(-1)
    last = torch.cat([torch.zeros_like(peak[:, :1]), peak[:, :-1]], dim=1)
    return weights, ((peak < last) * written).long().sum(-1)
"""

GROW = "                longer.append((log_p + gain, [*tokens, token]))\n"
OVER = """            if tokens[-1:] == [end]:
                longer.append((log_p, tokens))
                continue
"""
KEEP = "        beam = sorted(longer, reverse=True)[:K]\n"
FIRST = "    log_p, tokens = beam[0]\n"
JUDGE = "    if tokens == right:\n"
TRUE = "sum(step(right[:t])[right[t]].item() for t in range(len(right)))"
VERDICT = '"search" if of_right > log_p else "model"'
THE_END = "tokens, log_p, " + VERDICT
ASIDE = "        done += [one for one in beam if one[1][-1:] == [end]]\n"
GOES_ON = "        beam = [one for one in beam if one[1][-1:] != [end]]\n"
FROM_DONE = "    log_p, tokens = max(done + beam)\n"
NO_BEAM = "        if not beam:\n            break\n"
BEGIN = "    beam = [(0.0, [])]\n"
CUT = """    if end in tokens:
        tokens = tokens[: tokens.index(end) + 1]
"""
RANKED = "sorted(longer, reverse=True)"

TENSORS_14B = """
import torch


def search_and_judge(step, K, T, end, right):
    scores, texts = torch.zeros(1), torch.empty(1, 0, dtype=torch.int64)
    for _ in range(T):
        gains = torch.stack([step(text.tolist()) for text in texts])  # (K, V)
        V = gains.shape[1]
        if texts.shape[1]:
            over = texts[:, -1] == end
            free = torch.full((V,), -torch.inf)
            free[end] = 0.0
            gains = torch.where(over[:, None], free, gains)
        totals = (scores[:, None] + gains).flatten()
        scores, best = totals.topk(min(K, len(totals)))
        texts = torch.cat([texts[best // V], (best % V)[:, None]], dim=1)
    found = texts[0].tolist()
    if end in found:
        found = found[: found.index(end) + 1]
    gains = [step(right[:t])[token] for t, token in enumerate(right)]
    if found == list(right):
        verdict = "right"
    elif torch.stack(gains).sum() > scores[0]:
        verdict = "search"
    else:
        verdict = "model"
    return torch.tensor(found), scores[0], verdict
"""
EARLY_14B = """
import heapq


def log_probability(step, text):
    return sum(float(step(tuple(text[:t]))[token]) for t, token in enumerate(text))


def search_and_judge(step, K, T, end, right):
    beam = {(): 0.0}
    for t in range(T):
        new = {}
        for text, score in beam.items():
            if text and text[-1] == end:
                new[text] = score
            else:
                gains = step(text)
                for token in range(len(gains)):
                    new[text + (token,)] = score + float(gains[token])
        beam = dict(heapq.nlargest(K, new.items(), key=lambda item: item[1]))
        best = max(beam, key=beam.get)
        if best[-1] == end:
            break
    difference = log_probability(step, right) - beam[best]
    verdict = "right" if best == tuple(right) else ("model", "search")[difference > 0]
    return best, beam[best], verdict
"""

WRONG = {
    "14a": {
        "not two": [(LAST, "return weights")],
        "not two / three": [(LAST, f"return weights, peak, {MOVES}")],
        "other order": [(LAST, f"return {MOVES}, weights")],
        "nothing": [("return ", "")],
        "padding has weight": [(WEIGHTS, "weights = scores.softmax(dim=2)")],
        "padding has weight / rows only": [(PADDING, "padding = torch.zeros(len(scores), S, dtype=bool)")],
        "padding has weight / cut at the longest": [
            (PADDING, PADDING.replace("[:, None]", "[:, None].amax(0, keepdim=True)"))
        ],
        "steps hidden": [
            (PADDING, PADDING.replace("(S)", "(T)")),
            ("padding[:, None]", "padding[:, :, None]"),
        ],
        "steps hidden / finite": [
            (PADDING, PADDING.replace("(S)", "(T)")),
            ("padding[:, None], -torch.inf", "padding[:, :, None], -1e9"),
        ],
        "score of 0": [("-torch.inf", "0.0")],
        "after the softmax": [
            (WEIGHTS, "weights = scores.softmax(dim=2).masked_fill(padding[:, None], 0.0)")
        ],
        "inverted": [("padding[:, None]", "~padding[:, None]")],
        "one too many": [(PADDING, PADDING.replace(">=", ">"))],
        "one too few": [(PADDING, PADDING.replace("source_lengths", "(source_lengths - 1)"))],
        "wrong end": [(PADDING, "padding = torch.arange(S) < S - source_lengths[:, None]")],
        "lengths swapped": [
            (PADDING, PADDING.replace("source", "target")),
            (WRITTEN, WRITTEN.replace("target", "source")),
        ],
        "lengths swapped / in the weights": [(PADDING, PADDING.replace("source", "target"))],
        "lengths swapped / in the count": [(WRITTEN, WRITTEN.replace("target", "source"))],
        "another row's length": [
            (
                HIDDEN,
                "    hidden = scores.masked_fill("
                "padding if len(scores) == T else padding[:, None], -torch.inf)\n",
            )
        ],
        "crash: must match the size of tensor": [("padding[:, None]", "padding")],
        "crash: The size of tensor a": [(PADDING, "padding = torch.arange(S) >= source_lengths")],
        "over the steps": [(WEIGHTS, "weights = hidden.softmax(dim=1)")],
        "over the steps / finite": [
            ("-torch.inf", "-1e9"),
            (WEIGHTS, "weights = hidden.softmax(dim=1)"),
        ],
        "over the steps / hidden afterwards": [
            (WEIGHTS, "weights = scores.softmax(dim=1) * ~padding[:, None]")
        ],
        "over the batch": [(WEIGHTS, "weights = hidden.softmax(dim=0)")],
        "scaled again": [(WEIGHTS, "weights = (hidden / S**0.5).softmax(dim=2)")],
        "overflow": [(WEIGHTS, BY_HAND)],
        "cut off": [(HIDDEN, HIDDEN.replace("scores", "scores.clamp(-80, 80)"))],
        "every exp 0": [(WEIGHTS, ONE_MAXIMUM.format("hidden.max()"))],
        "every exp 0 / of an example": [(WEIGHTS, ONE_MAXIMUM.format("hidden.amax((1, 2), keepdim=True)"))],
        "every exp 0 / of a step": [(WEIGHTS, ONE_MAXIMUM.format("hidden.amax((0, 2), keepdim=True)"))],
        "every exp 0 / no nan": [
            (WEIGHTS, ONE_MAXIMUM.format("hidden.max()").replace("True)", "True).clamp(min=1e-30)"))
        ],
        "every exp 0 / cut off at the top": [
            (WEIGHTS, BY_HAND.replace("hidden.exp()", "hidden.clamp(max=80).exp()")),
            (HIDDEN, HIDDEN.replace("scores.", "(scores - scores.detach().abs().max()).")),
        ],
        "still heard": [(HIDDEN, LOWERED.format("2e3"))],
        "still heard / a billion": [(HIDDEN, LOWERED.format("1e9"))],
        "heard in silence": [
            (HIDDEN, HIDDEN.replace("scores.", "(scores - scores.amax(dim=2, keepdim=True)).")),
        ],
        "padding took all / no nan": [
            (
                WEIGHTS,
                "weights = scores.softmax(dim=2) * ~padding[:, None]\n"
                "    weights = weights / weights.sum(dim=2, keepdim=True).clamp(min=1e-30)",
            )
        ],
        "padding took all": [
            (
                WEIGHTS,
                "weights = scores.softmax(dim=2) * ~padding[:, None]\n"
                "    weights = weights / weights.sum(dim=2, keepdim=True)",
            )
        ],
        "not low enough": [("-torch.inf", "-100.0")],
        "not low enough / smallest of all": [("-torch.inf", "-20.0")],
        "gradient": [(HIDDEN, HIDDEN.replace("scores", "scores.detach()"))],
        "gradient / of padding": [
            (HIDDEN, "    hidden = scores.masked_fill(padding[:, None], -torch.inf)\n"),
            (LAST, f"return weights + (scores - scores.detach()), {MOVES}"),
        ],
        "answer's padding counted": [(MOVES, "back.sum(dim=1)")],
        "one step beyond": [(WRITTEN, WRITTEN.replace("<", "<="))],
        "one step beyond / places to 0": [
            (PEAK, PEAK + " * (torch.arange(T) < target_lengths[:, None])"),
            (MOVES, "back.sum(dim=1)"),
        ],
        "one step beyond / weights to 0": [
            (WEIGHTS, WEIGHTS + " * (torch.arange(T) < target_lengths[:, None])[:, :, None]"),
            (MOVES, "back.sum(dim=1)"),
        ],
        "one step short": [(WRITTEN, WRITTEN.replace("target_lengths", "(target_lengths - 1)"))],
        "one step short / the first": [
            (BACK, "back = peak[:, 2:] < peak[:, 1:-1]"),
            (WRITTEN, WRITTEN.replace("1, T", "2, max(T, 2)")),
        ],
        "to the right": [(BACK, BACK.replace("<", ">"))],
        "staying counts": [(BACK, BACK.replace("<", "<="))],
        "how far": [(MOVES, "((peak[:, :-1] - peak[:, 1:]) * (back & written)).sum(dim=1)")],
        "whether": [(MOVES, "(back & written).any(dim=1)")],
        "whether / as numbers": [(MOVES, "(back & written).any(dim=1).long()")],
        "peak in the padding": [(PEAK, "peak = scores.argmax(dim=2)")],
        "moves": [(BACK, "back = peak[:, 1:] + 1 < peak[:, :-1]")],
        "one step short / the first place is 0": [
            (PEAK, PEAK.replace("2)", "2)\n    peak[:, 0] = 0")),
        ],
        "axis missing": [(MOVES, "(back & written).sum()")],
        "size of an axis": [(MOVES, "(back & written).sum(dim=0)")],
        "not whole": [(MOVES, "(back & written).float().sum(dim=1)")],
        "changed its input": [(HIDDEN, HIDDEN.replace("masked_fill", "masked_fill_"))],
        "values": [(WEIGHTS, "weights = (hidden * 0.5).softmax(dim=2)")],
    },
    "14b": {
        "nothing": [("    return tokens, log_p, " + VERDICT, "    return")],
        "not three": [(THE_END, "tokens, log_p"), ('return tokens, log_p, "right"', "return tokens, log_p")],
        "not tokens": [(THE_END, "str(tokens), log_p, " + VERDICT)],
        "not tokens / with an axis": [(THE_END, f"[tokens], log_p, {VERDICT}")],
        "not a log-probability": [(FIRST, FIRST + "    log_p = -log_p\n")],
        "not a log-probability / a list": [(THE_END, f"tokens, [log_p, 0.0], {VERDICT}")],
        "not a verdict": [(VERDICT, VERDICT.replace('"search"', '"Search"'))],
        "not a verdict / yes or no": [(VERDICT, "of_right > log_p")],
        "writes on": [(OVER, "")],
        "shared list": [
            (
                GROW,
                "                tokens.append(token)\n"
                "                longer.append((log_p + gain, tokens))\n",
            )
        ],
        "end dropped": [
            (FIRST, FIRST + "    tokens = [token for token in tokens if token != end]\n"),
        ],
        "too long": [("range(T)", "range(T + 1)")],
        "too short": [("range(T)", "range(T - 1)"), (BEGIN, BEGIN + "    T = max(T, 2)\n")],
        "too short / stopped": [
            (KEEP, KEEP + "        if any(end in one[1] for one in beam):\n            break\n")
        ],
        "mean": [(FIRST, FIRST + "    log_p = log_p / len(tokens)\n")],
        "a probability": [(THE_END, f"tokens, 2.718281828**log_p, {VERDICT}")],
        "end for free": [(GROW, GROW.replace("log_p + gain", "log_p + gain * (token != end)"))],
        "pays after the end": [(OVER, ""), (FIRST, FIRST + CUT)],
        "pays after the end / ends again": [
            (OVER, OVER.replace("log_p, tokens", "log_p + step(tokens)[end].item(), tokens"))
        ],
        "log_p of another": [(FIRST, FIRST + "    log_p = beam[-1][0]\n")],
        "log_p of another / the last token": [(GROW, GROW.replace("log_p + gain", "gain"))],
        "greedy": [("[:K]", "[:1]")],
        "greedy / K of the same": [(BEGIN, "    beam = [(0.0, [])] * K\n")],
        "each its own best": [
            (
                KEEP,
                "        kept = [max(one for one in longer if one[1][: len(old)] == old) for _, old in beam]\n"
                "        beam = sorted(kept if len(beam) > 1 or K == 1 else longer, reverse=True)[:K]\n",
            )
        ],
        "everything kept": [("[:K]", "")],
        "everything kept / K of each": [
            (GROW, GROW.replace("longer.append", "new.append")),
            (
                "            for token, gain",
                "            new = []\n            for token, gain",
            ),
            (KEEP, "            longer += sorted(new, reverse=True)[:K]\n        beam = longer\n"),
            (FIRST, "    log_p, tokens = max(beam)\n"),
        ],
        "finished lost": [(GROW, GROW.replace("longer", "if token != end:\n                    longer"))],
        "finished lost / out of the beam": [
            (
                KEEP,
                KEEP + "        left = " + GOES_ON.strip().removeprefix("beam = ") + "\n"
                "        if not left:\n            break\n        beam = left\n",
            )
        ],
        "finished set aside": [
            (BEGIN, BEGIN + "    done = []\n"),
            (KEEP, KEEP + ASIDE + GOES_ON + NO_BEAM),
            (FIRST, FROM_DONE),
        ],
        "finished set aside / every end": [
            (BEGIN, BEGIN + "    done = []\n"),
            (
                KEEP,
                KEEP.replace(RANKED, "sorted([one for one in longer if one[1][-1] != end], reverse=True)")
                + ASIDE.replace("in beam", "in longer")
                + NO_BEAM,
            ),
            (FIRST, FROM_DONE),
        ],
        "finished for good": [
            (BEGIN, BEGIN + "    done = []\n"),
            (KEEP, KEEP.replace("[:K]", "[: K - len(done)]") + ASIDE + GOES_ON + NO_BEAM),
            (FIRST, FROM_DONE),
        ],
        "stopped at the first end": [
            (
                KEEP,
                KEEP + "        done = [one for one in beam if end in one[1]]\n        if done:\n"
                "            beam = done\n            break\n",
            )
        ],
        "finished first": [
            (FIRST, "    log_p, tokens = max([one for one in beam if end in one[1]] or beam)\n")
        ],
        "ranked by mean": [(RANKED, "sorted(longer, key=lambda one: one[0] / len(one[1]), reverse=True)")],
        "ranked by mean / at the end": [
            (FIRST, "    log_p, tokens = max(beam, key=lambda one: one[0] / len(one[1]))\n")
        ],
        "last step only": [
            (RANKED, "sorted(longer, key=lambda one: step(one[1][:-1])[one[1][-1]].item(), reverse=True)")
        ],
        "probabilities added": [
            (
                RANKED,
                "sorted(longer, key=lambda one: sum(step(one[1][:t])[one[1][t]].exp().item() "
                "for t in range(len(one[1]))), reverse=True)",
            )
        ],
        "least probable": [(RANKED, "sorted(longer)")],
        "another width": [("[:K]", "[: K + (K > 1)]")],
        "another width / one short": [("[:K]", "[: max(K - 1, 1)]")],
        "another width / with K = 1, too": [("[:K]", "[: K + 1]")],
        "search": [(KEEP, KEEP + "        beam = beam[:1] if K == 2 and _ == 2 else beam\n")],
        "search / only two steps": [(FIRST, "    log_p, tokens = beam[len(beam) > 2]\n")],
        "crash: empty": [
            (KEEP, KEEP + GOES_ON),
            (FIRST, "    log_p, tokens = max(beam)\n"),
        ],
        "crash: selected index k out of range": [
            (
                KEEP,
                "        import torch\n        scores = torch.tensor([one[0] for one in longer])\n"
                "        beam = [longer[i] for i in scores.topk(K).indices]\n",
            )
        ],
        "verdicts swapped": [("of_right > log_p", "of_right < log_p")],
        "never right": [(JUDGE, "    if tuple(tokens) == right:\n")],
        "never right / told by the number": [
            (JUDGE, "    if False:\n"),
            ("of_right > log_p", "of_right >= log_p"),
        ],
        "always the search": [("of_right > log_p", "tokens != right")],
        "always the model": [("of_right > log_p", "tokens == right")],
        "only the beginning": [(JUDGE, "    if all(one == other for one, other in zip(tokens, right)):\n")],
        "only the beginning / a slice": [(JUDGE, "    if right[: len(tokens)] == tokens:\n")],
        "all but the last": [(JUDGE, "    if tokens[:-1] == right[:-1]:\n")],
        "right cut short": [("range(len(right))", "range(min(T, len(right)))")],
        "right cut short / with the other": [("range(len(right))", "range(min(len(tokens), len(right)))")],
        "longer than T": [("of_right > log_p", "len(right) > T or of_right > log_p")],
        "longer than T / the model": [("of_right > log_p", "len(right) <= T and of_right > log_p")],
        "right without its end": [("range(len(right))", "range(len(right) - 1)")],
        "right read otherwise": [("step(right[:t])", "step(right[1:t])")],
        "right read otherwise / the last": [("step(right[:t])", "step(right[max(t - 1, 0) : t])")],
        "verdict by mean": [("of_right > log_p", "of_right / len(right) > log_p / len(tokens)")],
        "verdict": [("of_right > log_p", "len(right) > len(tokens)")],
        "right read otherwise / one late": [("step(right[:t])", "step(right[: t + 1])")],
    },
}
RIGHT = {
    "14a": {"loops": LOOPS_14A, "differences": DIFF_14A, "the smallest, rows cleaned": CLEAN_14A},
    "14b": {
        "tensors": TENSORS_14B,
        "a dict, stopped early": EARLY_14B,
        "finished ones grow, to no avail": [("                continue\n", "")],
    },
}
