"""Servers that break the promise in one way each, so that every attacker can show that it would notice.

Only the red team starts these (`RED_TEAM_LEAK` names the variant), as the owner of an invented country's database.
"""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from tests.privacy.redteam.serving import LEAK

honest = get_wsgi_application()

from tests.privacy.redteam.variants import break_server  # noqa: E402 - needs Django to be ready

application = break_server(os.environ[LEAK], honest)
