"""Follows orders from their events, several workers at a time."""

import asyncio


class Orders:
    def __init__(self):
        self.open = {}
        self.done = []

    async def placed(self, number, *what):
        self.open[number] = " ".join(what)

    async def paid(self, number):
        await self.finish(number, paid=True)

    async def cancelled(self, number):
        await self.finish(number, paid=False)

    async def finish(self, number, *, paid):
        await asyncio.sleep(0)
        article = self.open.pop(number, None)
        if article is None:
            return
        self.done.append((number, article, paid))


async def worker(queue, orders):
    while (event := await queue.get()) is not None:
        kind, number, *rest = event
        await getattr(orders, kind)(int(number), *rest)


async def follow(events):
    orders, queue = Orders(), asyncio.Queue(maxsize=2)
    working = asyncio.create_task(worker(queue, orders))
    for event in events:
        put = asyncio.create_task(queue.put(event))
        await asyncio.wait({put, working}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            put.cancel()
            break
    else:
        await queue.put(None)
    await working
    return orders
