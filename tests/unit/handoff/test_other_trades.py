"""Packets of trades and languages for which no rule was made: banks, parcels, hotels, software."""

from typing import Any

import pytest

from tests.unit.handoff.test_packet_background import looked_up
from tests.unit.handoff.test_packet_facts import ASKS, Line, calls, told
from workers.handoff.acts import acts_wanted
from workers.handoff.packet import words_before_transcript
from workers.handoff.splitting import sentences


def test_a_state_that_the_tool_was_to_bring_about_is_no_refusal() -> None:
    packet = told(
        ("customer", "There is a payment on my card that I never made."),
        *looked_up("block_card", '{"card": "7712"}', '{"status": "blocked"}'),
        ("ai_agent", "I have blocked the card."),
        ASKS,
    )
    assert packet.tried[0].text == "Done: block card 7712: status blocked"


def test_what_a_call_made_is_told_with_its_own_number_and_is_another_thing() -> None:
    packet = told(
        ("customer", "My parcel TR55121 says delivered, but I do not have it."),
        *looked_up(
            "track", '{"tracking": "TR55121"}', '{"status": "delivered", "signed_by": "M. Ruiz"}'
        ),
        *looked_up("open_case", '{"tracking": "TR55121"}', '{"id": "INV-5521", "status": "open"}'),
        ("ai_agent", "I have opened a case with the carrier."),
        ASKS,
    )
    assert packet.tried[0].text == "Done: open case TR55121: INV-5521, status open"
    assert packet.records[0].text == "track TR55121: status delivered, signed by M. Ruiz"


def test_a_test_is_a_look_and_a_small_result_is_told_whole() -> None:
    packet = told(
        ("customer", "The line 0207946 has been down since seven."),
        *looked_up(
            "line_test", '{"line": "0207946"}', '{"result": "fault", "location": "cabinet"}'
        ),
        ("ai_agent", "The fault is outside your home."),
        ASKS,
    )
    assert "result fault" in packet.records[0].text
    assert "location cabinet" in packet.records[0].text
    assert not [one for one in packet.tried if one.text.startswith("Done")]


@pytest.mark.parametrize(
    "text",
    [
        "My flight was cancelled, put me on the one at nine.",
        "quero o dinheiro no pix, porque cancelei o cartão",
        "il mio volo di domani è stato cancellato",
        "mi vuelo ha sido cancelado",
        "Mein Zug wurde heute früh storniert",
        "mijn vlucht is vanochtend geannuleerd",
        "mon train a été annulé",
    ],
)
def test_what_has_happened_is_not_asked_for(text: str) -> None:
    assert "cancel" not in acts_wanted(text)


@pytest.mark.parametrize(
    "text",
    ["I'd like it to be cancelled.", "quero cancelar", "Ich möchte stornieren", "Cancel it please"],
)
def test_what_is_asked_for_has_not_happened(text: str) -> None:
    assert "cancel" in acts_wanted(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ich habe vom 3. bis 6. August gebucht. Geht der 10. Oktober?", 2),
        ("Meine Nr. 123 ist z. B. falsch. Bitte ändern.", 2),
        ("Mr. Hall paid approx. 30 euros. It is gone.", 2),
        ("Madame, c'est env. 30 euros. Merci.", 2),
        ("It broke on day 3. then it worked. I said no. he left", 3),
    ],
)
def test_a_point_of_a_day_or_an_abbreviation_ends_no_sentence(text: str, parts: int) -> None:
    assert len(sentences(text)) == parts


@pytest.mark.parametrize(
    "refused",
    [
        "Über Kulanz darf ich nicht entscheiden.",
        "O reembolso só pode ser feito no cartão.",
        "Je ne suis pas autorisée à rembourser.",
        "Backfills have to be started by our engineering team.",
        "Dat mag ik helaas niet beslissen.",
        "Solo se puede devolver en la tienda.",
    ],
)
def test_a_refusal_is_one_in_any_language(refused: str) -> None:
    packet = told(
        ("customer", "30 euro for the old lamp is too much."), ("ai_agent", refused), ASKS
    )
    assert packet.stands.text.startswith("AI refused: ")


def test_a_question_of_two_words_is_what_is_wanted_and_decided() -> None:
    packet = told(
        ("customer", "The line has been down since seven, I restarted twice."),
        ("ai_agent", "An engineer comes on Thursday."),
        ("customer", "And compensation? I work from home."),
        ("ai_agent", "I can't offer more than that."),
        ASKS,
    )
    assert "And compensation?" in packet.wants.text
    assert packet.next_step.text.startswith("Decide on compensation: the AI refused")


def test_an_act_that_no_word_list_knows_is_named_in_the_customers_words() -> None:
    packet = told(
        ("customer", "The export has failed since Tuesday. Can you backfill those six days?"),
        ("ai_agent", "That has to be done by our engineering team."),
        ASKS,
    )
    assert packet.next_step.text.startswith("Decide on “backfill those six days”: the AI refused")


def test_words_that_ask_by_themselves_are_a_request_whatever_was_offered() -> None:
    offered = {"reason": "customer_frustration", "cause": "offer_accepted"}
    last = ("customer", "Can I talk to someone who can?")
    fee = ("customer", "Please waive the return fee of order 55121.")
    packet = told(fee, ("ai_agent", "I can't waive the fee."), last, **offered)
    assert packet.why.text.startswith("Asked for a person: “Can I talk to someone")
    packet = told(
        ("customer", "Quero o dinheiro."),
        ("ai_agent", "Não é possível."),
        ("customer", "então me passa para um atendente"),
    )
    assert packet.why.text.startswith("Asked for a person")


