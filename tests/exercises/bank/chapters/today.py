"""Chapter 15: recurrence today."""

STATES = "states = scan(a, b, H_0)"
BEFORE = "torch.cat([H_0[None], states[:-1]])"
FACTORS = "torch.cat([a[1:], torch.zeros_like(a[:1])])"
BACK = "db = scan(factors.flip(0), given.flip(0), torch.zeros_like(H_0)).flip(0)"
OUT = "return db * before, db, a[0] * db[0]"


def _back(code):
    """An answer to 15a with other lines in place of all that makes db."""
    return [
        (f"    factors = {FACTORS}  # a_{{t+1}}\n", ""),
        (f"    {BACK}\n", "".join(f"    {line}\n" for line in code.splitlines())),
    ]


def _dividing(a):
    """db as exercise D21 does it, with something done to a."""
    return _back(f"P = ({a}).cumprod(0)\ndb = (given * P).flip(0).cumsum(0).flip(0) / P")


def _propped(below):
    """The same, with something done to the product that it divides by."""
    return _back(f"P = a.cumprod(0)\ndb = (given * P).flip(0).cumsum(0).flip(0) / ({below})")


LOOP = _back(
    "db = given.clone()\nfor t in reversed(range(len(a) - 1)):\n    db[t] = given[t] + a[t + 1] * db[t + 1]"
)
TABLE = _back(
    "T = len(a)\nlater = torch.ones(T, T).tril(-1).bool()[:, :, None, None]\n"
    "P = torch.where(later, a[:, None], 1).cumprod(0)  # P[s, t] = a_{t+1} ... a_s\n"
    "P = P * torch.ones(T, T).tril()[:, :, None, None].to(a)\n"
    "db = (P * given[:, None]).sum(0)"
)
LOGS = _back(
    "log_P = a.log().cumsum(0)\n"
    "gaps = log_P[:, None] - log_P\n"
    "gaps = torch.where(torch.ones(len(a), len(a)).tril().bool()[:, :, None, None], gaps, -torch.inf)\n"
    "db = (gaps.exp() * given[:, None]).sum(0)"
)
TURNED = (
    "Q = torch.cat([torch.ones_like(a[:1]), a[1:].flip(0)]).cumprod(0)\n"
    "db = (Q * (given.flip(0) / ({})).cumsum(0)).flip(0)"
)
IN_NUMPY = _back(
    "g, factors = given.numpy().copy(), a.numpy()\n"
    "for t in reversed(range(len(g) - 1)):\n    g[t] += factors[t + 1] * g[t + 1]\n"
    "db = torch.from_numpy(g)"
)
IN_LISTS = _back(
    "rows = []\n"
    "for f, g in zip(a.flatten(1).T.tolist(), given.flatten(1).T.tolist()):\n"
    "    for t in range(len(g) - 2, -1, -1):\n        g[t] += f[t + 1] * g[t + 1]\n"
    "    rows.append(g)\n"
    "db = torch.tensor(rows, dtype=a.dtype).T.reshape(a.shape)"
)
IN_AN_ARRAY = _back(
    "import numpy\n"
    "from itertools import accumulate\n"
    "pairs = zip(numpy.asarray(given)[::-1], numpy.asarray(a.roll(-1, 0))[::-1])\n"
    "found = accumulate(pairs, lambda last, now: (now[0] + now[1] * last[0], None))\n"
    "db = torch.from_numpy(numpy.stack([one[0] for one in found][::-1]))"
)
AUTOGRAD = """
import torch

from rnnlib.today import scan


def scan_backward(a, b, H_0, given):
    leaves = [x.detach().requires_grad_() for x in (a, b, H_0)]
    return torch.autograd.grad(scan(*leaves), leaves, given)
"""
FUNC = """
import torch

from rnnlib.today import scan


def scan_backward(a, b, H_0, given):
    _, back = torch.func.vjp(walk, a, b, H_0)
    return back(given)


def walk(a, b, H_0):
    states = [H_0]
    for a_t, b_t in zip(a, b):
        states.append(a_t * states[-1] + b_t)
    return torch.stack(states[1:])
"""
OWN_ROUNDS = """
import torch


def scan_backward(a, b, H_0, given):
    factors, db, reach = a.roll(-1, 0), given, 1
    while reach < len(a):
        db = torch.cat([db[:-reach] + factors[:-reach] * db[reach:], db[-reach:]])
        factors = torch.cat([factors[:-reach] * factors[reach:], factors[-reach:]])
        reach *= 2
    up, states, reach = a, torch.cat([a[:1] * H_0 + b[:1], b[1:]]), 1
    while reach < len(a):
        states = torch.cat([states[:reach], states[reach:] + up[reach:] * states[:-reach]])
        up = torch.cat([up[:reach], up[reach:] * up[:-reach]])
        reach *= 2
    before = torch.cat([H_0.unsqueeze(0), states[:-1]])
    return db * before, db, db[0] * a[0]
"""
HALVES = """
import torch


def join(a, b):
    if len(a) == 1:
        return b
    if len(a) % 2:
        rest = join(a[:-1], b[:-1])
        return torch.cat([rest, a[-1:] * rest[-1:] + b[-1:]])
    pairs = join(a[1::2] * a[::2], a[1::2] * b[::2] + b[1::2])
    firsts = torch.cat([b[:1], a[2::2] * pairs[:-1] + b[2::2]])
    return torch.stack([firsts, pairs], dim=1).flatten(0, 1)


def scan_backward(a, b, H_0, given):
    states = join(torch.cat([torch.ones_like(a[:1]), a]), torch.cat([H_0[None], b]))
    ones = torch.ones_like(a[:1])
    dH = join(torch.cat([ones, a.flip(0)]), torch.cat([given.flip(0), 0 * given[:1]])).flip(0)
    dH = torch.cat([dH[:1], dH[1:]])
    return dH[1:] * states[:-1], dH[1:], dH[0]
"""

