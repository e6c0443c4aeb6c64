"""Annotations in the XML of PASCAL VOC, which ImageNet uses too: the objects of a photo, each a name and a box."""

from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from nas.data.native import REPAIR, numbers

CORNERS = ("xmin", "ymin", "xmax", "ymax")


class Annotated(NamedTuple):
    """An object: the name of its class, and x0, y0, x1, y1 as the file gives them."""

    name: str
    corners: list[float]


def read_objects(path: Path) -> list[Annotated]:
    """The objects of one annotation file, in its order.

    Raises
    ------
    ValueError : a file that is missing or no XML, or an object without name or box
    """
    try:
        tree = ElementTree.parse(path)
    except FileNotFoundError:
        raise ValueError(f"{path}: is missing; unpack the annotations anew") from None
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # of an encoding that there is not, too
        raise ValueError(f"{path}: is no XML ({error}); {REPAIR}") from None
    found = []
    for position, element in enumerate(tree.findall("object"), start=1):
        where = f"{path}, object {position}"
        fields = [element.findtext(f"bndbox/{corner}") or "" for corner in CORNERS]
        name = (element.findtext("name") or "").strip()
        if not name or not all(fields):
            raise ValueError(f"{where}: must have a name and a bndbox of {', '.join(CORNERS)}; {REPAIR}")
        found.append(Annotated(name, numbers(fields, where)))
    return found
