from collections import Counter

from logsum.lines import parse


def summarise(lines):
    """Bytes and requests by path, the heaviest first."""
    requests, sent = Counter(), Counter()
    for line in lines:
        entry = parse(line)
        if entry["status"] < 400:
            requests[entry["path"]] += 1
            sent[entry["path"]] += entry["size"]
    return [(path, requests[path], size) for path, size in sent.most_common()]
