"""Tokens one after the other, with a look ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from vso_controller.templating.errors import LimitReached, ParseError
from vso_controller.templating.go.tokens import Source, Token, TokenKind
from vso_controller.templating.limits import Limits


class TokenReader:
    """Gives the parser its tokens, and says what is wrong with one."""

    def __init__(
        self, source: Source, tokens: Iterator[Token], *, limits: Limits
    ) -> None:
        self.source = source
        self._tokens = _counted(tokens, limits.tokens)
        self._ahead: deque[Token] = deque()
        self._deepest = limits.nesting
        self._depth = 0

    def next(self) -> Token:
        """Return the next token, and go on behind it."""
        return self._ahead.popleft() if self._ahead else next(self._tokens)

    def back(self, *tokens: Token) -> None:
        """Go back before these tokens, which were read in this order."""
        self._ahead.extendleft(reversed(tokens))

    def peek(self) -> Token:
        """Return the next token, and stay before it."""
        if not self._ahead:
            self._ahead.append(next(self._tokens))
        return self._ahead[0]

    def next_beyond_space(self) -> Token:
        """Return the next token that is no space, and go on behind it."""
        token = self.next()
        return token if token.kind is not TokenKind.SPACE else self.next()

    def peek_beyond_space(self) -> Token:
        """Skip space, and return the next token."""
        if self.peek().kind is TokenKind.SPACE:
            self.next()
        return self.peek()

    def expect_end(self, context: str) -> None:
        """Read the end of the action. Raises ParseError."""
        token = self.next_beyond_space()
        if token.kind is not TokenKind.RIGHT_DELIMITER:
            raise self.unexpected(token, context)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Read one level deeper for the length of the block. Raises LimitReached."""
        self._depth += 1
        if self._depth > self._deepest:
            raise LimitReached("nesting", allowed=self._deepest)
        yield
        self._depth -= 1

    def error(self, what: str, start: int) -> ParseError:
        """Return the error that something is wrong at a character."""
        return self.source.error(what, start)

    def unexpected(self, token: Token, context: str) -> ParseError:
        """Return the error that a token cannot be where it is."""
        what = f"unexpected {token} in {context}"
        if token.kind is TokenKind.KEYWORD:
            what = f"unexpected {token.text} in {context}"
        return self.error(what, token.start)


def _counted(tokens: Iterator[Token], most: int) -> Iterator[Token]:
    for number, token in enumerate(tokens):
        if number > most:
            raise LimitReached("tokens", allowed=most)
        yield token
