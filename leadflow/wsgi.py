"""The WSGI application gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

# A request that cannot finish must not hold a thread for ever: settings give web processes a
# statement timeout and short broker timeouts.
os.environ.setdefault("LEADFLOW_PROCESS", "web")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadflow.settings")

application = get_wsgi_application()
