"""Services that lack one defence each, and the test that must notice."""

from pathlib import Path

from proofs.mutants import access_tokens
from proofs.mutants import accounts
from proofs.mutants import auth
from proofs.mutants import connections
from proofs.mutants import factors
from proofs.mutants import jwt
from proofs.mutants import jwt_cookie
from proofs.mutants import notes
from proofs.mutants import oauth
from proofs.mutants import observability
from proofs.mutants import pages
from proofs.mutants import providers
from proofs.mutants import rbac
from proofs.mutants import service
from proofs.mutants import session
from proofs.mutants import settings
from proofs.mutants.mutation import Mutant

ALWAYS = [
    *service.MUTANTS,
    *settings.MUTANTS,
    *connections.MUTANTS,
    *access_tokens.MUTANTS,
    *accounts.MUTANTS,
    *auth.MUTANTS,
    *factors.MUTANTS,
    *observability.MUTANTS,
]
# Only services that have the path have these defences.
IF_THERE = {
    "app/notes": notes.MUTANTS,
    "app/pages": pages.MUTANTS,
    "app/rbac": [*rbac.MUTANTS, *access_tokens.WITH_ROLES],
    "app/oauth": [*oauth.MUTANTS, *providers.MUTANTS],
    "app/auth/session.py": session.MUTANTS,
    "app/auth/jwt.py": jwt.MUTANTS,
    "app/auth/jwt_cookie.py": jwt_cookie.MUTANTS,
}


def mutants_of(project: Path) -> list[Mutant]:
    """Those that apply to what was generated."""
    found = [mutants for path, mutants in IF_THERE.items() if (project / path).exists()]
    return [*ALWAYS, *(mutant for mutants in found for mutant in mutants)]
