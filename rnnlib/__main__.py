"""The command line: ``python -m rnnlib train``, ``generate``, ``tokens`` and ``corpora``."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import reprlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, NoReturn

import torch

from rnnlib import __version__
from rnnlib.common import check_positive, check_rate, notice
from rnnlib.data.catalogue import available_corpora, cache_folder, local_folder
from rnnlib.data.corpus import load_corpus
from rnnlib.data.sources import CorpusUnavailable
from rnnlib.data.text_data import LEVELS, TextData, load_text
from rnnlib.data.token_files import TokenFile, is_token_file, write_token_file
from rnnlib.devices import describe_device, get_device, set_seed
from rnnlib.generation.decoding import generate
from rnnlib.models.language import LAYERS, RNNModel
from rnnlib.models.modes import count_parameters
from rnnlib.scratch.functional import RNNModelScratch
from rnnlib.training import parallel
from rnnlib.training.checkpoints import (
    Checkpoint,
    CheckpointError,
    import_safetensors,
    load_checkpoint,
    misfits,
    save_checkpoint,
)
from rnnlib.training.loop import OPTIMIZERS, make_optimizer, train
from rnnlib.training.saving import Saver


def _or(word: str, convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """A converter for argparse: one special word means None."""

    def parse(text: str) -> Any:
        return None if text == word else convert(text)

    parse.__name__ = f"number or {word!r}"  # argparse names it in its error
    return parse


RATES = ", ".join(f"{name} {rate:g}" for name, (_, rate) in OPTIMIZERS.items())


class Setting(NamedTuple):
    """Something that a checkpoint remembers: what its value may be there, its default, how argparse asks."""

    types: tuple[type, ...]
    default: Any
    help: str
    arguments: Mapping[str, Any] = {}


SETTINGS = {
    "corpus": Setting(
        (str,), "time_machine", "语料名、文本文件或词元文件 | name of a corpus, a text file, or a token file"
    ),
    "language": Setting(
        (str, NoneType),
        None,
        "文本文件的语言，默认按字符猜测 | language of a text file (default: guessed)",
        {"choices": ("en", "zh")},
    ),
    "clean": Setting(
        (bool,),
        True,
        "清洗文本，英文只留小写字母和空格（默认） | "
        "clean the text: English is reduced to lower-case letters and spaces (default)",
        {"action": argparse.BooleanOptionalAction},
    ),
    "level": Setting((str,), "char", "词元：字符或单词 | kind of token", {"choices": ("char", "word")}),
    "max_tokens": Setting(
        (int, NoneType),
        10_000,
        "训练用多少词元；all：除留出的末十分之一外的全部 | "
        "tokens to train on; all: everything but the last tenth, which is held out",
        {"type": _or("all", int)},
    ),
    "sampling": Setting(
        (str,),
        "sequential",
        "取样方式 | how minibatches are cut from the text",
        {"choices": ("sequential", "random")},
    ),
    "batch_size": Setting((int,), 32, "批量大小 B | rows of a minibatch, B", {"type": int}),
    "num_steps": Setting((int,), 35, "时间步数 T | time steps of a minibatch, T", {"type": int}),
    "layer": Setting((str,), "rnn", "循环层 | recurrent layer", {"choices": (*LAYERS, "scratch")}),
    "num_hiddens": Setting((int,), 256, "隐藏单元数 H | hidden units, H", {"type": int}),
    "num_layers": Setting((int,), 1, "层数 L | layers, L", {"type": int}),
    "optimizer": Setting((str,), "sgd", "优化算法 | optimizer", {"choices": tuple(OPTIMIZERS)}),
    "lr": Setting((float,), None, f"学习率 | learning rate (default: {RATES})", {"type": float}),
    "clip": Setting(
        (float, NoneType),
        1.0,
        "梯度裁剪的阈值 θ，或 none | threshold of gradient clipping, or none",
        {"type": _or("none", float)},
    ),
    "seed": Setting((int,), 0, "随机种子 | random seed", {"type": int}),
}
EPOCHS = 100
SMALLER = "use a smaller --num-hiddens, --num-layers, --batch-size or --num-steps"
DEVICE = {"default": "auto", "help": "计算设备：auto、cpu、cuda、mps | where to compute (default: auto)"}

TRAIN_EXAMPLES = """\
例子 examples:
  python -m rnnlib train --save time.ckpt
  python -m rnnlib train --corpus tang300 --layer lstm --optimizer adam --epochs 50 --save tang.ckpt
  python -m rnnlib train --corpus my_text.txt --max-tokens all --layer gru --num-layers 2
  python -m rnnlib train --resume time.ckpt --epochs 100
  python -m rnnlib train --corpus big.tokens --max-tokens all --save big.ckpt --save-every 1000
  torchrun --nproc-per-node=2 -m rnnlib train --save time.ckpt
