"""Matrices of whole numbers."""


class Matrix:
    def __init__(self, rows, columns, cells):
        self.rows = rows
        self.columns = columns
        self._cells = cells

    @classmethod
    def parse(cls, text):
        """Rows parted by semicolons, numbers by spaces."""
        lines = [[int(number) for number in line.split()] for line in text.split(";")]
        return cls(len(lines), len(lines[0]), [number for line in lines for number in line])

    @classmethod
    def made(cls, rows, columns, function):
        return cls(rows, columns, [function(row, column) for row in range(rows) for column in range(columns)])

    def entry(self, row, column):
        return self._cells[row * self.columns + column]

    def __matmul__(self, other):
        if self.columns != other.rows:
            raise ValueError(f"{self.rows}x{self.columns} does not fit {other.rows}x{other.columns}")

        def product(row, column):
            return sum(self.entry(row, at) * other.entry(at, column) for at in range(self.columns))

        return Matrix.made(self.rows, other.columns, product)

    def __add__(self, other):
        return Matrix.made(
            self.rows, self.columns, lambda row, column: self.entry(row, column) + other.entry(row, column)
        )

    def __str__(self):
        lines = (self._cells[start : start + self.columns] for start in range(0, len(self._cells), self.columns))
        return "; ".join(" ".join(map(str, line)) for line in lines)
