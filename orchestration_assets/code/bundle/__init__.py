"""The release bundle: what a built project is handed over as.

`make_bundle` (`making.py`) makes all of it from plain values. Nothing is run, and no clock is looked at: equal input gives equal bytes.
"""

from orchestration_assets.code.bundle.making import make_bundle
from orchestration_assets.code.bundle.model import PLANNING, PLANNING_AGAIN, Bundle, BundleFile, BundleInput, Made

__all__ = ["PLANNING", "PLANNING_AGAIN", "Bundle", "BundleFile", "BundleInput", "Made", "make_bundle"]
