"""The command line: ``python -m rnnlib train``, ``generate`` and ``corpora``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from rnnlib.common import notice
from rnnlib.data import CorpusUnavailable, TextData, available_corpora, load_text
from rnnlib.data.catalogue import cache_folder, local_folder
from rnnlib.devices import describe_device, get_device, set_seed
from rnnlib.generation.decoding import generate
from rnnlib.models.language import LAYERS, RNNModel
from rnnlib.models.modes import count_parameters
from rnnlib.scratch import RNNModelScratch
from rnnlib.training.checkpoints import (
    Checkpoint,
    CheckpointError,
    import_safetensors,
    load_checkpoint,
    save_checkpoint,
)
from rnnlib.training.loop import OPTIMIZERS, NonFiniteLossError, make_optimizer, train

__all__ = ["main"]


def _or(word: str, convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """A converter for argparse: one special word means None."""

    def parse(text: str) -> Any:
        return None if text == word else convert(text)

    parse.__name__ = f"number or {word!r}"  # argparse names it in its error
    return parse


# What a checkpoint remembers, and what argparse makes of it. With --resume these come from the checkpoint.
OPTIONS: dict[str, dict[str, Any]] = {
    "corpus": {"default": "time_machine", "help": "语料名或文本文件 | name of a corpus, or a text file"},
    "level": {"default": "char", "choices": ("char", "word"), "help": "词元 | tokens"},
    "max_tokens": {
        "default": 10_000,
        "type": _or("all", int),
        "help": "训练词元数或 all | tokens to train on",
    },
    "sampling": {"default": "sequential", "choices": ("sequential", "random"), "help": "取样 | sampling"},
    "batch_size": {"default": 32, "type": int, "help": "批量大小 B | rows of a minibatch"},
    "num_steps": {"default": 35, "type": int, "help": "时间步数 T | time steps of a minibatch"},
    "layer": {"default": "rnn", "choices": (*LAYERS, "scratch"), "help": "循环层 | recurrent layer"},
    "num_hiddens": {"default": 256, "type": int, "help": "隐藏单元数 H | hidden units"},
    "num_layers": {"default": 1, "type": int, "help": "层数 L | layers"},
    "optimizer": {"default": "sgd", "choices": sorted(OPTIMIZERS), "help": "优化算法 | optimizer"},
    "lr": {"default": 1.0, "type": float, "help": "学习率 | learning rate"},
    "clip": {"default": 1.0, "type": _or("none", float), "help": "梯度裁剪 θ 或 none | gradient clipping"},
    "seed": {"default": 0, "type": int, "help": "随机种子 | random seed"},
}
DEVICE = {"default": "auto", "help": "计算设备：auto、cpu、cuda、mps | where to compute (default: auto)"}

TRAIN_EXAMPLES = """\
例子 examples:
  python -m rnnlib train --save time.ckpt
  python -m rnnlib train --corpus tang300 --layer lstm --optimizer adam --lr 1e-3 --epochs 50 --save tang.ckpt
  python -m rnnlib train --corpus my_text.txt --max-tokens all --layer gru --num-layers 2
  python -m rnnlib train --resume time.ckpt --epochs 100
"""
GENERATE_EXAMPLES = """\
例子 examples:
  python -m rnnlib generate time.ckpt --prefix "time traveller" --length 100
  python -m rnnlib generate tang.ckpt --prefix 春 --temperature 0.8 --top-k 10 --seed 3
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rnnlib",
        description="训练循环神经网络语言模型，续写文本 | train recurrent language models and write on",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, run: Callable[..., int], text: str, epilog: str = "") -> Callable[..., Any]:
        layout = argparse.RawDescriptionHelpFormatter
        sub = commands.add_parser(name, help=text, description=text, epilog=epilog, formatter_class=layout)
        sub.set_defaults(run=run)
        return sub.add_argument

    add = command("train", _train, "训练一个模型 | train a model", TRAIN_EXAMPLES)
    add("--epochs", type=int, default=100, help="训练周期数 | epochs to train, or to add (default: 100)")
    for name, option in OPTIONS.items():
        text = f"{option['help']} (default: {option['default']})"
        add("--" + name.replace("_", "-"), **{**option, "default": argparse.SUPPRESS, "help": text})
    add("--device", **DEVICE)
    add("--save", type=Path, help="把检查点写到这里 | write a checkpoint here (with --resume: over that one)")
    add("--resume", type=Path, help="从检查点续训，设置取自其中 | go on from a checkpoint, with its settings")

    add = command(
        "generate", _generate, "用训练好的模型续写 | write on with a trained model", GENERATE_EXAMPLES
    )
    add("checkpoint", type=Path, help="train --save 写的文件 | a file that train --save wrote")
    add("--prefix", default="", help="开头 | how the text begins (default: nothing)")
    add("--length", type=int, default=100, help="续写多少词元 | tokens to add (default: 100)")
    add("--temperature", type=float, default=0.0, help="温度，0 为贪心 | 0 is greedy (default: 0)")
    add("--top-k", type=int, help="只从最可能的 k 个中取样 | sample among the k likeliest")
    add("--seed", type=int, default=0, help="随机种子 | random seed (default: 0)")
    add("--device", **DEVICE)

    command("corpora", _corpora, "列出有名字的语料 | list the corpora that have a name")
    return parser


