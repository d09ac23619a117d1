"""Planted changes: problems of every kind that a review is to find, each with the line that it is on, and clean changes that look like them.

What belongs here: the cases. Each has a folder of its own in one repository, so that all of them are one change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent


@dataclass(frozen=True)
class Case:
    """`expected` are rules and lines; none where nothing is wrong. `name` is the folder."""

    name: str
    file: str
    before: str
    after: str
    expected: tuple[tuple[str, int], ...] = ()
    beside: dict[str, str] = field(default_factory=dict)
    """Other files of the folder, the same before and after."""

    @property
    def path(self) -> str:
        return f"{self.name}/{self.file}"


def _case(name: str, file: str, before: str, after: str, *expected: tuple[str, int], **beside: str) -> Case:
    others = {key.replace("__", ".") if "__" in key else key: dedent(text) for key, text in beside.items()}
    return Case(name, file, dedent(before).lstrip("\n"), dedent(after).lstrip("\n"), expected, others)


_BRANCHES = "\n".join(f"    if kind == {number}:\n        return {number}" for number in range(20))
_FEWER = "\n".join(f"    if kind == {number}:\n        return {number}" for number in range(8))
_STALE = "# what was there before\n"
_TOKEN = "ghp_" + "Q7fK2mZ9xLw4Rb8TnVc3Jd6Hs1Yp5Ga0Eu2i"
_AWS = "AKIA" + "Z7QWERTY2UIOPA3S"
_PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"

PLANTED = (
    _case("eval", "app.py", "x = 1\n", "x = 1\ndef run(text):\n    return eval(text)\n", ("S307", 3)),
    _case("exec", "app.py", "x = 1\n", "x = 1\ndef run(text):\n    exec(text)\n", ("S102", 3)),
    _case(
        "pickle",
        "app.py",
        "import pickle\n",
        "import pickle\ndef load(data):\n    return pickle.loads(data)\n",
        ("S301", 3),
    ),
    _case("yaml", "app.py", "import yaml\n", "import yaml\ndef load(data):\n    return yaml.load(data)\n", ("S506", 3)),
    _case(
        "shell",
        "app.py",
        "import subprocess\n",
        'import subprocess\ndef pack(name):\n    subprocess.run(f"tar {name}", shell=True, check=True)\n',
        ("S602", 3),
    ),
    _case(
        "shell_added_later",
        "app.py",
        """
        import subprocess
        def pack(name):
            subprocess.run(
                name,
                check=True,
            )
        """,
        """
        import subprocess
        def pack(name):
            subprocess.run(
                name,
                check=True,
                shell=True,
            )
        """,
        ("S602", 6),
    ),
    _case(
        "os_system", "app.py", "import os\n", 'import os\ndef wipe(name):\n    os.system("rm " + name)\n', ("S605", 3)
    ),
    _case(
        "verify_off",
        "app.py",
        "import requests\n",
        "import requests\ndef get(url):\n    return requests.get(url, verify=False, timeout=5)\n",
        ("S501", 3),
    ),
    _case(
        "no_timeout",
        "app.py",
        "import requests\n",
        "import requests\ndef get(url):\n    return requests.get(url)\n",
        ("S113", 3),
    ),
    _case(
        "weak_hash",
        "app.py",
        "import hashlib\n",
        "import hashlib\ndef store(password):\n    return hashlib.md5(password).hexdigest()\n",
        ("S324", 3),
    ),
    _case(
        "mktemp",
        "app.py",
        "import tempfile\n",
        "import tempfile\ndef place():\n    return tempfile.mktemp()\n",
        ("S306", 3),
    ),
    _case(
        "ssl_context",
        "app.py",
        "import ssl\n",
        "import ssl\ndef context():\n    return ssl._create_unverified_context()\n",
        ("S323", 3),
    ),
    _case(
        "flask_debug",
        "app.py",
        "from flask import Flask\napp = Flask(__name__)\n",
        "from flask import Flask\napp = Flask(__name__)\napp.run(debug=True)\n",
        ("S201", 3),
    ),
    _case(
        "sql_f_string",
        "app.py",
        "def find(db, name):\n    return None\n",
        "def find(db, name):\n    return db.execute(f\"SELECT * FROM people WHERE name = '{name}'\")\n",
        ("sql-built-from-values", 2),
    ),
    _case(
        "sql_percent",
        "app.py",
        "def find(db, name):\n    return None\n",
        "def find(db, name):\n    query = \"SELECT * FROM people WHERE name = '%s'\" % name\n    return db.execute(query)\n",
        ("sql-built-from-values", 2),
    ),
    _case(
        "sql_format",
        "app.py",
        "def find(db, name):\n    return None\n",
        'def find(db, name):\n    return db.execute("DELETE FROM people WHERE id = {}".format(name))\n',
        ("sql-built-from-values", 2),
    ),
    _case(
        "sql_plus",
        "app.py",
        "def find(db, name):\n    return None\n",
        'def find(db, name):\n    return db.execute("SELECT id FROM people WHERE name = \'" + name + "\'")\n',
        ("sql-built-from-values", 2),
    ),
    _case("github_token", "app.py", "x = 1\n", f'x = 1\nGITHUB = "{_TOKEN}"\n', ("hard-coded-secret", 2)),
    _case("aws_key", "deploy.yaml", "region: eu\n", f"region: eu\nkey_id: {_AWS}\n", ("hard-coded-secret", 2)),
    _case(
        "private_key",
        "keys.go",
        "package keys\n",
        f"package keys\nconst key = `{_PRIVATE_KEY}\n`\n",
        ("hard-coded-secret", 2),
    ),
    _case(
        "password",
        "app.py",
        "x = 1\n",
        'x = 1\nDATABASE_PASSWORD = "kR7#vQ2mLp9!tXz4"\n',
        ("hard-coded-secret", 2),
    ),
    _case(
        "connection_url",
        "settings.ini",
        "[db]\n",
        "[db]\nurl = postgresql://app:Wq83kLmZp0Rt@db.prod.internal.net/app\n",
        ("hard-coded-secret", 2),
    ),
    _case("undefined", "app.py", "x = 1\n", "x = 1\ndef total(rows):\n    return sum(row) / x\n", ("F821", 3)),
    _case("syntax", "app.py", "x = 1\n", "x = 1\ndef total(rows:\n    return 1\n", ("syntax-error", 2)),
    _case(
        "defined_twice",
        "test_app.py",
        "def test_one():\n    assert 1\n",
        "def test_one():\n    assert 1\n\n\ndef test_one():\n    assert 2\n",
        ("F811", 5),
    ),
    _case("mutable_default", "app.py", "x = 1\n", "x = 1\ndef add(item, to=[]):\n    to.append(item)\n", ("B006", 2)),
    _case(
        "assert_tuple", "test_app.py", "x = 1\n", 'x = 1\ndef test_x():\n    assert (x == 2, "x is two")\n', ("F631", 3)
    ),
    _case("lost_comparison", "test_app.py", "x = 1\n", "x = 1\ndef test_x():\n    x == 2\n", ("B015", 3)),
    _case("is_literal", "app.py", "x = 1\n", 'x = 1\ndef is_new(state):\n    return state is "new"\n', ("F632", 3)),
    _case("format_too_few", "app.py", "x = 1\n", 'x = 1\ndef tell(a):\n    return "%s of %s" % (a,)\n', ("F507", 3)),
    _case(
        "return_in_finally",
        "app.py",
        "x = 1\n",
        "x = 1\ndef f():\n    try:\n        g(x)\n    finally:\n        return 1\n\n\ndef g(y): ...\n",
        ("B012", 6),
    ),
    _case(
        "swallowed",
        "app.py",
        "def f():\n    g()\n\n\ndef g(): ...\n",
        "def f():\n    try:\n        g()\n    except Exception:\n        pass\n\n\ndef g(): ...\n",
        ("S110", 4),
    ),
    _case(
        "bare_except",
        "app.py",
        "def f():\n    g()\n\n\ndef g(): ...\n",
        "def f():\n    try:\n        g()\n    except:\n        return 1\n\n\ndef g(): ...\n",
        ("E722", 4),
    ),
    _case(
        "lost_task",
        "app.py",
        "import asyncio\n",
        "import asyncio\nasync def f():\n    asyncio.create_task(f())\n",
        ("RUF006", 3),
    ),
    _case(
        "sleep_in_loop",
        "app.py",
        "import time\n",
        "import time\nasync def wait():\n    time.sleep(5)\n",
        ("ASYNC251", 3),
    ),
    _case(
        "blocking_request",
        "app.py",
        "import requests\n",
        "import requests\nasync def get(url):\n    return requests.get(url, timeout=5)\n",
        ("ASYNC210", 3),
    ),
    _case(
        "complexity",
        "app.py",
        f"def choose(kind):\n{_FEWER}\n",
        f"def choose(kind):\n{_BRANCHES}\n",
        ("complexity-grew", 18),
    ),
    _case(
        "import_circle",
        "first.py",
        "def one():\n    return 1\n",
        "from import_circle.second import two\n\n\ndef one():\n    return two\n",
        ("import-cycle", 1),
        second__py="from import_circle.third import three\n\ntwo = three\n",
        third__py="import import_circle.first\n\nthree = 3\n",
    ),
    _case(
        "inner_html",
        "page.js",
        "let a = 1;\n",
        "let a = 1;\nfunction show(el, name) {\n  el.innerHTML = `<b>${name}</b>`;\n}\n",
        ("innerhtml", 3),
    ),
    _case(
        "react_html",
        "page.tsx",
        "export const a = 1;\n",
        "export const a = 1;\nexport const View = ({ text }) => <p dangerouslySetInnerHTML={{ __html: text }} />;\n",
        ("dangerously-set-inner-html", 2),
    ),
    _case(
        "js_eval",
        "page.ts",
        "let a = 1;\n",
        "let a = 1;\nexport const run = (s: string) => eval(s);\n",
        ("javascript-eval", 2),
    ),
    _case(
        "js_function",
        "page.js",
        "let a = 1;\n",
        'let a = 1;\nconst make = (body) => new Function("x", body);\n',
        ("javascript-eval", 2),
    ),
    _case(
        "child_process",
        "run.mjs",
        'import { exec } from "child_process";\n',
        'import { exec } from "child_process";\nexport const pack = (name) => exec(`tar ${name}`);\n',
        ("child-process-shell", 2),
    ),
    _case(
        "tls_off",
        "client.js",
        'const https = require("https");\n',
        'const https = require("https");\nconst agent = new https.Agent({ rejectUnauthorized: false });\n',
        ("tls-unchecked", 2),
    ),
    _case(
        "empty_catch",
        "client.ts",
        "let a = 1;\n",
        "let a = 1;\nexport function load() {\n  try { a = go(); } catch (error) {}\n}\n",
        ("empty-catch", 3),
    ),
    _case("write_html", "page.js", "let a = 1;\n", "let a = 1;\ndocument.write(location.hash);\n", ("innerhtml", 2)),
)
"""Each is found on its line, and nothing else in its folder."""

CLEAN = (
    _case(
        "literal_eval",
        "app.py",
        "import ast\n",
        "import ast\ndef run(text):\n    return ast.literal_eval(text)\n",
    ),
    _case("safe_yaml", "app.py", "import yaml\n", "import yaml\ndef load(data):\n    return yaml.safe_load(data)\n"),
    _case(
        "argument_list",
        "app.py",
        "import subprocess\n",
        'import subprocess\ndef pack(name):\n    subprocess.run(["tar", name], check=True)\n    subprocess.run("ls | wc", shell=True, check=True)\n',
    ),
    _case(
        "hash_for_cache",
        "app.py",
        "import hashlib\n",
        "import hashlib\ndef cache_key(text):\n    return hashlib.md5(text).hexdigest()\n",
    ),
    _case(
        "sql_parameters",
        "app.py",
        "def find(db, name):\n    return None\n",
        """
        def find(db, table, names):
            db.execute(f"SELECT * FROM {table} WHERE name = ?", names)
            db.execute("SELECT * FROM people WHERE id IN (%s)" % ",".join("?" * len(names)), names)
            db.execute(f"SELECT * FROM people LIMIT {int(names[0])}")
            db.execute(f"UPDATE {table} SET {', '.join(names)} WHERE id = ?", [1])
        """,
    ),
    _case(
        "no_secret",
        "app.py",
        "import os\n",
        """
        import os
        password = os.environ["PASSWORD"]
        TOKEN_HEADER = "X-Authentication-Token"
        api_key = "your-api-key-goes-here-12"
        secret_name = "projects/app/secrets/database"
        DATABASE_URL = "postgresql://app:changeme@localhost/app"
        """,
    ),
    _case("secret_in_test", "test_app.py", "x = 1\n", f'x = 1\nTOKEN = "{_TOKEN}"\n'),
    _case(
        "said_why",
        "app.py",
        "def f():\n    g()\n\n\ndef g(): ...\n",
        "def f():\n    try:\n        g()\n    except Exception:\n        pass  # nobody waits for it\n\n\ndef g(): ...\n",
    ),
    _case(
        "was_there_before",
        "app.py",
        "def run(text):\n    return eval(text)\n",
        "def run(text):\n    # what it says\n    return eval(text)\n\n\ndef other():\n    return 1\n",
    ),
    _case(
        "only_indented",
        "app.py",
        "def run(text):\n    return eval(text)\n",
        "def run(text):\n    if text:\n        return eval(text)\n    return None\n",
    ),
    _case(
        "moved_within",
        "app.py",
        "def run(text):\n    return eval(text)\n\n\ndef other():\n    return 1\n",
        "def other():\n    return 1\n\n\ndef run(text):\n    return eval(text)\n",
    ),
    _case(
        "complex_before",
        "app.py",
        f"def choose(kind):\n{_BRANCHES}\n",
        f"def choose(kind):\n    kind = int(kind)\n{_BRANCHES}\n",
    ),
    _case(
        "simple_growth",
        "app.py",
        "def choose(kind):\n    return 1\n",
        f"def choose(kind):\n{_FEWER}\n",
    ),
    _case(
        "import_in_function",
        "first.py",
        "def one():\n    return 1\n",
        "def one():\n    from import_in_function.second import two\n\n    return two\n",
        second__py="import import_in_function.first\n\ntwo = 2\n",
    ),
    _case(
        "import_for_types",
        "first.py",
        "def one():\n    return 1\n",
        """
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from import_for_types.second import Two


        def one() -> "Two":
            raise KeyError
        """,
        second__py="import import_for_types.first\n\n\nclass Two: ...\n",
    ),
    _case(
        "old_circle",
        "first.py",
        "import old_circle.second\n",
        "import old_circle.second\nfrom old_circle.second import two\n",
        second__py="import old_circle.first\n\ntwo = 2\n",
    ),
    _case(
        "safe_page",
        "page.jsx",
        "let a = 1;\n",
        """
        let a = 1;
        const show = (el, name) => {
          el.textContent = name;
          el.innerHTML = "";
          el.innerHTML = DOMPurify.sanitize(name);
          el.innerHTML = other.innerHTML;
          el.innerHTML = `<i id="${TITLE_ID}"></i>`;
          // el.innerHTML = name;
          log("el.innerHTML = " + name);
        };
        const View = ({ text }) => <p dangerouslySetInnerHTML={{ __html: sanitizeHtml(text) }} />;
        """,
    ),
    _case(
        "safe_process",
        "run.js",
        'const { execFile, exec } = require("child_process");\n',
        """
        const { execFile, exec } = require("child_process");
        execFile("tar", [name]);
        exec("ls");
        const found = /a(b)/.exec(`x${name}`);
        """,
    ),
    _case(
        "explained_catch",
        "client.js",
        "let a = 1;\n",
        "let a = 1;\ntry { a = go(); } catch {\n  // not there yet: the default holds\n}\n",
    ),
    _case(
        "fixture_name",
        "test_app.py",
        "from fixtures import client\n",
        "from fixtures import client\n\n\ndef test_it(client):\n    assert client\n",
    ),
    _case("template", "app.py", "x = 1\n", "x = 1\n{% if tests %}\nimport {{ name }}\n{% endif %}\n"),
    _case("new_syntax", "app.py", "x = 1\n", 'x = 1\ntype Pair[T] = tuple[T, T]\ny = f"{x + 1:{x}} {"a"}"\n'),
    _case(
        "example_key",
        "app.py",
        "x = 1\n",
        'x = 1\nSHOWN = "AKIAIOSFODNN7EXAMPLE"\n',
    ),
    _case("awaited", "app.py", "import asyncio\n", "import asyncio\nasync def f():\n    await asyncio.sleep(1)\n"),
    _case(
        "forward_name",
        "app.py",
        "x = 1\n",
        "x = 1\nclass Node:\n    def add(self, other: Node) -> Node:\n        return other\n",
    ),
)
"""In none of them is anything to be said."""
