"""A stand-in for the Azure Functions platform: an HTTP front that drives the platform's real Python library.

<python 3.13> platform_worker.py <folder of the app> <folder of the library> [<port>]

It indexes the app as the platform does, serves HTTP on 127.0.0.1 through the app's HTTP function, and keeps `/admin` to
itself: GET /admin/functions lists what was indexed, POST /admin/functions/<name> fires a timer. Requests look as they do behind the
platform's front end, which decodes encoded slashes and says in a header what it had been sent.
"""

import asyncio
import importlib
import json
import os
import sys
import traceback
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import platform_messages as messages  # type: ignore[import-not-found]  # beside this program, which runs by itself

BODY_LIMIT_BYTES = 100 << 20
AT_ONCE = 16
_REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 400: "Bad Request", 404: "Not Found", 413: "Too Large"}


@dataclass(frozen=True, slots=True)
class Request:
    """What came from the client."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Platform:
    """The app, loaded into the platform's library."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self.functions: dict[str, Any] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def load(self, app_folder: Path) -> None:
        """Indexes and loads the app."""
        init = SimpleNamespace(capabilities={}, function_app_directory=str(app_folder))
        _require_success(await self._library.worker_init_request(_message(worker_init_request=init)))
        said = await self._library.functions_metadata_request(_message())
        self.functions = {function.name: function for function in said.function_metadata_results}
        for function in self.functions.values():
            load = SimpleNamespace(function_id=function.function_id)
            _require_success(await self._library.function_load_request(_message(function_load_request=load)))

    async def invoke(self, name: str, argument: str, data: messages.TypedData) -> Any:
        """Call a function with one argument and return the worker's answer."""
        context = SimpleNamespace(trace_parent="", trace_state="", attributes={})
        call = SimpleNamespace(
            invocation_id=str(uuid.uuid4()),
            function_id=self.functions[name].function_id,
            input_data=[messages.ParameterBinding(argument, data)],
            trigger_metadata={},
            trace_context=context,
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        async with self._at_once:
            return await self._library.invocation_request(_message(invocation_request=call))

    async def serve(self, request: Request, peer: str) -> Reply:
        """Answers a request as the platform would."""
        path, _, query = request.target.partition("?")
        if path.startswith("/admin/"):
            return await self._administer(request.method, path)
        headers = dict(request.headers)
        said = [headers["x-forwarded-for"]] if "x-forwarded-for" in headers else []
        headers |= {"x-forwarded-for": ", ".join([*said, peer]), "x-forwarded-proto": "http"}
        headers["x-waws-unencoded-url"] = request.target
        decoded = quote(unquote(path), safe="/:@!$&'()*+,;=~")
        body = messages.TypedData(bytes=request.body) if request.body else messages.TypedData()
        http = messages.RpcHttp(
            method=request.method,
            url=f"http://{headers.get('host', 'localhost')}{decoded}{'?' if query else ''}{query}",
            headers=headers,
            body=body,
            params={"path": decoded.lstrip("/")},
            query=dict(parse_qsl(query, keep_blank_values=True)),
        )
        answer = await self.invoke("api", "request", messages.TypedData(http=http))
        return _reply(answer, with_body=request.method != "HEAD")

    async def _administer(self, method: str, path: str) -> Reply:
        name = path.removeprefix("/admin/functions").strip("/")
        if method == "GET" and not name:
            found = [
                {"name": one.name, "bindings": [json.loads(raw) for raw in one.raw_bindings]} for one in self.functions.values()
            ]
            return Reply(200, (("Content-Type", "application/json"),), json.dumps(found).encode())
        if method != "POST" or name not in self.functions:
            return Reply(404)
        # Azure answers before the function has run; a test wants to know how it went.
        timer: dict[str, Any] = {"Schedule": {}, "ScheduleStatus": None, "IsPastDue": False}
        answer = await self.invoke(name, "timer", messages.TypedData(json=json.dumps(timer)))
        if answer.result.status == messages.StatusResult.Success:
            return Reply(202)
        return Reply(500, (("Content-Type", "text/plain"),), answer.result.exception.message.encode())


async def main(app_folder: Path, library_folder: Path, port: int) -> None:
    """Load the app and serve until the process is ended."""
    # As the platform has it: the app's packages, the app, and then the platform's own.
    packages = app_folder / ".python_packages" / "lib" / "site-packages"
    sys.path[0:1] = [str(packages), str(app_folder)]
    sys.path.append(str(library_folder))
    os.chdir(app_folder)
    library = importlib.import_module("azure_functions_runtime")
    library.start_threadpool_executor()
    platform = Platform(library)
    await platform.load(app_folder)
    server = await asyncio.start_server(lambda reader, writer: _connection(platform, reader, writer), "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


async def _connection(platform: Platform, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = writer.get_extra_info("peername")[:2]
    try:
        while request := await _read(reader, writer):
            try:
                reply = await platform.serve(request, f"{host}:{port}") if len(request.body) <= BODY_LIMIT_BYTES else Reply(413)
            except Exception:  # noqa: BLE001 - a fault of this stand-in must be seen
                traceback.print_exc()
                reply = Reply(500)
            _write(writer, reply, is_head=request.method == "HEAD")
            await writer.drain()
            if request.headers.get("connection", "").lower() == "close":
                break
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    line = (await reader.readline()).decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while text := (await reader.readline()).decode("latin-1").rstrip("\r\n"):
        name, _, value = text.partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if headers.pop("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    chunked = headers.pop("transfer-encoding", "").lower() == "chunked"
    body = await _chunks(reader) if chunked else await reader.readexactly(int(headers.get("content-length", 0)))
    if chunked:
        headers["content-length"] = str(len(body))
    return Request(line[0].upper(), line[1], headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    while (await reader.readline()).strip():
        pass
    return b"".join(parts)


def _write(writer: asyncio.StreamWriter, reply: Reply, *, is_head: bool) -> None:
    headers = [(name, value) for name, value in reply.headers if not (name.lower() == "content-length" and not is_head)]
    if not is_head and reply.status not in (204, 304):
        headers.append(("Content-Length", str(len(reply.body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    status = f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Status')}\r\n"
    writer.write((status + head + "\r\n").encode("latin-1") + reply.body)


def _reply(answer: Any, *, with_body: bool) -> Reply:
    if answer.result.status != messages.StatusResult.Success:
        print(answer.result.exception.stack_trace, file=sys.stderr, flush=True)
        return Reply(500)
    http = answer.return_value.http
    cookies = [("Set-Cookie", _cookie(cookie)) for cookie in http.cookies or ()]
    body = http.body.bytes if with_body else b""
    return Reply(int(http.status_code), (*http.headers.items(), *cookies), body)


def _cookie(cookie: Any) -> str:
    """Return a cookie as the host writes it: without a path of its own, browsers would send it back below one page alone."""
    parts = [f"{cookie.name}={cookie.value}"]
    parts += [f"Path={cookie.path.value}"] if cookie.path is not None and cookie.path.value else []
    parts += [f"Max-Age={int(cookie.max_age.value)}"] if cookie.max_age is not None else []
    parts += ["Secure"] if cookie.secure is not None and cookie.secure.value else []
    parts += ["HttpOnly"] if cookie.http_only is not None and cookie.http_only.value else []
    parts += [f"SameSite={cookie.same_site}"] if cookie.same_site else []
    return "; ".join(parts)


def _message(**request: Any) -> Any:
    return SimpleNamespace(request=SimpleNamespace(**request), properties={"host": "127.0.0.1", "protos": messages})


def _require_success(answer: Any) -> None:
    if answer.result.status != messages.StatusResult.Success:
        raise SystemExit(answer.result.exception.message + answer.result.exception.stack_trace)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), int((*sys.argv, "0")[3])))
