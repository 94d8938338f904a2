"""The project's address for the package's page; it is written in _config.yml alone."""

from pathlib import Path

import yaml
from setuptools import setup

config = yaml.safe_load(Path(__file__).with_name("_config.yml").read_text(encoding="utf-8"))
setup(project_urls={"Source and book": config["repository"]["url"]})
