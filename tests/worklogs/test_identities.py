"""Several identities of one person are proposed, never assumed."""

from orchestration_assets.worklogs.identities import alike

ADA = ["ada example", "ada@example.com"]


def test_the_same_name_or_mailbox_elsewhere_is_proposed() -> None:
    found = alike(
        ADA, [("Example Ada", "a@work.example"), ("ada", "ada@home.example"), ("Ada Example", "ada@example.com")]
    )
    assert found == [("Example Ada", "a@work.example"), ("ada", "ada@home.example")]


def test_a_forge_address_with_a_number_is_the_same_mailbox() -> None:
    assert alike(ADA, [("anybody", "12345+ada@users.noreply.example")]) == [
        ("anybody", "12345+ada@users.noreply.example")
    ]


def test_one_shared_word_or_a_generic_mailbox_proves_nothing() -> None:
    others = [("Ada Other", "other@example.com"), ("Info", "info@example.com")]
    assert alike([*ADA, "info@ada.example"], others) == []
