"""The script and the style sheet of the pages. Their names contain a hash, so browsers may keep them."""

from hashlib import sha256
from pathlib import Path

from advanced_alchemy.exceptions import NotFoundError
from litestar import Response
from litestar import get
from litestar.params import FromPath

from app.accounts import theme

FOLDER = Path(__file__).parent / "static"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}
A_YEAR_IN_SECONDS = 31_536_000


def _name_of(path: Path, content: str) -> str:
    return f"{path.stem}.{sha256(content.encode()).hexdigest()[:16]}{path.suffix}"


SCRIPT = (FOLDER / "pages.js").read_text("utf-8")
STYLE = theme.COLOURS + (FOLDER / "pages.css").read_text("utf-8")
FILES = {_name_of(FOLDER / "pages.js", SCRIPT): SCRIPT, _name_of(FOLDER / "pages.css", STYLE): STYLE}
SCRIPT_PATH, STYLE_PATH = (f"/static/{name}" for name in FILES)


@get("/static/{name:str}", exclude_from_auth=True, include_in_schema=False, sync_to_thread=False)
def static_file(name: FromPath[str]) -> Response[str]:
    """A file, by its name with the hash.

    Raises:
        NotFoundError: if there is none, or its content has changed since.
    """
    if name not in FILES:
        raise NotFoundError
    headers = {"Cache-Control": f"public, max-age={A_YEAR_IN_SECONDS}, immutable"}
    return Response(FILES[name], media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)
