"""Each thing that existing code relies upon holds with ours, and did with pexen 0.0.3."""

from __future__ import annotations

import json

import pytest
from legacy_claims import HANGING, OURS_ONLY
from legacy_claims.trials import claim_of, trials
from legacy_versions import OURS, Version

SECONDS = 60  # for all claims; they take about one

TRIALS = trials()
MET = [name for name in TRIALS if claim_of(name) not in OURS_ONLY]
UNMET = [name for name in OURS_ONLY if name not in HANGING]


@pytest.mark.parametrize("claim", TRIALS)
def test_ours_keeps_the_claim(claim: str) -> None:
    TRIALS[claim]()


def tried_by(version: Version, kind: str) -> dict[str, str | None]:
    """What became of each claim: None, or the error."""
    said = version.run("run_claims.py", kind, timeout=SECONDS)
    return dict(json.loads(line) for line in said.splitlines())


@pytest.fixture(scope="module")
def met(old: Version) -> dict[str, str | None]:
    return tried_by(old, "met")


@pytest.fixture(scope="module")
def unmet(old: Version) -> dict[str, str | None]:
    return tried_by(old, "unmet")


@pytest.mark.parametrize("claim", MET)
def test_pexen_0_0_3_met_the_claim(met: dict[str, str | None], claim: str) -> None:
    assert met[claim] is None, met[claim]


@pytest.mark.parametrize("claim", UNMET)
def test_pexen_0_0_3_did_otherwise(unmet: dict[str, str | None], claim: str) -> None:
    assert any(error for name, error in unmet.items() if claim_of(name) == claim)


def test_pexen_0_0_3_has_its_rooms_as_attributes(met: dict[str, str | None]) -> None:
    assert met["import pexen"] is None


def test_ours_as_a_program_keeps_the_claims_and_has_its_rooms_as_attributes() -> None:
    """In an interpreter of its own, where nothing else has been imported or run."""
    tried = tried_by(OURS, "met")
    assert list(tried) == ["import pexen", *MET]
    errors = [f"{name}: {error}" for name, error in tried.items() if error]
    assert not errors, "\n".join(errors)
