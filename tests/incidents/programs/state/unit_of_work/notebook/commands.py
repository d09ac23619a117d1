from notebook.store import Store, Work


def run(commands, store=None):
    store = store or Store()
    _run(iter(commands), store)
    return store.items


def _run(commands, store):
    for command in commands:
        verb, _, item = command.partition(" ")
        match verb:
            case "add":
                store.items.append(item)
            case "drop":
                store.items.remove(item)
            case "begin":
                with Work(store):
                    _run(commands, store)
            case "end":
                return
