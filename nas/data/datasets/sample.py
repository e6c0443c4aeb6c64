"""The embedded sample: 24 photos out of two wheels, with outlines drawn by hand for this project."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nas.data.about import About
from nas.data.boxes import boxes_of
from nas.data.images import read_image
from nas.data.native import Listed, Place, with_mask
from nas.data.records import Record
from nas.data.sources import Pypi

ABOUT = About(
    title="The sample: 24 photos of two wheels",
    licence="photos as in their wheels, foolbox (MIT) and scikit-image (BSD-3-Clause); outlines MIT, as this project",
    citation="Rauber, Zimmermann, Bethge and Brendel 2020, Foolbox Native, Journal of Open Source Software 5; van der "
    "Walt et al. 2014, scikit-image: image processing in Python, PeerJ 2",
    used_for="the default run: every stage, with class, boxes and instance masks",
    by_hand="nothing to do: pip downloads both wheels",
    size=1_677_112 + 13_711_217,
    photos={"": 24},
    packaged=True,
)
FOOLBOX = ("foolbox", "3.3.4", "foolbox/data")
SKIMAGE = ("scikit-image", "0.26.0", "skimage/data")
PHOTOS = {
    "imagenet_00_243.jpg": (FOOLBOX, "28b7b933c8028c6e20bf74a86a709eda42ce99f14c8742cb657cb386f08a4c9d"),
    "imagenet_01_559.jpg": (FOOLBOX, "5f03b0c74dff01b5b4195d0beabcae2a625a406e6917957ab9c455b5b7dea6d6"),
    "imagenet_02_438.jpg": (FOOLBOX, "ccef0734c1a65549c6cb5adb0f5d9b1c0b2e2104aba50a9e5f9202dc6d4532ed"),
    "imagenet_03_990.jpg": (FOOLBOX, "c7f0b2f1e9ee39d8f900759e8983afa2e4a2d7de090060e8bb947f6e90cace5f"),
    "imagenet_04_949.jpg": (FOOLBOX, "a7f62f3c1d214de4718c7253871ab38209283249e131faf65b8f2b7fdc970669"),
    "imagenet_05_853.jpg": (FOOLBOX, "8a449436c61da867528b1f4efaf8ae832ab9c9201705eae0d3af1353fbdac131"),
    "imagenet_06_609.jpg": (FOOLBOX, "fb061102a4e58b3ed942bb2a4f9542e1e1acdc8f225ef95498e93889290e192f"),
    "imagenet_07_609.jpg": (FOOLBOX, "2c297ad1e5c4804a647e9b34bc02ee2fc348b05a4d49050d170fb61c948efa5c"),
    "imagenet_08_915.jpg": (FOOLBOX, "c6a3411a3987799f0de45adc142f00ca412c3e14073c635e2adfae1f3913180c"),
    "imagenet_09_455.jpg": (FOOLBOX, "ace3716b60ac5843269b270e17020e4f8138440cd30ef3487f7d6e54da9745a4"),
    "imagenet_10_541.jpg": (FOOLBOX, "f325c71d9f4290ee45e99bd7ad42f4bffe513b1450ad21e7bd61c7cb137395d9"),
    "imagenet_11_630.jpg": (FOOLBOX, "892dff58fc528fe63d2df0c783aa3eca2342637798578ce01763fbc0553eda01"),
    "imagenet_12_741.jpg": (FOOLBOX, "6c256e17545b25bbf2e06cf6513ff48d049583569515ac4d4c3a52aea804a529"),
    "imagenet_13_471.jpg": (FOOLBOX, "52ed0e738b90d27afcabc3e92c81ae637f160c2d9f75b93a65211005ab5dcd81"),
    "imagenet_14_129.jpg": (FOOLBOX, "ad9371d813bf24b0365ee2f78f28c08718ee7c5975f060caa16c3f264e828139"),
    "imagenet_15_99.jpg": (FOOLBOX, "4b588649cd835d4c65521727ebee03d9621baff1f54d3e8a53a26b53d983ec2e"),
    "imagenet_16_251.jpg": (FOOLBOX, "ce3440a3b7beb6ca3009817504c44d39fa789e7c2f70a2eef7e2f9cc9a87b129"),
    "imagenet_17_22.jpg": (FOOLBOX, "b432341845620e9cfd67d848c4783c32dd6eaddad45513866b17180d2b09fcf5"),
    "imagenet_18_317.jpg": (FOOLBOX, "b9412f92f0b1c3faede45b55a44940977daa744f2040118d0538cf597fca785d"),
    "imagenet_19_305.jpg": (FOOLBOX, "e1f58f00e2e47ce930d7ecab0e46a78316054f68c10d0742e87c1cc092324556"),
    "chelsea.png": (SKIMAGE, "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb"),
    "coffee.png": (SKIMAGE, "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
    "motorcycle_left.png": (SKIMAGE, "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179"),
    "rocket.jpg": (SKIMAGE, "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c"),
}


def sources() -> dict[str, Pypi]:
    """File name to its source, 20 photos of ImageNet classes and four photos of scikit-image."""
    return {
        name: Pypi(package, version, f"{folder}/{name}", sha256)
        for name, ((package, version, folder), sha256) in PHOTOS.items()
    }


def photos(place: Place, split: str) -> list[Listed]:
    """The photos of the sample, with the masks that the outlines give.

    Parameters
    ----------
    place : its root is the folder of annotations.json
    split : not used, there is none

    Raises
    ------
    ValueError : annotations that lack a photo
    """
    annotations = place.root / "annotations.json"
    outlines = {photo["id"]: photo for photo in json.loads(annotations.read_text(encoding="utf-8"))["photos"]}
    listed = []
    for name, source in sources().items():
        image = place.target / "photos" / name
        if image.stem not in outlines:
            raise ValueError(f"{annotations}: has no outlines of {image.stem!r}; add them")
        outline = outlines[image.stem]
        record = Record(
            id=image.stem,
            image=image,
            sha256="",
            class_index=outline["class_index"],
            class_name=outline["class_name"],
            imagenet_index=outline["class_index"],
            label_source="ImageNet" if source.package == "foolbox" else "ours",
            super_class=outline["super_class"],
            note=outline["note"],
        )
        complete = partial(_complete, source=source, outline=outline, annotations=annotations, place=place)
        listed.append(Listed(record, complete))
    return listed


def _complete(record: Record, source: Pypi, outline: Mapping[str, Any], annotations: Path, place: Place) -> Record:
    """The record with its photo, fetched, and its mask, drawn."""
    photo = source.fetch(record.image, workspace=place.workspace)
    height, width = read_image(photo).shape[:2]
    if outline["size"] != [width, height]:
        raise ValueError(
            f"{annotations}: {record.id!r} must have the size [{width}, {height}], found {outline['size']}; correct "
            "the annotations"
        )
    labels = draw(outline["instances"], (height, width))
    found = replace(record, sha256=source.sha256, size=(height, width), boxes=boxes_of(labels))
    return with_mask(found, labels, place)


def draw(instances: list[list[list[list[int]]]], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Label map (height, width) of outlines: instances of rings of points (x, y), rings inside rings are holes."""
    labels = np.zeros(size, np.uint8)
    for number, rings in enumerate(instances, start=1):
        cv2.fillPoly(labels, [np.array(ring, np.int32) for ring in rings], number)
    return labels
