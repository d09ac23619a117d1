"""What can be configured, read from the environment (`SOLOIST_...`), and where everything lies that is kept.

A setting that a person changes by command (`soloist run --repo`) is remembered in `sources.json`, see `resources/sources.py`.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import orjson
from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from resources.addresses import http_parts
from resources.errors import BadInput
from resources.language_model.configuration import Way
from resources.timezones import machine_timezone, zone_named

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds the packages; in an installation from a checkout, the checkout."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _expanded(path: Path) -> Path:
    """Raises ValueError for the home folder of somebody who has none."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"{str(path)!r} begins with the home folder of nobody that is known here") from None


Expanded = Annotated[Path, AfterValidator(_expanded)]


def _default_home() -> Path:
    return ROOT / ".soloist" if (ROOT / "pyproject.toml").exists() else Path.home() / ".soloist"


class Settings(BaseSettings):
    """Every setting, its default and its meaning. The environment variable is `SOLOIST_` and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="SOLOIST_", frozen=True, extra="ignore")

    home: Expanded = Field(default_factory=_default_home)
    """Folder of the warehouse, the documents, the notes' attachments and Dagster's instance."""
    repositories: Annotated[list[Path], NoDecode] = []
    """Paths of the watched git repositories, separated by `:`; wins over what `soloist run --repo` remembered."""
    authors: Annotated[list[str], NoDecode] = []
    """Whose work the documents speak of: e-mail addresses or names, separated by commas; `all` for everybody.
    Empty: the identity in git's configuration, or everybody where that identity has no commit."""
    timezone: str = Field(default_factory=machine_timezone)
    """IANA timezone that days, weeks and months are counted in."""
    working_days: Annotated[tuple[int, ...], NoDecode] = (0, 1, 2, 3, 4)
    """Such as `mon-fri` or `sun,mon,tue,wed,thu`."""
    horizon_days: int = Field(default=56, ge=1)
    """How far back from the latest entry reports are made without being asked for by `--since`."""
    profile: Expanded | None = None
    """The profile file with what no history knows; default `profile.toml` in the home folder."""

    model_url: str | None = None
    """Base URL of an OpenAI-compatible endpoint, such as `http://127.0.0.1:8000/v1`. Unset: everything works extractively."""
    model: str | None = None
    """The name under which the endpoint serves the model; unset, the only one that it lists."""
    model_backend: Way | None = None
    """None: an endpoint where a URL is set, else no model."""
    model_engine: Annotated[dict[str, Any], NoDecode] = {}
    """Arguments of vLLM in this process, as JSON."""
    model_revision: str | None = None
    model_api_key: SecretStr | None = None
    model_api_version: str | None = None
    """Makes the URL that of an Azure OpenAI resource, such as `2024-10-21`; the model is then the deployment's name."""
    model_context: int | None = Field(default=None, ge=1024)
    """Tokens of question and answer together, where the endpoint does not tell."""
    model_max_in_flight: int = Field(default=64, ge=1)
    model_timeout_seconds: float = Field(default=120.0, gt=0)
    """For one request."""
    model_time_budget_seconds: float = Field(default=900.0, gt=0)
    """For one item with all its tries."""
    failure_threshold: float = Field(default=0.05, ge=0, le=1)
    """Share of failed items above which an asset check fails."""

    s3_endpoint: str | None = None
    """`host:port` or URL of an S3-compatible server. Unset: documents are kept in a folder of the home folder."""
    s3_bucket: str = "soloist"
    s3_access_key: SecretStr | None = None
    s3_secret_key: SecretStr | None = None
    s3_region: str | None = None

    document_port: int = Field(default=3001, ge=1, le=65535)
    """Loopback port on which `soloist ui` serves the documents that the UI links to."""
    lock_timeout_seconds: float = Field(default=60.0, gt=0)
    keep_runs_days: int = Field(default=90, ge=1)
    """Age at which the pruning schedule removes finished Dagster runs."""

    inbox_url: str | None = None
    """Where events are kept: `sqlite:////path/to/inbox.db` or `postgresql+psycopg://...`. Unset: a file of the home folder."""
    keep_events_days: int = Field(default=30, ge=1)
    """Age at which the pruning schedule removes events of which something was made."""
    webhook_port: int = Field(default=8080, ge=1, le=65535)
    webhook_body_limit: int = Field(default=25 << 20, ge=1024)
    """Bytes of a delivery's body; GitHub sends at most 25 MB."""
    webhook_timeout_seconds: float = Field(default=10.0, gt=0)
    """For a delivery's body to come."""

    github_repositories: Annotated[list[str], NoDecode] = []
    """`owner/name`, separated by commas: their pull requests, reviews, issues, runs, releases and branches are polled."""
    github_login: str | None = None
    """Whose pull requests, reviews and issues are your own work, besides the `authors`."""
    github_token: SecretStr | None = None
    github_app_id: str | None = None
    """With `github_app_key` (a PEM file) and `github_app_installation`: GitHub is asked as an app instead of with a token."""
    github_app_key: Expanded | None = None
    github_app_installation: str | None = None
    github_api_url: str = "https://api.github.com"
    github_poll_days: int = Field(default=90, ge=1)
    """How far back the first look goes."""
    github_webhook_secret: SecretStr | None = None
    github_webhook_secret_previous: SecretStr | None = None
    """Taken as well while a secret is replaced."""

    sentry_projects: Annotated[list[str], NoDecode] = []
    """`organization/project`, separated by commas: their issues are polled."""
    sentry_token: SecretStr | None = None
    sentry_api_url: str = "https://sentry.io"
    sentry_poll_days: int = Field(default=14, ge=1)
    sentry_webhook_secret: SecretStr | None = None
    """The client secret of the integration whose webhook it is."""
    sentry_webhook_secret_previous: SecretStr | None = None

    sentry_repositories: Annotated[dict[str, str], NoDecode] = {}
    """Where the code of a project in Sentry is, `organization/project=owner/name`, separated by commas."""
    incidents: Literal["needs-test", "new", "all"] = "needs-test"
    """Which issues in Sentry get a regression test: those with that label, also every new or regressed one, or all that are open."""

    publish: Literal["off", "dry-run", "on"] = "off"
    """Whether what is to be said on GitHub and Sentry is sent: not at all, shown only, or sent."""
    alert_repository: str | None = None
    """`owner/name` that gets an issue for each cause that makes runs fail."""

    sandbox: Literal["bubblewrap", "container"] = "bubblewrap"
    """What keeps in code that a model wrote or a pull request brought."""
    sandbox_engine: str = "podman"
    """The command of the container engine, with its options."""
    sandbox_image: str = ""

    build_coverage: float = Field(default=0.8, ge=0, le=1)
    """The least share of a built project's statements that its tests run, over all of its files."""
    build_strategy: Literal["fast", "thorough", "coverage"] = "thorough"
    """How the tests of each task run: up to the first failure, all of them, or all with the coverage of what they are there for. The whole is always
    tested with coverage."""
    build_mutants: int = Field(default=0, ge=0)
    """Faults that are planted in each file of a finished project, one at a time, and that its tests must notice."""

    sentry_dsn: SecretStr | None = None
    """Where Soloist reports its own errors."""
    sentry_traces: float = Field(default=0.0, ge=0, le=1)
    environment: Literal["local", "staging", "production"] = "local"

    @field_validator("repositories", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        return [_expanded(Path(part)) for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("authors", "github_repositories", "sentry_projects", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("github_repositories", "sentry_projects")
    @classmethod
    def _are_paths_of_two(cls, names: list[str]) -> list[str]:
        for name in names:
            if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
                raise ValueError(f"{name!r} is not two names with a slash between")
        return names

    @field_validator("sentry_repositories", mode="before")
    @classmethod
    def _split_pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.strip() for part in value.split(",") if part.strip()]
        if wrong := [pair for pair in pairs if pair.count("=") != 1]:
            raise ValueError(f"{wrong[0]!r} is not organization/project=owner/name")
        return {project.strip(): repository.strip() for project, repository in (pair.split("=") for pair in pairs)}

    @field_validator("sentry_repositories")
    @classmethod
    def _lead_from_two_to_two(cls, pairs: dict[str, str]) -> dict[str, str]:
        cls._are_paths_of_two([*pairs, *pairs.values()])
        return pairs

    @field_validator("alert_repository")
    @classmethod
    def _is_path_of_two(cls, name: str | None) -> str | None:
        return name if name is None else cls._are_paths_of_two([name])[0]

    @field_validator("model_engine", mode="before")
    @classmethod
    def _parse_object(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            found = orjson.loads(value.strip() or "{}")
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise ValueError('it is no JSON object, such as {"gpu_memory_utilization": 0.8}')
        return found

    @field_validator("model_url", "github_api_url", "sentry_api_url")
    @classmethod
    def _is_web_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Blank is as if it were not set. The value may hold a password, so the sentence does not repeat it."""
        url = (value or "").strip()
        default: str | None = cls.model_fields[info.field_name or ""].default
        if url and http_parts(url) is None:
            such = default or "http://127.0.0.1:8000/v1"
            raise ValueError(f"it is not an http or https URL with a host, such as {such}")
        return url or default

    @field_validator("working_days", mode="before")
    @classmethod
    def _parse_working_days(cls, value: object) -> object:
        return parse_working_days(value) if isinstance(value, str) else value

    @field_validator(
        "profile",
        "model",
        "model_backend",
        "model_api_version",
        "s3_endpoint",
        "inbox_url",
        "github_login",
        "github_app_id",
        "github_app_key",
        "github_app_installation",
        "alert_repository",
        "model_api_key",
        "s3_access_key",
        "s3_secret_key",
        "github_token",
        "github_webhook_secret",
        "github_webhook_secret_previous",
        "sentry_token",
        "sentry_webhook_secret",
        "sentry_webhook_secret_previous",
        "sentry_dsn",
        mode="before",
    )
    @classmethod
    def _blank_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def warehouse_path(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def inbox_address(self) -> str:
        """The database of the inbox."""
        return self.inbox_url or f"sqlite:///{self.inbox_path}"

    @property
    def inbox_path(self) -> Path:
        """The file of the inbox where no database is named."""
        return self.home.absolute() / "inbox.db"

    @property
    def has_inbox(self) -> bool:
        """Whether there is one, so that looking makes none."""
        return self.inbox_url is not None or self.inbox_path.exists()

    @property
    def mirrors_path(self) -> Path:
        """The folder of copies of repositories that lie elsewhere."""
        return self.home / "mirrors"

    @property
    def objects_path(self) -> Path:
        return self.home / "objects"

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its instance: `DAGSTER_HOME` where that is set, so that every way of starting Dagster meets the same runs."""
        return Path(os.environ.get("DAGSTER_HOME") or self.home / "dagster")

    @property
    def sources_path(self) -> Path:
        return self.home / "sources.json"

    @property
    def profile_path(self) -> Path:
        return self.profile or self.home / "profile.toml"

    @property
    def prices_path(self) -> Path:
        """The price table, see `resources/language_model/prices.py`."""
        return self.home / "prices.toml"

    @property
    def documents_url(self) -> str:
        return f"http://127.0.0.1:{self.document_port}"

    @property
    def zone(self) -> ZoneInfo:
        """The configured timezone. Raises BadInput for a name that no timezone has."""
        zone = zone_named(self.timezone)
        if zone is None:
            raise BadInput(f"{self.timezone!r} is no timezone; set SOLOIST_TIMEZONE to a name such as Europe/Berlin.")
        return zone

    @property
    def horizon(self) -> timedelta:
        return timedelta(days=self.horizon_days)


def parse_working_days(text: str) -> tuple[int, ...]:
    """`mon-fri` or `sun,mon,tue` as weekday numbers, Monday 0. Raises ValueError for anything else."""
    days: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first[:3] not in WEEKDAYS or (last and last[:3] not in WEEKDAYS):
            raise ValueError(f"{part!r} is no weekday; write working days as mon-fri or sun,mon,tue,wed,thu")
        start = WEEKDAYS.index(first[:3])
        span = (WEEKDAYS.index(last[:3]) - start) % 7 if last else 0
        days.update((start + step) % 7 for step in range(span + 1))
    return tuple(sorted(days))


def load_settings() -> Settings:
    """The settings of this process. Raises BadInput with one sentence for a value that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "SOLOIST_" + "_".join(str(part) for part in first["loc"]).upper()
        raise BadInput(f"The setting {name} cannot be used: {first['msg'].removeprefix('Value error, ')}.") from None
