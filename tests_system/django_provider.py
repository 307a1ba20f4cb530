"""django-oauth-toolkit as an OpenID provider with one client and one user, whose address is verified."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from wsgiref.simple_server import WSGIRequestHandler
from wsgiref.simple_server import make_server

import django
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization import PrivateFormat
from django.conf import settings

PORT, SERVICE, USER, METHOD = (os.environ[name] for name in ("PORT", "SERVICE", "USER", "METHOD"))
PASSWORD, CLIENT_ID, CLIENT_SECRET = (os.environ[name] for name in ("PASSWORD", "CLIENT_ID", "CLIENT_SECRET"))
KEY = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

FORM = '<form method="post">{% csrf_token %}<input type="hidden" name="next" value="{{ next }}">{{ form }}</form>'

folder = TemporaryDirectory()
Path(folder.name, "login.html").write_text(FORM, encoding="utf-8")
settings.configure(
    SECRET_KEY="only for this test, which ends soon",  # noqa: S106 - opens nothing
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF="django_provider_urls",
    LOGIN_URL="/login/",
    USE_TZ=True,
    INSTALLED_APPS=[
        *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "oauth2_provider"),
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "DIRS": [folder.name],
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(folder.name) / "provider.sqlite"}},
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": KEY,
        "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
        "OIDC_RP_INITIATED_LOGOUT_ALWAYS_PROMPT": False,
        "OAUTH2_VALIDATOR_CLASS": "django_provider_urls.Validator",
        "SCOPES": {"openid": "Who you are", "email": "Your address"},
    },
)
sys.path.insert(0, str(Path(__file__).parent))
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - Django must be set up first
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402

call_command("migrate", verbosity=0)
User.objects.create_user(USER, USER, PASSWORD)
Application.objects.create(
    client_id=CLIENT_ID,
    client_secret=CLIENT_SECRET,
    client_type="public" if METHOD == "none" else "confidential",
    authorization_grant_type="authorization-code",
    redirect_uris=f"{SERVICE}/oauth2/oidc/callback",
    post_logout_redirect_uris=f"{SERVICE}/health",
    algorithm="RS256",
    skip_authorization=True,
)


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


with make_server("localhost", int(PORT), WSGIHandler(), handler_class=Quiet) as server:
    print("ready", flush=True)  # noqa: T201 - what the test waits for
    server.serve_forever()
