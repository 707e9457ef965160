"""Settings of Sphinx: `make docs` builds the pages, the API reference and the gallery."""

from __future__ import annotations

import inspect
import os
import sys
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent / "tools"))
# Examples draw into files, and TensorFlow's notes on the processor are no part of a page.
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import notebook  # noqa: E402

import skconvattn  # noqa: E402

# The tour is downloaded as a notebook of the same text and code.
notebook.write(HERE / "tour.md", HERE / "notebooks" / "tour.ipynb")

project = "skconvattn"
author = "skconvattn developers"
project_copyright = "skconvattn developers, BSD-3-Clause"
release = version = skconvattn.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "parameter_table",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = [
    "_build",
    "notebooks",
    "gallery/**/*.ipynb",
    "gallery/**/*.py",
    "gallery/**/*.json",
]
templates_path = ["_templates"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = [
    # Functions and classes in sphinx-gallery's settings cannot be cached, which costs nothing here.
    "config.cache",
]

autosummary_generate = True
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": True, "member-order": "bysource"}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_math_renderer = "mathml"
toc_object_entries_show_parents = "hide"
html_theme = "pydata_sphinx_theme"
html_title = f"skconvattn {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {page: [] for page in ("index", "install", "tour", "which", "parameters")}

# Pictures that have to be downloaded, or need files from elsewhere, are left out.
NEED_FILES = r"plot_(ucr|imdb)\.py"
sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"plot_",
    "ignore_pattern": rf"({NEED_FILES}|forecast_airline\.py)",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "matplotlib_animations": True,
    "min_reported_time": 10,
    # Two scripts at a time: most of a script is work for a single core.
    "parallel": 2,
    "plot_gallery": os.environ.get("DOCS_GALLERY", "True"),
    "abort_on_example_error": False,
}

# Warnings of other packages that are of no use to the reader of an example's output.
warnings.filterwarnings("ignore", category=FutureWarning, module="sktime")


def skip_what_others_document(
    _app: Any, _what: str, _name: str, member: Any, skip: bool, _options: Any
) -> bool | None:
    """Leave methods out that sktime, scikit-learn or Keras document."""
    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
    module = getattr(function, "__module__", None)
    if isinstance(module, str) and not module.startswith("skconvattn"):
        return True
    return None


def signature_of_constructor(
    _app: Any, what: str, _name: str, obj: Any, _options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Show the arguments of a layer, which Keras hides behind those of its own ``__new__``."""
    if what != "class" or signature != "(*args, **kwargs)":
        return None
    given = inspect.signature(obj.__init__)
    parameters = list(given.parameters.values())[1:]
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return str(inspect.Signature(bare)), returns


def setup(app: Any) -> None:
    """Connect the hooks."""
    app.connect("autodoc-process-signature", signature_of_constructor)
    app.connect("autodoc-skip-member", skip_what_others_document)
