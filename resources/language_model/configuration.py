"""Which model answers, and how hard it may be asked."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Way = Literal["endpoint", "batch", "vllm", "extractive"]
"""`endpoint`: an OpenAI-compatible server. `batch`: the same, asked in batch files. `vllm`: vLLM in this process. `extractive`: no model."""

BULK, URGENT = 10, -10
"""Priorities: vLLM takes up lower ones first, and 0 is that of who names none."""


class LanguageModelConfig(BaseModel):
    """Without a backend named, and without `base_url`, no model answers: agents extract."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    backend: Way | None = None
    """None: an endpoint where `base_url` is set."""
    engine: dict[str, Any] = {}
    """Arguments of vLLM in this process, such as `gpu_memory_utilization`."""
    base_url: str | None = None
    """Such as `http://127.0.0.1:8000/v1`."""
    model: str | None = None
    """The name under which the endpoint serves the model (None: the only one that it lists)."""
    revision: str | None = None
    """What tells two states of an equally named model apart. None: what the endpoint reports."""
    api_key: SecretStr | None = None
    api_version: str | None = None
    """Makes the endpoint an Azure OpenAI resource."""
    context: int | None = Field(default=None, ge=1024)
    """Tokens of question and answer together. None: what the endpoint reports."""
    max_in_flight: int = Field(default=64, ge=1)
    timeout_s: float = Field(default=120.0, gt=0)
    """For one HTTP request, from connecting to the last byte."""
    time_budget_s: float = Field(default=900.0, gt=0)
    """For one item's request with its retries; its repair has the same again."""
    max_repairs: int = Field(default=1, ge=0)
    priority: int = BULK
    """Sent to vLLM alone; see `LanguageModel.urgent`."""

    @field_validator("base_url", "model", "revision", "api_version", mode="after")
    @classmethod
    def _blank_is_unset(cls, value: str | None) -> str | None:
        return (value or "").strip() or None

    @property
    def way(self) -> Way:
        """The backend that serves."""
        return self.backend or ("endpoint" if self.base_url else "extractive")

    @property
    def key(self) -> str | None:
        return self.api_key.get_secret_value() if self.api_key else None
