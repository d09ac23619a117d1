"""The bill of materials: every file with its hash and every library that the plan names, in CycloneDX.

What belongs here: filling in the model of the CycloneDX library. Its serial number is made from what it lists, and it carries no time.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

from orchestration_assets.code.bundle.model import BundleInput
from orchestration_assets.code.quality.classifying import one_line
from orchestration_assets.code.quality.files import Sources, hash_of

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

MEDIA_TYPE = "application/vnd.cyclonedx+json"


def bill_of_materials(project: BundleInput, sources: Sources) -> bytes:
    """As JSON of CycloneDX 1.6."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    whole = Component(
        name=project.project,
        version=project.version,
        type=ComponentType.APPLICATION,
        bom_ref=project.project,
        description=one_line(project.plan.summary) or None,
    )
    files = [_file(path, data) for path, data in sorted(sources.items())]
    libraries = [_library(name) for name in sorted(project.plan.libraries)]
    listed = "\n".join([project.project, project.version, *sorted(project.plan.libraries), hash_of(sources)])
    bom = Bom(components=[*files, *libraries], serial_number=uuid.uuid5(uuid.NAMESPACE_OID, listed))
    bom.metadata.component = whole
    # The library puts in the time of its making.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.register_dependency(whole, [*files, *libraries])
    return JsonV1Dot6(bom).output_as_string(indent=2).encode() + b"\n"


def _file(path: str, data: bytes) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType

    sha256 = HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(data).hexdigest())
    return Component(name=path, type=ComponentType.FILE, bom_ref=f"file:{path}", hashes=[sha256])


def _library(name: str) -> Component:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    return Component(
        name=name, type=ComponentType.LIBRARY, bom_ref=f"library:{name}", purl=PackageURL(type="pypi", name=name)
    )
