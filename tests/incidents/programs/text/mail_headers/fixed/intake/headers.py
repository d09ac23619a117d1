def parse_headers(text):
    """Headers by lower-case name; the last one of a name counts. Long ones go on in indented lines."""
    headers, name = {}, ""
    for line in text.splitlines():
        if not line:
            break
        if line[0] not in " \t":
            start, _, value = line.partition(":")
            name = start.strip().lower()
            headers[name] = value.strip()
        else:
            headers[name] = headers.get(name, "") + " " + line.strip()
    return headers