def _build(config: dict[str, Any], vocab_size: int, device: torch.device) -> Any:
    """The model that a configuration describes, its parameters not yet learnt."""
    if config["layer"] == "scratch":
        if config["num_layers"] != 1:
            raise ValueError(
                f"num_layers={config['num_layers']}: the layer 'scratch' has 1; use rnn, gru or lstm."
            )
        return RNNModelScratch(vocab_size, config["num_hiddens"], device)
    layer = LAYERS[config["layer"]](vocab_size, config["num_hiddens"], config["num_layers"])
    return RNNModel(layer, vocab_size).to(device)


def _read(path: Path) -> Checkpoint:
    checkpoint = load_checkpoint(path)
    if checkpoint.vocab is None or not OPTIONS.keys() <= checkpoint.config.keys():
        raise CheckpointError(f"{str(path)!r} was not written by 'python -m rnnlib train --save'.")
    return checkpoint


def _device(name: str) -> torch.device:
    try:
        return get_device(name)
    except RuntimeError as error:
        raise ValueError(str(error).splitlines()[0]) from error


def _data(config: dict[str, Any], device: torch.device) -> TextData:
    return load_text(
        config["corpus"],
        batch_size=config["batch_size"],
        num_steps=config["num_steps"],
        max_tokens=config["max_tokens"],
        level=config["level"],
        sampling=config["sampling"],
        device=device,
    )


def _train(args: argparse.Namespace) -> int:
    given = {name: value for name, value in vars(args).items() if name in OPTIONS}
    if args.resume and given:
        flags = ", ".join("--" + name.replace("_", "-") for name in given)
        raise ValueError(f"{flags}: with --resume the checkpoint's own value is used; leave it out.")
    device, target = _device(args.device), args.save or args.resume
    if target:  # what would spoil the saving is found before the training, not after it
        import_safetensors()
        if not target.parent.is_dir() or target.is_dir():
            raise ValueError(f"--save {target}: the folder must exist, and the name must be a file's.")
    checkpoint = _read(args.resume) if args.resume else None
    config = checkpoint.config if checkpoint else {n: given.get(n, o["default"]) for n, o in OPTIONS.items()}
    set_seed(config["seed"])
    data = _data(config, device)
    model = _build(config, len(data.vocab), device)
    optimizer = make_optimizer(config["optimizer"], model, config["lr"])
    if checkpoint:
        if checkpoint.vocab.idx_to_token != data.vocab.idx_to_token:
            raise ValueError(
                f"the corpus {config['corpus']!r} is not the text this checkpoint was trained on: its "
                f"vocabulary has {len(checkpoint.vocab)} tokens, the one here {len(data.vocab)} or others."
            )
        checkpoint.restore(model, optimizer)
    print(
        f"{data}\n{config['layer']}: {count_parameters(model):,} 个参数 parameters; {describe_device(device)}"
    )
    history = train(
        model,
        data,
        args.epochs,
        config["lr"],
        optimizer=optimizer,
        clip=config["clip"],
        history=checkpoint.history if checkpoint else None,
    )
    print(history)
    if target:
        save_checkpoint(target, model, vocab=data.vocab, optimizer=optimizer, history=history, config=config)
        notice(f"检查点写入 {target}", f"checkpoint written to {target}")
    return 130 if history.interrupted else 0


def _generate(args: argparse.Namespace) -> int:
    checkpoint = _read(args.checkpoint)
    words = checkpoint.config["level"] == "word"
    model = _build(checkpoint.config, len(checkpoint.vocab), _device(args.device))
    checkpoint.restore(model, rng=False)
    text = generate(
        model,
        args.prefix.split() if words else args.prefix,
        args.length,
        checkpoint.vocab,
        temperature=args.temperature,
        top_k=args.top_k,
        seed=args.seed,
        joiner=" " if words else "",
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; those of the process by default.

    Returns:
        The exit code: 0, 1 if the training went astray, 2 for what the user can mend, 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without Chinese shows '?' where others show text
            stream.reconfigure(errors="replace")
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except (ValueError, OSError, ImportError, CorpusUnavailable, NonFiniteLossError) as error:
        print(f"rnnlib: {error}", file=sys.stderr)
        return 1 if isinstance(error, NonFiniteLossError) else 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
