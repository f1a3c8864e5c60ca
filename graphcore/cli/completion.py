"""``gradscape completion``: what a shell needs to complete commands, options and preset names."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from graphcore import presets
from graphcore.cli import COMMANDS, WINDOW_OPTIONS

SHELLS = ("bash", "zsh")
_SCRIPT = """_gradscape() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" words=""
  if [ "$COMP_CWORD" = 1 ]; then
    words="{first}"
  else
    case "${{COMP_WORDS[1]}}" in
{cases}
    *) words="{window}" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _gradscape gradscape
"""
_FOR_ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``completion``."""
    parser.add_argument("shell", choices=SHELLS)
    parser.epilog = (
        "bash: eval \"$(gradscape completion bash)\" in ~/.bashrc; "
        "zsh: eval \"$(gradscape completion zsh)\" in ~/.zshrc."
    )  # fmt: skip


def script(shell: str, parsers: Mapping[str, argparse.ArgumentParser]) -> str:
    """Return the script; file names are completed where nothing else fits.

    Args:
        parsers: of the commands, by name.
    """
    names = " ".join(presets.names())
    cases = "\n".join(
        f'    {name}) words="{" ".join((*_words(parser), names))}" ;;'
        for name, parser in parsers.items()
    )
    first = " ".join((*COMMANDS, *WINDOW_OPTIONS, names))
    text = _SCRIPT.format(first=first, cases=cases, window=" ".join(WINDOW_OPTIONS))
    return _FOR_ZSH + text if shell == "zsh" else text


def _words(parser: argparse.ArgumentParser) -> list[str]:
    """Return the long options of a command and the words that its arguments choose from."""
    words: list[str] = []
    for action in parser._actions:
        words += [option for option in action.option_strings if option.startswith("--")]
        words += map(str, action.choices or ())
    return words
