# SPDX-License-Identifier: GPL-2.0-only
# An event loop (epoll and a socket pair) with timers, queues, and work in a thread pool.
# dump-at: 30 90
import asyncio
import hashlib

PRODUCERS, ROUNDS = 5, 150


def digest(data):
    for _ in range(50):
        data = hashlib.sha256(data).digest()
    return data


async def produce(number, queue, turn):
    data = b"%d" % number
    for step in range(ROUNDS):
        await asyncio.sleep(0.001 * (number + 1))
        data = await asyncio.to_thread(digest, data)
        await queue.put((number, step, data.hex()[:8]))
        async with turn:
            turn.notify_all()


async def main():
    queue, turn = asyncio.Queue(3), asyncio.Condition()
    tasks = [asyncio.create_task(produce(n, queue, turn)) for n in range(PRODUCERS)]
    last = {}
    for got in range(1, PRODUCERS * ROUNDS + 1):
        number, step, text = await asyncio.wait_for(queue.get(), 60)
        assert step == last.get(number, (-1, ""))[0] + 1
        last[number] = (step, text)
        if got % PRODUCERS == 0:
            print("round", got // PRODUCERS, flush=True)
    await asyncio.gather(*tasks)
    print(sorted(last.items()))


asyncio.run(main())
