"""Cuts the text of a template into tokens, as Go's text/template does.

Outside of actions all is text; a `-` beside a delimiter trims the white space next to
it. Within an action white space counts: it parts the operands of a command.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

from vso_controller.templating.errors import ParseError
from vso_controller.templating.go.tokens import Source, Token, TokenKind

KEYWORDS = frozenset(
    {
        "block",
        "break",
        "continue",
        "define",
        "else",
        "end",
        "if",
        "range",
        "template",
        "with",
    }
)
_SPACES = " \t\r\n"
_COMMENT, _COMMENT_END = "/*", "*/"
_TRIM = 2  # characters of a trim marker and the space that it needs
_DIGITS = "0123456789_"
_BASES = {"x": "0123456789abcdefABCDEF_", "o": "01234567_", "b": "01_"}
_SIGNS = {
    "=": TokenKind.ASSIGN,
    "|": TokenKind.PIPE,
}
_ENDS_WORD = frozenset(".,|:)(")


def is_alphanumeric(letter: str) -> bool:
    """Whether a character can be part of a name."""
    return (
        letter == "_"
        or unicodedata.category(letter)[0] == "L"
        or (unicodedata.category(letter) == "Nd")
    )


class Lexer:
    """Yields the tokens of one template. Raises ParseError."""

    def __init__(self, source: Source, *, left: str, right: str) -> None:
        self._source = source
        self._text = source.text
        self._left = left
        self._right = right
        self._position = 0
        self._parentheses: list[int] = []
        self._lexers: dict[str, Callable[[int], Token]] = {
            ":": self._declare,
            '"': self._string,
            "`": self._raw_string,
            "'": self._rune,
            "$": self._variable,
            ".": self._dot,
            "(": self._open,
            ")": self._close,
            **dict.fromkeys(_SPACES, self._space),
            **dict.fromkeys(_SIGNS, self._sign),
        }

    def tokens(self) -> Iterator[Token]:
        """Yield all tokens, and one END."""
        while True:
            found = self._text.find(self._left, self._position)
            if found < 0:
                break
            yield from self._plain(found)
            self._position = found + len(self._left)
            yield from self._action(found)
        if self._position < len(self._text):
            yield Token(TokenKind.TEXT, self._text[self._position :], self._position)
        yield Token(TokenKind.END, "", len(self._text))

    def _plain(self, end: int) -> Iterator[Token]:
        text = self._text[self._position : end]
        if self._trims_left(end + len(self._left)):
            text = text.rstrip(_SPACES)
        if text:
            yield Token(TokenKind.TEXT, text, self._position)

    def _trims_left(self, at: int) -> bool:
        marker = self._text[at : at + _TRIM]
        return len(marker) == _TRIM and marker[0] == "-" and marker[1] in _SPACES

    def _action(self, start: int) -> Iterator[Token]:
        after = self._position
        if self._trims_left(after):
            after += _TRIM
        if self._text.startswith(_COMMENT, after):
            self._skip_comment(start, after)
            return
        yield Token(TokenKind.LEFT_DELIMITER, self._left, start)
        self._position = after
        while True:
            token = self._inside(start)
            yield token
            if token.kind is TokenKind.RIGHT_DELIMITER:
                return

    def _skip_comment(self, start: int, begin: int) -> None:
        end = self._text.find(_COMMENT_END, begin)
        if end < 0:
            raise self._source.error("unclosed comment", start)
        self._position = end + len(_COMMENT_END)
        length, trims = self._right_delimiter()
        if not length:
            raise self._source.error("comment ends before closing delimiter", start)
        self._pass(length, trims=trims)

    def _right_delimiter(self) -> tuple[int, bool]:
        """Return the length of the closing delimiter here, or 0, and if it trims."""
        at = self._position
        marker = self._text[at : at + _TRIM]
        trims = len(marker) == _TRIM and marker[0] in _SPACES and marker[1] == "-"
        if trims and self._text.startswith(self._right, at + _TRIM):
            return _TRIM + len(self._right), True
        if self._text.startswith(self._right, at):
            return len(self._right), False
        return 0, False

    def _pass(self, length: int, *, trims: bool) -> None:
        self._position += length
        if trims:
            rest = self._text[self._position :]
            self._position += len(rest) - len(rest.lstrip(_SPACES))

    def _inside(self, action: int) -> Token:
        start = self._position
        length, trims = self._right_delimiter()
        if length:
            if self._parentheses:
                raise self._source.error("unclosed left paren", self._parentheses[-1])
            self._pass(length, trims=trims)
            return Token(TokenKind.RIGHT_DELIMITER, self._right, start)
        if start >= len(self._text):
            raise self._source.error("unclosed action", action)
        lex = self._lexers.get(self._text[start], self._other)
        return lex(start)

    def _other(self, start: int) -> Token:
        letter = self._text[start]
        if letter in "+-" or "0" <= letter <= "9":
            return self._number(start)
        if is_alphanumeric(letter):
            return self._identifier(start)
        if letter.isascii() and letter.isprintable():
            self._position += 1
            return Token(TokenKind.CHARACTER, letter, start)
        raise self._source.error("unrecognized character in action", start)

    def _sign(self, start: int) -> Token:
        self._position += 1
        return self._token(_SIGNS[self._text[start]], start)

    def _space(self, start: int) -> Token:
        at = start
        while at < len(self._text) and self._text[at] in _SPACES:
            if self._is_trimming_end(at):
                break
            at += 1
        self._position = at
        if at == start:  # it belongs to the delimiter
            length, trims = self._right_delimiter()
            self._pass(length, trims=trims)
            return Token(TokenKind.RIGHT_DELIMITER, self._right, start)
        return Token(TokenKind.SPACE, self._text[start:at], start)

    def _is_trimming_end(self, at: int) -> bool:
        return self._text.startswith("-" + self._right, at + 1)

    def _declare(self, start: int) -> Token:
        if not self._text.startswith(":=", start):
            raise self._source.error("expected :=", start)
        self._position += 2
        return Token(TokenKind.DECLARE, ":=", start)

    def _open(self, start: int) -> Token:
        self._parentheses.append(start)
        self._position += 1
        return Token(TokenKind.LEFT_PARENTHESIS, "(", start)

    def _close(self, start: int) -> Token:
        if not self._parentheses:
            raise self._source.error("unexpected right paren", start)
        self._parentheses.pop()
        self._position += 1
        return Token(TokenKind.RIGHT_PARENTHESIS, ")", start)

    def _string(self, start: int) -> Token:
        self._skip_quoted('"', "unterminated quoted string")
        return self._token(TokenKind.STRING, start)

    def _rune(self, start: int) -> Token:
        self._skip_quoted("'", "unterminated character constant")
        return self._token(TokenKind.RUNE, start)

    def _skip_quoted(self, quote: str, unterminated: str) -> None:
        start = self._position
        at = start + 1
        while at < len(self._text):
            letter = self._text[at]
            if letter == quote:
                self._position = at + 1
                return
            if letter == "\\" and self._text[at + 1 : at + 2] not in {"", "\n"}:
                at += 1
            elif letter in "\\\n":
                break
            at += 1
        raise self._source.error(unterminated, start)

    def _raw_string(self, start: int) -> Token:
        end = self._text.find("`", start + 1)
        if end < 0:
            raise self._source.error("unterminated raw quoted string", start)
        self._position = end + 1
        return self._token(TokenKind.RAW_STRING, start)

    def _dot(self, start: int) -> Token:
        following = self._text[start + 1 : start + 2]
        if following and "0" <= following <= "9":
            return self._number(start)
        return self._name(start, TokenKind.FIELD, alone=TokenKind.DOT)

    def _variable(self, start: int) -> Token:
        return self._name(start, TokenKind.VARIABLE, alone=TokenKind.VARIABLE)

    def _name(self, start: int, kind: TokenKind, *, alone: TokenKind) -> Token:
        self._position = start + 1
        if self._is_at_terminator():
            return self._token(alone, start)
        self._skip_word()
        self._check_terminated()
        return self._token(kind, start)

    def _identifier(self, start: int) -> Token:
        self._skip_word()
        self._check_terminated()
        word = self._text[start : self._position]
        if word in KEYWORDS:
            return Token(TokenKind.KEYWORD, word, start)
        if word in {"true", "false"}:
            return Token(TokenKind.BOOL, word, start)
        if word == "nil":
            return Token(TokenKind.NIL, word, start)
        return Token(TokenKind.IDENTIFIER, word, start)

    def _skip_word(self) -> None:
        while self._position < len(self._text):
            if not is_alphanumeric(self._text[self._position]):
                return
            self._position += 1

    def _check_terminated(self) -> None:
        if not self._is_at_terminator():
            raise self._source.error("bad character", self._position)

    def _is_at_terminator(self) -> bool:
        following = self._text[self._position : self._position + 1]
        return (
            following in _ENDS_WORD
            or following in _SPACES  # and at the end
            or self._text.startswith(self._right, self._position)
        )

    def _number(self, start: int) -> Token:
        if not self._scan_number():
            raise self._bad_number(start)
        if self._text[self._position : self._position + 1] in {"+", "-"}:
            # A complex number: without spaces, and its second part ends in i.
            if not self._scan_number() or self._text[self._position - 1] != "i":
                raise self._bad_number(start)
            return self._token(TokenKind.COMPLEX, start)
        return self._token(TokenKind.NUMBER, start)

    def _bad_number(self, start: int) -> ParseError:
        return self._source.error("bad number syntax", start)

    def _scan_number(self) -> bool:
        self._accept("+-")
        digits = _DIGITS
        if self._accept("0"):
            base = self._accept("xXoObB")
            digits = _BASES.get(base.lower(), _DIGITS)
        self._accept_run(digits)
        if self._accept("."):
            self._accept_run(digits)
        exponents = {_DIGITS: "eE", _BASES["x"]: "pP"}.get(digits, "")
        if exponents and self._accept(exponents):
            self._accept("+-")
            self._accept_run(_DIGITS)
        self._accept("i")
        following = self._text[self._position : self._position + 1]
        return not (following and is_alphanumeric(following))

    def _accept(self, letters: str) -> str:
        following = self._text[self._position : self._position + 1]
        if not following or following not in letters:
            return ""
        self._position += 1
        return following

    def _accept_run(self, letters: str) -> None:
        while self._accept(letters):
            pass

    def _token(self, kind: TokenKind, start: int) -> Token:
        return Token(kind, self._text[start : self._position], start)
