import sys

from sensors_report.figures import outliers, spread


def report(series):
    for name, values in series.items():
        strange = outliers(values)
        note = f", strange: {strange}" if strange else ""
        yield f"{name}: ±{spread(values):.3f}{note}"


def read(lines):
    series = {}
    for line in lines:
        name, *values = line.split()
        series[name] = tuple(map(float, values))
    return series


if __name__ == "__main__":
    print("\n".join(report(read(sys.stdin))))
