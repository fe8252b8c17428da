"""A web server whose requests each look up one user; requests that are served at the same time share one query.

Run it: python web_lookups.py          (serves itself 300 requests and ends)
"""

from __future__ import annotations

import asyncio
import sqlite3

import batchline

database = sqlite3.connect(":memory:", check_same_thread=False)
queries = 0


# linger=0: no request waits for a timer; what one turn of the event loop brings goes together.
@batchline.batch(batch_items_max=100, linger=0)
async def user_name(ids: list[int]) -> list[str | Exception]:
    """One query for all ids. Whoever asked for an id that is not there gets a KeyError, and nobody else does."""
    global queries
    queries += 1
    marks = ",".join("?" * len(ids))
    found = dict(database.execute(f"SELECT id, name FROM user WHERE id IN ({marks})", ids))
    return [found.get(id, KeyError(id)) for id in ids]


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """GET /user/ID. To the handler of a request it is a look-up of one user."""
    request = await reader.readuntil(b"\r\n\r\n")
    path = request.split(b" ", 2)[1].decode()
    try:
        status, body = "200 OK", await user_name(int(path.rpartition("/")[2]))
    except (KeyError, ValueError):
        status, body = "404 Not Found", "no such user"
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n"
    writer.write(f"{head}{body}".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def get(port: int, path: str) -> str:
    """The status and the body of an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return f"{answer.split(' ')[1]} {answer.rpartition(chr(10))[2]}"


async def main(users: int = 200, requests: int = 300) -> tuple[list[str], int]:
    database.execute("CREATE TABLE IF NOT EXISTS user (id INTEGER PRIMARY KEY, name TEXT)")
    rows = ((id, f"user {id}") for id in range(users))
    database.executemany("INSERT OR REPLACE INTO user VALUES (?, ?)", rows)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    before = queries
    async with server:
        answers = await asyncio.gather(*[get(port, f"/user/{id}") for id in range(requests)])
        largest = user_name.stats().batch_items_peak
    await user_name.close()
    found = sum(answer.startswith("200") for answer in answers)
    print(f"{len(answers)} requests, {found} users found, {queries - before} queries, the largest of {largest} ids")
    return answers, queries - before


if __name__ == "__main__":
    asyncio.run(main())
