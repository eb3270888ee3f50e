"""The package's metadata; `pip install .` reads it."""

import pathlib
import re

from setuptools import find_packages, setup

here = pathlib.Path(__file__).parent
version = re.search(r'^__version__ = "(.+)"$', (here / "pexen/util.py").read_text(), re.M)
assert version is not None

setup(
    name="pexen",
    version=version[1],
    description="Run Python callables in dependency order, in parallel, each result as it arrives",
    long_description=(here / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["pexen", "pexen.*"]),
    package_data={"pexen": ["py.typed"], "pexen.report": ["page/*"]},
    entry_points={"console_scripts": ["pexen = pexen.cli:main"]},
    extras_require={"dev": ["pytest>=8"]},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Software Development :: Build Tools",
        "Topic :: Software Development :: Testing",
        "Typing :: Typed",
    ],
)
