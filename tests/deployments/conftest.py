"""The image, made once; only what is asked for at length asks for it."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.deployments.bare_root import Builder, Stage
from tests.deployments.tools import FOLDER


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """What the Dockerfile makes."""
    workspace = tmp_path_factory.mktemp("image")
    builder = Builder(ROOT, FOLDER / "Dockerfile.dockerignore", workspace)
    return builder.build(FOLDER / "Dockerfile")