KEYS = "K, Q = F.normalize(K, dim=-1), F.normalize(Q, dim=-1)"
START = "S, reads = S_0, []"
MISSING = "missing = v - (S @ k[:, :, None])[:, :, 0]  # (B, D)"
WRITE = "S = S + (beta_t[:, None] * missing)[:, :, None] * k[:, None, :]"
READ = "reads.append((S @ q[:, :, None])[:, :, 0])"
END = "return torch.stack(reads), S"
GIVEN_15B = "import torch\nimport torch.nn.functional as F\n\n\n"
EINSUM_15B = (
    GIVEN_15B
    + """def delta_rule(K, V, Q, beta, S_0):
    K = K / K.norm(dim=-1, keepdim=True)
    Q = Q / Q.norm(dim=-1, keepdim=True)
    S, reads = S_0, []
    for t in range(K.shape[0]):
        old = torch.einsum("bij,bj->bi", S, K[t])
        S = S + torch.einsum("b,bi,bj->bij", beta[t], V[t] - old, K[t])
        reads.append(torch.einsum("bij,bj->bi", S, Q[t]))
    return torch.stack(reads, dim=0), S
"""
)
MIRROR_15B = (
    GIVEN_15B
    + """def delta_rule(K, V, Q, beta, S_0):
    states, I = [S_0], torch.eye(K.shape[-1]).to(K)
    for k, v, b in zip(F.normalize(K, dim=-1).unsqueeze(-1), V.unsqueeze(-1), beta[:, :, None, None]):
        states.append(states[-1] @ (I - b * k @ k.mT) + b * v @ k.mT)
    S = torch.stack(states[1:])
    return (S @ F.normalize(Q, dim=-1)[..., None]).squeeze(-1), S[-1]
"""
)
ROWS_15B = (
    GIVEN_15B
    + """def delta_rule(K, V, Q, beta, S_0):
    T, B, D = K.shape
    last, all_reads = [], []
    for i in range(B):
        S, reads = S_0[i], []
        for t in range(T):
            k, q = K[t, i] / K[t, i].norm(), Q[t, i] / Q[t, i].norm()
            S = S + beta[t, i] * torch.outer(V[t, i] - S @ k, k)
            reads.append(S @ q)
        last.append(S)
        all_reads.append(torch.stack(reads))
    return torch.stack(all_reads, dim=1), torch.stack(last)
"""
)
BORROWED_15B = """
import torch
import torch.nn.functional as F

from rnnlib.today.memory import correct, read


def delta_rule(K, V, Q, beta, S_0):
    S, reads = S_0, []
    for k, v, q, b in zip(F.normalize(K, dim=-1), V, F.normalize(Q, dim=-1), beta):
        S = correct(S, k, v, b[:, None])
        reads.append(read(S, q))
    return torch.stack(reads), S
"""
CHUNK_15B = (
    GIVEN_15B
    + """def delta_rule(K, V, Q, beta, S_0):
    k, q = F.normalize(K, dim=-1).transpose(0, 1), F.normalize(Q, dim=-1).transpose(0, 1)
    v, b = V.transpose(0, 1), beta.T[..., None]
    below = torch.eye(k.shape[1], dtype=k.dtype) + torch.tril(b * (k @ k.mT), -1)
    missing = torch.linalg.solve_triangular(below, b * (v - k @ S_0.mT), upper=False)
    reads = q @ S_0.mT + torch.tril(q @ k.mT) @ missing
    return reads.transpose(0, 1), S_0 + missing.mT @ k
"""
)
TRANSPOSED_15B = (
    GIVEN_15B
    + """def delta_rule(K, V, Q, beta, S_0):
    K, Q = F.normalize(K, dim=-1), F.normalize(Q, dim=-1)
    S, reads = S_0.mT, []
    for k, v, q, beta_t in zip(K, V, Q, beta):
        missing = v - (k[:, None] @ S)[:, 0]
        S = S + k[:, :, None] * (beta_t[:, None] * missing)[:, None, :]
        reads.append((q[:, None] @ S)[:, 0])
    return torch.stack(reads), S
"""
)