"""
TOKENS_EXAMPLES = """\
例子 examples:
  python -m rnnlib tokens big.txt big.tokens
  python -m rnnlib tokens 红楼梦.txt red.tokens --encoding gb18030
"""
GENERATE_EXAMPLES = """\
例子 examples:
  python -m rnnlib generate time.ckpt --prefix "time traveller" --length 100
  python -m rnnlib generate tang.ckpt --prefix 春 --temperature 0.8 --top-k 10 --seed 3
"""


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


class _Parser(argparse.ArgumentParser):
    """A parser whose error one rank prints, not each of them."""

    def error(self, message: str) -> NoReturn:
        if not parallel.is_first():
            time.sleep(parallel.ROLL_CALL)
        super().error(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m rnnlib",
        description="训练循环神经网络语言模型，续写文本 | train recurrent language models and continue texts",
    )
    version = f"rnnlib {__version__} (torch {torch.__version__})"
    parser.add_argument("--version", action="version", version=version, help="版本 | show the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, run: Callable[..., int], text: str, epilog: str = "") -> Callable[..., Any]:
        layout = argparse.RawDescriptionHelpFormatter
        sub = commands.add_parser(name, help=text, description=text, epilog=epilog, formatter_class=layout)
        sub.set_defaults(run=run)
        return sub.add_argument

    add = command("train", _train, "训练一个模型 | train a model", TRAIN_EXAMPLES)
    add(
        "--epochs",
        type=int,
        help="训练周期数，续训时是增加的周期数；默认 100，续训中断的一次则练完原定的 | "
        "epochs to train, or to add (default: 100, or with --resume those that an interrupted run still has)",
    )
    for name, setting in SETTINGS.items():
        shown = "" if "default" in setting.help else f" (default: {setting.default})"
        add(_flag(name), help=setting.help + shown, default=argparse.SUPPRESS, **setting.arguments)
    add("--device", **DEVICE)
    add("--save", type=Path, help="把检查点写到这里 | write a checkpoint here (with --resume: over that one)")
    add(
        "--save-every",
        type=int,
        metavar="STEPS",
        help="每训练这么多步也写一次检查点，在周期中间也写；被打断后用 --resume 接着练，结果一个比特也不差 | "
        "write it after every so many steps, too, within epochs; --resume then ends with the same bits",
    )
    add(
        "--resume",
        type=Path,
        help="从检查点续训，设置取自其中；文本搬了家时再给 --corpus | "
        "continue from a checkpoint with its settings; give --corpus too if the text has moved",
    )

    add = command(
        "generate", _generate, "用训练好的模型续写 | continue a text with a trained model", GENERATE_EXAMPLES
    )
    add("checkpoint", type=Path, help="train --save 写的文件 | a file that train --save wrote")
    add("--prefix", default="", help="开头 | how the text begins (default: nothing)")
    add("--length", type=int, default=100, help="续写多少词元 | tokens to add (default: 100)")
    add("--temperature", type=float, default=0.0, help="温度，0 为贪心 | 0 is greedy (default: 0)")
    add("--top-k", type=int, help="只从最可能的 k 个中取样 | sample from the k most likely tokens only")
    add("--seed", type=int, default=0, help="随机种子 | random seed (default: 0)")
    add(
        "--unknown",
        choices=("error", "replace"),
        default="error",
        help="开头有词表外的词元时：报错，或当作 <unk> | "
        "tokens of the prefix that the vocabulary lacks: refuse them, or read them as <unk> (default: error)",
    )
    add("--device", **DEVICE)

    add = command(
        "tokens",
        _tokens,
        "把大的文本文件变成词元文件，训练时不必读进内存 | "
        "make a token file from a large text, to be trained on without reading it into memory",
        TOKENS_EXAMPLES,
    )
    add("text", type=Path, help="文本文件 | a text file")
    add("target", type=Path, metavar="OUT", help="要写的词元文件 | the token file to write")
    for name in ("level", "language", "clean"):
        setting = SETTINGS[name]
        add(_flag(name), help=setting.help, default=setting.default, **setting.arguments)
    add(
        "--encoding", default="utf-8", help="文本的编码，例如 gb18030 | encoding of the text (default: utf-8)"
    )
    add(
        "--min-freq",
        type=int,
        default=0,
        help="更少见的词元成为 <unk> | rarer tokens become <unk> (default: 0)",
    )

    command("corpora", _corpora, "列出有名字的语料 | list the corpora that have a name")
    return parser


def _build(config: dict[str, Any], vocab_size: int, device: str | torch.device) -> Any:
    """The model that a configuration describes, not yet trained."""
    if config["layer"] == "scratch":
        if config["num_layers"] != 1:
            raise ValueError(
                f"num_layers={config['num_layers']}: the layer 'scratch' has 1; use rnn, gru or lstm."
            )
        return RNNModelScratch(vocab_size, config["num_hiddens"], device)
    with torch.device(device):
        layer = LAYERS[config["layer"]](vocab_size, config["num_hiddens"], config["num_layers"])
        return RNNModel(layer, vocab_size)


def _sketch(config: dict[str, Any], vocab_size: int) -> Any:
    """The model as :func:`_build` makes it, without memory for its parameters."""
    try:
        return _build(config, vocab_size, "meta")
    except (RuntimeError, TypeError, OverflowError) as error:
        raise ValueError(f"no computer can hold such a model; {SMALLER}.") from error


def _read(path: Path) -> Checkpoint:
    """A checkpoint of this command line, its settings checked before anything large is built from them."""
    checkpoint = load_checkpoint(path)
    config, vocab = checkpoint.config, checkpoint.vocab
    tokens = [None] if vocab is None else [*vocab.idx_to_token, *dict(vocab.token_freqs)]
    strings = all(isinstance(token, str) for token in tokens)
    if not strings or not SETTINGS.keys() | {"checksum"} <= config.keys():
        raise CheckpointError(f"{str(path)!r} was not written by 'python -m rnnlib train --save'.")
    for name, setting in SETTINGS.items():
        value, choices = config[name], setting.arguments.get("choices")
        known = value is None or choices is None or value in choices
        if type(value) not in setting.types or not known:
            raise CheckpointError(f"{str(path)!r} is damaged: its setting {name} is {reprlib.repr(value)}.")
    if config["num_layers"] > len(checkpoint.model_state):
        raise CheckpointError(f"{str(path)!r} is damaged: it does not hold {config['num_layers']} layers.")
    if found := misfits(checkpoint.model_state, _sketch(config, len(vocab)).state_dict()):
        raise CheckpointError(
            f"{str(path)!r} is damaged: its tensors are not those of its settings: {found}."
        )
    return checkpoint


def _device(name: str) -> torch.device:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        raise ValueError(f"--device {name}: use auto, cpu, cuda, cuda:1 (the second GPU) or mps.")
    try:
        return get_device(name)
    except RuntimeError as error:
        raise ValueError(str(error).splitlines()[0]) from error


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed={seed} must lie between 0 and 2**63 - 1.")


def _data(config: dict[str, Any], device: torch.device) -> TextData:
    if is_token_file(config["corpus"]):
        corpus = TokenFile(os.path.expanduser(config["corpus"]))
        total = corpus.count
    else:
        corpus = load_corpus(config["corpus"], clean=config["clean"], language=config["language"])
        total = len(corpus.tokens(config["level"]))
    wanted = config["max_tokens"]
    if wanted is not None and wanted >= total:
        raise ValueError(
            f"max_tokens={wanted}: the text has {total:,} tokens, and some must be left to be held out; use "
            f"a smaller number, or --max-tokens all, which holds out the last tenth."
        )
    return load_text(
        corpus,
        batch_size=config["batch_size"],
        num_steps=config["num_steps"],
        max_tokens=config["max_tokens"],
        level=config["level"],
        sampling=config["sampling"],
        device=device,
        seed=config["seed"],
    )


def _check_target(target: Path) -> None:
    """Find before the training, not after it, what would spoil the saving, or what the saving would spoil."""
    import_safetensors()
    folder = target.resolve().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or target.is_dir():
        raise ValueError(
            f"--save {target}: the folder must exist and be writable, and the name must be a file's."
        )
    try:
        if target.exists() and target.stat().st_size > 0:
            load_checkpoint(target)
    except CheckpointError as error:
        raise ValueError(f"{error} It will not be overwritten; choose another name or remove it.") from error


def _config(args: argparse.Namespace, checkpoint: Checkpoint | None) -> dict[str, Any]:
    """The settings of a training run: those of the checkpoint, or the given ones over the defaults."""
    given = {name: value for name, value in vars(args).items() if name in SETTINGS}
    if checkpoint is None:
        config = {name: setting.default for name, setting in SETTINGS.items()} | given
        if is_token_file(config["corpus"]):
            if settled := [_flag(name) for name in ("level", "language", "clean") if name in given]:
                raise ValueError(f"{', '.join(settled)}: the token file has it settled; leave it out.")
            file = TokenFile(os.path.expanduser(config["corpus"]), verify=False)
            config |= {"level": file.level, "language": file.language, "clean": file.clean}
        return config
    if given.keys() - {"corpus"}:
        flags = ", ".join(_flag(name) for name in given if name != "corpus")
        raise ValueError(f"{flags}: with --resume the checkpoint's own value is used; leave it out.")
    return checkpoint.config | given


def _same_data(checkpoint: Checkpoint, config: dict[str, Any], device: torch.device) -> TextData:
    """The text that a checkpoint was trained on, wherever it is now."""
    try:
        data = _data(config, device)
    except (ValueError, OSError) as error:
        raise ValueError(f"{error} If the text has moved, say where it is: --corpus NEWPATH.") from error
    same_tokens = checkpoint.vocab.idx_to_token == data.vocab.idx_to_token
    if data.corpus.checksum != config["checksum"] or not same_tokens:
        raise ValueError(
            f"{config['corpus']!r} is not the text that this checkpoint was trained on: its checksum or its "
            "vocabulary is another one. Say where that text is with --corpus, or train a new model."
        )
    return data


def _epochs(asked: int | None, checkpoint: Checkpoint | None) -> int:
    """The epochs to train: as asked for, or those that an interrupted run still has, or the usual number."""
    if asked is None and checkpoint is not None and checkpoint.position is not None:
        done = checkpoint.history.num_epochs if checkpoint.history else 0
        return max(checkpoint.position.last - done, 1)
    return EPOCHS if asked is None else asked


def _saver(args: argparse.Namespace, target: Path | None, **parts: Any) -> Saver | None:
    """What saves within the epochs, if that was asked for."""
    if args.save_every is None:
        return None
    if target is None:
        raise ValueError("--save-every needs a file: add --save FILE.")
    return Saver(target, args.save_every, **parts)


def _train(args: argparse.Namespace) -> int:
    device, target = _device(parallel.choose_device(args.device)), args.save or args.resume
    checkpoint = _read(args.resume) if args.resume else None
    if target:
        _check_target(target)
    config = _config(args, checkpoint)
    _check_seed(config["seed"])
    parallel.check_rows(config["batch_size"])
    if config["lr"] is not None:
        check_rate(lr=config["lr"])
    epochs = _epochs(args.epochs, checkpoint)
    check_positive(num_epochs=epochs)
    set_seed(config["seed"])
    data = _same_data(checkpoint, config, device) if checkpoint else _data(config, device)
    _sketch(config, len(data.vocab))
    model = _build(config, len(data.vocab), device)
    optimizer = make_optimizer(config["optimizer"], model, config["lr"])
    if checkpoint:
        checkpoint.restore(model, optimizer, data.train)
    config |= {"lr": optimizer.param_groups[0]["lr"], "checksum": data.corpus.checksum}
    print(data.summary())
    size = f"{count_parameters(model):,} 个参数 parameters"
    ranks = f"; {parallel.world()[1]} 个进程 ranks" if parallel.world()[1] > 1 else ""
    print(f"{config['layer']}: {size}; {describe_device(device)}{ranks}", flush=True)
    if not target:
        notice("没有 --save，训练好的模型不会保存。", "Without --save the trained model is not kept.")
    saver = _saver(args, target, vocab=data.vocab, config=config)
    run = {"optimizer": optimizer, "clip": config["clip"], "saver": saver}
    if checkpoint:
        run |= {"history": checkpoint.history, "position": checkpoint.position}
    try:
        with parallel.group(device), saver.listening() if saver else contextlib.nullcontext():
            history = train(model, data, epochs, **run)
    except FloatingPointError as error:
        kept = f" {args.resume} is as it was." if args.resume else ""
        said = (
            f"{target} is what --save-every wrote last."
            if saver and saver.saved
            else f"Nothing was written.{kept}"
        )
        raise FloatingPointError(f"{error} {said}") from error
    exact = saver is not None and saver.saved and history.interrupted  # what lies there can be continued
    if target and parallel.is_first() and not exact:
        parts = {"vocab": data.vocab, "optimizer": optimizer, "history": history, "loader": data.train}
        save_checkpoint(target, model, config=config, **parts)
    print(history.summary())
    if target:
        notice(f"检查点写入 {target}", f"checkpoint written to {target}")
    return 130 if history.interrupted else 0


def _tokens(args: argparse.Namespace) -> int:
    settings = {name: getattr(args, name) for name in ("level", "language", "clean", "encoding", "min_freq")}
    made = write_token_file(args.text, args.target, **settings)
    size = f"{args.target.stat().st_size:,}"
    unit_zh, unit_en = LEVELS[made.level]
    notice(
        f"{args.target}：{made.count:,} 个{unit_zh}，V = {len(made.vocab):,}，{made.dtype}，{size} 字节",
        f"{args.target}: {made.count:,} {unit_en}, V = {len(made.vocab):,}, {made.dtype}, {size} bytes",
    )
    if made.dropped:
        letters = sum(count for _, count in made.dropped)
        notice(
            f"清洗去掉了 {letters:,} 个不在 a-z 之内的字母（要保留就用 --no-clean）",
            f"cleaning removed {letters:,} letters outside a-z (--no-clean keeps them)",
        )
    return 0


def _generate(args: argparse.Namespace) -> int:
    if args.top_k is not None and args.temperature == 0:
        raise ValueError(
            f"--top-k {args.top_k}: at temperature 0 the most likely token is always taken, so nothing is "
            "sampled; add --temperature 0.8, for instance, or leave --top-k out."
        )
    _check_seed(args.seed)
    checkpoint = _read(args.checkpoint)
    words = checkpoint.config["level"] == "word"
    prefix = args.prefix.split() if words else list(args.prefix)
    missing = sorted({token for token in prefix if token not in checkpoint.vocab})
    if missing and args.unknown == "error":
        raise ValueError(
            f"the prefix holds {missing}, which the vocabulary does not know. Write it as the training text "
            "is written (cleaned English has lower-case letters and spaces only), or add --unknown replace "
            "to read <unk> instead."
        )
    model = _build(checkpoint.config, len(checkpoint.vocab), _device(args.device))
    checkpoint.restore(model, rng=False)
    text = generate(
        model,
        prefix,
        args.length,
        checkpoint.vocab,
        temperature=args.temperature,
        top_k=args.top_k,
        seed=args.seed,
        joiner=" " if words else "",
        unknown=args.unknown,
    )
    print(text)
    return 0


def _corpora(args: argparse.Namespace) -> int:
    folders = {"local": local_folder(), "cached": cache_folder()}
    for entry in available_corpora():
        where = entry.where
        path = f" {folders[where] / entry.file_name}" if where in folders else ""
        print(f"{entry.name}  [{where}]{path}\n  {entry.title}\n  {entry.licence}")
    return 0


# What the library calls its arguments -> what they are called here
FLAGS = {name: _flag(name) for name in (*SETTINGS, "top_k", "temperature", "device", "encoding", "min_freq")}
FLAGS["save_every"] = "--save-every"
FLAGS |= {"num_epochs": "--epochs", "num_tokens": "--length"}


def _in_flags(message: str) -> str:
    """A message of the library in the words of the command line: num_steps=35 is --num-steps 35 here."""
    message = re.sub(r"(?:\w+=\S+ and )?\w+=\S+ \(command line: ([^)]*)\)", r"\1", message)
    message = re.sub(
        rf"\b({'|'.join(FLAGS)})=(?:'([^']*)'|([-+\w]+(?:\.[-+\w]+)*))",
        lambda found: f"{FLAGS[found[1]]} {found[2] or found[3]}",
        message,
    )
    names = "|".join(name for name in FLAGS if "_" in name)
    return re.sub(rf"\b({names})\b", lambda found: FLAGS[found[1]], message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; those of the process by default.

    Returns:
        The exit code: 0, 1 if the training diverged, 2 for what the user can mend, 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without Chinese shows '?' where others show text
            stream.reconfigure(errors="replace")
    with contextlib.ExitStack() as silence:
        if not parallel.is_first():  # one rank is enough
            silence.enter_context(contextlib.redirect_stdout(silence.enter_context(open(os.devnull, "w"))))
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    args = _parser().parse_args(argv)
    try:
        code = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the program that reads our output has enough, such as head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, ImportError, CorpusUnavailable, FloatingPointError) as error:
        parallel.complain(f"rnnlib: {_in_flags(str(error))}")
        return 1 if isinstance(error, FloatingPointError) else 2
    except RuntimeError as error:
        if not re.search("allocate memory|out of memory", str(error)):
            raise
        parallel.complain(f"rnnlib: there is not enough memory; {SMALLER}.")
        return 2
    except KeyboardInterrupt:
        parallel.complain("rnnlib: 已中断 | interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
