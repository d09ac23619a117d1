import argparse

from statements.statement import statement

parser = argparse.ArgumentParser()
parser.add_argument("--customer", required=True)
parser.add_argument("--title", default="Invoice")
print(statement(**vars(parser.parse_args())))
