"""What was found, in sentences that are made from the ledger of claims by rules, so that no number contradicts them."""

from collections.abc import Mapping, Sequence
from typing import Any

from nas.report.names import label_of

Claim = Mapping[str, Any]
# in the order of a tally; the words of `nas.claims`, which a report reads and does not use
VERDICTS = ("supported", "contradicted", "undecided", "not measured")
# what NAS are held against, in fewer words than those of the ledger; regions of rivals are as many
OTHERS = {
    "raw": "the map as it is",
    "slic": "SLIC",
    "felzenszwalb": "Felzenszwalb",
    "moved": "the same regions moved elsewhere (control)",
    "sobel": "Sobel edges averaged alike (control)",
}


def tally(claims: Sequence[Claim]) -> dict[str, int]:
    """How many claims have each verdict."""
    return {verdict: sum(claim["verdict"] == verdict for claim in claims) for verdict in VERDICTS}


def headline(claims: Sequence[Claim]) -> str:
    """The tally as a sentence, with how many photos the tests are of."""
    counts = tally(claims)
    told = ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)
    photos = sorted({claim["n"] for claim in claims if claim.get("n")})
    of = f" on {_span(photos)} photos" if photos else ""
    return f"{len(claims)} tests{of}: {told}."


def findings(claims: Sequence[Claim]) -> list[tuple[str, str]]:
    """A subject and a sentence for each group of claims of which one is decided, and last what is open.

    Of NAS of a kind the sentence says what they are above and below by the test, and what they are not told apart from:
    a rise over the map as it is counts for little where a control rises as much.
    """
    found, open_, unmeasured = [], [], []
    for subject, lines in groups(claims).items():
        verdicts = {line["verdict"] for line in lines}
        if verdicts <= {"not measured"}:
            unmeasured.append(subject)
        elif verdicts <= {"undecided", "not measured"}:
            open_.append(subject)
        else:
            kinds = dict.fromkeys(line["kind"] for line in lines)
            told = [_of_kind(kind, [line for line in lines if line["kind"] == kind]) for kind in kinds]
            found.append((subject, " ".join(filter(None, told))))
    if open_:
        power = _power([claim for claim in claims if claim["short"] in open_])
        found.append(("Open", f"{'; '.join(open_)}. {power}".strip()))
    if unmeasured:
        found.append(("Not measured", f"{'; '.join(unmeasured)}."))
    return found


def groups(claims: Sequence[Claim]) -> dict[str, list[Claim]]:
    """Claims by what they say in a few words."""
    found: dict[str, list[Claim]] = {}
    for claim in claims:
        found.setdefault(claim["short"], []).append(claim)
    return found


def other_of(claim: Claim) -> str:
    """What NAS of a kind are held against in a claim, in a few words."""
    return OTHERS.get(claim["over"]) or str(claim["over_text"])


def _number(claim: Claim) -> str:
    return f"{claim['value']:+.3f}"


def _of_kind(kind: str, lines: Sequence[Claim]) -> str:
    if not kind:
        [line] = lines
        side = "above" if line["value"] > line["null"] else "below"
        against = f"{'the threshold ' if line['threshold'] else ''}{line['null']:g}"
        return f"{line['verdict'].capitalize()}: {line['unit']} {_estimate(line)} is {side} {against}."
    above, below, open_ = (
        [line for line in lines if _side(line) == side] for side in ("above", "below", "not told apart from")
    )
    parts = [
        f"{words} {_listed([f'{other_of(line)} ({_number(line)})' for line in chosen])}"
        for words, chosen in (("above", above), ("below", below))
        if chosen
    ]
    if open_:
        parts.append(f"not told apart from {_listed([other_of(line) for line in open_])}")
    unmeasured = [line for line in lines if not _side(line)]
    if parts and unmeasured:
        parts.append(f"not measured against {_listed([other_of(line) for line in unmeasured])}")
    return f"{label_of(kind)} are {', '.join(parts)}." if parts else ""


def _side(line: Claim) -> str:
    if line["verdict"] in ("supported", "contradicted"):
        return "above" if line["value"] > line["null"] else "below"
    return "not told apart from" if line["verdict"] == "undecided" else ""


def _power(claims: Sequence[Claim]) -> str:
    """The effects that open claims could have shown."""
    seen = [claim["detectable"] for claim in claims if claim["verdict"] == "undecided" and claim["detectable"]]
    if not seen:
        return ""
    return (
        f"With so many photos a true difference of {min(seen):.2f} to {max(seen):.2f}, by claim and in its unit, would "
        "be found in 80 of 100 repetitions."
    )


def _estimate(claim: Claim) -> str:
    return f"{claim['value']:+.3f} [{claim['low']:+.3f}, {claim['high']:+.3f}]"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _span(numbers: Sequence[int]) -> str:
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
