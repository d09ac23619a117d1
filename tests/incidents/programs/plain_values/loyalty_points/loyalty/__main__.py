import json
import sys

from loyalty.statement import statement

purchases = [json.loads(line) for line in sys.stdin if line.strip()]
print(statement(purchases))
