"""What a terminal shows after what a program wrote to it: programs move the cursor and draw what changed, not the whole."""

from __future__ import annotations

import codecs
import re

_TOKEN = re.compile(
    r"\x1b\[(?P<numbers>[0-9;]*)(?P<final>[@-~])"
    r"|\x1b\[[<-?][0-9;]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()].|\x1b[^\[\]()]"  # modes, titles and character sets show nothing
    r"|(?P<moved>[\r\n\b])|(?P<drawn>[^\x00-\x1f\x7f]+)|[\x00-\x1a\x1c-\x1f\x7f]"
)


class Drawn:
    """The characters of a terminal of this size. Colours and scrolling back are not kept."""

    def __init__(self, rows: int, columns: int) -> None:
        self._rows, self._columns = rows, columns
        self._lines = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._left = ""

    def __str__(self) -> str:
        return "\n".join("".join(line).rstrip() for line in self._lines)

    def take(self, written: bytes) -> None:
        """Draws these bytes; a sequence that is not complete yet waits for the rest."""
        text, end = self._left + self._decoder.decode(written), 0
        while token := _TOKEN.match(text, end):
            end = token.end()
            if token["final"]:
                self._control(token["final"], [int(number or 0) for number in token["numbers"].split(";")])
            elif token["drawn"]:
                self._draw(token["drawn"])
            elif token["moved"]:
                self._step(token["moved"])
        self._left = text[end:]

    def _draw(self, text: str) -> None:
        for character in text:
            if self._column == self._columns:
                self._step("\r")
                self._step("\n")
            self._lines[self._row][self._column] = character
            self._column += 1

    def _step(self, moved: str) -> None:
        if moved == "\r":
            self._column = 0
        elif moved == "\b":
            self._column = max(0, self._column - 1)
        elif self._row + 1 < self._rows:
            self._row += 1
        else:
            self._lines = [*self._lines[1:], [" "] * self._columns]

    def _control(self, final: str, numbers: list[int]) -> None:
        first = numbers[0] or 1
        if final in "AB":
            self._row += first if final == "B" else -first
        elif final in "CD":
            self._column += first if final == "C" else -first
        elif final == "G":
            self._column = first - 1
        elif final == "H":
            self._row, self._column = first - 1, (numbers[1] if len(numbers) > 1 else 0) - 1
        elif final in "JK":
            self._erase(final, numbers[0])
        self._row = min(max(self._row, 0), self._rows - 1)
        self._column = min(max(self._column, 0), self._columns - 1)

    def _erase(self, final: str, part: int) -> None:
        """`J` the screen, `K` the line: from the cursor (0), up to it (1), whole (2)."""
        here = self._row * self._columns + self._column
        start, end = (0, self._rows) if final == "J" else (self._row, self._row + 1)
        first = here if part == 0 else start * self._columns
        last = here + 1 if part == 1 else end * self._columns
        for place in range(first, last):
            self._lines[place // self._columns][place % self._columns] = " "
