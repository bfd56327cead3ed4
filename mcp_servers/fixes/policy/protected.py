"""Files that decide what runs or who approves, and tests that judge: a change asks for a stronger approval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from mcp_servers.fixes.model import Finding
from mcp_servers.fixes.policy.difference import Difference, is_test

PROTECTED: Mapping[str, str] = {
    "protected_ci": ".github/* .gitlab-ci.yml .gitlab/* .circleci/* .buildkite/* .woodpecker* .tekton/* *azure-pipelines* bitbucket-pipelines.yml "
    "jenkinsfile* .travis.yml .drone.yml appveyor.y*ml cloudbuild.y*ml buildspec.y*ml .mergify.yml .kodiak.toml renovate.json* .renovaterc*",
    "protected_hook": ".githooks/* .husky/* hooks/* .pre-commit* lefthook.y*ml .lefthook* .lintstagedrc* lint-staged.config.*",
    "protected_git": ".gitattributes .gitmodules .gitconfig .mailmap .lfsconfig",
    "protected_agent": ".claude/* .claude-plugin/* .mcp.json claude.md claude.local.md agents.md gemini.md .cursor/* .cursorrules .windsurfrules .clinerules* "
    ".roo/* .roorules* .codex/* .gemini/* .kiro/* .continue/* .aider* opencode.json .vscode/* .idea/* .devcontainer/* .devcontainer.json",
    "protected_policy": "kintsugi.toml policy.toml codeowners owners maintainers allowed_signers",
    "protected_tests": "conftest.py pytest.ini tox.ini noxfile.py .coveragerc sitecustomize.py usercustomize.py *.pth jest.config.* vitest.config.* "
    "vitest.workspace.* playwright.config.* cypress.config.* karma.conf.* .mocharc* phpunit.xml* .rspec .nycrc*",
    "protected_build": "makefile gnumakefile *.mk dockerfile* *.dockerfile containerfile* .dockerignore docker-compose*.y*ml compose*.y*ml setup.py setup.cfg "
    "pyproject.toml hatch_build.py manifest.in package.json build.gradle* settings.gradle* gradlew* gradle/wrapper/* pom.xml mvnw* .mvn/* cargo.toml build.rs "
    ".cargo/config* go.mod go.work rakefile procfile* .envrc justfile taskfile.y*ml earthfile tiltfile skaffold.y*ml cmakelists.txt *.cmake configure "
    "configure.ac meson.build build.bazel build workspace module.bazel *.bzl webpack.config.* vite.config.* rollup.config.* babel.config.* .babelrc* "
    ".eslintrc* eslint.config.* gulpfile.* gruntfile.* next.config.* .htaccess .user.ini *.service *.timer crontab *.cron *.tf *.tfvars fly.toml vercel.json "
    "netlify.toml railway.* nixpacks.toml heroku.yml serverless.y*ml app.y*ml .tool-versions mise.toml .python-version .nvmrc vagrantfile "
    "*.csproj directory.build.* chart.y*ml docker-entrypoint* entrypoint.sh",
    "protected_dependencies": "*.lock *-lock.json *-lock.yaml npm-shrinkwrap.json go.sum requirements*.txt requirements*.in requirements/* constraints*.txt pipfile "
    "environment.y*ml gemfile *.gemspec composer.json .npmrc .yarnrc* .yarn/* .pnpmfile.* pnpm-workspace.yaml bunfig.toml bun.lockb .pypirc pip.conf uv.toml "
    "nuget.config packages.config .bundle/*",
}
"""By code: patterns of names at any depth; a pattern with a folder fits from the top, or anywhere if the folder begins with a dot."""


def findings(difference: Difference, test_path: str, more: Sequence[str] = ()) -> Iterator[Finding]:
    path = difference.path
    for code in _codes(path, more):
        yield difference.elevate(code, "This file decides what runs or who approves.")
    if not difference.change.added and path != test_path and is_test(path):
        word = "removed" if difference.change.deleted else "changed"
        yield difference.elevate("test_changed", f"A test that exists is {word}; a fix that weakens its own judge must be looked at.")


def _codes(path: str, more: Sequence[str]) -> list[str]:
    lowered = path.casefold()
    codes = [code for code, patterns in PROTECTED.items() if any(_fits(lowered, pattern) for pattern in patterns.split())]
    return [*codes, *(["protected_here"] if any(_fits(lowered, pattern.casefold()) for pattern in more) else [])]


def _fits(path: str, pattern: str) -> bool:
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    return fnmatchcase(path, pattern) or (pattern.startswith(".") and fnmatchcase(path, f"*/{pattern}"))
