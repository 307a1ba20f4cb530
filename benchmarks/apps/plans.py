"""Prints, for each kind of request, what PostgreSQL does for its statements; runs in a generated project."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any
from typing import cast

import httpx
from sqlalchemy import event

from app.asgi import create_app  # type: ignore[import-not-found]  # that of the project in which this runs
from app.database.sessions import engine_of  # type: ignore[import-not-found]  # likewise

SIGN_IN = {"email": "user0@example.com", "password": "correct horse battery staple"}
REQUESTS = {
    "GET /users/me": ("GET", "/users/me"),
    "GET /users": ("GET", "/users"),
    "GET /users?search=": ("GET", "/users?search=user77"),
    "GET /users?page=50": ("GET", "/users?page=50"),
    "GET /audit-events": ("GET", "/audit-events"),
    "GET /users/me/sessions": ("GET", "/users/me/sessions"),
}


async def main() -> None:
    """Ask, note the statements, and have them explained."""
    app = create_app()
    found: dict[str, list[Any]] = {}
    noted: list[tuple[str, Any]] = []
    engine = engine_of(app)
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *of: noted.append((of[2], of[3])))
    transport: Any = httpx.ASGITransport(cast("Any", app))
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="https://service.example") as client:
        answer = (await client.post("/login", json=SIGN_IN)).raise_for_status()
        found["POST /login"] = await explained(engine, noted)
        if (pair := answer.json()).get("refresh_token"):
            answer = await client.post("/refresh", json={"refresh_token": pair["refresh_token"]})
            found["POST /refresh"] = await explained(engine, noted)
            client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        for name, (method, path) in REQUESTS.items():
            (await client.request(method, path)).raise_for_status()
            found[name] = await explained(engine, noted)
    print(json.dumps(found))


async def explained(engine: Any, noted: list[tuple[str, Any]]) -> list[Any]:
    """How each statement finds its rows; forgets the statements."""
    statements, plans = [*noted], []
    async with engine.connect() as connection:
        for statement, values in statements:
            result = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
            plan = result.scalar_one()
            [top] = json.loads(plan) if isinstance(plan, str) else plan
            kind = re.sub(r"\s+", " ", statement)[:60]
            plans.append([kind, sorted(set(scans(top["Plan"])))])
    noted.clear()
    return plans


def scans(plan: dict[str, Any]) -> Iterator[str]:
    """The ways into tables of a plan, and of those below it."""
    if "Relation Name" in plan and "Scan" in plan["Node Type"]:
        index = plan.get("Index Name", "")
        yield " ".join(filter(None, (plan["Node Type"], "on", plan["Relation Name"], index and f"by {index}")))
    elif "Index Name" in plan:
        yield f"{plan['Node Type']} by {plan['Index Name']}"
    for below in plan.get("Plans", []):
        yield from scans(below)


asyncio.run(main())
