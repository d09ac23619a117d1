"""Sums over two columns of many rows."""


def pivot(rows, down, across, *, value="cents"):
    table, columns = {}, set()
    for row in rows:
        add(table, row[down], row[across], row[value])
        columns.add(row[across])
    return table, sorted(columns)


def add(table, line, column, amount):
    if isinstance(line, list):
        line = "+".join(line)
    sums = table.setdefault(line, {})
    sums[column] = sums.get(column, 0) + amount


def as_text(table, columns):
    lines = ["\t".join(["", *columns])]
    for line, sums in sorted(table.items()):
        amounts = (f"{sums.get(column, 0) / 100:.2f}" for column in columns)
        lines += ["\t".join([line, *amounts])]
    return "\n".join(lines)
