"""Metrics and traces, each turned on by a setting that needs further packages."""

from importlib.util import find_spec

from litestar.plugins import InitPlugin

from app.settings import Settings
from app.settings import SettingsError


def extras(settings: Settings) -> list[InitPlugin]:
    """The plugins that the settings ask for.

    Raises:
        SettingsError: if one needs packages that are not installed.
    """
    plugins: list[InitPlugin] = []
    if settings.metrics_token is not None:
        _require("METRICS_TOKEN", "prometheus_client", "metrics")
        from app.operations.metrics import Metrics  # noqa: PLC0415  # the packages may not be installed

        plugins.append(Metrics())
    if settings.otel_exporter_otlp_endpoint is not None:
        _require("OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry", "traces")
        from app.operations.traces import Traces  # noqa: PLC0415  # likewise

        plugins.append(Traces(settings.otel_exporter_otlp_endpoint))
    return plugins


def _require(setting: str, module: str, group: str) -> None:
    if find_spec(module) is None:
        command = f"uv sync --no-dev --group {group}"
        raise SettingsError(f"{setting} needs packages that are not installed. Install them with: {command}")
