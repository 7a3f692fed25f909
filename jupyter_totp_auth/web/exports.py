"""nbconvert, made to take its templates from where they were installed, and not from among the notebooks.

A template is a program. nbconvert also looks for them in the folder that the server was started in, which
most often is that of the notebooks: an access token that may only write files had them run that way.
"""

from __future__ import annotations

from typing import Any

_NAME = "extra_template_basedirs"


def without_found_templates(config: Any) -> None:
    """Where a person has named folders, those. ``config``: what Jupyter's handlers hand to nbconvert."""
    if _NAME not in config.TemplateExporter:
        config.TemplateExporter[_NAME] = []
