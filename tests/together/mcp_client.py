"""Starts jupyter-mcp-server as a chat program does, and calls its tools: run by the Python that has it.

On standard input a JSON list of ``[tool, arguments]``; on standard output a JSON list of their answers. The
server's URL and the token are in the environment, as its own guide says.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main() -> None:
    """Call one after the other."""
    program = StdioServerParameters(
        command=sys.executable, args=["-m", "jupyter_mcp_server"], env=dict(os.environ)
    )
    answers = []
    async with stdio_client(program) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        for tool, arguments in json.load(sys.stdin):
            answer = await session.call_tool(tool, arguments)
            answers.append("\n".join(getattr(part, "text", "") for part in answer.content))
    print(json.dumps(answers))


asyncio.run(main())