def _with_eps(code):
    """An answer to 15b that brings an x to length 1 in another way."""
    return [(KEYS, f"K, Q = ({code} for x in (K, Q))")]


ALL_STATES_15B = MIRROR_15B.replace("S[-1]\n", "S\n")

WRONG = {
    "15a": {
        "not a tuple": [(OUT, "return db")],
        "not a tuple / two": [(OUT, "return db * before, db")],
        "one result": [("a[0] * db[0]", "a[0] * db[0] * 2")],
        "one result / middle": [(FACTORS, "a.roll(-2, 0)")],
        "nearly": [(BACK, BACK + "\n    db = db.float().double() if db.dtype == torch.double else db")],
        "float32 on the way": [(OUT, "return (db * before).float(), db.float(), (a[0] * db[0]).float()")],
        "float32 on the way / everything": [
            (STATES, "a, b, H_0, given = a.float(), b.float(), H_0.float(), given.float()\n    " + STATES)
        ],
        "swapped": [("return db * before, db", "return db, db * before")],
        "shifted the other way": [
            (
                BACK,
                "af = a.flip(0)\n    af = torch.cat([af[1:], torch.zeros_like(af[:1])])\n    "
                + BACK.replace("factors.flip(0)", "af"),
            )
        ],
        "shifted the other way / ones": [(FACTORS, "torch.cat([torch.ones_like(a[:1]), a[:-1]])")],
        "shifted the other way / rolled": [(FACTORS, "a.roll(1, 0)")],
        "shifted the other way / first twice": [(FACTORS, "torch.cat([a[:1], a[:-1]])")],
        "last given alone": [(BACK, "given = torch.cat([0 * given[:-1], given[-1:]])\n    " + BACK)],
        "divided": _propped("P + 1e-12"),
        "divided / 1e-8": _propped("P + 1e-8"),
        "divided / clamp": _propped("P.clamp(min=1e-12)"),
        "divided / far lower clamp": _back(
            "P = a.cumprod(0).clamp(min=1e-30)\ndb = (given * P).flip(0).cumsum(0).flip(0) / P"
        ),
        "divided / the states": [(BEFORE, "(states - b) / a.clamp(min=1e-12)")],
        "divided / turned": _back(TURNED.format("Q + 1e-10")),
        "divided / turned, clamp": _back(TURNED.format("Q.clamp(min=1e-8)")),
        "not carried": _back("db = given"),
        "own share missing": [(OUT, "db = db - given\n    " + OUT)],
        "factor of its own step": [(FACTORS, "a")],
        "factor of its own step / from H_0": [(FACTORS, "a"), ("torch.zeros_like(H_0)", "H_0")],
        "forwards": _back("db = scan(a, given, torch.zeros_like(H_0))"),
        "forwards / a shifted": [(BACK, "db = scan(factors, given, torch.zeros_like(H_0))")],
        "forwards / a rolled": _back("db = scan(a.roll(-1, 0), given, torch.zeros_like(H_0))"),
        "forwards / a shifted, one": _back(
            "db = scan(torch.cat([a[1:], torch.ones_like(a[:1])]), given, torch.zeros_like(H_0))"
        ),
        "not turned back": [("torch.zeros_like(H_0)).flip(0)", "torch.zeros_like(H_0))")],
        "not turned back / da": [("return db * before", "return (db * before).flip(0)")],
        "not turned back / da paired": [("return db * before", "return db.flip(0) * before")],
        "not from zero": [
            ("torch.zeros_like(a[:1])", "torch.ones_like(a[:1])"),
            ("torch.zeros_like(H_0)", "H_0"),
        ],
        "not from zero / rolled": [(FACTORS, "a.roll(-1, 0)"), ("torch.zeros_like(H_0)", "H_0")],
        "states after": [(BEFORE, "states")],
        "first state missing": [(BEFORE, "torch.cat([torch.zeros_like(H_0)[None], states[:-1]])")],
        "states from zero": [
            (STATES, "states = scan(a, b, torch.zeros_like(H_0))"),
            (BEFORE, "torch.cat([0 * H_0[None], states[:-1]])"),
        ],
        "states from zero / after H_0": [(STATES, "states = scan(a, b, torch.zeros_like(H_0))")],
        "no state": [("return db * before", "return db")],
        "no state / a": [("return db * before", "return db * a")],
        "given alone": [("return db * before", "return given * before")],
        "given alone / dH_0": [("a[0] * db[0]", "a[0] * given[0]")],
        "given alone / dH_0, as it is": [("a[0] * db[0]", "given[0]")],
        "last step alone": [("a[0] * db[0]", "a.prod(0) * given[-1]")],
        "all factors again": [("a[0] * db[0]", "a.prod(0) * db[0]")],
        "stopped at step 1": [("a[0] * db[0]", "db[0]")],
        "wrong end": [("a[0] * db[0]", "a[-1] * db[-1]")],
        "wrong end / H_T": [("a[0] * db[0]", "db[-1]")],
        "wrong end / its factor": [("a[0] * db[0]", "a[-1] * db[0]")],
        "wrong end / its gradient": [("a[0] * db[0]", "a[0] * db[-1]")],
        "dtype of": [("torch.zeros_like(H_0)).flip(0)", "torch.zeros_like(H_0)).flip(0).double()")],
        "negative factor": LOGS,
        "negative factor / absolute": _back(
            "factors = torch.cat([a[1:], torch.zeros_like(a[:1])]).abs()\n" + BACK
        ),
        "negative factor / clamp": _back(
            "log_P = a.clamp(min=1e-30).log().cumsum(0)\n"
            "gaps = log_P[:, None] - log_P\n"
            "gaps = torch.where(torch.ones(len(a), len(a)).tril().bool()[:, :, None, None], gaps, -torch.inf)\n"
            "db = (gaps.exp() * given[:, None]).sum(0)"
        ),
        "zero factor": _dividing("a"),
        "small factors": _dividing("a + 1e-13 * (a == 0)"),
        "by hand": AUTOGRAD,
        "by hand / vjp": FUNC,
        "a loop outside torch": IN_NUMPY,
        "a loop outside torch / lists": IN_LISTS,
        "a loop outside torch / accumulate": IN_AN_ARRAY,
        "a loop over the steps": LOOP,
        "a loop over the steps / addcmul": _back(
            "db = [given[-1]]\n"
            "for g, f in zip(given[:-1].flip(0).unbind(), a[1:].flip(0).unbind()):\n"
            "    db.append(torch.addcmul(g, f, db[-1]))\n"
            "db = torch.stack(db).flip(0)"
        ),
        "changed its input": _back(
            "for t in reversed(range(len(a) - 1)):\n    given[t] += a[t + 1] * given[t + 1]\ndb = given"
        ),
        "size of an axis": [("return db * before, db", "return db * before[:1], db[1:]")],
        "nothing": [(OUT, "before * db")],
        "crash: got 2 and 3": [(BEFORE, "torch.cat([H_0, states[:-1]])")],
        "crash: step must be greater than zero": [("given.flip(0)", "given[::-1]")],
    },
    "15b": {
        "not a tuple": [(END, "return torch.stack(reads)")],
        "one result": [(KEYS, "K, Q = F.normalize(K, dim=-1, p=3), F.normalize(Q, dim=-1)")],
        "one result / reads": [(READ, "reads.append(2 * (S @ q[:, :, None])[:, :, 0])")],
        "nearly": [(WRITE, WRITE + "\n        S = S.float().to(S_0)")],
        "nearly / eps of float32": [
            (KEYS, KEYS.replace("F.normalize(K, dim=-1)", "K / (K.norm(dim=-1, keepdim=True) + 1.2e-7)"))
        ],
        "float32 on the way": [
            (
                END,
                "out = torch.zeros(V.shape)\n    for t, r in enumerate(reads):\n        out[t] = r\n    return out, S",
            )
        ],
        "float32 on the way / everything": [
            (KEYS, "K, V, Q, beta, S_0 = (x.float() for x in (K, V, Q, beta, S_0))\n    " + KEYS)
        ],
        "swapped": [(END, "return S, torch.stack(reads)")],
        "something added to the length": _with_eps("x / (x.norm(dim=-1, keepdim=True) + 1e-6)"),
        "something added to the length / 1e-8": _with_eps("x / (x.norm(dim=-1, keepdim=True) + 1e-8)"),
        "something added to the length / rsqrt": _with_eps(
            "x * torch.rsqrt(x.pow(2).sum(-1, keepdim=True) + 1e-6)"
        ),
        "something added to the length / queries": [
            (KEYS, KEYS.replace("F.normalize(Q, dim=-1)", "Q / (Q.norm(dim=-1, keepdim=True) + 1e-8)"))
        ],
        "keys and values swapped": [(KEYS, "K, V = V, K\n    " + KEYS)],
        "keys and values swapped / normalized before": [(KEYS, KEYS + "\n    K, V = V, K")],
        "everything fades": [
            (WRITE, "b = beta_t[:, None, None]\n        S = (1 - b) * S + b * v[:, :, None] * k[:, None]")
        ],
        "everything fades / beta on the old alone": [
            (WRITE, "S = (1 - beta_t)[:, None, None] * S + v[:, :, None] * k[:, None]")
        ],
        "old through the columns": [(MISSING, "missing = v - (k[:, None] @ S)[:, 0]")],
        "old through the columns / and reads": [
            (MISSING, "missing = v - (S * k[:, :, None]).sum(1)"),
            (READ, "reads.append((S * q[:, :, None]).sum(1))"),
        ],
        "other convention": TRANSPOSED_15B.replace("S_0.mT", "S_0"),
        "read with the key": [(READ, READ.replace("q[", "k["))],
        "read at the end": [
            (f"        {READ}\n", ""),
            (END, "reads = [(S @ q[:, :, None])[:, :, 0] for q in Q]\n    " + END),
        ],
        "in place": [(START, "S, reads = S_0.clone(), []"), ("S = S + ", "S += ")],
        "in place / assigned": [
            (START, "S, reads = S_0.clone(), []"),
            (WRITE, WRITE.replace("S = S +", "S[:] = S +")),
        ],
        "borrowed": BORROWED_15B,
        "borrowed / read": BORROWED_15B.replace(
            "S = correct(S, k, v, b[:, None])",
            "S = S + torch.einsum('b,bi,bj->bij', b, v - torch.einsum('bij,bj->bi', S, k), k)",
        ),
        "adds": [(MISSING, "missing = v")],
        "adds / no beta": [(MISSING, "missing = v"), ("beta_t[:, None] * missing", "missing")],
        "transposed": [("missing)[:, :, None] * k[:, None, :]", "missing)[:, None, :] * k[:, :, None]")],
        "transposed throughout": TRANSPOSED_15B,
        "transposed throughout / at the end": [(END, "return torch.stack(reads), S.mT")],
        "read through the columns": [(READ, "reads.append((q[:, None] @ S)[:, 0])")],
        "read too early": [(f"        {READ}\n", ""), (MISSING, f"{READ}\n        {MISSING}")],
        "beta on the value alone": [
            ("missing = v -", "missing = beta_t[:, None] * v -"),
            ("(beta_t[:, None] * missing)", "missing"),
        ],
        "beta on the old alone": [
            ("missing = v -", "missing = v - beta_t[:, None] *"),
            ("(beta_t[:, None] * missing)", "missing"),
        ],
        "no beta": [("(beta_t[:, None] * missing)", "missing")],
        "beta at most 1": [("beta_t[:, None] * missing", "beta_t[:, None].clamp(max=1) * missing")],
        "beta along D": [
            (
                "beta_t[:, None] * missing",
                "(beta_t if len(beta_t) == v.shape[1] else beta_t[:, None]) * missing",
            )
        ],
        "keys as they are": [(KEYS, "Q = F.normalize(Q, dim=-1)")],
        "keys as they are / queries, too": [(f"    {KEYS}\n", "")],
        "queries as they are": [(KEYS, "K = F.normalize(K, dim=-1)")],
        "values normalized": [(KEYS, KEYS + "\n    V = F.normalize(V, dim=-1)")],
        "normalized along another axis": [(KEYS, "K, Q = F.normalize(K, dim=0), F.normalize(Q, dim=0)")],
        "normalized along another axis / default": [(KEYS, "K, Q = F.normalize(K), F.normalize(Q)")],
        "normalized along another axis / all": [(KEYS, "K, Q = K / K.norm(), Q / Q.norm()")],
        "normalized along another axis / queries": [
            (KEYS, "K, Q = F.normalize(K, dim=-1), F.normalize(Q, dim=0)")
        ],
        "another length": [(KEYS, KEYS.replace("K, dim=-1)", "K, dim=-1, p=float('inf'))"))],
        "another length / square": [
            (KEYS, "K, Q = K / K.square().sum(-1, keepdim=True), F.normalize(Q, dim=-1)")
        ],
        "another length / mean": [
            (
                KEYS,
                "K, Q = K / K.pow(2).mean(-1, keepdim=True).sqrt(), Q / Q.pow(2).mean(-1, keepdim=True).sqrt()",
            )
        ],
        "another length / absolute": [(KEYS, KEYS.replace("dim=-1)", "dim=-1, p=1)"))],
        "S_0 left out": [(START, "S, reads = torch.zeros_like(S_0), []")],
        "each step from S_0": [("S = S + ", "S = S_0 + "), ("v - (S @", "v - (S_0 @")],
        "corrected by the query": [("v - (S @ k[", "v - (S @ q[")],
        "wrong sign": [("S = S + ", "S = S - ")],
        "rows mixed": [(WRITE, "S = S + (beta_t[:, None] * missing).T @ k")],
        "S too early": [
            (WRITE, "last, " + WRITE.replace("S = S", "S = S, S")),
            (END, "return torch.stack(reads), last"),
        ],
        "S_0 returned": [(END, "return torch.stack(reads), S_0")],
        "all states": ALL_STATES_15B,
        "dtype of": [(END, "return torch.stack(reads), S.double()")],
        "gradient": [("S = S + ", "S = S.detach() + ")],
        "gradient / beta": [("beta_t[:, None] * missing", "beta_t.data[:, None] * missing")],
        "a list": [(END, "return reads, S")],
        "changed its input": [("S = S + ", "S += ")],
        "nothing": [(f"    {END}\n", "")],
        "crash: must match": [("beta_t[:, None] * missing", "beta_t * missing")],
        "crash: cannot be multiplied": [("(S @ k[:, :, None])[:, :, 0]", "S @ k")],
    },
}
RIGHT = {
    "15a": {
        "rounds of its own": OWN_ROUNDS,
        "pairs joined, recursively": HALVES,
        "a table of products": TABLE,
        "rolled": [(FACTORS, "a.roll(-1, 0)")],
        "reversed by a list of indices": [
            (
                BACK,
                "back = [len(a) - 1 - t for t in range(len(a))]\n    "
                "db = scan(factors[back], given[back], torch.zeros_like(H_0))[back]",
            )
        ],
        "all but the scan in numpy": [
            (
                BACK,
                "back = [torch.from_numpy(x.numpy()[::-1].copy()) for x in (factors, given)]\n    "
                "db = torch.from_numpy(scan(*back, torch.zeros_like(H_0)).numpy()[::-1].copy())",
            )
        ],
        "zeros of float32 beside the inputs": [(FACTORS, "torch.cat([a[1:], torch.zeros(1, *a.shape[1:])])")],
        "dH_0 from all givens": [("a[0] * db[0]", "(a.cumprod(0) * given).sum(0)")],
        "dH_0 through one more step": [
            (
                BACK,
                "g = scan(torch.cat([factors.flip(0), a[:1]]), torch.cat([given.flip(0), 0 * given[:1]]), 0 * H_0).flip(0)\n    db = g[1:]",
            ),
            ("a[0] * db[0]", "g[0]"),
        ],
        "no_grad": [(STATES, "with torch.no_grad():\n        states = scan(a, b, H_0)")],
    },
    "15b": {
        "einsum": EINSUM_15B,
        "I - beta k k^T": MIRROR_15B,
        "row by row": ROWS_15B,
        "all steps at once, by a triangular system": CHUNK_15B,
        "reads into a buffer of the inputs' type": [
            (
                END,
                "out = torch.zeros_like(V)\n    for t, r in enumerate(reads):\n        out[t] = r\n    return out, S",
            )
        ],
        "functions of its own with the chapter's names": GIVEN_15B
        + """def read(S, q):
    return (S * q[:, None]).sum(-1)


def correct(S, k, v, beta):
    return S + (beta[:, None] * (v - read(S, k)))[..., None] * k[:, None]


def delta_rule(K, V, Q, beta, S_0):
    S, reads = S_0, []
    for k, v, q, b in zip(F.normalize(K, dim=-1), V, F.normalize(Q, dim=-1), beta):
        S = correct(S, k, v, b)
        reads.append(read(S, q))
    return torch.stack(reads), S
""",
        "baddbmm": [(WRITE, "S = torch.baddbmm(S, (beta_t[:, None] * missing)[:, :, None], k[:, None])")],
        "the key as it came, both times divided": [
            (
                KEYS,
                "lengths = K.square().sum(-1, keepdim=True).sqrt()\n    K, Q = K / lengths, F.normalize(Q, dim=-1)",
            ),
        ],
    },
}
