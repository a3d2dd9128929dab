"""The tree as closures over a run's state and the current dot.

`Evaluate` gives the value of an operand where it is an argument; `Perform` is a whole command, which may get one more
argument from the command before it.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from sidekick.sdk.template import syntax
from sidekick.sdk.template.error import TemplateExecutionError
from sidekick.sdk.template.formatting import printed
from sidekick.sdk.template.functions import FUNCTIONS, SHORT_CIRCUITS
from sidekick.sdk.template.run import Run
from sidekick.sdk.template.values import ABSENT, MISSING, from_data, member, truth, type_name

Execute = Callable[[Run, Any], None]
Evaluate = Callable[[Run, Any], Any]
Perform = Callable[[Run, Any, Any], Any]


class _BreakRange(Exception):  # noqa: N818 - a signal, not an error
    pass


class _ContinueRange(Exception):  # noqa: N818
    pass


def compile_body(body: syntax.Body) -> Execute:
    nodes = [_compile_node(node) for node in body]

    def execute(run: Run, dot: Any) -> None:
        for node in nodes:
            run.step()
            node(run, dot)

    return execute


def _compile_node(node: syntax.Node) -> Execute:
    match node:
        case syntax.Text(text):
            return lambda run, _: run.write(text)
        case syntax.Action(pipe):
            return _compile_action(pipe)
        case syntax.Branch():
            return _compile_branch(node)
        case syntax.Range():
            return _compile_range(node)
        case syntax.Call():
            return _compile_call(node)
        case syntax.Break():
            return _raise(_BreakRange)
        case syntax.Continue():
            return _raise(_ContinueRange)


def _raise(signal: type[Exception]) -> Execute:
    def leave(run: Run, dot: Any) -> None:
        raise signal

    return leave


def _compile_action(pipe: syntax.Pipe) -> Execute:
    evaluate = _compile_pipe(pipe)

    def declare(run: Run, dot: Any) -> None:
        evaluate(run, dot)

    def write(run: Run, dot: Any) -> None:
        run.write(printed(evaluate(run, dot)))

    return declare if pipe.variables else write


def _compile_branch(branch: syntax.Branch) -> Execute:
    arms = [(_compile_pipe(pipe), compile_body(body)) for pipe, body in branch.arms]
    otherwise = compile_body(branch.otherwise)

    def choose(run: Run, dot: Any) -> None:
        for condition, body in arms:
            value = condition(run, dot)
            if truth(value):
                return body(run, value if branch.moves_dot else dot)
        return otherwise(run, dot)

    return _scoped(choose)


def _scoped(execute: Execute) -> Execute:
    def execute_scoped(run: Run, dot: Any) -> None:
        mark = len(run.variables)
        execute(run, dot)
        del run.variables[mark:]

    return execute_scoped


def _compile_range(node: syntax.Range) -> Execute:
    evaluate, body, otherwise = _compile_pipe(node.pipe), compile_body(node.body), compile_body(node.otherwise)
    assign = _assignment(node.pipe)

    def loop(run: Run, dot: Any) -> None:
        value = evaluate(run, dot)
        mark = len(run.variables)
        items = _items(run, value, len(node.pipe.variables))
        if not items:
            return otherwise(run, dot)
        try:
            for key, item in items:
                run.step()
                assign(run, key, item)
                with contextlib.suppress(_ContinueRange):
                    body(run, item)
                del run.variables[mark:]
        except _BreakRange:
            pass
        return None

    return _scoped(loop)


def _assignment(pipe: syntax.Pipe) -> Callable[[Run, Any, Any], None]:
    """How one round sets the range's variables: the element alone, or key and element."""
    names = pipe.variables

    def assign(run: Run, key: Any, item: Any) -> None:
        for name, value in zip(reversed(names), (item, key), strict=False):
            run.assign(name, value)

    def declare(run: Run, key: Any, item: Any) -> None:
        for place, value in zip(range(1, len(names) + 1), (item, key), strict=False):
            run.variables[-place] = (names[-place], value)

    return assign if pipe.assigns else declare


class _Numbered(Sequence[tuple[Any, int]]):
    """`range 5`: no keys, and no list of a billion elements."""

    def __init__(self, count: int) -> None:
        self._range = range(count)

    def __len__(self) -> int:
        return len(self._range)

    def __getitem__(self, index: Any) -> Any:
        return (MISSING, self._range[index])


