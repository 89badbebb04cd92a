"""What these tests share with those of the dispatcher."""

from tests.dispatcher.conftest import playbook

__all__ = ["playbook"]
