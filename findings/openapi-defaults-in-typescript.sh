#!/bin/bash
# Guess: a request field with a default value is optional for clients, so the generated TypeScript type marks it with "?".
# What happens: openapi-typescript makes every property that has a "default" a required one, in request bodies too, although
# the document's "required" leaves it out. With Litestar and msgspec this hits plain defaults (locale = "en"), but neither
# list defaults, which have no "default" in the document, nor query parameters, nor fields whose default is None. With
# --default-non-nullable=false the fields are optional.
# Why it matters here: a field that is added to a request with a default, so that old clients keep working, stops their
# TypeScript from compiling after the next generation of types. The flag makes the responses' fields optional, too.
# Seen on 2026-11-29 with litestar 2.25.0, msgspec 0.23.0, openapi-typescript 7.13.0, typescript 5.9.3.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q litestar==2.25.0 msgspec==0.23.0
npm install --silent --no-audit --no-fund openapi-typescript@7.13.0 typescript@5.9.3 > /dev/null

cat > document.py << 'PY'
import json
from typing import Annotated

from litestar import Litestar
from litestar import post
from litestar.params import Parameter
from msgspec import Struct


class Registration(Struct):
    email: str
    name: str | None = None
    locale: str = "en"
    tags: list[str] = []


@post("/register")
async def register(data: Registration, notify: Annotated[bool, Parameter(query="notify")] = True) -> None: ...


print(json.dumps(Litestar([register], logging_config=None).openapi_schema.to_schema()))
PY
cat > client.ts << 'TS'
import type { components } from './types';

export const body: components['schemas']['Registration'] = { email: 'ada@example.com' };
TS

venv/bin/python document.py > openapi.json
summary() {
    grep -E '^ +(email|name|locale|tags|notify)\??: ' types.ts | sed 's/^ */  /'
    if npx tsc --strict --noEmit client.ts > tsc.log; then
        echo "  {email} compiles"
    else
        sed 's/^.*error/  error/; s/ in type .*/./' tsc.log
    fi
}
cat > expected << 'TXT'
required in the document: email
as it is:
  email: string;
  name?: string | null;
  locale: string;
  tags?: string[];
  notify?: boolean;
  error TS2741: Property 'locale' is missing.
with --default-non-nullable=false:
  email: string;
  name?: string | null;
  locale?: string;
  tags?: string[];
  notify?: boolean;
  {email} compiles
TXT
{
    venv/bin/python -c 'import json; schemas = json.load(open("openapi.json"))["components"]["schemas"]
print("required in the document:", *schemas["Registration"]["required"])'
    npx openapi-typescript openapi.json -o types.ts > generator.log 2>&1
    echo "as it is:"
    summary
    npx openapi-typescript openapi.json -o types.ts --default-non-nullable=false > generator.log 2>&1
    echo "with --default-non-nullable=false:"
    summary
} > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