def _items(run: Run, value: Any, variables: int) -> Sequence[tuple[Any, Any]]:
    if value is MISSING or value is None:
        return ()
    if isinstance(value, int) and not isinstance(value, bool):
        if variables > 1:
            raise TemplateExecutionError(f"can't use {value} to iterate over more than one variable")
        return _Numbered(value)
    if isinstance(value, list | tuple | dict):
        run.step(len(cast("Sequence[Any]", value)))
    if isinstance(value, list | tuple):
        return [(place, from_data(item)) for place, item in enumerate(cast("Iterable[Any]", value))]
    if isinstance(value, dict):
        return [(key, from_data(item)) for key, item in sorted(cast("dict[str, Any]", value).items(), key=_key)]
    raise TemplateExecutionError(f"range can't iterate over a value of type {type_name(value)}")


def _key(item: tuple[str, Any]) -> str:
    return item[0]


def _compile_call(call: syntax.Call) -> Execute:
    evaluate = _compile_pipe(call.pipe) if call.pipe else _compile_operand(syntax.Nil())
    return lambda run, dot: run.call(call.name, evaluate(run, dot))


def _compile_pipe(pipe: syntax.Pipe) -> Evaluate:
    commands = [_compile_command(command) for command in pipe.commands]
    names, assigns = pipe.variables, pipe.assigns

    def evaluate(run: Run, dot: Any) -> Any:
        value: Any = ABSENT
        for command in commands:
            value = command(run, dot, value)
            if value is None:  # a null loses its type on leaving a command
                value = MISSING
        for name in names:
            if assigns:
                run.assign(name, value)
            else:
                run.variables.append((name, value))
        return value

    return evaluate


def _compile_command(command: syntax.Command) -> Perform:
    arguments = [_compile_operand(argument) for argument in command.arguments]
    match command.head:
        case syntax.Function(name) if name in SHORT_CIRCUITS:
            return _short_circuit(name, arguments)
        case syntax.Function(name):
            return _function_call(name, arguments)
        case syntax.Field(names):
            return _member_chain(lambda run, dot: dot, names, arguments)
        case syntax.Variable(name, names) if names:
            return _member_chain(lambda run, dot: run.variable(name), names, arguments)
        case syntax.Chain(operand, names):
            return _member_chain(_compile_operand(operand), names, arguments)
        case head:
            return _plain_value(head, bool(arguments))


def _plain_value(head: syntax.Operand, has_arguments: bool) -> Perform:
    evaluate = _compile_operand(head)

    def perform(run: Run, dot: Any, final: Any) -> Any:
        if has_arguments or final is not ABSENT:
            raise TemplateExecutionError("can't give argument to non-function")
        if isinstance(head, syntax.Nil):
            raise TemplateExecutionError("nil is not a command")
        return evaluate(run, dot)

    return perform


def _function_call(name: str, arguments: list[Evaluate]) -> Perform:
    builtin = FUNCTIONS[name]

    def perform(run: Run, dot: Any, final: Any) -> Any:
        result = builtin.call(name, _evaluated(run, dot, arguments, final))
        if type(result) is str:
            run.count(result)
        return result

    return perform


def _evaluated(run: Run, dot: Any, arguments: list[Evaluate], final: Any) -> list[Any]:
    values = [argument(run, dot) for argument in arguments]
    return values if final is ABSENT else [*values, final]


def _short_circuit(name: str, arguments: list[Evaluate]) -> Perform:
    stop = SHORT_CIRCUITS[name]

    def perform(run: Run, dot: Any, final: Any) -> Any:
        if not arguments and final is ABSENT:
            raise TemplateExecutionError(f"wrong number of args for {name}: want at least 1 got 0")
        value: Any = final
        for argument in arguments:
            value = argument(run, dot)
            if truth(value) is stop:
                return value
        return value if final is ABSENT else final

    return perform


def _member_chain(receiver: Evaluate, names: tuple[str, ...], arguments: list[Evaluate]) -> Perform:
    """Only the last name of a chain may be a method with arguments."""
    *inner, last = names

    def perform(run: Run, dot: Any, final: Any) -> Any:
        value = receiver(run, dot)
        for name in inner:
            value = member(value, name)
        return member(value, last, _evaluated(run, dot, arguments, final))

    return perform


def _compile_operand(operand: syntax.Operand) -> Evaluate:
    match operand:
        case syntax.Dot():
            return lambda run, dot: dot
        case syntax.Nil():
            return lambda run, dot: MISSING
        case syntax.Literal(value):
            return lambda run, dot: value
        case syntax.Variable(name, ()):
            return lambda run, dot: run.variable(name)
        case syntax.Pipe():
            return _compile_pipe(operand)
        case _:
            perform = _compile_command(syntax.Command(operand, ()))
            return lambda run, dot: perform(run, dot, ABSENT)
