"""The pair list reader: the format, and an error that names the line for each damage."""

import pytest

from pocketvision.training.evaluate.faces import pairs

GOOD = "2\t1\nAda\t1\t2\nAda\t1\tBob_X\t12\nBob_X\t3\t4\nBob_X\t3\tAda\t2\n"


def write(tmp_path, text):
    path = tmp_path / "pairs.txt"
    path.write_text(text)
    return path


def test_read(tmp_path):
    listed = pairs.read(write(tmp_path, GOOD))
    assert listed.folds == 2
    assert listed.same == [True, False, True, False]
    assert listed.first[0] == "Ada/Ada_0001.jpg"
    assert listed.second == [
        "Ada/Ada_0002.jpg",
        "Bob_X/Bob_X_0012.jpg",
        "Bob_X/Bob_X_0004.jpg",
        "Ada/Ada_0002.jpg",
    ]
    assert listed.images == sorted({*listed.first, *listed.second})
    assert listed.people == 2


def test_blanks_separate_as_well_as_tabs(tmp_path):
    assert pairs.read(write(tmp_path, GOOD.replace("\t", " "))) == pairs.read(write(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1.*empty"),
        ("ten folds\n", "line 1.*'ten folds'"),
        (GOOD.replace("Bob_X\t3\t4\n", ""), "announces 2 folds.*3 follow"),
        (GOOD.replace("Ada\t1\t2", "Ada\t1"), "line 2: expected 'name i j'"),
        (GOOD.replace("Ada\t1\tBob_X\t12", "Ada\t1\t12"), "line 3: expected 'name i other j'"),
        (GOOD.replace("Bob_X\t3\t4", "Bob_X\tthree\t4"), "line 4: expected image numbers"),
    ],
)
def test_damage(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        pairs.read(write(tmp_path, text))


@pytest.mark.shared
def test_the_real_list(shared_data):
    listed = pairs.read(shared_data / "lfw_pairs.txt")
    assert (len(listed.same), listed.folds) == (6000, 10)
    assert (len(listed.images), listed.people) == (7701, 4281)
