"""Which dependencies manifests name, and which keys look like dependencies and are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.worklogs.manifests import dependencies, ecosystem, is_compiled, is_manifest


def named(path: str, text: str) -> list[str]:
    return [name for _, name in dependencies(path, text.splitlines())]


@pytest.mark.parametrize(
    ("path", "line", "name"),
    [
        ("requirements.txt", "requests", "requests"),
        ("requirements.txt", "Django==5.0.1", "Django"),
        ("requirements/dev.txt", "pytest>=8,<9  # the runner", "pytest"),
        ("dev-requirements.in", 'uvicorn[standard]~=0.30; python_version < "3.13"', "uvicorn"),
        ("requirements.txt", "flask @ https://example.com/flask.zip", "flask"),
        ("pyproject.toml", '  "httpx>=0.27",', "httpx"),
        ("pyproject.toml", 'django = "^5.0"', "django"),
        ("pyproject.toml", 'celery = { version = "^5", extras = ["redis"] }', "celery"),
        ("setup.py", "    'charset_normalizer>=2,<4',", "charset_normalizer"),
        ("Pipfile", 'flask = "*"', "flask"),
        ("Cargo.toml", 'tokio = { version = "1", features = ["full"] }', "tokio"),
        ("crates/core/Cargo.toml", "serde.workspace = true", "serde"),
        ("package.json", '    "react": "^18.2.0",', "react"),
        ("web/package.json", '    "@tanstack/react-query": "5.0.0"', "@tanstack/react-query"),
        ("go.mod", "\tgithub.com/gin-gonic/gin v1.9.1", "github.com/gin-gonic/gin"),
        ("Gemfile", "gem 'rails', '~> 7.1'", "rails"),
        ("composer.json", '        "laravel/framework": "^11.0",', "laravel/framework"),
        ("pom.xml", "      <artifactId>spring-boot-starter-web</artifactId>", "spring-boot-starter-web"),
        ("app/build.gradle.kts", '    implementation("io.ktor:ktor-server-core:2.3.0")', "io.ktor:ktor-server-core"),
        ("src/App.csproj", '    <PackageReference Include="Serilog" Version="3.1.1" />', "Serilog"),
        ("mix.exs", '      {:phoenix, "~> 1.7"},', "phoenix"),
    ],
)
def test_a_line_that_asks_for_a_package_names_it(path: str, line: str, name: str) -> None:
    assert named(path, line) == [name]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("pyproject.toml", 'version = "1.2.3"'),
        ("pyproject.toml", "line-length = 120"),
        ("pyproject.toml", 'exclude = ["build", "dist"]'),
        ("pyproject.toml", 'select = ["E", "F"]'),
        ("pyproject.toml", 'python = "^3.11"'),
        ("pyproject.toml", 'name = "requests"'),
        ("pyproject.toml", 'requires-python = ">=3.11"'),
        ("pyproject.toml", 'keywords = ["django", "docker"]'),
        ("pyproject.toml", 'keywords = [\n  "django",\n  "docker",\n]'),
        ("pyproject.toml", '  "E501",'),
        ("pyproject.toml", '[tool.mypy]\npython_version = "3.11"\npandas = "2"'),
        ("pyproject.toml", '[tool.setuptools.packages.find]\nwhere = ["src"]'),
        ("pyproject.toml", '# "httpx>=0.27",'),
        ("setup.py", 'python_requires=">=3.8",'),
        ("setup.py", '        "Programming Language :: Python :: 3.12",'),
        ("setup.py", '    packages=["requests"],'),
        ("Cargo.toml", 'edition = "2021"'),
        ("Cargo.toml", 'rust-version = "1.80"'),
        ("Cargo.toml", '[features]\ndefault = ["tokio"]'),
        ("Cargo.toml", '[package]\nserde = "1"'),
        ("package.json", '  "version": "1.0.0",'),
        ("package.json", '  "node": ">=18"'),
        ("package.json", '  "scripts": {\n    "webpack": "1",\n    "jest": "2"\n  },\n  "express": "4"'),
        ("package.json", '    "test": "jest --coverage",'),
        ("go.mod", "go 1.22"),
        ("go.mod", "\tgolang.org/x/sys v0.20.0 // indirect"),
        ("requirements.txt", "# requests"),
        ("requirements.txt", "-r base.txt"),
        ("requirements.txt", "--index-url https://pypi.example.com/simple"),
        ("requirements.txt", "please install requests first"),
    ],
)
def test_a_key_or_a_list_of_words_is_no_dependency(path: str, line: str) -> None:
    assert named(path, line) == []


def test_a_whole_pyproject_names_its_requirements_only() -> None:
    text = """
