"""A click group that imports a command when it is used, and turns declared errors into one line."""

from __future__ import annotations

import contextlib
import errno
import importlib
import sys
import traceback
from collections.abc import Mapping
from typing import IO, Any

import click

from mycelium.colour import is_colourless
from mycelium.early_stop import stop_as_usual, stop_at_once
from mycelium.nearest import did_you_mean
from mycelium.texts import text_of
from tlv.declared_error import DeclaredError

from .saying import say

__all__ = ["LazyGroup", "UserError", "is_debugging"]

_DEBUG = "mycelium.debug"
#: Commands whose JSON is an object a line, and no document.
_LINE_BY_LINE = {"decode"}
#: What an output says that takes no more.
_UNWRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


def is_debugging(ctx: click.Context) -> bool:
    """Whether ``--debug`` was given."""
    return bool(ctx.meta.get(_DEBUG))


class UserError(click.ClickException):
    """A declared error on its way to stderr."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the one line; where nobody can read it, the exit code tells."""
        with contextlib.suppress(OSError):
            click.echo(f"mycelium: {self.format_message()}", file=file, err=file is None)


class StoppedError(UserError):
    """Ctrl-C where nothing is to be ended in order."""

    exit_code = 130


class UndeclaredError(UserError):
    """A failure that nobody declared, or of the output, after the work was done."""

    exit_code = 1


class AgainError(UserError):
    """What another start may mend: nothing that was given is wrong."""

    exit_code = 1


class LazyGroup(click.Group):
    """Knows its commands by import path and short help, so that ``--help`` imports none of them.

    Every command gets ``--debug``, which prints the traceback of a declared error too.
    """

    def __init__(self, *args: Any, commands: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.paths = dict(commands)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the declaration."""
        return list(self.paths)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in self.paths:
            return None
        module, _, attribute = self.paths[cmd_name][0].partition(":")
        stop_at_once()
        try:
            command = getattr(importlib.import_module(module), attribute)
        finally:
            stop_as_usual()
        assert isinstance(command, click.Command)
        if not any(parameter.name == "debug" for parameter in command.params):
            command.params.append(_debug_option())
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where there is none of this name."""
        name = args[0]
        if name not in self.paths and not name.startswith("-"):
            ctx.fail(f"there is no command {name!r}; {did_you_mean(name, self.paths, 'commands')}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by their short help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in self.paths.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it declares becomes a `UserError`, and with ``--json`` a document on stdout besides."""
        if is_colourless():
            ctx.color = False
        stop_as_usual()
        as_json = "--json" in ctx.args
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # here a full disk can still be told
        except DeclaredError as error:
            if is_debugging(ctx):
                say(traceback.format_exc())
            if as_json and ctx.invoked_subcommand not in _LINE_BY_LINE:
                _tell_as_json(error)
            raise (AgainError if _may_be_tried_again(error) else UserError)(_told(error)) from error
        except KeyboardInterrupt:
            raise StoppedError("stopped at once") from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, SystemExit) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader has gone: click ends the program without a word
            if is_debugging(ctx):
                say(traceback.format_exc())
            if isinstance(error, OSError) and error.errno in _UNWRITTEN and error.filename is None:
                raise UndeclaredError(_unwritten(error)) from error
            raise UndeclaredError(_unexpected(error)) from error


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_remember,
        help="Print the traceback of an error too.",
    )


def _remember(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    del parameter
    ctx.meta[_DEBUG] = value


def _unexpected(error: BaseException) -> str:
    from mycelium.errors.node import UnexpectedError

    return str(UnexpectedError(error=type(error).__name__, message=text_of(error)))


def _unwritten(error: OSError) -> str:
    from mycelium.errors.node import OutputError

    return str(OutputError(reason=error.strerror or text_of(error)))


def _may_be_tried_again(error: DeclaredError) -> bool:
    """Whether it is a node that could not be joined to others, this time."""
    from mycelium.errors.link import LinkError
    from mycelium.errors.node import NodeError

    return error.retryable and isinstance(error, LinkError | NodeError)


def _tell_as_json(error: DeclaredError) -> None:
    """For whoever reads the output, and no text: what, why and what to do."""
    import json

    with contextlib.suppress(OSError):  # the exit code tells
        click.echo(json.dumps({"error": error.to_dict()}, indent=2, default=str))


def _told(error: DeclaredError) -> str:
    return "; ".join([str(error), *getattr(error, "__notes__", [])])