def test_a_note_with_a_promise_is_read_first_and_to_hand_over_is_no_answer() -> None:
    lines: tuple[Line | tuple[str, str, dict[str, Any]], ...] = (
        ("customer", "I have moved and want to leave without the fee."),
        ("ai_agent", "That needs proof of the new address."),
        ("customer", "I have a tax bill. Who do I send that to?"),
        (
            "ai_agent",
            "Hold on while I hand you to the membership team.",
            calls("transfer_to_human", handover="Moved to Leeds, has a tax bill as proof."),
        ),
    )
    packet = told(*lines, reason="unkept_promise", trigger_event_id="e3")
    assert (
        packet.why.text == "The AI asked for a person: “Moved to Leeds, has a tax bill as proof.”"
    )
    assert "Who do I send that to?" in packet.wants.text


def test_what_the_customer_replied_to_stands_where_nothing_else_does() -> None:
    packet = told(
        ("customer", "My advance payment went from 142 to 238 euros."),
        ("ai_agent", "Your use was 3,900 units last year."),
        ("customer", "That cannot be, I have had panels on the roof since March."),
        ASKS,
    )
    assert packet.stands.text.startswith("Before that the AI said: “Your use was 3,900 units")


def test_a_case_that_was_opened_is_not_the_thing_that_it_is_about() -> None:
    packet = told(
        ("customer", "My listing L-20931 was removed, please remove the strike."),
        *looked_up("get_listing", '{"listing": "L-20931"}', '{"status": "removed"}'),
        *looked_up(
            "open_appeal", '{"listing": "L-20931"}', '{"appeal_id": "AP-5518", "status": "new"}'
        ),
        ("ai_agent", "I have opened an appeal."),
        ASKS,
    )
    assert packet.tried[0].text.startswith("Done: open appeal L-20931: AP-5518")
    assert "status removed" in packet.records[0].text
    assert packet.next_step.text.startswith("Settle the open request: “remove the strike”")


def test_a_change_that_the_last_call_did_not_make_is_made_by_hand() -> None:
    call = ("ai_agent", "", calls("set_enforcement", arguments=['{"tenant": "north-7"}']))
    packet = told(
        ("customer", "Everybody of tenant north-7 is locked out, please turn it off."),
        call,
        ("tool", '{"error": "tenant_under_hold"}', {"name": "set_enforcement", "status": "error"}),
        ("ai_agent", "It was rejected."),
        ("customer", "We have no hold. I need an engineer on the phone."),
    )
    assert packet.next_step.text.startswith("Do by hand, or explain: set enforcement (north-7)")


def test_a_number_is_not_what_the_ai_asked_for_where_the_customer_calls_it_otherwise() -> None:
    packet = told(
        ("customer", "We are moving on 30 September."),
        ("ai_agent", "What is your customer number and the meter reading?"),
        ("customer", "customer 5520917, reading 48213, new meter number is 1EMH00771"),
        ASKS,
    )
    kinds = {one.value: one.kind for one in packet.identifiers}
    assert kinds["5520917"] == "user"
    assert "user" not in (kinds.get("48213"), kinds.get("1EMH00771"))


def test_a_bracket_is_no_part_of_a_number() -> None:
    packet = told(("customer", "Ich möchte den Kredit (Vertrag 4471-0092) ablösen."), ASKS)
    assert [one.value for one in packet.identifiers] == ["4471-0092"]


def test_a_question_that_was_refused_is_not_answered() -> None:
    packet = told(
        ("customer", "I need to move my appointment with the doctor to Thursday."),
        *looked_up("move_appointment", '{"appointment": "AP-3301"}', '{"status": "moved"}'),
        ("ai_agent", "It is on Thursday now."),
        ("customer", "Do I have to fast before the blood test?"),
        ("ai_agent", "I can't give medical advice."),
        ("customer", "It is only two days away. Can I talk to a person?"),
    )
    asked = "“Do I have to fast before the blood test?”"
    assert packet.next_step.text.startswith(f"Decide on {asked}")


def test_kind_words_after_a_refusal_do_not_hide_it() -> None:
    packet = told(
        ("customer", "They have no room. I want a room in walking distance and the taxi paid."),
        ("ai_agent", "I am not allowed to book above your rate."),
        ("customer", "The difference is your problem."),
        ("ai_agent", "I understand your frustration."),
        ("customer", "It is late. Get me a manager."),
    )
    assert packet.stands.text.startswith("AI refused: “I am not allowed to book above your rate.”")
    assert "a room in walking distance" in packet.wants.text


def test_a_long_note_with_a_promise_leaves_the_packet_short() -> None:
    note = " ".join(f"The customer asks again for item {number}." for number in range(60))
    long = "I need the status of my parcel " + " and of one more that is late" * 6
    packet = told(
        ("customer", f"{long}, please."),
        ("ai_agent", "I cannot see parcels of other carriers in this system at all, I am sorry."),
        ("customer", f"Could you tell me why that is so, as {long}?"),
        ("ai_agent", "I will hand you over.", calls("transfer_to_human", handover=note)),
        reason="unkept_promise",
        trigger_event_id="e3",
    )
    assert packet.why.text.startswith("The AI asked for a person: ")
    assert words_before_transcript(packet) <= 120


def test_a_time_of_day_is_no_identifier() -> None:
    packet = told(("customer", "The visit at 16h15 should be at 17h."), ASKS)
    assert packet.identifiers == ()


def test_what_was_rejected_in_another_language_was_not_done() -> None:
    packet = told(
        ("customer", "Mein Zählerstand ist 46385."),
        *looked_up("zaehlerstand_melden", '{"vertrag": "30071845"}', '{"status": "abgelehnt"}'),
        ("ai_agent", "Das wurde nicht angenommen."),
        ASKS,
    )
    assert packet.tried[0].text.startswith("Refused: zaehlerstand melden")
