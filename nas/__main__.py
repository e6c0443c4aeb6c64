"""See photos as a network does: nas PHOTO ... writes a picture beside each, see nas --help."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from nas.data import read_image
from nas.parameters import end_interrupted
from nas.store import one_line

PHOTOS = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
MADE = "-nas.png"  # in place of the ending of a photo
PROJECT = Path(__file__).parent.parent  # of an editable installation, whose pipeline has weights


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; an error is one line, and the exit code is 1 then."""
    given = _parser().parse_args(arguments)
    try:
        failed = _run(given)
    except KeyboardInterrupt:
        end_interrupted()
    except (ValueError, OSError) as error:
        sys.exit(f"error: {one_line(error)}")
    sys.exit(1 if failed else 0)


def _run(given: argparse.Namespace) -> int:
    """Draw each photo; how many could not be drawn, each with a line."""
    photos = list(_photos(given.photos))
    if given.out and len(photos) > 1 and not given.out.is_dir():
        raise ValueError(f"--out is {given.out} and there are {len(photos)} photos: give a folder that is there")
    from nas.report import exploring  # takes seconds

    if given.method not in exploring.QUICK:
        raise ValueError(f"--method is {given.method!r}: allowed are {', '.join(exploring.QUICK)}")
    root = next((place for place in (Path.cwd(), PROJECT) if _weights(place, given.network).is_file()), Path.cwd())
    if not _weights(root, given.network).is_file():
        print(
            f"{given.network}: its official weights are used, fetched where that was not done before", file=sys.stderr
        )
    classifier = exploring.network_of(given.network, root)
    if unknown := set(given.depths) - set(classifier.depths):
        known = ", ".join(map(str, classifier.depths))
        raise ValueError(f"--depths has {min(unknown)}: {given.network} has the depths {known}")
    failed = 0
    for photo in photos:
        try:
            explorer = exploring.Explorer(read_image(photo), classifier)
            figure = explorer.draw(given.k, given.depths, given.grid, given.method)
        except (ValueError, OSError) as error:  # the others are drawn
            print(f"error: {one_line(error)}", file=sys.stderr)
            failed += 1
            continue
        target = _target(photo, given.out)
        figure.savefig(target, dpi=150, format="png")
        figure.clear()
        print(target)
    return failed


def _weights(root: Path, network: str) -> Path:
    return root / "data" / "weights" / f"{network}.safetensors"


def _photos(given: Sequence[Path]) -> Iterator[Path]:
    """Photos, and those in folders, in order, without pictures that this program made."""
    for path in given:
        if not path.is_dir():
            yield path
            continue
        found = [each for each in sorted(path.iterdir()) if each.suffix.lower() in PHOTOS]
        found = [each for each in found if not each.name.endswith(MADE)]
        if not found:
            raise ValueError(f"{path}: has no photos; endings that are known: {', '.join(sorted(PHOTOS))}")
        yield from found


def _target(photo: Path, out: Path | None) -> Path:
    name = photo.with_name(f"{photo.stem}{MADE}")
    if out is None:
        return name
    return out / name.name if out.is_dir() else out


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nas",
        description="Photo, its NAS clusters and components, and a saliency map as it is and averaged in each: PHOTO"
        f"{MADE} beside every photo.",
    )
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="files, or folders of photos")
    parser.add_argument("--network", default="mobilenet_v2", help="classifier of torchvision or timm (%(default)s)")
    parser.add_argument("--depths", type=_depths, default=(2, 3, 4), help="0 is the stem, 4 the deepest (2,3,4)")
    parser.add_argument("-k", type=_clusters, default=5, help="number of clusters (%(default)s)")
    parser.add_argument(
        "--grid", choices=("first", "image"), default="first", help="of the shallowest depth, or finest"
    )
    parser.add_argument("--method", default="grad_cam", help="saliency method (%(default)s)")
    parser.add_argument("--out", type=Path, help="file for one photo, or a folder, in place of beside it")
    return parser


def _depths(text: str) -> tuple[int, ...]:
    return tuple(sorted({int(depth) for depth in text.replace("-", ",").split(",")}))


def _clusters(text: str) -> int:
    if not 2 <= (number := int(text)) <= 255:
        raise argparse.ArgumentTypeError(f"{number}: allowed are 2 to 255")
    return number


if __name__ == "__main__":
    main()
