"""How static files are fingerprinted for production."""

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

_, _IMPORTS = HashedFilesMixin._js_module_import_aggregation_patterns  # type: ignore[attr-defined]


class FingerprintedFiles(CompressedManifestStaticFilesStorage):
    """Also names the modules our scripts import by fingerprint, so that no browser mixes two versions."""

    # Ours only: libraries name files in ways Django mistakes for imports.
    patterns = (*HashedFilesMixin.patterns, ("js/*.js", _IMPORTS))