[build-system]
requires = ["setuptools>=77"]

[project]
name = "example"
version = "0.1.0"
keywords = ["flask>=1", "celery"]
dependencies = [
  "duckdb==1.5.5",
  "httpx",  # no version
  "uvicorn[standard]>=0.30",
]

[project.optional-dependencies]
gpu = ["torch", "vllm>=0.5"]

[dependency-groups]
dev = [
  "pytest>=8",
]

[tool.ruff]
line-length = 120
lint.select = [
  "E",
]

[tool.pytest.ini_options]
testpaths = ["tests"]
"""
    assert named("pyproject.toml", text) == ["duckdb", "httpx", "uvicorn", "torch", "vllm", "pytest"]


def test_a_whole_cargo_manifest_names_its_dependencies_only() -> None:
    text = """
[package]
name = "example"
version = "2.0.0"

[features]
tls = ["rustls"]

[dependencies]
regex = "1.10"
clap = { version = "4", features = ["derive"] }

[dependencies.tokio]
version = "1"

[target.'cfg(windows)'.dependencies]
winapi = "0.3"

[profile.release]
lto = "fat"
"""
    assert named("Cargo.toml", text) == ["regex", "clap", "tokio", "winapi"]


def test_a_package_json_names_what_stands_in_its_dependencies_only() -> None:
    text = (
        '{\n  "devDependencies": {\n    "vite": "^5"\n  },\n  "config": "3",\n  "scripts": {\n    "jest": "2"\n  }\n}'
    )
    assert named("package.json", text) == ["vite"]


def test_the_position_is_that_of_the_line() -> None:
    assert list(dependencies("requirements.txt", ["# x", "requests", "", "flask>=3"])) == [
        (1, "requests"),
        (3, "flask"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "certifi==2024.2.2\n    # via requests",
        "certifi==2024.2.2  # via requests",
        "certifi==2024.2.2 \\\n    --hash=sha256:00",
        "# This file is autogenerated by pip-compile with Python 3.12\ncertifi==2024.2.2",
        "# This file was autogenerated by uv via the following command:\ncertifi==2024.2.2",
    ],
)
def test_what_a_resolver_wrote_is_recognised(text: str) -> None:
    assert is_compiled("requirements.txt", text.splitlines())
    assert not is_compiled("pyproject.toml", text.splitlines())


def test_what_a_person_wrote_is_not_taken_for_a_resolvers() -> None:
    assert not is_compiled("requirements.txt", ["requests==2.32.0", "# reached via the proxy only", "flask"])
    assert not is_compiled("requirements.txt", ["requests==2.32.0  # pinned, see the tracker", "flask"])


@pytest.mark.parametrize(
    ("path", "registry"),
    [
        ("requirements-dev.txt", "pypi"),
        ("a/b/Cargo.toml", "crates"),
        ("App.csproj", "nuget"),
        ("Cargo.lock", None),
        ("package-lock.json", None),
        ("docs/requirements.md", None),
        ("src/requirements.py", None),
    ],
)
def test_manifests_belong_to_a_registry_and_lock_files_are_none(path: str, registry: str | None) -> None:
    assert ecosystem(path) == registry
    assert is_manifest(path) is (registry is not None)


@given(
    path=st.sampled_from(
        ["pyproject.toml", "setup.py", "package.json", "Cargo.toml", "requirements.txt", "go.mod", "x.csproj"]
    ),
    run=st.lists(
        st.text(max_size=60) | st.sampled_from(["[a]", "x = [", ' "', '"a>=1",', "]", "}", '"dependencies": {'])
    ),
)
def test_any_lines_can_be_read_and_what_they_name_stands_in_them(path: str, run: list[str]) -> None:
    for position, name in dependencies(path, run):
        assert name and name in run[position]
